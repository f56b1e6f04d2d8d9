"""`air`: a bubble is measured by the steps that pass it.  50 uL are 320 steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from pump.core.air import AirDetector
from pump.core.readings import Inputs


def alarms_after(ticks) -> list[bool]:
    """Whether each tick of (steps, air) shows the condition."""
    detector = AirDetector()
    inputs = Inputs()
    shown = []
    for steps, air in ticks:
        inputs.step_edges, inputs.air = steps, air
        shown.append(detector.step(inputs) != 0)
    return shown


@pytest.mark.req("L9", "F29")
def test_a_bubble_of_49_ul_passes_and_one_of_50_ul_does_not():
    # 49 uL are 313.6 steps: 313 or 314 are counted.
    assert alarms_after([(314, True), (1, False)]) == [False, False]
    assert alarms_after([(319, True)]) == [False]
    assert alarms_after([(320, True)]) == [True]


@pytest.mark.req("L9")
def test_a_bubble_is_summed_over_ticks():
    assert alarms_after([(21, True)] * 16) == [False] * 15 + [True]


@pytest.mark.req("L9")
def test_five_microlitres_of_fluid_part_two_bubbles():
    # 5 uL are 32 steps.
    assert not any(alarms_after([(319, True), (32, False), (319, True), (1, False)]))
    assert alarms_after([(319, True), (31, False), (1, True)])[-1]
    assert not any(alarms_after([(319, True), (20, False), (12, False), (319, True)]))


@pytest.mark.req("F29")
def test_froth_is_a_bubble():
    """A tenth of fluid in it: 3 steps of air, 1 of fluid."""
    shown = alarms_after([(3, True), (1, False)] * 200)
    # 106 x 3 are 318
    assert shown.index(True) == 2 * 106


@pytest.mark.req("L9")
def test_air_in_a_standing_line_is_no_bubble_that_moves():
    assert not any(alarms_after([(0, True)] * 1000))


@pytest.mark.req("L9")
def test_reset_forgets_the_bubble():
    detector = AirDetector()
    inputs = Inputs()
    inputs.air, inputs.step_edges = True, 319
    detector.step(inputs)
    detector.reset()
    assert detector.step(inputs) == 0


@given(hs.lists(hs.tuples(hs.integers(0, 43), hs.booleans()), max_size=300))
@pytest.mark.req("L9")
def test_exactly_the_runs_of_320_steps_without_32_of_fluid_are_shown(ticks):
    air = fluid = 0
    expected = []
    for steps, is_air in ticks:
        fluid = 0 if is_air else fluid + steps
        air = air + steps if is_air else 0 if fluid >= 32 else air
        expected.append(air >= 320)
    assert alarms_after(ticks) == expected
