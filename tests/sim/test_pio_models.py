"""The simulator's state machines do what the firmware's PIO programs do.

The programs are the assembled ones of `pump.hal`, run an instruction a cycle
by `pio_interpreter`; the models of `host_sim.fakes.pio_models`, which run a
word at a time, must agree with it to the microsecond.
"""

import sys
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some
from pio_interpreter import FIFO_WORDS, StateMachine

from host_sim import fakes
from host_sim.board import Board
from host_sim.fakes import pio_models

fakes.load_application()
STEP_TRAIN = sys.modules["pump.hal.stepper"].step_train
EDGE_COUNTER = sys.modules["pump.hal.edge_counter"].edge_counter
REVERSE_COUNTER = sys.modules["pump.hal.edge_counter"].reverse_counter
DEAD_MAN = sys.modules["pump.hal.dead_man"].dead_man
CLOCK_HZ = 1_000_000
PULL_NOBLOCK, SET_PINS_0 = 0x8080, 0xE000
MOV_X_NOT_NULL, MOV_ISR_NOT_X, PUSH_NOBLOCK = 0xA02B, 0xA0C9, 0x8000


class Bench:
    """What a model needs of a board."""

    def __init__(self):
        self.now_us = 0
        self.edges: list[int] = []
        self.model = None

    def log_edges(self, first_us: int, n: int, period_us: int) -> None:
        self.edges += [first_us + i * period_us for i in range(n)]

    def take_edges(self) -> None:
        self.model.run(self.now_us)


class Both:
    """The model and the interpreted program, given the same at the same time."""

    def __init__(self):
        self.bench = Bench()
        self.model = self.bench.model = pio_models.StepTrain(self.bench, 2, CLOCK_HZ)
        self.machine = StateMachine(STEP_TRAIN)

    def go(self, us: int) -> None:
        self.bench.now_us += us
        self.bench.take_edges()
        self.machine.run_before(self.bench.now_us)

    def put(self, word: int) -> None:
        if self.model.tx_fifo() < FIFO_WORDS and len(self.machine.fifo) < FIFO_WORDS:
            self.model.put(word)
            self.machine.put(word)

    def enable(self) -> None:
        self.model.active(1)
        self.machine.enable(self.bench.now_us)

    def stop(self) -> None:
        """As `Stepper.stop` does.  What a cycle at this very microsecond does
        counts as before the stop, on both sides."""
        self.model.active(0)
        self.machine.run_before(self.bench.now_us + 1)
        self.machine.disable()
        while self.model.tx_fifo():
            self.model.exec(PULL_NOBLOCK)
        while self.machine.fifo:
            self.machine.execute(PULL_NOBLOCK)
        self.model.restart()
        self.machine.restart()
        self.model.exec(SET_PINS_0)
        self.machine.execute(SET_PINS_0)

    def finish(self) -> tuple[list[int], list[int]]:
        self.go(5_000_000 - self.bench.now_us)
        return self.bench.edges, self.machine.edges


words = some.builds(
    lambda steps, gap: steps | gap << 8,
    some.one_of(some.integers(0, 3), some.integers(0, 255)),
    some.one_of(some.integers(0, 30), some.integers(0, 2500)),
)
actions = some.one_of(
    some.tuples(some.just("put"), words),
    some.tuples(some.just("put"), words),
    some.tuples(some.just("go"), some.integers(0, 40)),
    some.tuples(some.just("go"), some.integers(0, 20_000)),
    some.tuples(some.just("stop"), some.none()),
    some.tuples(some.just("enable"), some.none()),
)


def test_a_word_of_three_steps_by_hand():
    """pull, out, mov, mov: 4 cycles; the gap of 10: 11; jmp: 1; so the first
    edge is in cycle 16 and the next follow after gap + 11."""
    machine = StateMachine(STEP_TRAIN)
    machine.put(3 | 10 << 8)
    machine.enable(0)
    machine.run_before(1000)
    assert machine.edges == [16, 37, 58]
    assert machine.falls == [20, 41, 62]


@settings(max_examples=300, deadline=None)
@given(some.lists(actions, max_size=30))
@example([("enable", None), ("put", 5 | 3 << 8), ("go", 13), ("stop", None), ("put", 1)])
@example([("put", 1), ("enable", None), ("go", 5), ("put", 0), ("put", 2), ("put", 1)])
def test_the_step_model_agrees_with_the_program_to_the_microsecond(script):
    both = Both()
    for action, value in script:
        getattr(both, action)(*([] if value is None else [value]))
    by_model, by_program = both.finish()
    assert by_model == by_program


@settings(max_examples=100, deadline=None)
@given(some.lists(words, min_size=1, max_size=4), some.lists(some.integers(1, 9000), max_size=20))
def test_when_somebody_looks_at_the_model_does_not_change_its_edges(fed, looks):
    quiet, watched = Both(), Both()
    for both in (quiet, watched):
        both.enable()
        for word in fed:
            both.put(word)
    for us in looks:
        watched.go(us)
    assert watched.finish()[0] == quiet.finish()[0]


