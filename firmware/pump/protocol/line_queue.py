"""Lines that have come and wait for their turn.

Judging and answering a line takes several ticks.  What comes meanwhile is read on, so
that a STOP behind it is seen at its line feed.
"""

from micropython import const

from pump.protocol.framing import LineReader

# Of 128 bytes; one is being filled, one is at hand.
_SLOTS = const(12)


class LineQueue:
    """``incoming``  the ``LineReader`` for the bytes that come now
    ``waiting``   complete lines, the one at hand included, 0 to 11
    """

    def __init__(self):
        self._lines = [LineReader() for _ in range(_SLOTS)]
        self._stops = bytearray(_SLOTS)
        self._first = 0
        self.waiting = 0
        self.incoming = self._lines[0]

    def keep(self, is_stop: bool) -> bool:
        """``incoming`` is complete: let it wait.  False when there is no room: the line
        is dropped whole."""
        waiting = self.waiting
        if waiting == _SLOTS - 1:
            return False
        self._stops[(self._first + waiting) % _SLOTS] = 1 if is_stop else 0
        self.waiting = waiting + 1
        self.incoming = self._lines[(self._first + waiting + 1) % _SLOTS]
        return True

    def first(self):
        """The line whose turn it is, while any waits."""
        return self._lines[self._first]

    def is_stop(self) -> bool:
        """Whether that one ends in STOP."""
        return self._stops[self._first] != 0

    def release(self) -> None:
        """Done with it."""
        self._first = (self._first + 1) % _SLOTS
        self.waiting -= 1
