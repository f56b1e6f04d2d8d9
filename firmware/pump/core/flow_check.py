"""Flow against command: what was granted, what left the STEP pin and what the
encoder saw, in two levels.  (L8)"""

from pump.core import alarm_conditions as ac
from pump.core import limits

_HIGH = 1 << ac.FLOW_DEVIATION
_LOW = 1 << ac.FLOW_DRIFT


class FlowCheck:
    """Two windows over the same counters.

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
        self._granted = 0
        self._steps = 0
        self._counts = 0
        self._long_ms = 0
        self._long_granted = 0
        self._long_turned = 0
        self._seen = 0

    def step(self, granted: int, step_edges: int, encoder_edges: int, dt_ms: int) -> int:
        """Account for ``dt_ms`` of delivery; returns the conditions as bits.

        ``granted``        steps that were handed to the motor a tick before
        ``step_edges``     edges that came out of the STEP pin
        ``encoder_edges``  counts of the encoder

        The window closes on whichever of the three has moved, so that a dead
        counter or a motor that turns by itself is judged as well.
        """
        self._ms += dt_ms
        self._granted += granted
        self._steps += step_edges
        self._counts += encoder_edges
        if self._ms >= limits.FLOW_HIGH_MS and (
            self._granted >= limits.FLOW_HIGH_STEPS
            or self._steps >= limits.FLOW_HIGH_STEPS
            or self._counts * limits.ENCODER_STEPS_PER_COUNT >= limits.FLOW_HIGH_STEPS
        ):
            self._close_short()
        return self._seen

    def _close_short(self) -> None:
        turned = self._counts * limits.ENCODER_STEPS_PER_COUNT
        if _is_off(self._granted, turned, limits.FLOW_HIGH_PERCENT) or _is_off(
            self._granted, self._steps, limits.FLOW_HIGH_PERCENT
        ):
            self._seen |= _HIGH
        else:
            self._seen &= ~_HIGH
        self._long_ms += self._ms
        self._long_granted += self._granted
        self._long_turned += turned
        self._ms = 0
        self._granted = 0
        self._steps = 0
        self._counts = 0
        if self._long_ms >= limits.FLOW_LOW_MS:
            if _is_off(self._long_granted, self._long_turned, limits.FLOW_LOW_PERCENT):
                self._seen |= _LOW
            else:
                self._seen &= ~_LOW
            self._long_ms = 0
            self._long_granted = 0
            self._long_turned = 0


def _is_off(command: int, measured: int, percent: int) -> bool:
    """Whether ``measured`` differs from ``command`` by more than ``percent`` of it,
    one encoder count aside.  Both in steps, below 700_000 in five minutes at
    1200 mL/h, so the products fit."""
    off = measured - command
    if off < 0:
        off = -off
    off -= limits.ENCODER_STEPS_PER_COUNT
    return off * 100 > command * percent
