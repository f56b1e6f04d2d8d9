"""STEP edges: how evenly they come, how many, and what a dead or late processor leaves.

Through the whole pump: programmed and started over its serial line.
"""

from itertools import pairwise

import pytest
from pump_bench import STEP_ULH_US, STEPS_PER_UL, TICK_US, Bedside, program, steps_above

RATES = (100, 1000, 35_000, 350_000, 1_200_000)
LATE_MS = (5, 15, 25, 40, 400)


def at_rate(rate_ul_h: int) -> Bedside:
    """A pump that has reached ``rate_ul_h`` on its first rung."""
    # The second rung keeps a slow order within six hours.
    rungs = ((rate_ul_h, 600),) if rate_ul_h >= 10_000 else ((rate_ul_h, 600), (60_000, 600))
    bed = Bedside().start(program(*rungs, ml=60 if rate_ul_h > 100_000 else 10))
    return bed.listen(rate_ul_h / 10_000 + 1 + STEP_ULH_US / rate_ul_h / 1e6)


def steady(rate_ul_h: int) -> list[int]:
    """Edges of a minute and of ten steps at least, all of them at the rate."""
    bed = at_rate(rate_ul_h)
    began_us = bed.board.now_us
    bed.listen(max(60, 10.5 * STEP_ULH_US / rate_ul_h / 1e6))
    return [us for us in bed.edges() if us > began_us]


@pytest.mark.req("L8")
@pytest.mark.parametrize("rate_ul_h", RATES)
def test_steps_are_evenly_spaced_at_a_steady_rate(rate_ul_h):
    """To 3 us: whole microseconds on either side, and a word's rounding."""
    period_us = STEP_ULH_US / rate_ul_h
    edges = steady(rate_ul_h)
    assert len(edges) >= 10
    assert max(abs(later - earlier - period_us) for earlier, later in pairwise(edges)) < 3


@pytest.mark.req("L8")
@pytest.mark.parametrize("rate_ul_h", RATES)
def test_the_rate_is_exact_in_the_long_term(rate_ul_h):
    """The n-th edge stands where the n-th step is due: a word of up to 22
    steps rounds each gap down to a microsecond, and the next makes up for it."""
    period_us = STEP_ULH_US / rate_ul_h
    first, *edges = steady(rate_ul_h)
    worst = max(abs(us - first - n * period_us) for n, us in enumerate(edges, 1))
    assert worst <= 22


@pytest.mark.req("L1")
@pytest.mark.parametrize("rate_ul_h", (350_000, 1_200_000))
@pytest.mark.parametrize("late_ms", (2, 5, 8))
def test_a_tick_that_is_late_by_less_than_the_lead_leaves_no_gap(rate_ul_h, late_ms):
    bed = at_rate(rate_ul_h)
    began_us = bed.board.now_us
    for tick in range(50):
        bed.fault("flash-stall", late_ms)
        bed.board.run_until(began_us + (tick + 1) * 130_000)
    edges = [us for us in bed.edges() if us > began_us]
    longest = max(later - earlier for earlier, later in pairwise(edges))
    assert longest < 1.1 * STEP_ULH_US / rate_ul_h


@pytest.mark.req("L8")
@pytest.mark.parametrize("rate_ul_h", (35_000, 1_200_000))
def test_a_loop_that_is_late_by_fractions_of_a_millisecond_delivers_the_same(rate_ul_h):
    even, uneven = at_rate(rate_ul_h), at_rate(rate_ul_h)
    began_us = even.board.now_us
    for tick in range(3000):
        uneven.board.stall_us = tick * 617 % 2000
        uneven.board.run_tick()
    even.board.run_until(began_us + 31_000_000)
    until_us = uneven.board.now_us - 10_000
    by_even, by_uneven = (
        sum(began_us < us <= until_us for us in bed.edges()) for bed in (even, uneven)
    )
    assert abs(by_even - by_uneven) <= 1 + rate_ul_h * 2 / STEP_ULH_US * 1000


@pytest.mark.req("L20")
def test_ticks_that_were_missed_are_not_run_one_after_the_other():
    bed = at_rate(60_000)
    bed.fault("flash-stall", 400)
    bed.board.run_tick()
    began_us = bed.board.now_us
    for _ in range(40):
        bed.board.run_tick()
    assert bed.board.now_us - began_us >= 35 * TICK_US


@pytest.mark.req("L14")
@pytest.mark.parametrize("rate_ul_h", (35_000, 60_000, 100_000, 200_000, 350_000, 1_200_000))
@pytest.mark.parametrize("late_ms", (2, 5, 8, 10, 12, 15, 20))
def test_no_window_around_late_ticks_holds_more_than_the_cap(rate_ul_h, late_ms):
    """A word of up to 43 steps makes each gap a microsecond or two shorter."""
    bed = at_rate(rate_ul_h)
    began_us = bed.board.now_us
    for tick in range(30):
        bed.fault("flash-stall", late_ms)
        bed.board.run_until(began_us + (tick + 1) * 733_000)
    edges = [us for us in bed.edges() if us > began_us]
    assert len(edges) > 1000
    assert steps_above(edges, rate_ul_h) * STEP_ULH_US / rate_ul_h <= 100


