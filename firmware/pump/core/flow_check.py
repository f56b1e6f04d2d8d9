"""Flow against command: encoder counts beside motor steps, in two levels.  (L8)"""

from pump.core import alarm_conditions as ac
from pump.core import limits

_HIGH = 1 << ac.FLOW_DEVIATION
_LOW = 1 << ac.FLOW_DRIFT


class FlowCheck:
    """Two windows over the same two counters.

    The short one closes after 2 s and 50 steps, whichever is later, and
    judges 20 %; the long one closes after 5 min and judges 5 %.  One encoder
    count is four steps, so a window may be off by that much without meaning
    anything: it is allowed for.
    """

    def __init__(self):
        self.restart()

    def restart(self) -> None:
        """Delivery starts or starts again: both windows from nothing."""
        self._ms = 0
        self._steps = 0
        self._counts = 0
        self._long_ms = 0
        self._long_steps = 0
        self._long_counts = 0
        self._seen = 0

    def step(self, step_edges: int, encoder_edges: int, dt_ms: int) -> int:
        """Account for one tick of delivery; returns the conditions as bits."""
        self._ms += dt_ms
        self._steps += step_edges
        self._counts += encoder_edges
        if self._ms >= limits.FLOW_HIGH_MS and self._steps >= limits.FLOW_HIGH_STEPS:
            self._close_short()
        return self._seen

    def _close_short(self) -> None:
        if _is_off(self._steps, self._counts, limits.FLOW_HIGH_PERCENT):
            self._seen |= _HIGH
        else:
            self._seen &= ~_HIGH
        self._long_ms += self._ms
        self._long_steps += self._steps
        self._long_counts += self._counts
        self._ms = 0
        self._steps = 0
        self._counts = 0
        if self._long_ms >= limits.FLOW_LOW_MS:
            if _is_off(self._long_steps, self._long_counts, limits.FLOW_LOW_PERCENT):
                self._seen |= _LOW
            else:
                self._seen &= ~_LOW
            self._long_ms = 0
            self._long_steps = 0
            self._long_counts = 0


def _is_off(steps: int, counts: int, percent: int) -> bool:
    """Whether ``counts`` differs from ``steps`` by more than ``percent``, one
    encoder count aside.  Both below 200_000, so the products fit."""
    off = counts * limits.ENCODER_STEPS_PER_COUNT - steps
    if off < 0:
        off = -off
    off -= limits.ENCODER_STEPS_PER_COUNT
    return off * 100 > steps * percent
