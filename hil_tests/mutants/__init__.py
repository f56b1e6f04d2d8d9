"""Firmware that is broken on purpose: what the suite must find."""
