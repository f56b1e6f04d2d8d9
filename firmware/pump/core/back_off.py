"""Turning back after a downstream occlusion, until the line has little pressure
left, so that no bolus follows when the line is opened.  (L10)"""

from pump.core import limits, units

_MOST_STEPS = units.steps_for_volume(limits.BACK_OFF_MAX_UL)


class BackOff:
    """``reversing``: the queue holds backward steps, and no others."""

    def __init__(self):
        self.reversing = False
        self.most_steps = _MOST_STEPS
        self._ms = 0
        self._owed = 0  # uL/h x ms below one step
        self._steps = 0
        self._seen = 0  # steps that the encoder saw turn back, not yet credited
        self._stepped = 0  # STEP edges backward, not yet credited

    def begin(self) -> None:
        """The line is blocked; the forward queue is thrown away in this tick."""
        self._ms = 0
        self._owed = 0
        self._steps = 0
        # The first count may come after a single step: it says nothing.
        self._seen = -limits.ENCODER_STEPS_PER_COUNT
        self._stepped = 0

    def credit(self, step_edges: int, reverse_counts: int) -> int:
        """Steps to be given back: those that the encoder saw, and no more of them
        than have left the STEP pin."""
        self._stepped += step_edges
        if reverse_counts == 0:
            return 0
        self._seen += reverse_counts * limits.ENCODER_STEPS_PER_COUNT
        steps = self._seen
        if steps > self._stepped:
            steps = self._stepped
        if steps <= 0:
            return 0
        self._seen -= steps
        self._stepped -= steps
        return steps

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
            or self._steps >= self.most_steps
            or self._ms >= limits.BACK_OFF_MAX_MS
        ):
            return False
        self._owed += limits.BACK_OFF_UL_H * dt_ms
        steps = self._owed // units.STEP_ULH_MS
        self._owed -= steps * units.STEP_ULH_MS
        left = self.most_steps - self._steps
        if steps > left:
            steps = left
        self._steps += steps
        outputs.reverse = True
        outputs.rate_ul_h = limits.BACK_OFF_UL_H
        outputs.steps = steps
        outputs.last_step_us = dt_ms * 1000
        return True
