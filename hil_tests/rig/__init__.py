"""The rig: firmware of a second Pico that sees and drives the pins of the device under test."""
