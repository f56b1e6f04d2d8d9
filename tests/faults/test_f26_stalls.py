"""F26: a collection, a USB write of 500 ms, a flood of 1 MB/s, half a frame."""

import pytest
from fault_bench import DEAD_MS, DEAD_STEPS, Pump, forward_edges, infusing
from pump_bench import Bedside, steps_above

SECONDS = 12
RATES = (20_000, 1_200_000)


@pytest.fixture(scope="module", params=RATES)
def running(request) -> Pump:
    return Pump(infusing(request.param, ml=60))


def motion(bed: Bedside, act) -> tuple[int, int, bool]:
    act(bed)
    bed.board.run_until(bed.board.now_us + SECONDS * 1_000_000)
    return bed.board.step_edges, bed.board.edge_digest, bed.is_enabled()


@pytest.mark.req("F26", "L22")
@pytest.mark.parametrize("fault", ("host-flood", "half-frame", "host-stops-reading"))
def test_the_motor_goes_on_evenly_whatever_the_host_does(running, fault):
    quiet = running.ask(lambda bed: motion(bed, lambda b: None))
    assert running.ask(lambda bed: motion(bed, lambda b: b.fault(fault))) == quiet
    assert quiet[2]


@pytest.mark.req("F26", "L6", "L23")
@pytest.mark.parametrize("ms", (25, 40, 500, 900))
@pytest.mark.parametrize("irqs_off", (False, True))
def test_in_a_stall_the_motor_runs_dry_and_nothing_is_made_up_for(running, ms, irqs_off):
    def stall(bed: Bedside):
        rate = int(bed.client.status()["rate_ul_h"])
        bed.board.edge_log = []
        began_us = bed.board.now_us
        bed.board.stall(ms * 1000, irqs_off)
        bed.board.run_until(began_us + ms * 1000)
        in_stall = [us for us in forward_edges(bed, began_us) if us < began_us + ms * 1000]
        bed.board.run_until(began_us + 3_000_000)
        return in_stall, began_us, steps_above(forward_edges(bed, began_us), rate)

    in_stall, began_us, above = running.ask(stall)
    assert len(in_stall) <= DEAD_STEPS
    if in_stall:
        assert (in_stall[-1] - began_us) / 1000 <= DEAD_MS
    assert above < 1


@pytest.mark.req("F26", "L8", "L20")
@pytest.mark.parametrize("ms", (5, 9, 12, 15, 20))
def test_a_collection_of_some_milliseconds_costs_nothing_and_adds_nothing(running, ms):
    """As long as the queue in front of the motor: it goes on, never above the cap."""

    def collect(bed: Bedside):
        rate = int(bed.client.status()["rate_ul_h"])
        bed.board.edge_log = []
        since_us = bed.board.now_us
        for _ in range(20):
            bed.board.stall(ms * 1000, irqs_off=False)
            bed.board.run_until(bed.board.now_us + 100_000)
        return bed.is_enabled(), steps_above(forward_edges(bed, since_us), rate), rate

    is_enabled, above, rate = running.ask(collect)
    assert is_enabled
    # A late tick's 20 ms are granted behind it: a step early, never two. (L14)
    assert above <= 1 + rate * 20 / 562_500 * 0.5


@pytest.mark.req("F26")
def test_a_usb_stall_of_half_a_second_is_an_alarm_with_the_motor_off(pump):
    seen = pump.after("usb-stall", 3)
    assert seen.last_ms <= DEAD_MS
    assert seen.steps <= DEAD_STEPS
    assert not seen.is_enabled
    assert "MOTOR_CUT_OFF" in seen.names() or "GUARD_TRIP" in seen.names()
