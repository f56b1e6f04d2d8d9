"""The processor's time against another clock.  (L20)"""

from pump.core import limits


class ClockCheck:
    """Against the clock chip, second by second; without one against the ring
    oscillator.  ``is_off`` stays once it is true."""

    def __init__(self):
        self.is_off = False
        self._window_s = -1  # -1: no second has come yet
        self._window_ms = 0
        self._since_ms = 0

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
        self._since_ms += dt_ms
        if seconds == 0:
            if self._since_ms > limits.CLOCK_MISSING_MS:
                self._since_ms = limits.CLOCK_MISSING_MS  # stays small for ever
                self.is_off = True
            if self._window_s >= 0:
                self._window_ms += dt_ms
            return self.is_off
        self._since_ms = 0
        if self._window_s < 0:
            self._window_s = 0
            return self.is_off
        self._window_s += seconds
        self._window_ms += dt_ms
        if self._window_s >= limits.CLOCK_WINDOW_S:
            off = self._window_ms - self._window_s * 1000
            if off > limits.CLOCK_WINDOW_OFF_MS or off < -limits.CLOCK_WINDOW_OFF_MS:
                self.is_off = True
            self._window_s = 0
            self._window_ms = 0
        return self.is_off
