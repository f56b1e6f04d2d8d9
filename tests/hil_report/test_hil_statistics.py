"""Figures and tests of significance against cases that can be worked by hand."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titra.hil import significance as sig
from titra.hil.results import Measurement
from titra.hil.statistics import figures_of, most_beyond, number, percentile

pytestmark = pytest.mark.req("M22")

values = st.lists(st.integers(0, 50).map(float), min_size=1, max_size=60)


def measurement(numbers, bound=50.0, uncertainty=0.0, judged="max", goal=None):
    return Measurement(
        "L3", "STOP", "ms", bound, goal, uncertainty, tuple(numbers), {}, "t", judged
    )


# --- figures -----------------------------------------------------------------------------


def test_percentiles_are_measured_values_by_nearest_rank():
    thousand = [float(n) for n in range(1, 1001)]
    assert [percentile(thousand, p) for p in (50, 99, 99.9, 100)] == [500, 990, 999, 1000]
    assert percentile([7.0], 99.9) == 7.0


def test_a_percentile_is_given_only_from_enough_values():
    by_n = {n: figures_of(measurement([float(i) for i in range(n)])) for n in (99, 100, 999, 1000)}
    assert [by_n[n].p99 is None for n in by_n] == [True, False, False, False]
    assert [by_n[n].p999 is None for n in by_n] == [True, True, True, False]


def test_the_uncertainty_counts_against_the_device():
    figures = figures_of(measurement([10.0, 49.9], uncertainty=0.2))
    assert figures.judged == pytest.approx(50.1)
    assert figures.margin == pytest.approx(-0.1)
    assert figures.is_broken
    assert not figures_of(measurement([10.0, 49.9], uncertainty=0.1)).is_broken


def test_a_limit_may_be_set_against_a_percentile_or_a_mean():
    numbers = [1.0] * 999 + [100.0]
    judged = {how: figures_of(measurement(numbers, judged=how)).judged for how in ("max", "p99.9")}
    assert judged == {"max": 100.0, "p99.9": 1.0}
    assert figures_of(measurement([1.0, 2.0], judged="mean")).judged == 1.5
    # Of few values p99.9 is the maximum.
    assert figures_of(measurement([1.0] * 9 + [100.0], judged="p99.9")).judged == 100.0


def test_59_good_ones_leave_5_percent_open():
    # The sample size of a classic "95 % confidence, 95 % reliability".
    assert most_beyond(59) <= 0.05 < most_beyond(58)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.00123, "0.00123"),
        (12.345, "12.3"),
        (997.4, "997"),
        (1987, "1,987"),
        (999.9, "1,000"),
        (-2, "\u22122"),
    ],
)
def test_numbers_are_short(value, text):
    assert number(value) == text


# --- significance ---------------------------------------------------------------------------


def test_location_of_three_against_three_is_one_arrangement_in_ten_each_way():
    assert sig.location_p([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)
    assert sig.location_p([1, 3, 5], [2, 4, 6]) == pytest.approx(14 / 20)


def test_the_normal_approximation_meets_the_exact_count():
    # 8 against 8 is counted exactly (12,870 arrangements); the approximation beside it.
    draw = random.Random(5)
    a, b = [draw.random() for _ in range(8)], [draw.random() + 0.35 for _ in range(8)]
    exact = sig.location_p(a, b)
    ranks = sig._ranks([*a, *b])
    off = abs(sum(ranks[8:]) - 8 * 17 / 2) - 0.5
    assert exact == pytest.approx(math.erfc(off / math.sqrt(2 * 64 * 17 / 12)), abs=0.01)


def test_two_against_many_is_too_few_to_say():
    assert sig.location_p([1.0, 2.0], [float(n) for n in range(300)]) is None


def test_ties_alone_are_no_difference():
    assert sig.location_p([5.0] * 40, [5.0] * 40) == 1.0
    assert sig.tail_p([5.0] * 40, [5.0] * 40) == 1.0


def test_tail_eight_latest_all_in_b_by_the_hypergeometric():
    a, b = (
        [float(n) for n in range(50)],
        [float(n) for n in range(42)] + [100.0 + n for n in range(8)],
    )
    expected = 2 * math.comb(50, 8) / math.comb(100, 8)
    assert sig.tail_p(a, b) == pytest.approx(expected)


def test_holm_by_hand():
    assert sig.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert sig.holm([]) == []


@given(values, values)
def test_the_shift_is_the_median_difference_and_the_effect_its_share_above_nothing(a, b):
    differences = sorted(y - x for x in a for y in b)
    at = sig.shift(a, b)
    assert sum(d < at - 1e-6 for d in differences) <= len(differences) / 2
    assert sum(d > at + 1e-6 for d in differences) <= len(differences) / 2
    later = sum((d > 0) + (d == 0) / 2 for d in differences) / len(differences)
    assert sig.probability_later(a, b) == pytest.approx(later)


@given(values, values)
def test_both_tests_see_the_same_the_other_way_round(a, b):
    assert sig.tail_p(a, b) == pytest.approx(sig.tail_p(b, a))
    assert sig.location_p(a, b) == pytest.approx(sig.location_p(b, a))


def test_chance_alone_is_called_a_difference_as_often_as_promised():
    """500 pairs of the same quantised, skewed distribution: 5 % of them below 0.05."""
    draw = random.Random(11)

    def sample():
        return [round(draw.expovariate(1.0), 1) for _ in range(60)]

    pairs = [(sample(), sample()) for _ in range(500)]
    for test in (sig.location_p, sig.tail_p):
        # 25 expected, 4.9 the standard deviation; the tail's test counts in whole values
        # and stays below.
        assert sum(test(a, b) < 0.05 for a, b in pairs) <= 40
    assert sum(sig.location_p(a, b) < 0.05 for a, b in pairs) >= 10
