"""Time on the board: measured ticks, pacing by deadline, time since boot.

``ticks_us`` wraps after 17.9 min, so only differences are used, and long
times are kept as whole seconds and microseconds: both stay small integers
for 34 years.
"""

import time

from micropython import const

from pump.core import limits

_TICK_US = limits.TICK_MS * 1000
# A loop more than a tick late has lost its deadlines; it starts new ones
# instead of running ticks one after the other to catch up, which would fill
# the stepper's queue.
_RESYNC_US = const(10_000)
_COUNT_MAX = const(100_000)


class Clock:
    """``seconds`` and ``micros``: time since construction.

    ``passed_us``: time between the starts of this tick and the one before.
    """

    def __init__(self):
        self.now_us = time.ticks_us  # modulo 2**30
        self._ticks_us = time.ticks_us
        self._ticks_diff = time.ticks_diff
        self._ticks_add = time.ticks_add
        self._sleep_us = time.sleep_us
        self._deadline_us = time.ticks_us()
        self._began_us = self._deadline_us
        self.passed_us = 0
        self.jumps_back = 0
        self.seconds = 0
        self.micros = 0
        # Of the last end of motion: when its tick began, when the inputs were read,
        # when the step had decided, and when motor and ENABLE had been told.
        self.stamps: list = [0] * 4
        self.count_anew()
        # Takes the time; returns the whole ms since the tick before, with what is below
        # one carried to the next.
        self.begin_tick = self._ticks(self._deadline_us).__next__

    def _ticks(self, began_us):
        """A generator, as its variables cost the board a fifth of what attributes do."""
        ticks_us = time.ticks_us
        ticks_diff = time.ticks_diff
        carry_us = 0
        while True:
            now_us = ticks_us()
            passed_us = ticks_diff(now_us, began_us)
            began_us = now_us
            self._began_us = now_us
            if passed_us < 0:
                # The counter jumped back: no time has passed that anyone may use.
                self.jumps_back += 1
                passed_us = 0
            self.passed_us = passed_us
            micros = self.micros + passed_us
            while micros >= 1_000_000:
                micros -= 1_000_000
                self.seconds += 1
            self.micros = micros
            carry_us += passed_us
            yield carry_us // 1000
            carry_us %= 1000

    def count_anew(self) -> None:
        """How much of their time ticks take, from now on."""
        self.ticks = 0
        self.busy_us = 0  # of 100_000 ticks: below 2**30 at 10 ms each
        self.busy_max_us = 0
        self.late_max_us = 0

    def stamp_end_of_motion(self, detected_us, decided_us) -> None:
        """Keep those times of this tick, and now."""
        stamps = self.stamps
        stamps[0] = self._began_us
        stamps[1] = detected_us
        stamps[2] = decided_us
        stamps[3] = self._ticks_us()

    def spent_us(self) -> int:
        """How long this tick has lasted so far."""
        return self._ticks_diff(self._ticks_us(), self._began_us)

    def _count(self, now_us) -> None:
        began_us = self._began_us
        busy_us = self._ticks_diff(now_us, began_us)
        if busy_us < 0:
            return  # the counter jumped back
        self.ticks += 1
        self.busy_us += busy_us
        if busy_us > self.busy_max_us:
            self.busy_max_us = busy_us
        late_us = self._ticks_diff(began_us, self._deadline_us)
        if late_us > self.late_max_us:
            self.late_max_us = late_us

    def wait_for_tick(self) -> None:
        """Sleep until the next tick is due; at once if it is overdue."""
        now_us = self._ticks_us()
        if self.ticks < _COUNT_MAX:
            self._count(now_us)
        self._deadline_us = self._ticks_add(self._deadline_us, _TICK_US)
        left_us = self._ticks_diff(self._deadline_us, now_us)
        if left_us > _TICK_US:
            # The counter jumped back: a tick is never waited for longer than one.
            self._deadline_us = self._ticks_add(now_us, _TICK_US)
            left_us = _TICK_US
        if left_us > 0:
            self._sleep_us(left_us)
        elif left_us < -_RESYNC_US:
            self._deadline_us = now_us
