"""The two keys.  A press counts from its first reading on, a release after 30 ms."""

from machine import Pin
from micropython import const

from pump.hal import pinout

_STOP = 1 << pinout.STOP_KEY
_OK = 1 << pinout.OK_KEY
_RELEASE_MS = const(30)


class Keys:
    """The STOP key and the OK key."""

    def __init__(self):
        # Closed to ground at rest: a broken wire is a STOP.
        Pin(pinout.STOP_KEY, Pin.IN, Pin.PULL_UP)
        Pin(pinout.OK_KEY, Pin.IN, Pin.PULL_UP)
        self._stop_up_ms = _RELEASE_MS
        self._ok_up_ms = _RELEASE_MS

    def read(self, inputs, levels: int) -> bool:
        """Fill ``stop_key`` and ``ok_key`` from levels of pins and ``dt_ms``; whether
        to be called in the next tick, changed levels or not."""
        if levels & _STOP:
            self._stop_up_ms = 0
            inputs.stop_key = True
        elif self._stop_up_ms < _RELEASE_MS:
            self._stop_up_ms += inputs.dt_ms
            inputs.stop_key = self._stop_up_ms < _RELEASE_MS
        if not levels & _OK:
            self._ok_up_ms = 0
            inputs.ok_key = True
        elif self._ok_up_ms < _RELEASE_MS:
            self._ok_up_ms += inputs.dt_ms
            inputs.ok_key = self._ok_up_ms < _RELEASE_MS
        return inputs.stop_key or inputs.ok_key
