"""Exit codes of every command."""

DONE = 0
FAILED = 1
WRONG_INPUT = 2
REFUSED = 3
ALARM = 4
NO_DEVICE = 5
