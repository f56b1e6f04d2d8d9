"""`occlusion`: what the two pressures mean, to the pascal."""

import pytest
from hypothesis import given
from properties import strategies
from properties.core_bench import alarm_names

from pump.core.occlusion import PressureCheck
from pump.core.readings import Inputs


def seen(
    down_pa=5000,
    up_pa=6000,
    down_ok=True,
    up_ok=True,
    limit_pa=60_000,
    check=None,
    rate_ul_h=0,
    dt_ms=10,
) -> set[str]:
    inputs = Inputs()
    inputs.down_pa, inputs.up_pa = down_pa, up_pa
    inputs.down_ok, inputs.up_ok = down_ok, up_ok
    inputs.dt_ms = dt_ms
    return alarm_names((check or PressureCheck()).step(inputs, limit_pa, rate_ul_h, dt_ms))


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
        (4_001, set()),
        (4_000, set()),
        (3_999, {"BAG_NEAR_EMPTY"}),
        (1_001, {"BAG_NEAR_EMPTY"}),
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


# --- the bag's column -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("up_pa", "rate_ul_h", "expected"),
    [
        (3_999, 0, {"BAG_NEAR_EMPTY"}),
        # the flow's own loss: 10 Pa per uL/s, 360 uL/h per Pa
        (3_999, 360, set()),
        (2_500, 539_000, {"BAG_NEAR_EMPTY"}),
        (2_500, 540_000, set()),
        (1_001, 1_200_000, set()),
        (1_000, 1_200_000, {"BAG_EMPTY"}),
    ],
)
@pytest.mark.req("M15")
def test_a_bag_is_nearly_empty_by_its_head_without_the_loss_of_the_flow(up_pa, rate_ul_h, expected):
    assert seen(up_pa=up_pa, rate_ul_h=rate_ul_h) == expected


@pytest.mark.req("M15")
def test_a_nearly_empty_bag_is_said_and_the_infusion_goes_on_until_it_is_empty(bench_in):
    bench = bench_in("INFUSING")
    bench.inputs.up_pa = 3_000
    bench.run(4_100)
    assert (bench.state, bench.alarms) == ("INFUSING", {"BAG_NEAR_EMPTY"})
    assert bench.outputs.lamp_yellow
    bench.inputs.up_pa = 500
    bench.run(4_100)
    assert bench.state == "ALARM_STOPPED"
    assert "BAG_EMPTY" in bench.alarms


@pytest.mark.req("M15")
def test_a_bag_that_was_changed_is_no_longer_nearly_empty(bench_in):
    bench = bench_in("INFUSING")
    bench.inputs.up_pa = 3_000
    bench.run(4_100)
    bench.heal()
    bench.run(5_000)
    assert bench.alarms == set()


# --- sensors that cannot be believed ------------------------------------------------------


@pytest.mark.parametrize("side", ["down_pa", "up_pa"])
@pytest.mark.req("F31")
def test_a_reading_that_stands_still_for_half_a_second_is_no_reading(side):
    check = PressureCheck()
    for tick in range(200):
        values = {"down_pa": 5_000 + tick % 2, "up_pa": 6_000 + tick % 2, side: 5_500}
        found = seen(check=check, **values)
        assert found == (set() if tick < 50 else {"SENSOR_FAULT"})
    assert seen(check=check, down_pa=5_001, up_pa=6_001) == set()


@pytest.mark.req("F31")
def test_a_reading_that_jumps_is_no_reading_and_one_jump_is_none():
    check = PressureCheck()
    found = [seen(check=check, down_pa=5_000 + 13_000 * (n % 2), up_pa=6_000 + n) for n in range(9)]
    assert found.index({"SENSOR_FAULT"}) == 5
    check = PressureCheck()
    for n in range(400):
        jump = 13_000 if n % 20 == 10 else 0
        assert seen(check=check, down_pa=5_000 + jump + n % 2, up_pa=6_000 + n % 2) == set()


@pytest.mark.req("F10")
def test_the_release_of_the_highest_pressure_is_no_broken_sensor():
    """130 kPa with a time constant of 0.15 s falls by 8.4 kPa in the first tick."""
    check = PressureCheck()
    pa = 129_000.0
    assert "SENSOR_FAULT" not in seen(check=check, down_pa=129_000, limit_pa=130_000)
    for n in range(100):
        pa *= 0.935
        found = seen(check=check, down_pa=int(pa) + n % 2, up_pa=6_000 + n % 2, limit_pa=130_000)
        assert found == set()
