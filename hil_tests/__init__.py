"""The hardware-in-the-loop suite: written against the serial line and the bench alone."""
