"""Motor steps from PIO: one word a slot, evenly spaced, and dry when not fed.

Each word of the FIFO is ``steps | gap << 8``: that many steps, each after a gap
of that many microseconds and the program's own cycles; zero steps is a pure
delay.  A word is pulled with ``block`` and never repeated, so a processor
that stops feeding stops the motor when the queue, at most ``LEAD_US`` and one
slot long, has run out.  Whether the driver has power is the dead-man's.

DIRECTION changes only with an empty queue.  The lead of the next one, 12 ms,
is its set-up time.
"""

import rp2
from machine import Pin
from micropython import const

from pump.core import limits, units
from pump.hal import pinout

TYPE_CHECKING = False
if TYPE_CHECKING:  # the assembler's names, for the type checker alone
    from rp2.asm_pio import *

_FREQUENCY_HZ = const(1_000_000)  # one cycle is 1 us; a STEP pulse lasts 4
# The queue ends this long after now when a slot is appended: one tick and
# what a tick may be late.  Less leaves gaps, more is run-on after a hang.
LEAD_US = const(12_000)
# Below this much lead the queue is as good as dry: a new one is begun.
_DRY_US = const(1000)
# The queue holds two or three words when a slot is appended, which adds one or
# two; of the FIFO's four, as many must be free, as put must never wait.
_FIFO_WORDS = const(4)
# Encoded by hand: assembling the text takes 4 ms each time, on the board.
_PULL = const(0x8080)  # pull(noblock)
_STEP_LOW = const(0xE000)  # set(pins, 0)

# Cycles of the program below, counted on it and checked instruction by
# instruction in the tests.
_PERIOD_CYCLES = const(11)  # from one rising edge to the next, beside the gap
_BEFORE_FIRST = const(-5)  # from the start of a word to its first edge, less a period
_AFTER_LAST = const(7)  # from the last edge of a word to its end
_DELAY_CYCLES = const(6)  # of a pure delay, beside the gap


@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW, out_shiftdir=rp2.PIO.SHIFT_RIGHT)
def step_train():
    wrap_target()
    label("word")
    pull(block)
    out(y, 8)
    mov(isr, osr)
    label("gap")
    mov(x, isr)
    label("wait")
    jmp(x_dec, "wait")
    jmp(not_y, "word")
    set(pins, 1)[3]
    set(pins, 0)
    jmp(y_dec, "next")
    label("next")
    jmp(not_y, "word")
    jmp("gap")
    wrap()


