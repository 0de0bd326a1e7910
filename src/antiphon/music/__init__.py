"""What music is: events, notes, scores, MIDI files, keys, pictures. Knows no model, port or clock."""
