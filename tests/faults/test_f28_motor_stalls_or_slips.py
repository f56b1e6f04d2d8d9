"""F28: missed steps, a stall, a wrong direction."""

import pytest
from fault_bench import CAP_UL_H, Pump, delivered_steps, infusing
from pump_bench import Bedside


def window_ms(rate_ul_h: int) -> float:
    """The longer of 2 s and 50 steps."""
    return max(2000.0, 50 * 562_500 / rate_ul_h)


@pytest.fixture(scope="module", params=(5_000, 20_000, 120_000, 1_200_000))
def at_rate(request) -> tuple[int, Pump]:
    return request.param, Pump(infusing(request.param, ml=60 if request.param > 60_000 else 10))


@pytest.mark.req("F28", "L8")
@pytest.mark.parametrize("fault", ("motor-stall", "motor-reversed"))
def test_a_motor_that_does_not_turn_or_turns_back_is_off_within_two_windows(at_rate, fault):
    rate, pump = at_rate
    limit_ms = 2 * window_ms(rate) + 50
    seen = pump.after(fault, limit_ms / 1000 + 2)
    assert seen.names()[0] in {"FLOW_DEVIATION", "MOTOR_FAULT"}
    assert seen.last_ms <= limit_ms
    assert seen.off_ms <= limit_ms
    assert max(seen.sound_ms, seen.red_ms) <= limit_ms + 500
    assert not seen.is_enabled


@pytest.mark.req("F28", "L8")
@pytest.mark.parametrize("fault", ("motor-stall", "encoder-dead", "motor-missed-steps"))
def test_what_is_missing_counts_as_delivered(pump, fault):
    def lose(bed: Bedside) -> tuple[int, int]:
        before_said, before_edges = delivered_steps(bed), bed.board.step_edges
        bed.fault(fault)
        bed.listen(6)
        bed.client.stop()
        bed.listen(0.3)
        return delivered_steps(bed) - before_said, bed.board.step_edges - before_edges

    said, edges = pump.ask(lose)
    assert said >= edges - 3  # those of the tick in which it was asked
    assert said <= edges + 25


@pytest.mark.req("F28", "L8")
def test_a_slow_motor_that_loses_every_tenth_step_is_told_within_ten_minutes():
    """10 % is more than 5 % over 5 min and less than 20 %: MEDIUM."""
    bed = infusing(20_000, ml=10)
    seen = Pump(bed).after("motor-missed-steps", 615)
    assert seen.names()[0] == "FLOW_DRIFT"
    assert seen.told_ms("FLOW_DRIFT") <= 2 * 300_000 + 5000
    assert seen.yellow_ms <= 2 * 300_000 + 5000


@pytest.mark.req("F28", "L8")
def test_a_fast_motor_that_loses_every_tenth_step_is_told_after_5_min(pump):
    """Above 5 % and below 20 %: a warning, and neither flow check nor guard stops."""
    seen = pump.after("motor-missed-steps", 630)
    assert seen.names() == ["FLOW_DRIFT"]
    assert seen.is_enabled


@pytest.mark.req("F28", "L14")
@pytest.mark.parametrize("fault", ("motor-stall", "motor-missed-steps"))
def test_a_motor_that_is_free_again_catches_up_nothing(pump, fault):
    def free(bed: Bedside) -> None:
        bed.fault(fault)
        bed.board.at(bed.board.now_us + 700_000, lambda: bed.undo(fault))

    seen = pump.when(free, 10)
    assert seen.above < 1
    assert seen.steps <= 10 * CAP_UL_H / 562.5 + 1
