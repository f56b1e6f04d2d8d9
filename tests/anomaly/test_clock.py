"""The processor's microsecond counter wraps, jumps and drifts: the dose does not.

`ticks_us` wraps every 1074 s; a jump is a fault of the counter.
"""

import pytest
from moments import ORDERED_STEPS, Moment, around, at_every_tick, taken_on, wrong
from pump_bench import TICK_US, Bedside, program, steps_above
from what_if import what_if

from host_sim.board import POWER_ON

WRAP_US = 1 << 30
CAP_UL_H = 120_000
JUMPS_MS = (-500, -100, -20, -15, -11, -10, -9, -5, -1, 1, 5, 9, 10, 11, 15, 20, 100, 500)
LONG_JUMPS_MS = (-500_000, -5_000, 5_000, 500_000)


def wrapping_at(us: int, seed: int = 3) -> Bedside:
    """A board that has just booted, whose counter wraps ``us`` from now."""
    bed = Bedside(seed)
    bed.board.ticks_offset_us = WRAP_US - bed.board.now_us - us
    bed.board.reset(POWER_ON)
    return bed


def edges_after_start(bed: Bedside) -> list[int]:
    """A mL at full rate: START, a ramp of 27 s, the end."""
    bed.start(program((1_200_000, 600), ml=1))
    bed.listen(30)
    # After those of the self-test.
    return [us - bed.start_us for us in bed.edges() if us > bed.start_us]


@pytest.fixture(scope="module")
def without_a_wrap() -> tuple[list[int], int]:
    """The edges of an infusion, and the time from boot to its START."""
    bed = wrapping_at(WRAP_US)
    edges = edges_after_start(bed)
    assert len(edges) == 6400
    return edges, bed.start_us - bed.board.boot_us


@pytest.mark.req("F23")
@pytest.mark.parametrize("place", ["start", "end"])
def test_a_wrap_at_any_tick_changes_no_step(without_a_wrap, place):
    edges, start_us = without_a_wrap
    at_us = start_us - 5 * TICK_US if place == "start" else start_us + edges[-1] - 5 * TICK_US
    for tick in range(25):
        bed = wrapping_at(at_us + tick * TICK_US + tick * 37)
        assert edges_after_start(bed) == edges, tick


