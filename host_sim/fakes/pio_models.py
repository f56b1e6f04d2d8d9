"""What the firmware's PIO programs do, a FIFO word at a time.

Executing instruction by instruction would take longer than the infusion; the
word-level behaviour is exact, and compared with an instruction-level
interpreter of the same programs in `tests/sim/test_pio_models.py`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host_sim.board import Board


# Instructions that the firmware executes by hand, as the chip encodes them.
PUSH_NOBLOCK = 0x8000
PULL_NOBLOCK = 0x8080
MOV_X_NOT_NULL = 0xA02B
MOV_ISR_NOT_X = 0xA0C9
SET_PINS_0 = 0xE000
NEVER_US = 1 << 62


class StepTrain:
    """`pump.hal.stepper.step_train`: cycles of 1 us."""

    FIFO_WORDS = 4
    PERIOD = 11  # from edge to edge, beside the gap
    FIRST = -5  # of the first edge, less one period
    TAIL = 7  # from the last edge to the end of the word
    DELAY = 6  # a word without steps, beside the gap

    def __init__(self, board: Board, gpio: int, freq: int):
        if freq != 1_000_000:
            raise ValueError("step_train is modelled at 1 MHz")
        self._board = board
        self._gpio = gpio
        self._fifo: deque[int] = deque()
        self._is_active = False
        self._edges_left = 0
        self._edge_us = 0
        self._period_us = 0
        self._end_us = 0  # when the program pulls again
        self._word: int | None = None  # pulled last
        self.repeats = False  # the last word instead of running dry: not the firmware's
        self._log_edges = board.log_edges
        self.tx_fifo = self._fifo.__len__

    def active(self, on: int) -> None:
        if not on:
            self._board.take_edges()
        elif not self._is_active:
            self._end_us = self._board.now_us
        self._is_active = bool(on)

    def restart(self) -> None:
        self._edges_left = 0
        self._word = None
        self._end_us = self._board.now_us

    def exec(self, instruction: int) -> None:
        if instruction == PULL_NOBLOCK:
            if self._fifo:
                self._fifo.popleft()
        elif instruction != SET_PINS_0:
            raise NotImplementedError(f"step_train: exec {instruction:#06x}")

    def put(self, word: int) -> None:
        if len(self._fifo) >= self.FIFO_WORDS:
            raise RuntimeError("put would block: the FIFO is full")
        if not self._fifo and not self._edges_left and self._end_us < self._board.now_us:
            self._end_us = self._board.now_us  # it had been waiting in pull
        self._fifo.append(word)

    def run(self, until_us: int) -> int:
        """Let time pass up to and including ``until_us``; returns the rising edges."""
        if not self._is_active:
            return 0
        edges = 0
        left = self._edges_left
        while True:
            if left:
                first_us = self._edge_us
                if first_us > until_us:
                    return edges
                period = self._period_us
                n = (until_us - first_us) // period + 1
                if n > left:
                    n = left
                self._log_edges(first_us, n, period)
                edges += n
                left -= n
                self._edges_left = left
                if left:
                    self._edge_us = first_us + n * period
                    return edges
            end_us = self._end_us
            if end_us > until_us:
                return edges
            if self._fifo:
                word = self._fifo.popleft()
            elif self.repeats and self._word is not None:
                word = self._word
            else:
                return edges
            self._word = word
            gap = word >> 8
            left = word & 0xFF
            if left:
                period = gap + self.PERIOD
                self._edges_left = left
                self._period_us = period
                self._edge_us = end_us + period + self.FIRST
                self._end_us = end_us + left * period + self.FIRST + self.TAIL
            else:
                self._end_us = end_us + gap + self.DELAY


class EdgeCounter:
    """`pump.hal.edge_counter`, either program: X counts down, once an edge."""

    def __init__(self, board: Board, gpio: int, freq: int):
        totals = board.edge_totals
        totals.setdefault(gpio, 0)
        base = totals[gpio]
        isr = 0

        # Called more often than anything else here: without ``self``.
        def execute(instruction: int) -> None:
            nonlocal base, isr
            if instruction == MOV_ISR_NOT_X:
                isr = totals[gpio] - base & 0xFFFFFFFF
            elif instruction == MOV_X_NOT_NULL:
                base = totals[gpio]
            elif instruction != PUSH_NOBLOCK:
                raise NotImplementedError(f"edge_counter: exec {instruction:#06x}")

        self.exec = execute
        self.get = lambda: isr

    def active(self, on: int) -> None:
        if not on:
            raise NotImplementedError("edge_counter is never switched off")


class DeadMan:
    """`pump.hal.dead_man.dead_man`: cycles of 1 us.

    Cycles before now have been done; what happens at this very microsecond
    sees what the processor does now.
    """

    FIFO_WORDS = 4
    LOOP = 3  # pull, out, jmp
    RISE = 2  # from the first pull to the pin
    MASK = 0x3FFF

    def __init__(self, board: Board, gpio: int, freq: int):
        if freq != 1_000_000:
            raise ValueError("dead_man is modelled at 1 MHz")
        self._board = board
        self._gpio = gpio
        self._life = board.life
        self._fifo: deque[int] = deque()
        self._is_active = False
        self._is_new = True  # at its first instruction
        self._x: int | None = None  # None: waits for its first word, or has ended
        self._pull_us = 0  # next pull
        self._rise_us = NEVER_US
        self._fall_us = NEVER_US
        self._wake_us = NEVER_US
        board.set_pin(gpio, 0)

    # --- the processor's side

    def active(self, on: int) -> None:
        self._settle()
        if on and not self._is_active:
            if not self._is_new:
                raise NotImplementedError("dead_man is begun anew before it is switched on")
            self._pull_us = self._board.now_us
        self._is_active = bool(on)
        self._plan()

    def restart(self) -> None:
        if self._is_active:
            raise NotImplementedError("dead_man is switched off before it is begun anew")
        self._is_new = True
        self._x = None
        self._rise_us = self._fall_us = NEVER_US

    def exec(self, instruction: int) -> None:
        if instruction == PULL_NOBLOCK:
            if self._fifo:
                self._fifo.popleft()
        elif instruction == SET_PINS_0:
            self._drive(0)
        else:
            raise NotImplementedError(f"dead_man: exec {instruction:#06x}")

    def put(self, word: int) -> None:
        self._settle()
        if len(self._fifo) >= self.FIFO_WORDS:
            raise RuntimeError("put would block: the FIFO is full")
        if self._is_new and not self._fifo and self._pull_us < self._board.now_us:
            self._pull_us = self._board.now_us  # it had been waiting in pull
        self._fifo.append(word)
        self._plan()

    def tx_fifo(self) -> int:
        self._settle()
        return len(self._fifo)

    # --- the program

    def _settle(self) -> None:
        """Do every cycle before now."""
        now_us = self._board.now_us
        if not self._is_active or self._pull_us >= now_us:
            return
        while self._pull_us < now_us and (self._x is not None or self._is_new):
            if self._is_new:
                if not self._fifo:
                    return
                self._is_new = False
                self._x = self._fifo.popleft() & self.MASK
                self._rise_us = self._pull_us + self.RISE
                self._pull_us += self.RISE + 1
            elif self._fifo:
                self._pass(self._fifo.popleft() & self.MASK)
            elif self._x is not None:
                # As many passes as there are before now, but the last of all.
                passes = min(self._x, (now_us - self._pull_us + self.LOOP - 1) // self.LOOP)
                self._x -= passes
                self._pull_us += passes * self.LOOP
                if self._pull_us < now_us:
                    self._pass(self._x)

    def _pass(self, x: int) -> None:
        """Once through the loop; at X = 0 it is left."""
        self._pull_us += self.LOOP
        if x:
            self._x = x - 1
        else:
            self._x = None
            self._fall_us = self._pull_us

    def _plan(self) -> None:
        """Be called when the pin changes next, as far as can be known now."""
        if not self._is_active:
            return
        due_us = min(self._rise_us, self._fall_us)
        if self._is_new:
            if self._fifo:
                due_us = self._pull_us + self.RISE
        elif due_us == NEVER_US and self._x is not None:
            us, x = self._pull_us, self._x
            for word in self._fifo:
                x = word & self.MASK
                if x == 0:
                    break
                x -= 1
                us += self.LOOP
            due_us = us + (x + 1) * self.LOOP
        if due_us < self._wake_us:
            self._wake_us = due_us
            self._board.at(due_us, lambda: self._wake(due_us))

    def _wake(self, us: int) -> None:
        if us == self._wake_us:
            self._wake_us = NEVER_US
        if not self._is_active or self._board.life != self._life:
            return
        self._settle()
        if us >= self._rise_us:
            self._rise_us = NEVER_US
            self._drive(1)
        if us >= self._fall_us:
            self._fall_us = NEVER_US
            if "dead-man" not in self._board.without:
                self._drive(0)
        self._plan()

    def _drive(self, level: int) -> None:
        if self._gpio in self._board.pio_pins:
            self._board.set_pin(self._gpio, level)


MODELS = {
    "step_train": StepTrain,
    "edge_counter": EdgeCounter,
    "reverse_counter": EdgeCounter,
    "dead_man": DeadMan,
}
