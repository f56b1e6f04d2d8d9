"""The edge counter's PIO program, an instruction a cycle."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pio_interpreter import StateMachine

from host_sim import fakes

fakes.load_application()
STEP_TRAIN = sys.modules["pump.hal.stepper"].step_train
EDGE_COUNTER = sys.modules["pump.hal.edge_counter"].edge_counter
REVERSE_COUNTER = sys.modules["pump.hal.edge_counter"].reverse_counter
MOV_X_NOT_NULL, MOV_ISR_NOT_X, PUSH_NOBLOCK = 0xA02B, 0xA0C9, 0x8000


def levels_of(rises: list[int], falls: list[int], until_us: int) -> list[int]:
    """Level in every microsecond."""
    changes = dict.fromkeys(rises, 1) | dict.fromkeys(falls, 0)
    level, levels = 0, []
    for us in range(until_us):
        level = changes.get(us, level)
        levels.append(level)
    return levels


def count_by_program(rises: list[int], falls: list[int], backward=None) -> int:
    """What `EdgeCounter.new_edges` would read from the program at the end; with
    the levels of a second pin, from that of the backward edges."""
    levels = levels_of(rises, falls, max([*rises, *falls], default=0) + 10)
    if backward is None:
        machine = StateMachine(EDGE_COUNTER, levels.__getitem__)
    else:
        machine = StateMachine(REVERSE_COUNTER, levels.__getitem__, backward.__getitem__)
    machine.execute(MOV_X_NOT_NULL)
    machine.enable(0)
    machine.run_before(len(levels))
    machine.execute(MOV_ISR_NOT_X)
    machine.execute(PUSH_NOBLOCK)
    return machine.received.popleft() & 0x3FFFFFFF


pulses = some.lists(some.tuples(some.integers(2, 30), some.integers(2, 30)), max_size=60)


@pytest.mark.req("L8")
@settings(max_examples=100, deadline=None)
@given(pulses)
def test_the_edge_counter_counts_every_pulse_of_two_microseconds_and_more(widths):
    at, rises, falls = 5, [], []
    for high, low in widths:
        rises.append(at)
        falls.append(at + high)
        at += high + low
    assert count_by_program(rises, falls) == len(widths)


@pytest.mark.req("L8")
def test_the_edge_counter_sees_the_fastest_steps_that_the_program_makes():
    stepper = StateMachine(STEP_TRAIN)
    stepper.put(255)
    stepper.put(255)
    stepper.enable(0)
    stepper.run_before(20_000)
    assert len(stepper.edges) == 510
    assert count_by_program(stepper.edges, stepper.falls) == 510


quarters = some.lists(some.tuples(some.booleans(), some.integers(3, 30)), max_size=60)


@settings(max_examples=100, deadline=None)
@given(quarters)
def test_the_reverse_counter_counts_the_edges_at_which_the_second_channel_is_high(turns):
    """Quadrature: forwards the second channel rises a quarter after the first,
    backwards a quarter before it."""
    at, rises, falls, b_rises, b_falls = 10, [], [], [], []
    for is_backward, quarter_us in turns:
        b_at = at if is_backward else at + 2 * quarter_us
        rises.append(at + quarter_us)
        falls.append(at + 3 * quarter_us)
        b_rises.append(b_at)
        b_falls.append(b_at + 2 * quarter_us)
        at += 5 * quarter_us
    backward = levels_of(b_rises, b_falls, at + 10)
    assert count_by_program(rises, falls) == len(turns)
    assert count_by_program(rises, falls, backward) == sum(turn[0] for turn in turns)
