"""F35: powered and not turning; turning while disabled; STEP left high."""

import pytest
from fault_bench import DEAD_MS, NEVER
from pump_bench import Bedside

from pump.hal import pinout

TWO_WINDOWS_MS = 4050
# Counts that a shaft may show while it settles, and what it takes to show three.
AT_REST = {"PAUSED": ("PAUSE",), "HOLD": ("HOLD",), "STOPPED": ()}


def at_rest(bed: Bedside, state: str) -> None:
    for verb in AT_REST[state]:
        bed.client.request(verb)
    if state == "STOPPED":
        bed.client.stop()
    bed.listen(1)


@pytest.mark.req("F35", "L8")
def test_powered_and_not_turning_is_off_within_two_windows(pump):
    seen = pump.after("motor-stall", 6)
    assert seen.names() == ["FLOW_DEVIATION"]
    assert seen.last_ms <= TWO_WINDOWS_MS
    assert (seen.state, seen.is_enabled) == ("ALARM_STOPPED", False)


@pytest.mark.req("F35", "L14")
@pytest.mark.parametrize("state", ("PAUSED", "STOPPED"))
def test_turning_while_disabled_is_a_fault(pump, state):
    def creep(bed: Bedside) -> None:
        at_rest(bed, state)
        bed.fault("motor-creep")

    # 30 steps a second are 7.5 counts: three of them in 0.4 s.
    seen = pump.when(creep, 4)
    assert "MOTOR_FAULT" in seen.names()
    assert seen.told_ms("MOTOR_FAULT") <= 1000 + 600
    assert (seen.state, seen.is_enabled) == ("FAULT", False)
    assert max(seen.sound_ms, seen.red_ms) <= 1000 + 600


@pytest.mark.req("F35", "L14")
@pytest.mark.parametrize("state", ("PAUSED", "STOPPED"))
def test_an_enable_that_is_high_unasked_is_a_fault_at_once(pump, state):
    def short(bed: Bedside) -> None:
        at_rest(bed, state)
        bed.fault("enable-stuck-high")

    seen = pump.when(short, 1.5)
    assert {"MOTOR_FAULT", "GUARD_TRIP"} & set(seen.names())
    assert seen.red_ms <= 1000 + DEAD_MS
    assert seen.steps == 0 or seen.last_ms <= 50  # those before the pause


@pytest.mark.req("F35", "L6")
def test_an_enable_that_is_shorted_low_is_told_and_nothing_turns(pump):
    seen = pump.after("enable-stuck-low", 3)
    assert seen.names() == ["MOTOR_CUT_OFF"]
    assert seen.last_ms <= 1
    assert seen.red_ms <= DEAD_MS


@pytest.mark.req("F35", "L14", "L8")
@pytest.mark.parametrize("level", (0, 1))
def test_a_step_that_is_shorted_to_a_level_is_off_within_two_windows(pump, level):
    """STEP left high or low: no edge comes out, whatever the program does."""

    def short(bed: Bedside) -> None:
        board = bed.board
        board.pio_pins.discard(pinout.STEP)
        board.hold_pin(pinout.STEP, level)

    seen = pump.when(short, 6)
    assert seen.names()[0] in {"FLOW_DEVIATION", "GUARD_TRIP"}
    assert seen.steps <= 1
    assert seen.off_ms <= TWO_WINDOWS_MS
    assert not seen.is_enabled


@pytest.mark.req("F35", "L14")
@pytest.mark.parametrize("state", ("INFUSING", "HOLD"))
def test_a_shaft_that_is_turned_by_something_else_is_a_fault(pump, state):
    """Steps that nobody granted: the encoder runs ahead of STEP."""

    def turn(bed: Bedside) -> None:
        if state == "HOLD":
            at_rest(bed, state)

        def push() -> None:
            bed.board.turn_motor(4)
            bed.board.at(bed.board.now_us + 10_000, push)

        push()

    seen = pump.when(turn, 6)
    assert {"FLOW_DEVIATION", "MOTOR_FAULT", "GUARD_TRIP"} & set(seen.names())
    assert not seen.is_enabled
    assert seen.off_ms <= TWO_WINDOWS_MS + 1000
    assert seen.red_ms < NEVER


@pytest.mark.req("F35")
def test_a_motor_at_rest_is_no_fault(pump):
    def rest(bed: Bedside) -> None:
        at_rest(bed, "PAUSED")

    assert pump.when(rest, 30).names() == []
