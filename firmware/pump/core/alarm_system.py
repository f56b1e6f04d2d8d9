"""From facts seen in a tick to active alarms: delay, latch, acknowledge, reset."""

from array import array

from micropython import const

from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import limits, reasons, roles

# Long before the device was switched on.
_NEVER_S = const(-100_000)


class AlarmSystem:
    """Conditions as bit masks, bit ``i`` being row ``i`` of the table.

    ``present``       seen for longer than its delay, in this tick
    ``active``        present, or latched and not yet reset
    ``acknowledged``  active, and a person has seen it
    ``repeated``      stopped the pump for the third time in 10 min: only a
                      supervisor goes on, whatever else is done  (L17)
    ``audio_paused_ms``  what is left of the pause of the sound, 0 to 120_000
    ``severe``        the pump is in SEVERE, which is an alarm of priority HIGH by
                      itself and has no bit: there are no more  (M12)
    """

    def __init__(self):
        self.present = 0
        self.active = 0
        self.acknowledged = 0
        self.repeated = 0
        self.audio_paused_ms = 0
        self.severe = False
        self._severe_seen = False  # acknowledged
        self.stop_mask = ac.conditions_where(ac.COL_RESPONSE, ac.STOP)
        self.fail_mask = ac.conditions_where(ac.COL_RESPONSE, ac.FAIL)
        self._supervisor_mask = ac.conditions_where(ac.COL_ROLE, roles.SUPERVISOR)
        self._latching = ac.conditions_where(ac.COL_LATCHING, True)
        self._delay_ms = array("i", [row[ac.COL_DELAY] for row in ac.ALARM_CONDITIONS])
        self._seen_ms = array("i", [0] * ac.N_CONDITIONS)
        self._counting = 0  # conditions whose delay is running or has run
        self._judged = array("i", [ac.conditions_judged_in(s) for s in range(st.N_STATES)])
        self._by_priority = array(
            "i", [ac.conditions_where(ac.COL_PRIORITY, p) for p in range(ac.HIGH + 1)]
        )
        # Seconds since boot, and when each condition was raised the last two times.
        self._seconds = 0
        self._ms = 0
        self._raised_s = array("i", [_NEVER_S] * ac.N_CONDITIONS)
        self._before_s = array("i", [_NEVER_S] * ac.N_CONDITIONS)

    def step(self, seen: int, state: int, dt_ms: int) -> int:
        """Judge the conditions ``seen`` in ``state``; returns the newly active ones."""
        seen &= self._judged[state]
        self._ms += dt_ms
        if self._ms >= 1000:
            self._ms -= 1000
            self._seconds += 1
        if self.audio_paused_ms > 0:
            self.audio_paused_ms -= dt_ms
            if self.audio_paused_ms <= 0:
                self.audio_paused_ms = 0
                self.acknowledged = 0
                self._severe_seen = False
        if seen == 0 and self._counting == 0:
            # Nothing new; what does not latch has gone with its condition.
            self.present = 0
            self.active &= self._latching
            return 0
        return self._judge(seen, dt_ms)

    def _judge(self, seen: int, dt_ms: int) -> int:
        present = 0
        counting = 0
        delays = self._delay_ms
        left = seen | self._counting
        i = -1
        while left:
            i += 1
            if not left & 0xFF:
                # Eight conditions that nobody sees cost one look.
                left >>= 8
                i += 7
                continue
            is_there = left & 1
            left >>= 1
            if not is_there:
                continue
            bit = 1 << i
            if seen & bit:
                counting |= bit
                self._seen_ms[i] += dt_ms
                if self._seen_ms[i] >= delays[i]:
                    present |= bit
                    # No need to count further, and no overflow in a week.
                    self._seen_ms[i] = delays[i]
            else:
                # One good reading among bad ones does not start the delay
                # again: it leaks away at a quarter of the speed.
                self._seen_ms[i] -= (dt_ms >> 2) + 1
                if self._seen_ms[i] > 0:
                    counting |= bit
                else:
                    self._seen_ms[i] = 0
        self._counting = counting
        self.present = present
        new = present & ~self.active
        self.active = (self.active & self._latching) | present
        self.acknowledged &= self.active
        if new & self._by_priority[ac.HIGH]:
            self.audio_paused_ms = 0  # a new HIGH breaks through the pause (L11)
            self.acknowledged = 0
            self._severe_seen = False
        if new & self.stop_mask:
            self._count_repeats(new & self.stop_mask)
        return new

    def _count_repeats(self, new: int) -> None:
        for i in range(ac.N_CONDITIONS):
            if new >> i & 1:
                if self._seconds - self._before_s[i] <= limits.REPEAT_WINDOW_S:
                    self.repeated |= 1 << i
                self._before_s[i] = self._raised_s[i]
                self._raised_s[i] = self._seconds

    def acknowledge(self) -> None:
        """A person has seen what is active: the sound pauses, for 2 min at most."""
        if self.active or self.severe:
            self.acknowledged = self.active
            self._severe_seen = self.severe
            self.audio_paused_ms = limits.AUDIO_PAUSE_MS

    def report_severe(self) -> None:
        """A severe reaction: like a new HIGH, it breaks through a pause."""
        self.severe = True
        self._severe_seen = False
        self.acknowledged = 0
        self.audio_paused_ms = 0

    def is_audible(self) -> bool:
        """Whether the sound is not paused."""
        return self.acknowledged == 0 and not self._severe_seen

    def is_unseen(self) -> bool:
        """Whether there is anything that nobody has acknowledged."""
        return (self.active & ~self.acknowledged) != 0 or (self.severe and not self._severe_seen)

    def needs_supervisor(self) -> bool:
        """Whether a supervisor must reset before anything is delivered again."""
        return self.repeated != 0 or self.active & self._supervisor_mask != 0

    def reset(self, role: int) -> int:
        """Clear what is no longer present; returns a reason code.

        A condition is judged only in the states of its row, so after a stop
        ``present`` is empty; that the cause has gone from the world is for
        the caller to see to.
        """
        if role < roles.SUPERVISOR and self.needs_supervisor():
            return reasons.NEEDS_SUPERVISOR
        self.repeated = 0
        self.active &= self.present | self.fail_mask
        self.acknowledged &= self.active
        return reasons.OK

    def end_session(self) -> None:
        """The session was closed by a person: only a fault outlives it, and the
        need for a supervisor."""
        self.active &= self.fail_mask
        self.acknowledged &= self.active

    def highest(self) -> int:
        """Priority of the most urgent active condition, or -1."""
        active = self.active
        if self.severe or active & self._by_priority[ac.HIGH]:
            return ac.HIGH
        if active == 0:
            return -1
        if active & self._by_priority[ac.MEDIUM]:
            return ac.MEDIUM
        return ac.LOW

    def first(self) -> int:
        """Id of the condition to show: highest priority, then the most
        restrictive response, then table order; or -1, also while nothing goes
        before a severe reaction, which has no id: only a fault does."""
        priority = self.highest()
        if priority < 0 or (self.severe and self.active & self.fail_mask == 0):
            return -1
        active = self.active & self._by_priority[priority]
        if active & self.fail_mask:
            active &= self.fail_mask
        elif active & self.stop_mask:
            active &= self.stop_mask
        for i in range(ac.N_CONDITIONS):
            if active >> i & 1:
                return i
        return -1
