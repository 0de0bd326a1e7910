"""Ways in for people: the command line. Thin: a face decides nothing musical."""
