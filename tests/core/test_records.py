"""`readings` and `outputs`: what a step is told, and what it decides."""

import pytest
from properties.core_bench import CoreBench, Order

from pump.core.outputs import Outputs
from pump.core.readings import Inputs

FIELDS = sorted(vars(Outputs()))


@pytest.mark.req("L4")
def test_sensors_that_were_never_read_do_not_look_healthy():
    bench = CoreBench()
    bench.send("POST_PASSED")
    assert bench.commit(Order()) == "OK"
    fresh = Inputs()
    bench.inputs.down_pa = fresh.down_pa
    bench.inputs.up_pa = fresh.up_pa
    assert bench.send("START") == "ALARM_PRESENT"


@pytest.mark.req("L14")
def test_fresh_outputs_ask_for_nothing():
    assert not any(vars(Outputs()).values())


@pytest.mark.req("L14")
@pytest.mark.parametrize("state", ["SELF_TEST", "IDLE", "PAUSED", "STOPPED", "FAULT"])
def test_outputs_expire_in_one_tick(bench_in, state):
    """Whatever the record held before the step, no motion is left after it."""
    bench = bench_in(state)
    for field in FIELDS:
        setattr(bench.outputs, field, 7)
    bench.tick()
    out = bench.outputs
    assert (out.enable, out.rate_ul_h, out.steps, out.slot_ms) == (False, 0, 0, 10)
    assert (out.event_result, out.raised, out.cleared) == (0, 0, 0)
    assert (out.lamp_yellow, out.lamp_green) == (False, False)
    assert out.sound in (True, False)
    assert out.lamp_red is (state == "FAULT")
