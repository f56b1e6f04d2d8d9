"""The last line of the step: whatever was decided above, never more than this.

It trusts nothing that the controller computed: it is given the state and the
cap, keeps its own account of what the cap would have allowed, and cuts the
outputs to it.  What it has to cut is a fault of the controller and is said so.
"""

from pump.core import infusion_state as st
from pump.core import limits, units

_BACK_OFF_STEPS = units.steps_for_volume(limits.BACK_OFF_MAX_UL)


class Interlock:
    """A budget of motor steps that fills at the cap and holds little.  (L14)

    ``budget`` is in uL/h x ms and fills by cap x time up to one step more than
    a tick's worth.  Each granted step draws one step's volume.  So any window
    of whole ticks, of whatever length, holds at most the integral of the cap
    over it and one step.

    ``reversed_steps``: backward since delivery; 0.5 mL is all there is.  (L10)
    """

    def __init__(self):
        self.budget = 0
        self.reversed_steps = 0
        self.step_ulh_ms = units.STEP_ULH_MS  # volume of a step, by calibration
        self.back_off_steps = _BACK_OFF_STEPS

    def apply(self, outputs, state: int, cap_ul_h: int) -> bool:
        """Cut ``outputs`` to what ``state`` and ``cap_ul_h`` allow; returns
        whether anything had to be cut.

        ``cap_ul_h`` is 0 to 1_200_000; the hardware cap is applied on top.
        """
        if cap_ul_h > limits.HARDWARE_CAP_UL_H:
            cap_ul_h = limits.HARDWARE_CAP_UL_H
        bit = 1 << state
        cut = False
        if not bit & st.ENABLED_STATES and outputs.enable:
            outputs.enable = False
            cut = True
        if outputs.reverse or state == st.BACK_OFF:
            return self._apply_back(outputs, state) or cut
        self.reversed_steps = 0
        if not bit & st.DELIVERING_STATES:
            cap_ul_h = 0
        elif state == st.KVO and cap_ul_h > limits.KVO_MAX_UL_H:
            cap_ul_h = limits.KVO_MAX_UL_H
        if outputs.rate_ul_h > cap_ul_h:
            outputs.rate_ul_h = cap_ul_h
            cut = True
        filled = cap_ul_h * outputs.slot_ms
        self.budget += filled
        step_ulh_ms = self.step_ulh_ms
        most = step_ulh_ms + filled
        if self.budget > most:
            self.budget = most
        if outputs.steps:
            allowed = self.budget // step_ulh_ms
            if outputs.steps > allowed:
                outputs.steps = allowed
                cut = True
            self.budget -= outputs.steps * step_ulh_ms
        return cut

    def _apply_back(self, outputs, state: int) -> bool:
        """Backward only in BACK_OFF, nothing but backward there, and little.

        The budget stays as it is: the part of a step that was owed before is
        owed behind it, and one that found nothing saved would be a fault."""
        if state != st.BACK_OFF or not outputs.reverse or outputs.rate_ul_h > limits.BACK_OFF_UL_H:
            cut = outputs.steps != 0
            outputs.steps = 0
            outputs.rate_ul_h = 0
            outputs.reverse = False
            return cut
        left = self.back_off_steps - self.reversed_steps
        cut = outputs.steps > left
        if cut:
            outputs.steps = left
        self.reversed_steps += outputs.steps
        return cut
