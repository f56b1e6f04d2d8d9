"""`flow_check`: encoder beside motor, 20 % over max(2 s, 50 steps), 5 % over 5 min.

One encoder count is four steps, and one count of difference means nothing.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as hs
from properties.core_bench import alarm_names

from pump.core.flow_check import FlowCheck


def shown(ticks) -> list[set[str]]:
    """What each tick of (steps, counts, ms) shows."""
    check = FlowCheck()
    return [alarm_names(check.step(*tick)) for tick in ticks]


def at_once(steps: int, counts: int) -> set[str]:
    """What 2 s with these sums show."""
    return shown([(steps, counts, 1990), (0, 0, 10)])[-1]


@pytest.mark.parametrize(
    ("steps", "counts", "expected"),
    [
        (400, 100, set()),
        # 20 % of 400 are 80 steps, 20 counts; one more is allowed for.
        (400, 79, set()),
        (400, 78, {"FLOW_DEVIATION"}),
        (400, 121, set()),
        (400, 122, {"FLOW_DEVIATION"}),
        # 50 steps: 10 steps and the count allowed for are 14.
        (50, 9, set()),
        (50, 8, {"FLOW_DEVIATION"}),
        (50, 0, {"FLOW_DEVIATION"}),
    ],
)
@pytest.mark.req("L8")
def test_more_than_20_percent_is_a_deviation(steps, counts, expected):
    assert at_once(steps, counts) == expected


@pytest.mark.req("L8")
def test_the_short_window_needs_two_seconds_and_fifty_steps():
    assert shown([(1000, 0, 1999)]) == [set()]
    assert shown([(1000, 0, 1999), (0, 0, 1)])[-1] == {"FLOW_DEVIATION"}
    assert shown([(49, 0, 20)] + [(0, 0, 20)] * 1000)[-1] == set()
    assert shown([(49, 0, 20)] + [(0, 0, 20)] * 1000 + [(1, 0, 20)])[-1] == {"FLOW_DEVIATION"}


@pytest.mark.req("L8")
def test_a_stalled_motor_is_noticed_within_two_windows():
    """At 180 mL/h, 3.2 steps in 10 ms: at most 4 s after the stall."""
    healthy = [(32, 8, 100)] * 15
    stalled = [(32, 0, 100)] * 40
    assert {"FLOW_DEVIATION"} in shown(healthy + stalled)


def five_minutes(counts_of_100: int) -> set[str]:
    """400 steps every 2 s for 5 min, with that many counts instead of 100."""
    return shown([(400, counts_of_100, 2000)] * 150)[-1]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [(100, set()), (96, set()), (95, set()), (94, {"FLOW_DRIFT"}), (106, {"FLOW_DRIFT"})],
)
@pytest.mark.req("L8")
def test_more_than_5_percent_for_5_minutes_is_a_drift(counts, expected):
    assert five_minutes(counts) == expected


@pytest.mark.req("L8")
def test_a_drift_is_not_shown_before_five_minutes_and_goes_when_the_next_are_good():
    off = [(400, 94, 2000)] * 150
    assert all(tick == set() for tick in shown(off)[:149])
    good = [(400, 100, 2000)] * 150
    assert shown(off + good)[-1] == set()


@pytest.mark.req("L8")
def test_restart_forgets_both_windows():
    check = FlowCheck()
    for _ in range(149):
        check.step(400, 94, 2000)
    check.step(400, 0, 1999)
    check.restart()
    assert vars(check) == vars(FlowCheck())


@given(
    windows=hs.lists(hs.tuples(hs.integers(50, 45_000), hs.integers(0, 300)), min_size=1),
)
@pytest.mark.req("L8")
def test_each_window_is_judged_by_its_own_sums(windows):
    """Percent of the exact count, in whole windows of 2 s."""
    check = FlowCheck()
    for steps, percent in windows:
        counts = steps * percent // 400
        names = alarm_names(check.step(steps, counts, 2000))
        off = abs(counts * 4 - steps)
        assert ("FLOW_DEVIATION" in names) == ((off - 4) * 5 > steps)
