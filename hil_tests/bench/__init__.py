"""The bench: a device under test, the rig at its pins, and how both are brought to a state."""
