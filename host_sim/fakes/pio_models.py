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
            if end_us > until_us or not self._fifo:
                return edges
            word = self._fifo.popleft()
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
    """`pump.hal.edge_counter.edge_counter`: X counts down, once an edge."""

    def __init__(self, board: Board, gpio: int, freq: int):
        self._totals = board.edge_totals
        self._gpio = gpio
        self._totals.setdefault(gpio, 0)
        self._base = self._totals[gpio]
        self._isr = 0

    def active(self, on: int) -> None:
        if not on:
            raise NotImplementedError("edge_counter is never switched off")

    def exec(self, instruction: int) -> None:
        if instruction == MOV_ISR_NOT_X:
            self._isr = self._totals[self._gpio] - self._base & 0xFFFFFFFF
        elif instruction == MOV_X_NOT_NULL:
            self._base = self._totals[self._gpio]
        elif instruction != PUSH_NOBLOCK:
            raise NotImplementedError(f"edge_counter: exec {instruction:#06x}")

    def get(self) -> int:
        return self._isr


MODELS = {"step_train": StepTrain, "edge_counter": EdgeCounter}
