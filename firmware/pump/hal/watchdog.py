"""The hardware watchdog: what nobody feeds resets the board.  (L7)"""

from machine import WDT, reset_cause
from micropython import const

_TIMEOUT_MS = const(1000)


class Watchdog:
    """Armed at construction; cannot be stopped.  ``feed`` is another second."""

    def __init__(self):
        self.cause_of_reset = reset_cause()
        self._wdt = WDT(timeout=_TIMEOUT_MS)
        self.feed = self._wdt.feed