class Stepper:
    """The motor's direction and its queue of slots."""

    def __init__(self):
        self._direction = Pin(pinout.DIRECTION, Pin.OUT, value=1)
        self._sm = rp2.StateMachine(
            pinout.SM_STEPPER, step_train, freq=_FREQUENCY_HZ, set_base=Pin(pinout.STEP)
        )
        self._put = self._sm.put
        self._fifo = self._sm.tx_fifo
        self._active = self._sm.active
        self._take = self._append
        self.is_running = False
        self.is_reverse = False
        self.calibrate(units.STEP_ULH_MS)
        # Both from the start of this tick on, so that they stay small.
        self._slot_us = 0  # when the next slot begins
        self._free_us = 0  # when the program has done all that is queued
        self.restarts = 0  # times that a queue was thrown away while moving
        self.queue_dropped = False  # by the call of ``apply`` before

    def calibrate(self, step_ulh_ms: int) -> None:
        """A motor step moves ``step_ulh_ms``, 506_250 to 618_750 uL/h x ms."""
        self._step_us_ul_h = step_ulh_ms * 1000  # below 2**30

    def apply(self, outputs, passed_us: int) -> None:
        """Make the motor do what one step of the controller decided.

        ``passed_us`` is the time since the tick before, as measured.
        """
        self.queue_dropped = False
        if outputs.rate_ul_h == 0:
            if self.is_running:
                self.stop()
            if self.is_reverse:
                self._turn(False)
        elif outputs.reverse == self.is_reverse:
            self._take(outputs, passed_us)
        elif self.is_running:
            # Not in the middle of a queue: this slot goes with it.
            self.queue_dropped = True
            self.stop()
            self._turn(outputs.reverse)
        else:
            self._turn(outputs.reverse)
            self._take(outputs, passed_us)

    def _turn(self, reverse: bool) -> None:
        self.is_reverse = reverse
        self._direction.value(0 if reverse else 1)

    def lock(self) -> None:
        """No further STEP edge until reset: the pin is taken away from PIO.  Safe
        in an interrupt."""
        self._active(0)
        Pin(pinout.STEP, Pin.OUT, value=0)

    def stop(self) -> None:
        """No further STEP edge: the queue is thrown away, the pin is low."""
        sm = self._sm
        sm.active(0)
        while sm.tx_fifo():
            sm.exec(_PULL)
        sm.restart()
        sm.exec(_STEP_LOW)
        self.is_running = False

    def _append(self, outputs, passed_us: int) -> None:
        slot_us = self._slot_us - passed_us
        free_us = self._free_us - passed_us
        slot_ms = outputs.slot_ms
        if not self.is_running:
            # A slot shorter than a tick leaves the rest of it to the lead.
            slot_us = LEAD_US
            if slot_ms < limits.TICK_MS:
                slot_us += (limits.TICK_MS - slot_ms) * 1000
            free_us = slot_us
            self._begin(slot_us)
        elif slot_us < _DRY_US or self._fifo() >= _FIFO_WORDS:
            self._drop()
            return
        elif free_us < 0:
            free_us = 0  # the program has been waiting for this word
        steps = outputs.steps
        end_us = slot_us + slot_ms * 1000
        if steps:
            last_us = slot_us - free_us + outputs.last_step_us
            gap = (last_us - _BEFORE_FIRST) // steps - _PERIOD_CYCLES
            if steps > 1:
                # Never closer than the rate says.  Two us less, which the first
                # interval of a word has more, or an undisturbed queue would fall
                # behind.
                least = self._step_us_ul_h // outputs.rate_ul_h - _PERIOD_CYCLES - 2
                if gap < least:
                    # A delay before this word holds a part of the first interval.
                    # In one word all would be as long as the others and the last
                    # step late, with the next one on its heels: the first step
                    # gets a word of its own.
                    if self._fifo() + 2 > _FIFO_WORDS:
                        self._drop()
                        return
                    gap = last_us - (steps - 1) * (least + _PERIOD_CYCLES + 2)
                    gap -= _BEFORE_FIRST + _PERIOD_CYCLES
                    if gap < 0:
                        gap = 0
                    self._put(1 | gap << 8)
                    gap += _PERIOD_CYCLES + _BEFORE_FIRST + _AFTER_LAST
                    free_us += gap
                    last_us -= gap
                    steps -= 1
                    gap = (last_us - _BEFORE_FIRST) // steps - _PERIOD_CYCLES
                    if gap < least:
                        gap = least
            if gap < 0:
                gap = 0
            self._put(steps | gap << 8)
            free_us += steps * (gap + _PERIOD_CYCLES) + _BEFORE_FIRST + _AFTER_LAST
        else:
            gap = end_us - free_us - _DELAY_CYCLES
            if gap >= 0:
                self._put(gap << 8)
                free_us = end_us
        self._slot_us = end_us
        self._free_us = free_us

    def _drop(self) -> None:
        """Late by more than the lead, or a queue that is not being worked off:
        throw it away, and this slot with it, and begin anew with the next."""
        self.restarts += 1
        self.queue_dropped = True
        self.stop()

    def _begin(self, lead_us: int) -> None:
        """A new queue: a pure delay of the lead, then the first slot."""
        self._put(lead_us - _DELAY_CYCLES << 8)
        self._sm.active(1)
        self.is_running = True
