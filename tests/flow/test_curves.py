"""The curves are what the method says: cases by hand, then what holds for any flow."""

import math
import random
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.flow.curves import (
    SAMPLE_S,
    VOLUME,
    WINDOWS_MIN,
    Conditions,
    CurveError,
    on_grid,
    resolution_percent,
    start_up,
    trumpet,
    volumes,
)

pytestmark = pytest.mark.req("M22")

N = 240
RATE = 60.0  # mL/h: half a millilitre a sample


def volumes_of(flows):
    """Volumes at the samples, from mL/h in each interval between them."""
    return list(accumulate((flow * SAMPLE_S / 3600 for flow in flows), initial=0.0))


def _flow(seed, share, most):
    """mL/h: in that share of the samples something between 0 and ``most``, else nothing."""
    draw = random.Random(seed)
    return [draw.uniform(0.0, most) if draw.random() < share else 0.0 for _ in range(N)]


# Built from a seed: drawing 240 numbers singly takes 20 times as long.
flows = st.builds(_flow, st.integers(0, 2**32), st.floats(0.0, 1.0), st.floats(0.0, 1200.0))
rates = st.floats(0.1, 1200.0)


# --- by hand ---------------------------------------------------------------------------


def test_two_minutes_at_twice_the_rate_are_100_percent_in_their_window_and_less_in_longer_ones():
    every = [RATE] * N
    every[160:164] = [2 * RATE] * 4
    made = trumpet(volumes_of(every), RATE)
    assert [round(row.max_percent, 9) for row in made.windows] == [
        round(200 / minutes, 9) for minutes in WINDOWS_MIN
    ]
    assert all(abs(row.min_percent) < 1e-9 for row in made.windows)
    assert made.overall_percent == pytest.approx(200 / 60)


def test_what_happens_in_the_first_hour_is_none_of_the_trumpets():
    late = [0.0] * 120 + [RATE] * 120
    made = trumpet(volumes_of(late), RATE)
    assert made.overall_percent == pytest.approx(0)
    assert start_up(volumes_of(late))[119:121] == pytest.approx([0.0, RATE])


def test_a_pump_that_stands_still_is_100_percent_too_slow():
    made = trumpet([0.0] * (N + 1), RATE)
    assert {row.max_percent for row in made.windows} == {-100.0}


def test_grams_become_millilitres_by_density_buoyancy_and_evaporation():
    # 10 g of water, 36 s, 1 g/h lost: 10.01 g, at 1.0029 mL/g (ISO 8655's Z at 20 C).
    conditions = Conditions(evaporation_g_h=1.0)
    assert conditions.ml_per_g == pytest.approx(1.0029, abs=2e-4)
    assert conditions.volume_ml(36.0, 10.0) == pytest.approx(10.01 * 1.00286, rel=1e-5)


def test_the_last_digit_of_the_balance_is_told_as_an_error():
    # 0.01 g of the 2 g that flow in 2 min.
    assert resolution_percent(0.01, 60.0, 2) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: trumpet([0.0] * N, RATE), "samples: 240, expected 241"),
        (lambda: trumpet([0.0] * (N + 1), 0.0), "rate_ml_h: 0, expected more than 0"),
        (lambda: trumpet([0.0] * (N + 1), math.nan), "rate_ml_h: nan"),
        (lambda: trumpet([0.0] * (N + 1), RATE, windows_min=[61]), "window: 61 min"),
        (lambda: Conditions(density_g_ml=1000), "density_g_ml: 1000, expected 0.9 to 1.3"),
        (lambda: Conditions(evaporation_g_h=-1), "evaporation_g_h: -1, expected 0 to 5"),
        (lambda: on_grid([]), "readings: none, expected 0 to 7200 s"),
        (lambda: on_grid([(0, 0), (30, 1)], 1), "readings: 0 to 30 s, expected 0 to 60 s"),
        (lambda: on_grid([(0, 0), (60, 1)], 1), "no reading between 0 and 60 s"),
        (lambda: on_grid([(0, 0), (30, 1), (30, 2), (60, 3)], 1), "is not after"),
    ],
)
def test_what_makes_no_curve_is_told(make, words):
    with pytest.raises(CurveError, match=words.replace("(", r"\(")):
        make()


# --- for any flow ------------------------------------------------------------------------


@given(rates, st.floats(0.5, 2.0))
def test_a_constant_flow_has_the_same_error_in_every_window(rate, factor):
    made = trumpet(volumes_of([rate * factor] * N), rate)
    for row in made.windows:
        assert row.max_percent == pytest.approx(100 * (factor - 1), abs=1e-6)
        assert row.min_percent == pytest.approx(100 * (factor - 1), abs=1e-6)
    assert made.overall_percent == pytest.approx(100 * (factor - 1), abs=1e-6)


@given(rates)
def test_a_constant_flow_at_the_rate_has_no_error(rate):
    made = trumpet(volumes_of([rate] * N), rate)
    assert all(abs(row.max_percent) < 1e-6 > abs(row.min_percent) for row in made.windows)


