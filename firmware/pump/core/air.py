"""Air in line: the volume of the bubble that is passing the detector.  (L9)"""

from pump.core import alarm_conditions as ac
from pump.core import limits, units

_AIR = 1 << ac.AIR_IN_LINE
_LIMIT_STEPS = units.steps_for_volume(limits.AIR_BUBBLE_UL)
_FLUID_STEPS = units.steps_for_volume(limits.AIR_GAP_UL)


class AirDetector:
    """Measures a bubble by the steps taken while the detector sees it.

    Froth is a bubble too: it ends only after 5 uL of unbroken fluid.
    """

    def __init__(self):
        self.bubble_steps = 0
        self._fluid_steps = 0

    def reset(self) -> None:
        """The line was primed: forget the bubble."""
        self.bubble_steps = 0
        self._fluid_steps = 0

    def step(self, inputs) -> int:
        """The air condition as a bit, or 0."""
        if inputs.air:
            self._fluid_steps = 0
            self.bubble_steps += inputs.step_edges
        else:
            self._fluid_steps += inputs.step_edges
            if self._fluid_steps >= _FLUID_STEPS:
                self.bubble_steps = 0
        return _AIR if self.bubble_steps >= _LIMIT_STEPS else 0