def test_a_word_that_nobody_follows_is_never_repeated():
    both = Both()
    both.enable()
    both.put(4 | 100 << 8)
    by_model, by_program = both.finish()
    assert len(by_model) == len(by_program) == 4


def test_a_stop_inside_a_pulse_leaves_the_pin_low():
    for us in range(40):
        machine = StateMachine(STEP_TRAIN)
        machine.put(2 | 3 << 8)
        machine.enable(0)
        machine.run_before(us)
        machine.disable()
        machine.restart()
        machine.execute(SET_PINS_0)
        assert machine.pin == 0


def test_the_stepper_constants_are_those_of_the_program():
    """Edge to edge, word to first edge, last edge to next word, pure delay."""
    machine = StateMachine(STEP_TRAIN)
    for word in (2 | 7 << 8, 5 << 8, 1 | 0 << 8):
        machine.put(word)
    machine.enable(0)
    machine.run_before(1000)
    model = pio_models.StepTrain
    first, second, third = machine.edges
    assert second - first == 7 + model.PERIOD
    assert first == 7 + model.PERIOD + model.FIRST
    end = second + model.TAIL + 5 + model.DELAY
    assert third == end + 0 + model.PERIOD + model.FIRST


def test_the_programs_of_each_block_fit_into_its_instruction_memory():
    """32 instructions each; state machines 0 to 3 are block 0."""
    block_0 = (STEP_TRAIN, EDGE_COUNTER, DEAD_MAN)
    block_1 = (EDGE_COUNTER, REVERSE_COUNTER)
    for programs in (block_0, block_1):
        assert sum(len(program.instructions) for program in programs) <= 32


# --- the dead-man -------------------------------------------------------------------------


class BothDeadMen:
    """The dead-man's model and its program, given the same at the same time."""

    def __init__(self):
        self.life = self.now_us = 0
        self.without = frozenset()
        self.pio_pins = {4}
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self.by_model: list[tuple[int, int]] = []
        self._level = 0
        self.model = pio_models.DeadMan(self, 4, CLOCK_HZ)
        self.machine = StateMachine(DEAD_MAN)

    # What the model needs of a board.

    def at(self, us: int, action) -> None:
        self._events.append((us, len(self._events), action))

    def set_pin(self, _gpio: int, level: int) -> None:
        if level != self._level:
            self._level = level
            self.by_model.append((self.now_us, level))

    # What the processor does.

    def go(self, us: int) -> None:
        """Everything before the new now; what falls on it is yet to come."""
        until_us = self.now_us + us
        while due := [event for event in self._events if event[0] < until_us]:
            event = min(due)
            self._events.remove(event)
            self.now_us = event[0]
            event[2]()
        self.now_us = until_us
        self.machine.run_before(until_us)

    def put(self, word: int) -> None:
        assert self.model.tx_fifo() == len(self.machine.fifo)
        if self.model.tx_fifo() < FIFO_WORDS:
            self.model.put(word)
            self.machine.put(word)

    def enable(self) -> None:
        if not self.machine.is_enabled:
            self.model.active(1)
            self.machine.enable(self.now_us)

    def drop(self) -> None:
        """As `DeadMan.drop` does."""
        self.model.active(0)
        self.machine.disable()
        self.model.exec(SET_PINS_0)
        self.machine.cycle = self.now_us
        self.machine.execute(SET_PINS_0)
        while self.model.tx_fifo():
            self.model.exec(PULL_NOBLOCK)
        while self.machine.fifo:
            self.machine.execute(PULL_NOBLOCK)
        self.model.restart()
        self.machine.restart()

    def by_program(self) -> list[tuple[int, int]]:
        return sorted(
            [(us, 1) for us in self.machine.edges] + [(us, 0) for us in self.machine.falls]
        )


ttl = some.one_of(some.integers(0, 3), some.integers(0, 400), some.integers(0, 0xFFFFFFFF))
life = some.one_of(
    some.tuples(some.just("put"), ttl),
    some.tuples(some.just("put"), some.integers(100, 400)),
    some.tuples(some.just("go"), some.integers(0, 12)),
    some.tuples(some.just("go"), some.integers(0, 1500)),
    some.tuples(some.just("enable"), some.none()),
    some.tuples(some.just("drop"), some.none()),
)


@pytest.mark.req("L6")
@settings(max_examples=300, deadline=None)
@given(some.lists(life, max_size=30))
@example([("put", 0), ("enable", None), ("go", 9)])
@example([("enable", None), ("put", 2), ("put", 0), ("put", 5), ("go", 30), ("put", 1)])
@example([("put", 90), ("enable", None), ("go", 4), ("put", 1), ("go", 20), ("drop", None)])
def test_the_dead_mans_model_agrees_with_its_program_to_the_microsecond(script):
    both = BothDeadMen()
    for action, value in script:
        getattr(both, action)(*([] if value is None else [value]))
    both.go(150_000)
    assert both.by_model == both.by_program()


