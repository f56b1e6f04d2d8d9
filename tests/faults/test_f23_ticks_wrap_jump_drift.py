"""F23: the processor's counter wraps, jumps back, or is fast.

That no tick of an infusion is an exception: tests/anomaly/test_clock.py.
"""

import pytest
from fault_bench import Pump, forward_edges, infusing
from pump_bench import TICK_US, Bedside, program, steps_above

from host_sim.board import POWER_ON

WRAP_US = 1 << 30
CAP_UL_H = 120_000
LIMIT_MS = 60_000
JUMPS_MS = (-500_000, -1000, -15, -1, 1, 15, 300, 1000, 500_000)


def run(bed: Bedside) -> tuple[list[int], list[str]]:
    bed.start(program((600_000, 600), ml=1))
    bed.listen(29)
    return [us - bed.start_us for us in forward_edges(bed, bed.start_us)], bed.alarms()


def wrapping(us: int) -> Bedside:
    """A board that has booted, whose counter wraps ``us`` from now."""
    bed = Bedside(seed=3)
    bed.board.ticks_offset_us = WRAP_US - bed.board.now_us - us
    bed.board.reset(POWER_ON)
    return bed


@pytest.mark.req("F23", "L8")
@pytest.mark.parametrize("at_s", (4.9, 5.0, 12.0, 15.0, 18.0))
def test_a_wrap_changes_no_step(at_s):
    whole, alarms = run(wrapping(WRAP_US))
    assert len(whole) == 6400
    assert alarms == ["INFUSION_COMPLETE"]
    assert run(wrapping(int(at_s * 1e6) + TICK_US // 3)) == (whole, alarms)


@pytest.mark.req("F23", "L14", "L20")
@pytest.mark.parametrize("ms", JUMPS_MS)
def test_a_jump_gives_no_burst_and_twenty_ms_at_most(pump, ms):
    quiet = pump.when(lambda bed: None, 5)
    seen = pump.after("clock-jump", 5, value=ms)
    assert seen.above < 1
    assert seen.steps <= quiet.steps + 20 * CAP_UL_H / 562_500 + 1


@pytest.mark.req("F23", "L20")
@pytest.mark.parametrize("percent", (2, -2, 5))
def test_a_counter_that_drifts_by_more_than_a_percent_is_a_fault(pump, percent):
    seen = pump.after("clock-drift", 130, value=percent)
    assert seen.names()[:1] == ["CLOCK_FAULT"]
    # The window of 60 s that had begun before may have too little of it.
    assert seen.told_ms("CLOCK_FAULT") <= 2 * LIMIT_MS
    assert not seen.is_enabled
    assert seen.last_ms <= seen.told_ms("CLOCK_FAULT")


@pytest.mark.req("F23", "L14")
def test_one_percent_gives_one_percent_more_and_no_burst():
    bed = infusing()
    seen = Pump(bed).after("clock-drift", 40, value=1)
    assert seen.steps <= 40 * CAP_UL_H / 562.5 * 1.0101 + 2
    # In true time it is 1 % above the cap, evenly.
    assert seen.above <= 40 * CAP_UL_H / 562.5 * 0.0101 + 1


@pytest.mark.req("F23", "L3")
@pytest.mark.parametrize("ms", (-1000, -15, 15, 1000))
def test_stop_in_the_tick_of_a_jump_stops(pump, ms):
    def stop(bed: Bedside) -> tuple[float, bool]:
        fed_us = bed.board.now_us
        bed.board.usb.host_write(b"STOP\n")
        bed.fault("clock-jump", ms)
        bed.board.run_until(fed_us + 1_000_000)
        return (bed.board.last_edge_us - fed_us) / 1000, bed.is_enabled()

    last_ms, is_enabled = pump.ask(stop)
    assert last_ms <= 50
    assert not is_enabled


@pytest.mark.req("F23", "L14")
def test_many_jumps_add_up_to_nothing(pump):
    def jump(bed: Bedside) -> float:
        bed.board.edge_log = []
        for i in range(40):
            bed.fault("clock-jump", (-300, 300, -12, 12)[i % 4])
            bed.board.run_until(bed.board.now_us + 230_000)
        return steps_above(bed.edges(), CAP_UL_H)

    # Each forward jump grants 20 ms where 10 have passed; none of them adds to the next.
    assert pump.ask(jump) < 1
