"""The guard: a second opinion on the motor, from a hard timer interrupt.

Knows four things only: edges of STEP, edges of the encoder, the levels of
DIRECTION and ENABLE, and whether the loop still runs.  Its limits, its data
and its arithmetic are its own; it shares no code with what it watches.  A
trip is latched until reset.

The loop runs below the interrupt: what it says is put into a mailbox, whose
flag is written last, and taken over by the next ``check``.  Integers below
2**30 only, nothing is allocated.
"""

from micropython import const

# Trip codes, see TRIP_NAMES.
NO_TRIP = const(0)
NO_BEAT = const(1)
TOO_FAST = const(2)
TOO_MUCH = const(3)
NOT_PERMITTED = const(4)
NOT_FOLLOWING = const(5)
BACKWARD_VOLUME = const(6)
BACKWARD_RATE = const(7)
DAMAGED = const(8)
HANDLER = const(9)  # an exception in the interrupt handler itself
REFUSED = const(10)  # it did not take what the loop has committed or begun

TRIP_NAMES = (
    "NONE",
    "NO_BEAT",
    "TOO_FAST",
    "TOO_MUCH",
    "NOT_PERMITTED",
    "NOT_FOLLOWING",
    "BACKWARD_VOLUME",
    "BACKWARD_RATE",
    "DAMAGED",
    "HANDLER",
    "REFUSED",
)

# --- limits, the guard's own ---------------------------------------------------

# What it accepts as a prescription: the mechanism's range and a day's largest bag, and a
# ninth more: it takes every step for a nominal one, and a step may hold a tenth less.
CAP_MIN_UL_H = const(100)
CAP_MAX_UL_H = const(1_333_334)
VTBI_MIN_UL = const(1000)
VTBI_MAX_UL = const(2_222_223)
# The loop beats every 10 ms; a tick may come 20 ms late (L20).  Judged by four
# checks of 8 ms in a row: a gap of 32 ms never trips, one of 40 ms always does.
NO_BEAT_MS = const(30)
# What the cap may be exceeded by in any window: three steps (one that L14
# grants, one that a late tick adds, one of phase), and 20 ms of the cap for a
# check that interrupts were off for, as long as a tick may be late (L20): 46
# steps, 7 uL, at the most.
BURST_STEPS = const(3)
BURST_MS = const(20)
# A cap that falls takes hold once what was queued before it has run on (L2).
RUN_ON_MS = const(50)
# Beyond the ordered volume: the step of L8, and eight more that an encoder of
# four steps a count may be behind when a back-off is credited.
VTBI_EXTRA_STEPS = const(9)
# After the permission ends: the queue, 22 ms at most, and a check.
GRACE_MS = const(30)
# Steps that encoder and STEP may be apart.  More turning than steps trips at
# once, less only after the control has had its own 2 s to say so (L8).
APART_STEPS = const(400)
APART_MS = const(3000)
# A motor that loses less than one step in 4 is the flow check's business, which
# warns from 5 % on and stops from 20 % on.
_LEAK_SHIFT = const(2)
# Relief of an occlusion: at most 0.5 mL each time (L10), no faster than 300 mL/h.
BACK_STEPS_MAX = const(3200)
BACK_RATE_UL_H = const(300_000)

# --- units, the guard's own ----------------------------------------------------

# 6.4 steps a microlitre: a step is 562 500 uL/h x ms.
STEP_UL_H_MS = const(562_500)
_ENCODER_STEPS = const(4)
# In one check; 1200 mL/h makes 22 in 10 ms.  Keeps the products small.
_STEPS_MAX = const(1000)
_DT_MAX_MS = const(100)

# Two words that differ in every bit, for a permission that no flipped bit gives.
_YES = const(0x2A5A5A5A)
_NO = const(0x15A5A5A5)