@pytest.mark.req("L6")
@pytest.mark.parametrize("word", [0, 1, 11_000, 0x3FFF])
def test_one_word_keeps_enable_high_for_three_microseconds_a_loop_and_no_longer(word):
    """pull, out, set: high in cycle 2; then word + 1 loops of three cycles."""
    machine = StateMachine(DEAD_MAN)
    machine.put(word)
    machine.enable(0)
    machine.run_before(200_000)
    assert machine.edges == [2]
    assert machine.falls == [2 + 1 + 3 * (word + 1)]


@pytest.mark.req("L6")
@settings(max_examples=50, deadline=None)
@given(some.integers(0, 0xFFFFFFFF))
def test_no_word_whatever_its_bits_keeps_enable_high_for_more_than_50_ms(word):
    machine = StateMachine(DEAD_MAN)
    machine.put(word)
    machine.enable(0)
    machine.run_before(60_000)
    assert machine.pin == 0
    assert machine.falls[0] < 50_000


@pytest.mark.req("L6")
def test_words_that_come_too_late_do_not_raise_enable_again():
    machine = StateMachine(DEAD_MAN)
    machine.put(100)
    machine.enable(0)
    machine.run_before(1000)
    for _ in range(FIFO_WORDS):
        machine.put(1000)
    machine.run_before(20_000)
    assert machine.pin == 0
    assert len(machine.edges) == 1
    assert len(machine.fifo) == FIFO_WORDS


def test_the_counter_model_counts_edges_since_it_was_made():
    board = Board()
    board.edge_totals[2] = 17
    counter = pio_models.EdgeCounter(board, 2, CLOCK_HZ)
    counter.exec(MOV_X_NOT_NULL)
    counter.active(1)
    board.edge_totals[2] += 5
    counter.exec(MOV_ISR_NOT_X)
    counter.exec(PUSH_NOBLOCK)
    assert counter.get() == 5


# --- the whole firmware on the interpreted program ----------------------------------------


class InterpretedStepTrain:
    """The model's interface over the interpreter, so that a board can have it."""

    def __init__(self, board, gpio: int, freq: int):
        assert freq == CLOCK_HZ
        self._board = board
        self._machine = StateMachine(STEP_TRAIN)
        self._taken = 0
        InterpretedStepTrain.newest = self
        self.restart = self._machine.restart
        self.exec = self._machine.execute
        self.put = self._machine.put

    def tx_fifo(self) -> int:
        return len(self._machine.fifo)

    def level(self) -> int:
        """Of the STEP pin, now."""
        self._board.take_edges()
        return self._machine.pin

    def active(self, on: int) -> None:
        self._board.take_edges()
        if on:
            self._machine.enable(self._board.now_us)
        else:
            self._machine.disable()

    def run(self, until_us: int) -> int:
        self._machine.run_before(until_us + 1)
        new = self._machine.edges[self._taken :]
        self._taken += len(new)
        for us in new:
            self._board.log_edges(us, 1, 0)
        return len(new)


@pytest.mark.req("L8")
@pytest.mark.parametrize("rate_ul_h", [60_000, 1_200_000])
def test_an_infusion_has_the_same_edges_on_the_model_and_on_the_program(monkeypatch, rate_ul_h):
    from pump_bench import Bedside, program

    def first_minute() -> list[int]:
        bed = Bedside().start(program((rate_ul_h, 600), ml=60 if rate_ul_h > 100_000 else 4))
        for seconds in (20, 0.013, 3, 0.4):
            bed.listen(seconds)
            bed.board.stall_us = 15_000
        bed.client.request("PAUSE")
        bed.client.request("RESUME")
        bed.send_at(bed.board.now_us + 8_000_123, b"STOP\n")
        return bed.listen(10).edges()

    by_model = first_minute()
    monkeypatch.setitem(pio_models.MODELS, "step_train", InterpretedStepTrain)
    by_program = first_minute()
    assert len(by_model) > 300
    # The processor's actions fall between two cycles: a put that ends a wait is
    # seen in the same cycle by the model, in the next one by the program here.
    assert len(by_model) == len(by_program)
    assert max(abs(a - b) for a, b in zip(by_model, by_program, strict=True)) <= 1
    assert all(later > earlier for earlier, later in pairwise(by_model))


@pytest.mark.req("L3")
@pytest.mark.req("F35")
def test_a_stop_that_comes_inside_a_step_pulse_leaves_the_pin_low(monkeypatch):
    from pump_bench import Bedside, program

    monkeypatch.setitem(pio_models.MODELS, "step_train", InterpretedStepTrain)
    bed = Bedside().start(program((1_200_000, 600), ml=60)).listen(20)
    motor = InterpretedStepTrain.newest
    for _ in range(3):
        bed.wait_for(lambda: motor.level() == 1, 60)
        bed.link.write(b"STOP\n")
        bed.board.run_tick()
        assert motor.level() == 0
        assert not bed.is_enabled()
        bed.client.hello()
        bed.client.request("RESET")
        bed.client.request("RESUME")
        bed.listen(5)