@given(
    st.floats(2.0, 120.0),
    st.floats(0.0, 2 * math.pi),
    st.floats(0.01, 0.9),
    st.sampled_from(WINDOWS_MIN),
)
def test_a_sinusoid_has_the_extremes_that_analysis_gives(period_min, phase, depth, window):
    """Flow RATE x (1 + depth sin(w t + phase)): the mean over a window P is off by
    depth x sinc(P / period), at most, and by that at the best placed of the windows."""
    w = 2 * math.pi / period_min

    def volume(minutes):
        swing = depth * (math.cos(phase) - math.cos(w * minutes + phase)) / w
        return RATE / 60 * (minutes + swing)

    def error(start_min):
        middle = math.sin(w * (start_min + window / 2) + phase)
        return 100 * depth * math.sin(w * window / 2) / (w * window / 2) * middle

    made = trumpet([volume(n / 2) for n in range(N + 1)], RATE, windows_min=[window])
    starts = [60 + n / 2 for n in range(2 * (60 - window) + 1)]
    (row,) = made.windows
    assert row.max_percent == pytest.approx(max(map(error, starts)), abs=1e-6)
    assert row.min_percent == pytest.approx(min(map(error, starts)), abs=1e-6)
    most = 100 * depth * abs(math.sin(w * window / 2) / (w * window / 2))
    assert row.max_percent <= most + 1e-6
    if period_min <= 60 - window:
        # A whole period of windows, half a minute apart: no further from the peak than that.
        assert row.max_percent >= most * math.cos(w * 0.25) - 1e-6


@given(flows, rates, st.sampled_from([(2, 4), (5, 10), (2, 30), (1, 31), (5, 30)]))
def test_a_window_made_of_whole_shorter_ones_is_never_more_extreme(every, rate, pair):
    """A theorem: its mean is the mean of theirs."""
    short, long = trumpet(volumes_of(every), rate, windows_min=pair).windows
    slack = 1e-7 * (1 + abs(short.max_percent))
    assert long.max_percent <= short.max_percent + slack
    assert long.min_percent >= short.min_percent - slack


@given(flows, rates)
def test_the_methods_windows_from_11_min_on_lie_between_the_extremes_of_2_and_5(every, rate):
    """11 = 3 x 2 + 5, 19 = 7 x 2 + 5 and 31 = 13 x 2 + 5: each is a mean of windows of 2
    and one of 5 minutes.  The hour is twelve times 5."""
    made = trumpet(volumes_of(every), rate)
    two, five, *wider = made.windows
    high, low = max(two.max_percent, five.max_percent), min(two.min_percent, five.min_percent)
    slack = 1e-7 * (1 + abs(high))
    for row in wider:
        assert row.max_percent <= high + slack
        assert row.min_percent >= low - slack
    assert five.min_percent - slack <= made.overall_percent <= five.max_percent + slack


def test_5_min_can_be_worse_than_2_min_so_the_trumpet_need_not_narrow():
    # All of 2 min in half a minute, every 2 min: any 2 min hold one stroke, 5 min two or three.
    strokes = [4 * RATE if n % 4 == 0 else 0.0 for n in range(N)]
    two, five, *_ = trumpet(volumes_of(strokes), RATE).windows
    assert (two.max_percent, two.min_percent) == pytest.approx((0, 0), abs=1e-9)
    assert (five.max_percent, five.min_percent) == pytest.approx((20, -20))


@given(flows)
def test_the_start_up_curve_holds_every_drop_and_no_other(every):
    made = volumes_of(every)
    assert math.fsum(start_up(made)) * SAMPLE_S / 3600 == pytest.approx(made[-1], abs=1e-6)


@given(st.floats(0.9, 1.3), st.floats(0.0, 5.0), st.floats(0.0, 0.0014), st.floats(1.0, 1200.0))
def test_density_evaporation_and_buoyancy_are_taken_out_exactly(density, lost, air, rate):
    conditions = Conditions(density, lost, air)
    shown = [conditions.grams(n * SAMPLE_S, rate * n * SAMPLE_S / 3600) for n in range(N + 1)]
    made = trumpet(volumes([7.0 + grams for grams in shown], conditions), rate)
    assert made.overall_percent == pytest.approx(0.0, abs=1e-6)
    assert all(abs(row.max_percent) < 1e-6 for row in made.windows)


@given(st.integers(0, 2**32))
def test_readings_that_come_early_or_late_are_put_back_onto_the_grid(seed):
    # 1 g in each 30 s, each reading up to 7 s from where it was due.
    draw = random.Random(seed)
    times = [0.0, *(n * 30 + draw.uniform(-7, 7) for n in range(1, N + 2))]
    grid = on_grid([(t_s, t_s / 30) for t_s in times])
    assert grid == pytest.approx(list(range(N + 1)), abs=1e-9)


def test_volumes_begin_at_the_first_sample():
    assert volumes([5.0, 6.0], VOLUME) == [0.0, 1.0]
