"""Turning back after a downstream occlusion, until the line has little pressure
left, so that no bolus follows when the line is opened.  (L10)"""

from pump.core import limits, units

_MOST_STEPS = units.steps_for_volume(limits.BACK_OFF_MAX_UL)


class BackOff:
    """``reversing``: the queue holds backward steps, and no others."""

    def __init__(self):
        self.reversing = False
        self._ms = 0
        self._owed = 0  # uL/h x ms below one step
        self._steps = 0

    def begin(self) -> None:
        """The line is blocked; the forward queue is thrown away in this tick."""
        self._ms = 0
        self._owed = 0
        self._steps = 0

    def step(self, inputs, outputs, dt_ms: int) -> bool:
        """Decide one tick; whether it goes on.

        Nothing in the first tick, in which the queue of forward steps was thrown
        away.  At its worst it ends: at a pressure that is not valid, at an inlet
        that is closed as well, after 0.5 mL, after 10 s.
        """
        was_begun = self._ms > 0
        self._ms += dt_ms
        if not was_begun:
            return True
        self.reversing = True
        if (
            not inputs.down_ok
            or inputs.down_pa <= limits.BACK_OFF_RELIEF_PA
            or inputs.up_pa >= limits.BACK_OFF_UP_PA
            or self._steps >= _MOST_STEPS
            or self._ms >= limits.BACK_OFF_MAX_MS
        ):
            return False
        self._owed += limits.BACK_OFF_UL_H * dt_ms
        steps = self._owed // units.STEP_ULH_MS
        self._owed -= steps * units.STEP_ULH_MS
        left = _MOST_STEPS - self._steps
        if steps > left:
            steps = left
        self._steps += steps
        outputs.reverse = True
        outputs.rate_ul_h = limits.BACK_OFF_UL_H
        outputs.steps = steps
        outputs.last_step_us = dt_ms * 1000
        return True
