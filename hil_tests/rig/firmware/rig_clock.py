"""Microseconds since the rig started, which do not wrap."""

from time import ticks_diff, ticks_us


class RigClock:
    """``now_us`` must be called once in nine minutes."""

    def __init__(self):
        self._seen = ticks_us()
        self._us = 0

    def now_us(self):
        seen = ticks_us()
        self._us += ticks_diff(seen, self._seen)
        self._seen = seen
        return self._us
