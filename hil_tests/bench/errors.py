"""What ends the run, in one line that somebody at the bench can act on."""

from __future__ import annotations

NO_DEVICE = 5
WRONG_INPUT = 2


class BenchError(Exception):
    """The bench cannot go on.  ``code`` is the exit code of the run: 5 no device or
    link lost, 2 the input is wrong, 1 anything else."""

    def __init__(self, text: str, code: int = 1):
        super().__init__(text)
        self.code = code


class NoDevice(BenchError):
    """Nothing answers, or nothing is there."""

    def __init__(self, text: str):
        super().__init__(text, NO_DEVICE)
