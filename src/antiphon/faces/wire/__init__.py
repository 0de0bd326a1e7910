"""The wire of a jam: an OSC port in a process of its own, and the address space that it and OSCQuery speak of."""
