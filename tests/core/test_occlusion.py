"""`occlusion`: what the two pressures mean, to the pascal."""

import pytest
from hypothesis import given
from properties import strategies
from properties.core_bench import alarm_names

from pump.core.occlusion import PressureCheck
from pump.core.readings import Inputs


def seen(
    down_pa=5000, up_pa=6000, down_ok=True, up_ok=True, limit_pa=60_000, check=None
) -> set[str]:
    inputs = Inputs()
    inputs.down_pa, inputs.up_pa = down_pa, up_pa
    inputs.down_ok, inputs.up_ok = down_ok, up_ok
    return alarm_names((check or PressureCheck()).step(inputs, limit_pa))


@pytest.mark.parametrize(
    ("down_pa", "limit_pa", "expected"),
    [
        (59_999, 60_000, set()),
        (60_000, 60_000, {"DOWNSTREAM_OCCLUSION"}),
        (19_999, 20_000, set()),
        (20_000, 20_000, {"DOWNSTREAM_OCCLUSION"}),
        (129_999, 130_000, set()),
        (130_000, 130_000, {"DOWNSTREAM_OCCLUSION"}),
        (-80_000, 60_000, set()),
    ],
)
@pytest.mark.req("L4")
def test_downstream_occlusion_begins_at_the_ordered_limit(down_pa, limit_pa, expected):
    assert seen(down_pa=down_pa, limit_pa=limit_pa) == expected


@pytest.mark.parametrize(
    ("up_pa", "expected"),
    [
        (1_001, set()),
        (1_000, {"BAG_EMPTY"}),
        (0, {"BAG_EMPTY"}),
        (-4_000, {"BAG_EMPTY"}),
        # on its way to one or the other
        (-4_001, set()),
        (-14_999, set()),
        (-15_000, {"UPSTREAM_OCCLUSION"}),
        (-80_000, {"UPSTREAM_OCCLUSION"}),
    ],
)
@pytest.mark.req("L4")
def test_an_inlet_without_its_column_is_an_empty_bag_and_a_vacuum_a_closed_line(up_pa, expected):
    assert seen(up_pa=up_pa) == expected


@pytest.mark.parametrize(("down_ok", "up_ok"), [(False, True), (True, False), (False, False)])
@pytest.mark.req("L4", "F31")
def test_an_invalid_reading_is_a_sensor_fault_whatever_it_says(down_ok, up_ok):
    assert seen(down_ok=down_ok, up_ok=up_ok) == {"SENSOR_FAULT"}
    invalid = {"down_pa": 5000 if down_ok else 190_000, "up_pa": 6000 if up_ok else -80_000}
    assert seen(down_ok=down_ok, up_ok=up_ok, **invalid) == {"SENSOR_FAULT"}


@given(strategies.pressures_pa, strategies.pressures_pa)
@pytest.mark.req("L4")
def test_a_sensor_fault_on_one_side_does_not_hide_the_other(down_pa, up_pa):
    both = seen(down_pa=down_pa, up_pa=up_pa)
    assert seen(down_pa=down_pa, up_ok=False) == both & {"DOWNSTREAM_OCCLUSION"} | {"SENSOR_FAULT"}
    assert seen(up_pa=up_pa, down_ok=False) == both - {"DOWNSTREAM_OCCLUSION"} | {"SENSOR_FAULT"}


@given(strategies.pressures_pa, strategies.pressures_pa, strategies.pressures_pa)
@pytest.mark.req("L4", "F31")
def test_what_the_last_valid_reading_said_holds_while_the_sensor_is_broken(down_pa, up_pa, noise):
    """A sensor that fails now and then does not hide an occlusion."""
    check = PressureCheck()
    valid = seen(down_pa=down_pa, up_pa=up_pa, check=check)
    for _ in range(5):
        broken = seen(down_pa=noise, up_pa=noise, down_ok=False, up_ok=False, check=check)
        assert broken == valid | {"SENSOR_FAULT"}
    assert seen(check=check) == set()