@pytest.mark.req("L14")
@pytest.mark.parametrize("rate_ul_h", (35_000, 60_000, 350_000, 1_200_000))
def test_no_window_of_a_ramp_and_a_plateau_holds_more_than_the_cap(rate_ul_h):
    """The cap is the plateau's rate.  A word of 22 steps may end 22 us early."""
    bed = at_rate(rate_ul_h).listen(30)
    period_us = STEP_ULH_US / rate_ul_h
    assert steps_above(bed.edges(), rate_ul_h) * period_us <= 25


@pytest.mark.req("L6")
@pytest.mark.parametrize("rate_ul_h", RATES)
def test_a_dead_processor_leaves_60_ms_and_20_ul_at_most(rate_ul_h):
    for phase_us in range(0, TICK_US, 1700):
        bed = at_rate(rate_ul_h)
        dead_us = bed.board.now_us + phase_us
        bed.fault_at(dead_us, "cpu-hang")
        before = bed.board.step_edges
        bed.board.run_until(dead_us)
        at_death = bed.board.step_edges
        bed.board.run_until(dead_us + 900_000)
        assert bed.board.step_edges >= before
        assert bed.board.last_edge_us - dead_us <= 60_000
        assert (bed.board.step_edges - at_death) / STEPS_PER_UL <= 20
        assert bed.board.step_edges > 0


@pytest.mark.req("L6")
@pytest.mark.parametrize("late_ms", LATE_MS)
def test_a_late_tick_does_not_lengthen_what_a_dead_processor_leaves(late_ms):
    bed = at_rate(1_200_000)
    for ticks in range(1, 8):
        bed.fault("flash-stall", late_ms)
        for _ in range(ticks):
            bed.board.run_tick()
        dead_us, at_death = bed.board.now_us, bed.board.step_edges
        bed.fault("cpu-hang")
        bed.board.run_until(dead_us + 500_000)
        assert bed.board.last_edge_us - dead_us <= 60_000
        assert (bed.board.step_edges - at_death) / STEPS_PER_UL <= 20
        bed.board.is_hung = False
        bed.listen(1)


@pytest.mark.req("L7")
def test_a_dead_processor_has_its_driver_disabled_by_the_watchdog_within_a_second():
    bed = at_rate(60_000)
    bed.fault("cpu-hang")
    dead_us = bed.board.now_us
    bed.listen(3)
    (fall,) = bed.changes("ENABLE", dead_us)
    assert fall.us - dead_us <= 1_000_000 + TICK_US
    assert not bed.is_enabled()


@pytest.mark.req("L20")
@pytest.mark.parametrize("late_ms", (5, 15, 20))
def test_time_that_came_late_is_counted_and_not_delivered(late_ms):
    """Of a tick 20 ms are delivered; what it lost is in MOTION?.  One that is late
    by more than 20 ms ends delivery: `tests/guard`."""
    on_time, late = at_rate(60_000), at_rate(60_000)
    for _ in range(20):
        late.fault("flash-stall", late_ms)
        for bed in (on_time, late):
            bed.board.run_until(bed.board.now_us + 500_000)
    until_us = min(bed.board.now_us for bed in (on_time, late))
    lost_ms = max(0, late_ms - 10) * 20
    assert int(late.client.query_fields("MOTION?")["late_ms"]) == lost_ms
    by_then, by_then_late = (sum(us <= until_us for us in bed.edges()) for bed in (on_time, late))
    missing = by_then - by_then_late
    # A queue that ran dry was begun anew: at most its lead was lost with it.
    assert lost_ms / 9.375 - 1 <= missing <= (lost_ms + 20 * 22) / 9.375 + 1


@pytest.mark.req("L14")
@pytest.mark.parametrize("rate_ul_h", (350_000, 1_200_000))
@pytest.mark.parametrize("late_ms", LATE_MS)
def test_late_ticks_are_not_made_up_for(rate_ul_h, late_ms):
    """However many ticks come late: no more steps than an undisturbed pump."""
    on_time, late = at_rate(rate_ul_h), at_rate(rate_ul_h)
    began_us = late.board.now_us
    for tick in range(30):
        late.fault("flash-stall", late_ms)
        late.board.run_until(began_us + (tick + 1) * 730_000)
    for bed in (on_time, late):
        bed.board.run_until(began_us + 24_000_000)
    assert late.board.step_edges <= on_time.board.step_edges + 1
