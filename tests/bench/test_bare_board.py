"""A Pico with nothing attached: it boots, says what it lacks, and refuses START."""

from __future__ import annotations

import pytest
from bare_bench import WALK, BareBench

from host_sim.bare_board import BENCH_JUMPERS
from host_sim.client import Refused
from pump.hal import pinout


@pytest.mark.req("L26", "L16")
def test_a_bare_board_boots_and_says_which_parts_are_absent(bare):
    assert bare.client.query("POST?")[0] == "PASSED"
    assert bare.absent() >= {
        "STORAGE", "SOUNDER", "PRESSURES", "AIR_DETECTOR", "DOOR", "DRIVER", "KEYS", "CLOCK", "DATE"
    }  # fmt: skip
    assert bare.client.query("FITTED?") == ["0", "0", "0", "1", "1", "0"]


@pytest.mark.req("L26")
def test_a_bare_board_refuses_everything_by_its_open_stop_key(bare):
    with pytest.raises(Refused) as refused:
        bare.client.load(WALK)
    assert refused.value.code == "STOP_KEY"
    assert bare.refusal("START") in ("STOP_KEY", "NOT_IN_THIS_STATE")
    bare.run(70)  # until the key counts as stuck, too
    assert bare.steps() == 0
    assert not bare.was_enabled()


@pytest.mark.req("L26")
@pytest.mark.parametrize("missing", [None, pinout.DOOR, pinout.SUPPLY_GOOD, pinout.SOUNDER])
def test_a_door_and_keys_without_sensors_are_no_pump(missing):
    """What can be shorted is; the pressures and the air detector are absent."""
    shorted = {pinout.DOOR, pinout.STOP_KEY, pinout.SUPPLY_GOOD, pinout.SOUNDER} - {missing}
    on = BareBench(jumpers=tuple(shorted))
    assert {"PRESSURES", "AIR_DETECTOR", "DRIVER"} <= on.absent()
    on.client.load(WALK)
    assert on.refusal("START") == "ALARM_PRESENT"
    on.run(5)
    assert on.steps() == 0
    assert not on.was_enabled()


@pytest.mark.req("L26", "L16")
def test_an_air_detector_that_cannot_see_air_fails_the_self_test():
    """FLUID shorted to 3.3 V, and no stand-ins asked for."""
    on = BareBench(jumpers=(pinout.FLUID,))
    assert on.client.query("POST?")[:2] == ["FAILED", "AIR_DETECTOR"]
    assert on.state() == "FAULT"


@pytest.mark.req("L26", "L16")
def test_a_shaft_that_turns_with_the_driver_off_fails_the_self_test():
    """STEP jumpered to ENCODER, and no stand-ins asked for."""
    on = BareBench(jumpers=BENCH_JUMPERS)
    assert on.client.query("POST?")[:2] == ["FAILED", "COUNTERS"]
    assert on.state() == "FAULT"


@pytest.mark.req("L26")
def test_an_open_converter_is_no_sensor_whatever_it_floats_to(bare):
    """It floats to what looks like an ambient pressure until a resistor pulls at it."""
    assert {"PRESSURES", "DRIVER"} <= bare.absent()
    assert bare.board.application.inputs.down_ok is False