@pytest.mark.req("F23")
@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_wrap_at_any_tick_of_a_whole_infusion_changes_no_step(without_a_wrap):
    edges, start_us = without_a_wrap
    for tick in range(-50, edges[-1] // TICK_US + 50):
        assert edges_after_start(wrapping_at(start_us + tick * TICK_US + 1)) == edges, tick


def edges_of_a_step_up(bed: Bedside) -> tuple[list[int], int]:
    bed.start(program((60_000, 600), (120_000, 600), ml=11))
    asked_us = bed.confirm(within_s=650)
    bed.listen(3)
    return bed.edges()[-500:], asked_us - bed.board.boot_us


@pytest.mark.req("F23")
@pytest.mark.nightly
def test_a_wrap_at_a_rung_change_changes_no_step():
    edges, asked_us = edges_of_a_step_up(wrapping_at(WRAP_US))
    for tick in (-2, 1):
        assert edges_of_a_step_up(wrapping_at(asked_us + tick * TICK_US))[0] == edges, tick


@pytest.mark.req("F23")
@pytest.mark.nightly
def test_two_wraps_in_an_hour_change_no_rate():
    bed = Bedside(seed=3).start(program((10_000, 3000), ml=9))
    bed.listen(60)
    steps, us = bed.board.step_edges, bed.board.now_us
    bed.listen(2400)
    delivered = bed.board.step_edges - steps
    assert delivered == pytest.approx((bed.board.now_us - us) * 10_000 / 562_500_000, abs=1)


# --- jumps ---------------------------------------------------------------------------------------


def jump(bed: Bedside, ms: int, phase_us: int) -> None:
    """In the middle of the wait for a tick, or, at phase 0, at its end."""
    bed.fault_at(bed.board.now_us + phase_us, "clock-jump", ms)


@around
@pytest.mark.req("F23")
@pytest.mark.req("L20")
def test_a_jump_at_any_tick_delivers_a_tick_more_at_most(moment: Moment, ticks):
    """10 ms of 120 mL/h are two steps; a counter cannot tell a small jump from time."""
    until_us = moment.bed.board.now_us + ticks * TICK_US + 3_000_000

    def steps_by_then(bed: Bedside) -> int:
        bed.board.run_until(until_us)
        return bed.board.step_edges

    def jumping(bed: Bedside, tick: int) -> tuple[int, int]:
        jump(bed, JUMPS_MS[tick % len(JUMPS_MS)], (0, 4321, 9999)[tick % 3])
        return steps_by_then(bed), bed.board.resets

    most = what_if(lambda: steps_by_then(moment.bed))
    answers = at_every_tick(moment, ticks, jumping)
    assert wrong(answers, lambda answer: answer[0] <= min(most + 3, ORDERED_STEPS)) == []
    assert wrong(answers, lambda answer: answer[1] == 0) == []


@pytest.fixture(scope="module")
def steady() -> Bedside:
    """At its rate, which is its cap."""
    return Bedside(seed=3).start(program((CAP_UL_H, 600), ml=40)).listen(15)


@pytest.mark.req("F23")
@pytest.mark.req("L14")
@pytest.mark.parametrize("ms", JUMPS_MS + LONG_JUMPS_MS)
def test_no_jump_brings_a_burst(steady, ms):
    """A step may come early by less than one period, nothing adds up to two."""

    def fullest(ticks: int, phase_us: int) -> float:
        steady.board.edge_log.clear()
        taken_on(steady, ticks * 0.01)
        jump(steady, ms, phase_us)
        taken_on(steady, 1)
        return steps_above(steady.edges(), CAP_UL_H)

    for ticks in range(3):
        for phase_us in (0, 5000):
            assert what_if(lambda t=ticks, p=phase_us: fullest(t, p)) < 1, (ticks, phase_us)


@pytest.mark.req("F23")
@pytest.mark.req("L3")
@pytest.mark.parametrize("ms", JUMPS_MS + LONG_JUMPS_MS)
def test_stop_works_in_the_tick_of_a_jump(steady, ms):
    def stop(phase_us: int) -> tuple[int, bool]:
        jump(steady, ms, phase_us)
        fed_us = steady.board.now_us + 5000
        steady.send_at(fed_us, b"STOP\n")
        taken_on(steady, 1.5)
        return steady.board.last_edge_us - fed_us, steady.is_enabled()

    for phase_us in (4000, 6000):
        after_us, is_enabled = what_if(lambda p=phase_us: stop(p))
        assert after_us <= 50_000
        assert not is_enabled


@pytest.mark.req("F23")
@pytest.mark.req("L8")
@pytest.mark.parametrize("ms", [-500, -9])
def test_an_order_is_delivered_to_the_step_however_often_the_counter_jumps(ms):
    bed = Bedside(seed=3)
    bed.start(program((1_200_000, 600), ml=1))
    for i in range(20):
        jump(bed, ms, 1_000_000 * i + 4321)
    bed.listen(60)
    assert bed.state() == "COMPLETE"
    assert bed.board.step_edges == 6400


@pytest.mark.req("F23")
@pytest.mark.req("L20")
def test_a_counter_that_gains_ten_seconds_in_twenty_is_a_fault_and_delivers_no_more():
    """The clock chip tells: more than 1 % is a fault."""
    bed = Bedside(seed=3)
    bed.start(program((1_200_000, 600), ml=1))
    for i in range(20):
        jump(bed, 500, 1_000_000 * i + 4321)
    bed.listen(60)
    assert bed.state() == "FAULT"
    assert "CLOCK_FAULT" in bed.alarms()
    assert not bed.is_enabled()
    assert 0 < bed.board.step_edges <= 6400


@pytest.mark.req("F23")
def test_a_counter_that_is_one_percent_fast_gives_one_percent_more_and_no_burst():
    bed = Bedside(seed=3).start(program((CAP_UL_H, 600), ml=40)).listen(15)
    began_us, before = bed.board.now_us, bed.board.step_edges
    bed.board.edge_log.clear()
    bed.fault("clock-drift", 1)
    bed.board.run_until(began_us + 10_000_000)
    expected = 10 * CAP_UL_H / 562_500
    delivered = bed.board.step_edges - before
    assert expected * 1000 <= delivered * 1000 + 2000
    assert delivered <= 1.011 * expected * 1000 + 3


def test_the_moments_are_what_they_are_called(moment):
    """START, a step up, or the end, within half a second."""
    expected = {
        "start": ("READY", "0", "INFUSING", "0"),
        "rung change": ("INFUSING", "0", "INFUSING", "1"),
        "end": ("INFUSING", "1", "COMPLETE", "1"),
    }

    def lived(bed: Bedside) -> tuple[str, ...]:
        before = bed.client.status()
        taken_on(bed, 0.5)
        after = bed.client.status()
        return before["state"], before["rung"], after["state"], after["rung"]

    assert what_if(lambda: lived(moment.bed)) == expected[moment.name]
