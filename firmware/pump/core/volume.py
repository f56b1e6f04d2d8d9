"""Volume: motor steps owed, granted and counted, with a carried remainder.

Three figures that must never be confused:

``granted_steps``   handed to the stepper since START
``counted_steps``   rising STEP edges since START, from the edge counter; the
                    controller adds to it every tick
``vtbi_steps``      the order, rounded down to whole steps

What was delivered is what was *counted*.  Granted steps that were still
queued when the motor was cut off are taken back, not assumed.
"""

from micropython import const

from pump.core import units

# Longer than any queue between here and the motor (12 ms of lead, two slots).
_QUEUE_MS = const(100)


class Volume:
    """Integrates the commanded rate into motor steps.  (L8)"""

    def __init__(self):
        self.vtbi_steps = 0
        self.granted_steps = 0
        self.counted_steps = 0
        self.remainder = 0  # uL/h x ms below one step
        self._quiet_ms = 0  # since a step was granted last
        # For the stepper: when, within the slot, the last granted step is due.
        self.last_step_us = 0

    def begin(self, vtbi_ul: int) -> None:
        """A new session of ``vtbi_ul`` (1_000 to 2_000_000 uL)."""
        self.vtbi_steps = units.steps_for_volume(vtbi_ul)
        self.granted_steps = 0
        self.counted_steps = 0
        self.remainder = 0
        self.last_step_us = 0
        self._quiet_ms = 0

    def take_back(self) -> None:
        """Call when the motor has been off for a tick: the queue is empty, so
        what was granted and not counted will never be stepped."""
        self.granted_steps = self.counted_steps

    def delivered_ul(self) -> int:
        """Delivered volume in uL, rounded down."""
        return units.volume_for_steps(self.counted_steps)

    def grant(self, rate_ul_h: int, dt_ms: int) -> int:
        """Steps owed for a slot of ``dt_ms`` (0 to 20 ms) at ``rate_ul_h``.

        Never grants a step beyond the volume to be infused.  Leaves in
        ``last_step_us`` the time from the start of the slot to the last step.
        """
        owed = self.remainder + rate_ul_h * dt_ms
        steps = owed // units.STEP_ULH_MS
        left = self.vtbi_steps - self.granted_steps
        if steps > left:
            steps = left
        if steps <= 0:
            if owed < units.STEP_ULH_MS:
                self.remainder = owed
            self._quiet_ms += dt_ms
            if self._quiet_ms >= _QUEUE_MS:
                # The queue has run out, so a step that is still missing was
                # dropped on its way to the motor: owe it again.
                self._quiet_ms = 0
                self.take_back()
            return 0
        self._quiet_ms = 0
        # From the start of the slot until the last of the steps falls due.
        # Halved before the multiplication so that it stays below 2**30; the
        # error is below 1 us from 1 mL/h up, and carried nowhere.
        need = steps * units.STEP_ULH_MS - self.remainder
        part = (need % rate_ul_h >> 1) * 1000 // (rate_ul_h + 1 >> 1)
        self.last_step_us = need // rate_ul_h * 1000 + part
        self.remainder = owed - steps * units.STEP_ULH_MS
        if self.remainder >= units.STEP_ULH_MS:
            # Cut off by the end of the order: nothing is owed any more.
            self.remainder = 0
        self.granted_steps += steps
        return steps
