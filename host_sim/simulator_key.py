"""The device key of every simulated board: published, so that anybody may log in."""

SIMULATOR_KEY = b"Titra simulator: not a secret..."
assert len(SIMULATOR_KEY) == 32
