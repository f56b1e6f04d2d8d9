"""The processor's time against another clock.  (L20)"""

from array import array

from micropython import const

from pump.core import limits

# The processor's time is kept modulo this, in ms: three days.
_MASK = const(0xFFFFFFF)
_PLACES = limits.CLOCK_WINDOW_S
# A second that is noticed after a tick as late as this came some time within it.
_BLURRED_MS = const(50)


class ClockCheck:
    """Against the clock chip, over each 60 of its seconds, whenever they began;
    without one against the ring oscillator.  ``is_off`` stays once it is true."""

    def __init__(self):
        self.is_off = False
        self._now_ms = 0
        self._since_ms = 0
        self._is_blurred = False
        # The processor's time at each of the last 60 seconds, and how many of them
        # there have been.
        self._at_ms = array("i", [0] * _PLACES)
        self._place = 0
        self._known = 0

    def step(self, fitted: bool, seconds: int, osc_percent: int, dt_ms: int) -> bool:
        """Let ``dt_ms`` pass by the processor, ``seconds`` by the clock chip.

        ``dt_ms`` is what was measured, however late the tick came.
        ``osc_percent``: the ring oscillator's frequency as the processor's
        clock measures it, in percent of what it was at boot.
        """
        if not fitted:
            off = osc_percent - 100
            if off > limits.CLOCK_RING_PERCENT or off < -limits.CLOCK_RING_PERCENT:
                self.is_off = True
            return self.is_off
        self._now_ms = self._now_ms + dt_ms & _MASK
        self._since_ms += dt_ms
        if dt_ms > _BLURRED_MS:
            self._is_blurred = True
        if seconds == 0:
            if self._since_ms > limits.CLOCK_MISSING_MS:
                self._since_ms = limits.CLOCK_MISSING_MS  # stays small for ever
                self.is_off = True
            return self.is_off
        self._since_ms = 0
        if seconds > 1:
            self._is_blurred = True
        while seconds > 0:
            seconds -= 1
            self._second()
        self._is_blurred = False
        return self.is_off

    def _second(self) -> None:
        before_ms = self._at_ms[self._place]
        place = (self._place + 1) % _PLACES
        self._place = place
        now_ms = self._now_ms
        if self._is_blurred and self._known:
            # When it really came is taken from the one before, and not judged; a
            # jump of the processor's time shows at the next.
            now_ms = before_ms + 1000 & _MASK
        elif self._known == _PLACES:
            off = (now_ms - self._at_ms[place] & _MASK) - _PLACES * 1000
            if off > limits.CLOCK_WINDOW_OFF_MS or off < -limits.CLOCK_WINDOW_OFF_MS:
                self.is_off = True
        if self._known < _PLACES:
            self._known += 1
        self._at_ms[place] = now_ms
