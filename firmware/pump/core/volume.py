"""Volume: motor steps ordered, granted and counted, with a carried remainder.

Figures that must never be confused:

``vtbi_steps``      the order, rounded down to whole steps
``granted_steps``   handed to the stepper since START
``counted_steps``   rising STEP edges since START, from the edge counter; the
                    controller adds to it every tick
``missing_steps``   granted, not counted, and too many to have been in the
                    queue that was thrown away: judged at their worst, as
                    delivered

Delivered is counted and missing together.  Granted steps that were still
queued when the motor was cut off are taken back.
"""

from micropython import const

from pump.core import units

# Longer than any queue between here and the motor (12 ms of lead, two slots).
_QUEUE_MS = const(100)


class Volume:
    """Integrates the commanded rate into motor steps.  (L8)"""

    def __init__(self):
        self.vtbi_steps = 0
        self.step_ulh_ms = units.STEP_ULH_MS  # volume of a step, by calibration
        self.begin(0)

    def begin(self, vtbi_ul: int) -> None:
        """A new session of ``vtbi_ul`` (1_000 to 2_000_000 uL)."""
        self.vtbi_steps = units.steps_for_volume(vtbi_ul, self.step_ulh_ms)
        self.granted_steps = 0
        self.counted_steps = 0
        self.missing_steps = 0
        self.remainder = 0  # uL/h x ms below one step
        # For the stepper: when, within the slot, the last granted step is due.
        self.last_step_us = 0
        # Grants of the last four ticks, the newest first: what the queue can hold.
        self.last_grant = 0
        self._grant_1 = 0
        self._grant_2 = 0
        self._grant_3 = 0
        self._quiet_ms = 0  # since a step was granted last

    def take_back(self) -> None:
        """The queue was thrown away, and the motor has been off for a tick: what
        it can have held will never be stepped.  More than that is missing."""
        undone = self.granted_steps - self.counted_steps - self.missing_steps
        if undone > 0:
            queued = self.last_grant + self._grant_1 + self._grant_2 + self._grant_3
            if undone > queued:
                self.missing_steps += undone - queued
                undone = queued
            self.granted_steps -= undone
        self.last_grant = 0
        self._grant_1 = 0
        self._grant_2 = 0
        self._grant_3 = 0

    def give_back(self, steps: int) -> None:
        """The encoder saw the motor turn back by ``steps``: they are not in the
        patient, and are owed again.  (L10)"""
        if steps > self.counted_steps:
            steps = self.counted_steps
        self.counted_steps -= steps
        self.granted_steps -= steps

    def recover(self, vtbi_steps: int, delivered_steps: int) -> None:
        """A session that a reset interrupted: what may have been delivered counts
        as delivered.  (L19)"""
        self.begin(0)
        self.vtbi_steps = vtbi_steps
        self.granted_steps = delivered_steps
        self.counted_steps = delivered_steps

    def delivered_steps(self) -> int:
        """What was delivered, in steps, judged at its worst."""
        return self.counted_steps + self.missing_steps

    def delivered_ul(self) -> int:
        """Delivered volume in uL, rounded down."""
        return units.volume_for_steps(self.delivered_steps(), self.step_ulh_ms)

    def grant(self, rate_ul_h: int, dt_ms: int, lease_steps: int) -> int:
        """Steps owed for a slot of ``dt_ms`` (0 to 20 ms) at ``rate_ul_h``.

        Never grants a step beyond the volume to be infused, nor one beyond
        ``lease_steps``, which the checkpoint knows nothing of.  Leaves in
        ``last_step_us`` the time from the start of the slot to the last step.
        """
        if dt_ms == 0:
            return 0  # no time has passed; the queue is what it was
        self._grant_3 = self._grant_2
        self._grant_2 = self._grant_1
        self._grant_1 = self.last_grant
        step_ulh_ms = self.step_ulh_ms
        owed = self.remainder + rate_ul_h * dt_ms
        steps = owed // step_ulh_ms
        left = self.vtbi_steps - self.granted_steps
        if steps > left:
            steps = left
        if steps > lease_steps - self.granted_steps:
            steps = lease_steps - self.granted_steps
        if steps <= 0:
            self.last_grant = 0
            if owed < step_ulh_ms:
                self.remainder = owed
            if left <= 0:
                self._end_of_grants(dt_ms)
            return 0
        self.last_grant = steps
        self._quiet_ms = 0
        # From the start of the slot until the last of the steps falls due.
        # Halved before the multiplication so that it stays below 2**30; the
        # error is below 1 us from 1 mL/h up, and carried nowhere.
        need = steps * step_ulh_ms - self.remainder
        part = (need % rate_ul_h >> 1) * 1000 // (rate_ul_h + 1 >> 1)
        self.last_step_us = need // rate_ul_h * 1000 + part
        self.remainder = owed - steps * step_ulh_ms
        if self.remainder >= step_ulh_ms:
            # Cut off by the end of the order: nothing is owed any more.
            self.remainder = 0
        self.granted_steps += steps
        return steps

    def _end_of_grants(self, dt_ms: int) -> None:
        """All is granted.  What has not come out of the queue by now never will."""
        self._quiet_ms += dt_ms
        if self._quiet_ms >= _QUEUE_MS:
            self.missing_steps = self.granted_steps - self.counted_steps
