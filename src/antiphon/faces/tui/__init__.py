"""The terminal: a face of a running jam, in a process of its own so that drawing keeps no musician waiting."""
