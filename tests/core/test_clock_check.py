"""`clock_check`: the processor's time against the clock chip, or the ring oscillator."""

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from pump.core.clock_check import ClockCheck


def found_after(permille: int, most_ms: int, dt_ms: int = 10, start_ms: int = 0) -> int | None:
    """ms until the fault, of a chip that runs at ``permille`` of the processor;
    it runs true for ``start_ms`` before."""
    check = ClockCheck()
    us = 0
    for now_ms in range(dt_ms, start_ms + most_ms, dt_ms):
        us += dt_ms * (permille if now_ms > start_ms else 1000)
        seconds, us = divmod(us, 1_000_000)
        if check.step(True, seconds, 100, dt_ms):
            return now_ms - start_ms
    return None


@pytest.mark.parametrize("permille", [989, 1_012])
@pytest.mark.parametrize("start_ms", [0, 1_000, 30_000, 59_000])
@pytest.mark.req("L20")
@pytest.mark.req("F23")
def test_more_than_1_percent_is_found_in_the_first_whole_window(permille, start_ms):
    # A window of 60 s that has begun before, and a whole one.
    took = found_after(permille, 200_000, start_ms=start_ms)
    assert took is not None
    assert took <= 122_500
    assert start_ms or took <= 62_500


@pytest.mark.parametrize("permille", [991, 1_000, 1_009])
@pytest.mark.req("F16")
def test_less_than_1_percent_is_none_for_hours(permille):
    assert found_after(permille, 3 * 3_600_000, dt_ms=20) is None


@pytest.mark.req("L20")
def test_a_second_that_does_not_come_is_found_in_2500_ms():
    check = ClockCheck()
    for _ in range(5):
        for _ in range(99):
            assert not check.step(True, 0, 100, 10)
        assert not check.step(True, 1, 100, 10)
    assert not any(check.step(True, 0, 100, 10) for _ in range(250))
    assert check.step(True, 0, 100, 10)
    assert check.step(True, 1, 100, 10)  # and stays


@pytest.mark.req("L20")
@pytest.mark.req("F26")
def test_a_late_tick_that_was_measured_is_no_drift():
    check = ClockCheck()
    check.step(True, 1, 100, 10)
    for _ in range(200):
        assert not check.step(True, 2, 100, 2_000)


@pytest.mark.parametrize(
    ("percent", "expected"), [(79, True), (80, False), (120, False), (121, True)]
)
@pytest.mark.req("L20")
def test_without_a_chip_the_ring_oscillator_may_be_off_by_a_fifth(percent, expected):
    check = ClockCheck()
    assert check.step(False, 0, percent, 10) is expected
    assert check.step(False, 0, 100, 10) is expected


@given(
    jitter=hs.lists(hs.integers(5, 20), min_size=1, max_size=50),
    permille=hs.integers(992, 1_008),
)
@pytest.mark.req("F16")
def test_no_pattern_of_ticks_makes_a_drift(jitter, permille):
    check = ClockCheck()
    us = 0
    for dt_ms in (jitter * 400)[:10_000]:
        us += dt_ms * permille
        seconds, us = divmod(us, 1_000_000)
        assert not check.step(True, seconds, 100, dt_ms)


@pytest.mark.parametrize("state", ["IDLE", "INFUSING", "PAUSED"])
@pytest.mark.req("L20")
def test_a_clock_that_drifts_ends_in_fault(bench_in, state):
    bench = bench_in(state)
    bench.inputs.clock_fitted = True
    bench.clock_permille = 988
    bench.run_until(lambda: bench.alarms, 63_000)
    assert (bench.state, bench.alarms) == ("FAULT", {"CLOCK_FAULT"})
    assert not bench.outputs.enable
