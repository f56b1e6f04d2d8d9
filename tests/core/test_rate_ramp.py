"""`rate_ramp`: rises are stepped and exact over time, falls are immediate."""

import pytest
from hypothesis import given
from hypothesis import strategies as hs
from properties import strategies
from properties.core_bench import Order, reach

from pump.core.rate_ramp import RateRamp


@pytest.mark.req("L13")
def test_one_millilitre_per_hour_takes_exactly_a_second():
    ramp = RateRamp()
    rates = [ramp.step(33_600, 1000, 10) for _ in range(100)]
    assert rates[:3] == [10, 20, 30]
    assert rates[-1] == 1000


@pytest.mark.req("L13")
def test_what_is_below_one_unit_is_carried_to_the_next_tick():
    ramp = RateRamp()
    # 1234 uL/h per s for 1 ms is 1.234 uL/h.
    assert [ramp.step(1_000_000, 1234, 1) for _ in range(5)] == [1, 2, 3, 4, 6]


@pytest.mark.req("L13")
def test_the_target_is_met_and_not_passed():
    ramp = RateRamp()
    assert [ramp.step(250, 10_000, 10) for _ in range(4)] == [100, 200, 250, 250]


@pytest.mark.req("L13")
def test_a_fall_takes_no_time():
    ramp = RateRamp()
    for _ in range(2000):
        ramp.step(20_000, 1000, 10)
    assert ramp.rate_ul_h == 20_000
    assert ramp.step(7_000, 1000, 0) == 7_000
    assert ramp.step(0, 1000, 10) == 0


@pytest.mark.req("L13")
def test_a_tick_of_no_length_raises_nothing():
    ramp = RateRamp()
    assert [ramp.step(5000, 10_000, 0) for _ in range(10)] == [0] * 10


@pytest.mark.req("L13")
@pytest.mark.parametrize(
    ("stop", "resume"),
    [("HOLD", ("RELEASE",)), ("PAUSE", ("RESUME",)), ("STOP", ("RESET", "RESUME"))],
)
def test_every_resume_rises_from_zero(stop, resume):
    bench = reach("INFUSING", Order(slew_ul_h_s=1000))
    bench.run(60_000)
    assert bench.outputs.rate_ul_h > 50_000
    assert bench.send(stop) == "OK"
    assert bench.outputs.rate_ul_h == 0
    for event in resume:
        assert bench.send(event) == "OK"
    assert bench.outputs.rate_ul_h == 10
    bench.run(1000)
    assert bench.outputs.rate_ul_h == 1010


@given(
    slew=strategies.slews,
    ticks=strategies.tick_patterns(most_ticks=400),
    target=hs.integers(0, 1_200_000),
)
@pytest.mark.req("L13")
def test_the_rise_is_slew_times_time_however_the_ticks_fall(slew, ticks, target):
    ramp = RateRamp()
    passed_ms = 0
    for dt_ms in ticks:
        passed_ms += dt_ms
        assert ramp.step(target, slew, dt_ms) == min(target, slew * passed_ms // 1000)


@given(
    slew=strategies.slews,
    legs=hs.lists(
        hs.tuples(hs.integers(0, 50_000), strategies.tick_patterns(most_ticks=60)), max_size=12
    ),
)
@pytest.mark.req("L13")
def test_no_window_rises_by_more_than_the_slew(slew, legs):
    ramp = RateRamp()
    passed_ms = 0
    lead = 0  # uL/h x s/ms above the lowest line of that slope so far
    lowest = 0
    for target, ticks in legs:
        for dt_ms in ticks:
            before = ramp.rate_ul_h
            rate = ramp.step(target, slew, dt_ms)
            assert rate <= max(target, 0)
            assert rate == target if before >= target else before <= rate
            passed_ms += dt_ms
            line = rate * 1000 - slew * passed_ms
            lead = max(lead, line - lowest)
            lowest = min(lowest, line)
    assert lead < 1000  # 1 uL/h: rates are whole
