"""F33: 400 ms with interrupts off."""

import pytest
from fault_bench import DEAD_MS, DEAD_STEPS, Pump, forward_edges, infusing
from pump_bench import steps_above

STALL_MS = 400


@pytest.fixture(scope="module", params=(20_000, 120_000, 1_200_000))
def running(request) -> tuple[int, Pump]:
    return request.param, Pump(infusing(request.param, ml=60))


@pytest.mark.req("F33", "L6", "L23")
@pytest.mark.parametrize("ms", (100, STALL_MS, 900))
def test_the_motor_runs_dry_within_its_credit_and_nothing_is_made_up_for(running, ms):
    rate, pump = running
    seen = pump.after("flash-stall", 5, value=ms)
    assert seen.last_ms <= DEAD_MS
    assert seen.off_ms <= DEAD_MS
    assert seen.steps <= DEAD_STEPS
    # Behind it: an alarm, and no step.
    assert seen.names()[0] in {"MOTOR_CUT_OFF", "GUARD_TRIP"}
    assert not seen.is_enabled
    assert seen.resets == 0


@pytest.mark.req("F33", "L7")
def test_a_stall_longer_than_the_watchdog_ends_in_a_reset_with_the_motor_off(running):
    _, pump = running
    seen = pump.after("flash-stall", 9, value=3000)
    assert seen.last_ms <= DEAD_MS
    assert seen.resets == 1
    assert "INTERRUPTED" in seen.names()
    assert not seen.is_enabled


@pytest.mark.req("F33", "L8")
def test_after_reset_and_resume_it_delivers_the_rate_and_no_more(running):
    rate, pump = running

    def go_on(bed):
        bed.fault("flash-stall", STALL_MS)
        bed.listen(2)
        bed.client.request("RESET")
        bed.client.request("RESUME")
        bed.board.edge_log = []
        since_us = bed.board.now_us
        bed.listen(20)
        return bed.is_enabled(), steps_above(forward_edges(bed, since_us), rate)

    is_enabled, above = pump.ask(go_on)
    assert is_enabled
    assert above < 1
