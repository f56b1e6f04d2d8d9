"""One thing goes wrong at one tick, for every tick around START, a rung change and the end."""

import pytest
from moments import LEAD_TICKS, ORDERED_STEPS, around, at_every_tick, taken_on, wrong
from pump_bench import Bedside
from what_if import WhatIfFailed, what_if

from host_sim.client import frame
from pump.hal import pinout

SENSORS = (pinout.PRESSURE_DOWN, pinout.PRESSURE_UP)
NO_PRESSURES = (0, 4095)


@around
@pytest.mark.req("F34")
@pytest.mark.req("L7")
def test_after_a_reset_at_any_tick_nothing_moves(moment, ticks):
    def reset(bed: Bedside, tick: int) -> tuple[int, bool, str]:
        # Without what the self-test pulses while the driver is off.
        before = bed.board.forward_edges
        bed.fault("reset" if tick % 2 else "power-cut")
        taken_on(bed, 9)  # power stays away for two seconds, a self-test takes five
        return bed.board.forward_edges - before, bed.is_enabled(), bed.state()

    answers = at_every_tick(moment, ticks, reset)
    # A session that was open is latched; before START and after the end there is none.
    states = {"start": {"IDLE"}, "end": {"IDLE", "COMPLETE"}}.get(moment.name, set())
    states |= {"ALARM_STOPPED"}
    assert wrong(answers, lambda a: a[:2] == (0, False) and a[2] in states) == []
    if moment.name == "start":
        assert answers[LEAD_TICKS // 2][1][2] == "IDLE"
    if moment.name != "end":  # there, what may have been delivered is all
        assert answers[-1][1][2] == "ALARM_STOPPED"


@around
@pytest.mark.req("L6")
def test_a_processor_that_dies_at_any_tick_leaves_60_ms_and_20_ul_at_most(moment, ticks):
    def die(bed: Bedside, tick: int) -> tuple[int, int]:
        died_us, before = bed.board.now_us, bed.board.step_edges
        bed.fault("cpu-hang")
        taken_on(bed, 0.5)
        return bed.board.last_edge_us - died_us, bed.board.step_edges - before

    answers = at_every_tick(moment, ticks, die)
    assert wrong(answers, lambda answer: answer[0] <= 60_000 and answer[1] <= 128) == []


@around
@pytest.mark.req("L3")
def test_stop_at_any_tick_stops(moment, ticks):
    def stop(bed: Bedside, tick: int) -> tuple[bool, bool, bool]:
        fed_us = bed.board.now_us
        bed.board.usb.host_write(b"\nSTOP\n")
        taken_on(bed, 0.08)
        before = bed.board.step_edges
        was_late = bed.board.last_edge_us - fed_us > 50_000
        taken_on(bed, 1)
        return was_late, bed.is_enabled(), bed.board.step_edges > before

    def right(answer: tuple[bool, bool, bool]) -> bool:
        return answer == (False, False, False)

    answers = at_every_tick(moment, ticks, stop)
    if moment.name == "start":
        # A START that comes after the STOP is a START.
        answers = [answer for answer in answers if answer[0] >= 10]
    assert wrong(answers, right) == []


# --- sensors -----------------------------------------------------------------------------------


def stick(bed: Bedside, gpio: int, count: int | None) -> None:
    bed.board.stuck_counts[gpio] = count


def motion(bed: Bedside, until_us: int) -> tuple[int, int]:
    bed.board.run_until(until_us)
    return bed.board.step_edges, bed.board.edge_digest


@around
@pytest.mark.req("F31")
@pytest.mark.req("F10")
def test_one_reading_that_fails_at_any_tick_changes_no_step(moment, ticks):
    """Either pressure out of range, or air: one reading is not an alarm yet,
    and never more motion."""
    until_us = moment.bed.board.now_us + ticks * 10_000 + 1_000_000
    undisturbed = what_if(lambda: motion(moment.bed, until_us))
    nothing = (moment.bed.board.step_edges, moment.bed.board.edge_digest)

    def fail(bed: Bedside, tick: int) -> tuple[int, int]:
        sensor = (*SENSORS, None)[tick % 3]
        if sensor is None:
            bed.board.levels[pinout.FLUID] = 0  # until the line is looked at again
            bed.board.run_tick()
        else:
            stick(bed, sensor, NO_PRESSURES[tick // 3 % 2])
            bed.board.run_tick()
            stick(bed, sensor, None)
        return motion(bed, until_us)

    answers = at_every_tick(moment, ticks, fail)
    refused = [tick for tick, answer in answers if answer == nothing != undisturbed]
    # In the tick of a bad reading, and in the next, a START is refused: whether a
    # session may be opened is judged as things were in the step before.
    assert len(refused) <= 2 * (moment.name == "start")
    assert wrong(answers, lambda answer: answer in (undisturbed, nothing)) == []


@pytest.mark.req("F31")
@pytest.mark.req("L19")
@pytest.mark.parametrize("gpio", SENSORS)
@pytest.mark.parametrize("ticks_later", [0, 1, 2])
def test_a_start_at_a_bad_reading_is_refused_or_opens_a_session(before_start, gpio, ticks_later):
    """In the tick after it the reading is good again, and no session was opened."""
    bed = before_start
    start = frame(f"{int(bed.client.status()['last_seq']) + 1} START")
    stick(bed, gpio, 0)
    if ticks_later == 0:
        bed.board.usb.host_write(start)
    bed.board.run_tick()
    stick(bed, gpio, None)
    if ticks_later:
        for _ in range(ticks_later - 1):
            bed.board.run_tick()
        bed.board.usb.host_write(start)
    taken_on(bed, 2)
    is_started = ticks_later == 2
    assert bed.state() == ("INFUSING" if is_started else "READY")
    assert (bed.board.step_edges > 0) == is_started
    assert bed.is_enabled() == is_started


@around
@pytest.mark.req("F31")
@pytest.mark.req("L4")
def test_a_sensor_that_goes_at_any_tick_has_stopped_the_motor_100_ms_later(moment, ticks):
    def go(bed: Bedside, tick: int) -> tuple[int, bool]:
        gone_us = bed.board.now_us
        stick(bed, SENSORS[tick % 2], NO_PRESSURES[tick // 2 % 2])
        taken_on(bed, 1)
        return bed.board.last_edge_us - gone_us, bed.is_enabled()

    answers = at_every_tick(moment, ticks, go)
    assert wrong(answers, lambda answer: answer[0] <= 100_000 and not answer[1]) == []


@around
@pytest.mark.req("F31")
@pytest.mark.req("L5")
def test_a_door_that_rattles_for_one_reading_at_any_tick_stops(moment, ticks):
    def rattle(bed: Bedside, tick: int) -> tuple[bool, bool, bool]:
        open_us, was_enabled = bed.board.now_us, bed.is_enabled()
        bed.board.open_door(True)
        bed.board.run_tick()
        bed.board.open_door(False)
        taken_on(bed, 1)
        return was_enabled, bed.board.last_edge_us - open_us <= 50_000, bed.is_enabled()

    answers = [answer for answer in at_every_tick(moment, ticks, rattle) if answer[1][0]]
    assert answers
    assert wrong(answers, lambda answer: answer == (True, True, False)) == []


@around
@pytest.mark.req("L8")
@pytest.mark.req("F33")
def test_a_late_tick_anywhere_never_delivers_more(moment, ticks):
    until_us = moment.bed.board.now_us + ticks * 10_000 + 1_000_000
    most = what_if(lambda: motion(moment.bed, until_us))[0]

    def late(bed: Bedside, tick: int) -> tuple[int, int]:
        bed.fault("flash-stall", (4, 15, 25, 40, 400)[tick % 5])
        return motion(bed, until_us)[0], bed.board.resets

    answers = at_every_tick(moment, ticks, late)
    assert most <= ORDERED_STEPS
    # One step, since the last one may be due in the very tick of the end.
    assert wrong(answers, lambda answer: answer[0] <= most + 1 and answer[1] == 0) == []
    if moment.name == "end":
        # Later than 20 ms, and the dead-man ends delivery.
        assert {steps for tick, (steps, _) in answers if tick % 5 < 2} == {ORDERED_STEPS}


def test_a_copy_that_raises_is_a_failure_here(before_start):
    """What every test above rests on."""

    def broken() -> None:
        before_start.board.application.usb._readinto = None
        before_start.board.usb.host_write(b"x\n")
        taken_on(before_start, 1)

    with pytest.raises(WhatIfFailed, match="TypeError"):
        what_if(broken)


def test_what_a_copy_does_is_not_seen_here(before_start):
    before = before_start.board.now_us
    what_if(lambda: taken_on(before_start, 5) and None)
    assert before_start.board.now_us == before
