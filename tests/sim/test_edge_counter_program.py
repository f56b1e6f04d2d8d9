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
MOV_X_NOT_NULL, MOV_ISR_NOT_X, PUSH_NOBLOCK = 0xA02B, 0xA0C9, 0x8000


def count_by_program(rises: list[int], falls: list[int]) -> int:
    """What `EdgeCounter.new_edges` would read from the program at the end."""
    changes = dict.fromkeys(rises, 1) | dict.fromkeys(falls, 0)
    level, levels = 0, []
    for us in range(max(changes, default=0) + 10):
        level = changes.get(us, level)
        levels.append(level)
    machine = StateMachine(EDGE_COUNTER, levels.__getitem__)
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
