"""The outside world behind one small interface: MIDI ports, simulated players, recorders, sound."""
