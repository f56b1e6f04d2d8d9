"""A power supply that can fail within a write."""

from __future__ import annotations


class PowerCut(BaseException):
    """The power is gone: no code runs any further, no handler of the firmware's."""


class Supply:
    """Feeds everything that keeps data.

    ``written``  bytes that were stored since power-on, by any of them
    ``is_on``    false from a cut until ``restore``
    """

    def __init__(self):
        self.written = 0
        self.is_on = True
        self._left: int | None = None

    def cut_after(self, n: int) -> None:
        """The power fails when ``n`` more bytes have been stored."""
        self._left = n

    def restore(self) -> None:
        """Power is back; nothing is going to cut it."""
        self.is_on = True
        self._left = None

    def take(self, n: int) -> int:
        """How many of the next ``n`` bytes are still stored; fewer, and the power
        is gone.  The caller raises ``PowerCut`` when ``is_on`` has gone."""
        if not self.is_on:
            return 0
        if self._left is not None:
            if n > self._left:
                n = self._left
                self.is_on = False
            self._left -= n
        self.written += n
        return n
