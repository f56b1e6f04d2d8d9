"""`flow_check`: granted, stepped and turned, 20 % over max(2 s, 50 steps), 5 % over 5 min.

One encoder count is four steps, and one count of difference means nothing.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as hs
from properties.core_bench import alarm_names

from pump.core.flow_check import FlowCheck


def shown(ticks) -> list[set[str]]:
    """What each tick of (granted, steps, counts, ms) shows."""
    check = FlowCheck()
    return [alarm_names(check.step(*tick)) for tick in ticks]


def at_once(granted: int, steps: int, counts: int) -> set[str]:
    """What 2 s with these sums show."""
    return shown([(granted, steps, counts, 1990), (0, 0, 0, 10)])[-1]


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
def test_a_motor_that_turns_more_than_20_percent_off_is_a_deviation(steps, counts, expected):
    assert at_once(steps, steps, counts) == expected


@pytest.mark.parametrize(
    ("granted", "steps", "counts"),
    [
        (400, 0, 100),  # the step counter is dead
        (400, 400, 0),  # the encoder is dead, or the motor stands
        (400, 0, 0),  # nothing leaves the STEP pin
        (0, 400, 100),  # steps that nobody granted
        (0, 0, 100),  # the motor turns by itself
    ],
)
@pytest.mark.req("L8")
@pytest.mark.req("F28")
def test_one_of_three_that_disagrees_is_a_deviation(granted, steps, counts):
    assert at_once(granted, steps, counts) == {"FLOW_DEVIATION"}


@pytest.mark.req("L8")
def test_a_queue_between_grant_and_step_means_nothing():
    """At 1200 mL/h the last two slots of a window, 86 steps, are still under way."""
    granted = [(43, 0, 0, 20)] * 2 + [(43, 43, 0, 20), (43, 43, 21, 20)] * 49
    assert not any(shown(granted))


@pytest.mark.req("L8")
def test_the_short_window_needs_two_seconds_and_fifty_steps():
    assert shown([(1000, 1000, 0, 1999)]) == [set()]
    assert shown([(1000, 1000, 0, 1999), (0, 0, 0, 1)])[-1] == {"FLOW_DEVIATION"}
    slow = [(49, 49, 0, 20)] + [(0, 0, 0, 20)] * 1000
    assert shown(slow)[-1] == set()
    assert shown([*slow, (1, 1, 0, 20)])[-1] == {"FLOW_DEVIATION"}


@pytest.mark.req("L8", "F28")
def test_a_stalled_motor_is_noticed_within_two_windows():
    """At 180 mL/h, 3.2 steps in 10 ms: at most 4 s after the stall."""
    healthy = [(32, 32, 8, 100)] * 15
    stalled = [(32, 32, 0, 100)] * 40
    assert {"FLOW_DEVIATION"} in shown(healthy + stalled)


def five_minutes(counts_of_100: int) -> list[set[str]]:
    """400 steps every 2 s for 5 min, with that many counts instead of 100."""
    return shown([(400, 400, counts_of_100, 2000)] * 150)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [(100, set()), (96, set()), (95, set()), (94, {"FLOW_DRIFT"}), (106, {"FLOW_DRIFT"})],
)
@pytest.mark.req("L8")
def test_more_than_5_percent_for_5_minutes_is_a_drift_and_not_before(counts, expected):
    windows = five_minutes(counts)
    assert not any(windows[:149])
    assert windows[149] == expected


@pytest.mark.req("L8")
def test_a_drift_goes_when_the_next_five_minutes_are_good():
    off, good = [(400, 400, 94, 2000)] * 150, [(400, 400, 100, 2000)] * 150
    windows = shown(off + good)
    assert windows[149] == windows[298] == {"FLOW_DRIFT"}
    assert windows[299] == set()


@pytest.mark.req("L8")
def test_restart_forgets_both_windows():
    check = FlowCheck()
    for _ in range(149):
        check.step(400, 400, 94, 2000)
    check.step(400, 400, 0, 1999)
    check.restart()
    assert vars(check) == vars(FlowCheck())


@pytest.mark.parametrize(("away", "back"), [("PAUSE", "RESUME"), ("HOLD", "RELEASE")])
@pytest.mark.req("L8")
def test_delivery_that_begins_again_is_not_judged_by_what_was_before(bench_in, away, back):
    bench = bench_in("PAUSED")
    bench.send("RESUME")
    bench.encoder_permille = 0
    bench.run(1_500)  # the window is still open
    bench.send(away)
    bench.encoder_permille = 1000
    bench.send(back)
    bench.run(10_000)
    assert bench.alarms == set()


@given(
    windows=hs.lists(
        hs.tuples(hs.integers(50, 45_000), hs.integers(0, 300), hs.integers(0, 300)), min_size=1
    ),
)
@pytest.mark.req("L8")
def test_each_window_is_judged_by_its_own_sums(windows):
    """Percent of the granted steps, in whole windows of 2 s."""
    check = FlowCheck()
    for granted, stepped_percent, turned_percent in windows:
        steps = granted * stepped_percent // 100
        counts = granted * turned_percent // 400
        names = alarm_names(check.step(granted, steps, counts, 2000))
        off = max(abs(counts * 4 - granted), abs(steps - granted))
        assert ("FLOW_DEVIATION" in names) == ((off - 4) * 5 > granted)