class Guard:
    """``trip``: why the motor must be off, or 0; latched."""

    def __init__(self):
        self.trip = NO_TRIP
        # Each number with its complement, compared at every check.
        self._cap = 0
        self._cap_not = -1
        self._vtbi = 0
        self._vtbi_not = -1
        self._total = 0  # steps, forward less those seen to go back
        self._total_not = -1
        self._back = 0  # steps backwards since the motor was armed
        self._back_not = -1
        self._permit = _NO
        self._was_permitted = False
        # Mailbox of the loop.
        self._next_cap = 0
        self._next_vtbi = 0
        self._is_loading = False
        self._next_total = 0
        self._is_beginning = False
        self._beat = False
        # Time, in ms.
        self._silent_ms = 0
        self._idle_ms = 0
        self._apart_ms = 0
        self._run_on_ms = 0
        self._run_on_cap = 0
        # Token buckets, in uL/h x ms.
        self._tokens = 0
        self._back_tokens = 0
        self._was_forward = True
        self._ahead = 0  # steps that STEP is ahead of the encoder
        self._leak = 0
        # Backward steps, and backward steps by the encoder, not yet credited.
        self._back_steps = 0
        self._back_seen = 0

    # --- from the loop ---------------------------------------------------------

    def load(self, cap_ul_h: int, vtbi_ul: int) -> bool:
        """Take over a committed prescription: cap 100 to 1_200_000 uL/h,
        volume 1000 to 2_000_000 uL.  While the motor is permitted both may
        only become less.  False, and nothing is changed, if it is refused."""
        if not CAP_MIN_UL_H <= cap_ul_h <= CAP_MAX_UL_H:
            return False
        if not VTBI_MIN_UL <= vtbi_ul <= VTBI_MAX_UL:
            return False
        vtbi = vtbi_ul * 64 // 10
        if self._permit != _NO and (cap_ul_h > self._cap or vtbi > self._vtbi):
            return False
        self._is_loading = False
        self._next_cap = cap_ul_h
        self._next_vtbi = vtbi
        self._is_loading = True
        return True

    def begin(self, already_steps: int) -> bool:
        """A session begins, of which ``already_steps`` were delivered before.
        Refused while the motor is permitted."""
        if already_steps < 0 or already_steps > VTBI_MAX_UL * 64 // 10 or self._permit != _NO:
            return False
        self._is_beginning = False
        self._next_total = already_steps
        self._is_beginning = True
        return True

    def total_steps(self) -> int:
        """Steps of the session that it has counted itself, for the self-test."""
        return self._total

    def permit(self, on: bool) -> None:
        """Whether the motor may be powered, said anew in every tick."""
        self._permit = _YES if on else _NO

    def beat(self) -> None:
        """The loop lives; said in every tick, by its last line."""
        self._beat = True

    # --- from the interrupt ------------------------------------------------------

    def check(
        self,
        step_edges: int,
        encoder_edges: int,
        direction_level: int,
        enable_level: int,
        dt_ms: int,
    ) -> int:
        """One look, every 8 ms: edges since the one before, levels now, time
        passed.  Returns the trip code."""
        if self.trip:
            return self.trip
        permit = self._permit
        total = self._total
        back = self._back
        if (
            self._cap ^ self._cap_not != -1
            or self._vtbi ^ self._vtbi_not != -1
            or total ^ self._total_not != -1
            or back ^ self._back_not != -1
            or (permit != _YES and permit != _NO)
        ):
            self.trip = DAMAGED
            return DAMAGED
        if self._is_loading or self._is_beginning:
            self._take_over()
            total = self._total
        if dt_ms > _DT_MAX_MS:
            dt_ms = _DT_MAX_MS
        if step_edges > _STEPS_MAX or encoder_edges > _STEPS_MAX:
            self.trip = TOO_FAST
            return TOO_FAST

        # What was stepped since the look before went the way DIRECTION stood then:
        # it changes only with an empty queue, 12 ms before the next step.
        cap = self._cap
        if self._run_on_ms > 0:
            self._run_on_ms -= dt_ms
            cap = self._run_on_cap
        burst = 0
        if cap:
            burst = BURST_STEPS * STEP_UL_H_MS + BURST_MS * cap
        tokens = self._tokens + cap * dt_ms
        if self._was_forward and step_edges:
            tokens -= step_edges * STEP_UL_H_MS
            total += step_edges
            if tokens < 0:
                self.trip = TOO_FAST
            elif total > self._vtbi + VTBI_EXTRA_STEPS:
                self.trip = TOO_MUCH
            self._total = total
            self._total_not = ~total
        self._tokens = tokens if tokens < burst else burst
        if not self._was_forward or not direction_level:
            self._go_back(step_edges, encoder_edges, dt_ms)
        self._was_forward = direction_level != 0

        if permit == _YES:
            self._watch_permitted(step_edges, encoder_edges, dt_ms)
        else:
            self._watch_idle(step_edges, enable_level, dt_ms)
        return self.trip

    def _take_over(self) -> None:
        """What the mailbox holds."""
        if self._is_loading:
            self._is_loading = False
            if self._next_cap < self._cap:
                if self._run_on_ms <= 0:
                    self._run_on_cap = self._cap
                self._run_on_ms = RUN_ON_MS
            else:
                self._run_on_ms = 0
            self._cap = self._next_cap
            self._cap_not = ~self._cap
            self._vtbi = self._next_vtbi
            self._vtbi_not = ~self._vtbi
        if self._is_beginning:
            self._is_beginning = False
            self._total = self._next_total
            self._total_not = ~self._total
            self._back_steps = 0
            self._back_seen = 0

    def _go_back(self, steps: int, edges: int, dt_ms: int) -> None:
        """DIRECTION is low, or was when the look before was taken."""
        tokens = self._back_tokens + BACK_RATE_UL_H * dt_ms
        burst = BURST_STEPS * STEP_UL_H_MS + BURST_MS * BACK_RATE_UL_H
        if not self._was_forward and steps:
            tokens -= steps * STEP_UL_H_MS
            back = self._back + steps
            if tokens < 0:
                self.trip = BACKWARD_RATE
            elif back > BACK_STEPS_MAX:
                self.trip = BACKWARD_VOLUME
            self._back = back
            self._back_not = ~back
            # Credited as far as the encoder saw it.
            moved = self._back_steps + steps
            seen = self._back_seen + edges * _ENCODER_STEPS
            credit = moved if moved < seen else seen
            self._back_steps = moved - credit
            self._back_seen = seen - credit
            self._total -= credit
            self._total_not = ~self._total
        self._back_tokens = tokens if tokens < burst else burst

    def _watch_permitted(self, steps: int, edges: int, dt_ms: int) -> None:
        if not self._was_permitted:
            self._was_permitted = True
            self._silent_ms = 0
            self._apart_ms = 0
            self._ahead = 0
            self._back = 0
            self._back_not = -1
        if self._beat:
            self._beat = False
            self._silent_ms = 0
        else:
            self._silent_ms += dt_ms
            if self._silent_ms >= NO_BEAT_MS:
                self.trip = NO_BEAT
        if steps == 0 and edges == 0:
            if self._apart_ms:
                self._apart_ms += dt_ms
            return
        ahead = self._ahead + steps - edges * _ENCODER_STEPS
        leak = self._leak + steps
        self._leak = leak & (1 << _LEAK_SHIFT) - 1
        leak >>= _LEAK_SHIFT
        if ahead > leak:
            ahead -= leak
        elif ahead > 0:
            ahead = 0
        elif ahead < -leak:
            ahead += leak
        else:
            ahead = 0
        self._ahead = ahead
        if ahead > APART_STEPS:
            self._apart_ms += dt_ms
            if self._apart_ms > APART_MS:
                self.trip = NOT_FOLLOWING
        else:
            self._apart_ms = 0
            if ahead < -APART_STEPS:
                self.trip = NOT_FOLLOWING

    def _watch_idle(self, steps: int, enable_level: int, dt_ms: int) -> None:
        if self._was_permitted:
            self._was_permitted = False
            self._idle_ms = 0
        if self._idle_ms < GRACE_MS:
            self._idle_ms += dt_ms
            return
        # A shaft that turns without power is for the core to judge, which knows of
        # the door: a hand turns it to put a set in, and there is nothing to cut off.
        if steps or enable_level:
            self.trip = NOT_PERMITTED
