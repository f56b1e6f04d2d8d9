"""Drops in the drip chamber against the motor: free flow, and no flow at all."""

from pump.core import alarm_conditions as ac
from pump.core import limits, units

_FREE = 1 << ac.FREE_FLOW
_EMPTY = 1 << ac.BAG_EMPTY
_DROP_STEPS = units.steps_for_volume(limits.DROP_UL)
_FREE_STEPS = units.steps_for_volume(limits.FREE_FLOW_UL)
_NO_DROP_STEPS = units.steps_for_volume(limits.NO_DROP_UL)
# What the motor may have taken from the chamber before the drop for it falls.
_OWING_STEPS = -2 * _DROP_STEPS


class DripCheck:
    """An independent witness of what leaves the bag.

    A drop is 50 uL within a tenth, so only a fifth more than the motor has
    taken means anything.  The motor's part is kept in hundredths of a step.
    """

    def __init__(self):
        self.is_seen = False  # something is, and stays until the next drop or step
        self._excess = 0  # in steps x 100
        self._since_drop = 0

    def step(self, drop: bool, step_edges: int) -> int:
        """The conditions as bits, after ``step_edges`` forward and ``drop``."""
        if drop:
            self._since_drop = 0
            self._excess += _DROP_STEPS * 100
        if step_edges:
            self._since_drop += step_edges
            self._excess -= step_edges * (100 + limits.DROP_MARGIN_PERCENT)
            if self._excess < _OWING_STEPS * 100:
                self._excess = _OWING_STEPS * 100
        seen = 0
        if self._excess >= _FREE_STEPS * 100:
            # Held there, so that it goes away with the drops and not later.
            self._excess = _FREE_STEPS * 100
            seen = _FREE
        if self._since_drop >= _NO_DROP_STEPS:
            self._since_drop = _NO_DROP_STEPS
            seen |= _EMPTY
        self.is_seen = seen != 0
        return seen

    def restart(self) -> None:
        """A person has seen to bag and line."""
        self._excess = 0
        self._since_drop = 0
