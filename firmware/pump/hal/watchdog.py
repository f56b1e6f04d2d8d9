"""The hardware watchdog: what nobody feeds resets the board.  (L7)"""

from machine import WDT, reset_cause
from micropython import const

_TIMEOUT_MS = const(1000)


class Watchdog:
    """Armed at construction; cannot be stopped."""

    def __init__(self):
        self.cause_of_reset = reset_cause()
        self._wdt = WDT(timeout=_TIMEOUT_MS)
        self.feed = self._wdt.feed

    def feed_if(self, agree: bool) -> None:
        """Another second, if every layer that stops the motor agrees."""
        if agree:
            self.feed()
