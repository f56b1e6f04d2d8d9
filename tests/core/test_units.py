"""`units`: whole steps and whole microlitres, always rounded towards less."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from pump.core import limits, units


@pytest.mark.parametrize(
    ("volume_ul", "steps"),
    [
        (0, 0),
        (1, 6),
        (5, 32),
        (50, 320),
        (1000, 6400),
        (400_000, 2_560_000),
        (2_000_000, 12_800_000),
    ],
)
@pytest.mark.req("L8")
def test_a_millilitre_is_6400_steps(volume_ul, steps):
    assert units.steps_for_volume(volume_ul) == steps


@pytest.mark.req("L8")
@pytest.mark.parametrize(
    ("steps", "volume_ul"), [(0, 0), (6, 0), (7, 1), (32, 5), (319, 49), (320, 50), (6400, 1000)]
)
def test_steps_are_reported_as_volume_rounded_down(steps, volume_ul):
    assert units.volume_for_steps(steps) == volume_ul


@pytest.mark.req("L8", "F24")
def test_a_step_is_exact_in_the_unit_that_volume_is_summed_in():
    # 0.15625 uL x 3_600_000 ms/h
    assert units.STEP_ULH_MS == 562_500
    assert Fraction(1000, units.STEPS_PER_ML) * units.UL_IN_ULH_MS == units.STEP_ULH_MS


@given(hs.integers(0, limits.VTBI_MAX_UL))
@pytest.mark.req("L8")
def test_no_volume_becomes_more_steps_than_it_holds(volume_ul):
    steps = units.steps_for_volume(volume_ul)
    exact = Fraction(volume_ul * 6400, 1000)
    assert steps <= exact < steps + 1
    assert units.volume_for_steps(steps) <= volume_ul
