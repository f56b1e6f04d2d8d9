"""`shadow`: a bit that flips in memory is found before anything moves by it."""

import pytest
from properties.core_bench import reach

from pump.core import limits

# Where a variable lives, below the controller.  Small integers have 31 bits.
EVERY_TICK = [
    "state",
    "titration.rung",
    "titration.dwell_ms",
    "ramp.rate_ul_h",
    "volume.vtbi_steps",
    "volume.granted_steps",
    "volume.counted_steps",
    "volume.missing_steps",
    "volume.remainder",
    "interlock.budget",
    "delivery_ms",
    "alarms.active",
    "rx.cap_ul_h",
    "rx.slew_ul_h_s",
    "rx.occlusion_pa",
]
PRESCRIPTION = [
    *("n_rungs", "vtbi_ul", "dose_mg", "concentration_mg_ml", "weight_g", "cap_ul_h"),
    *("kvo_ul_h", "slew_ul_h_s", "occlusion_pa", "check_s", "link_timeout_s", "has"),
]
BITS = range(30)


def flip(controller, path: str, bit: int) -> None:
    *owners, name = path.split(".")
    owner = controller
    for step in owners:
        owner = getattr(owner, step)
    setattr(owner, name, getattr(owner, name) ^ 1 << bit)


def assert_off(bench) -> None:
    assert (bench.state, "INTEGRITY" in bench.alarms) == ("FAULT", True)
    out = bench.outputs
    assert (out.enable, out.rate_ul_h, out.steps) == (False, 0, 0)
    assert bench.controller.ramp.rate_ul_h == 0  # what STATUS? reports
    bench.run(100)
    assert bench.state == "FAULT"
    assert not bench.outputs.enable


@pytest.mark.parametrize("path", EVERY_TICK)
@pytest.mark.parametrize("state", ["INFUSING", "PAUSED", "BACK_OFF", "READY"])
@pytest.mark.req("F25")
def test_every_bit_of_every_critical_variable_is_found_in_the_next_tick(bench_in, path, state):
    for bit in BITS:
        bench = bench_in(state)
        bench.run(50)
        flip(bench.controller, path, bit)
        bench.tick()
        assert_off(bench)


@pytest.mark.parametrize("path", ["volume.step_ulh_ms", "interlock.step_ulh_ms"])
@pytest.mark.req("F25")
def test_every_bit_of_the_volume_of_a_step_is_found_in_40_ms(bench_in, path):
    """And until then the other of the two holds."""
    for bit in BITS:
        bench = bench_in("INFUSING")
        flip(bench.controller, path, bit)
        # Called before the loop goes on, so what it has bound is of this turn.
        assert bench.run_until(lambda: bench.state == "FAULT", 50) <= 40  # noqa: B023
        assert_off(bench)


@pytest.mark.req("F25")
def test_every_bit_of_the_rate_in_force_is_found_in_the_next_tick(bench_in):
    for bit in BITS:
        bench = bench_in("INFUSING")
        bench.controller.rx.rate_ul_h[0] ^= 1 << bit
        bench.tick()
        assert_off(bench)


@pytest.mark.parametrize("bit", [0, 7, 15, 29])
@pytest.mark.parametrize("field", PRESCRIPTION)
@pytest.mark.req("F25")
def test_every_field_of_the_prescription_is_gone_through_in_1500_ms(bench_in, field, bit):
    bench = bench_in("INFUSING")
    flip(bench.controller, f"rx.{field}", bit)
    assert bench.run_until(lambda: bench.state == "FAULT", 1500) <= 1450
    assert_off(bench)


@pytest.mark.parametrize("field", ["rate_ul_h", "dwell_s"])
@pytest.mark.parametrize("rung", range(limits.RUNGS_MAX))
@pytest.mark.req("F25")
def test_every_rung_is_gone_through_in_1500_ms(bench_in, field, rung):
    for state in ("INFUSING", "READY", "PAUSED"):
        bench = bench_in(state)
        getattr(bench.controller.rx, field)[rung] ^= 1 << 4
        # Called before the loop goes on, so what it has bound is of this turn.
        bench.run_until(lambda: bench.state == "FAULT", 1500)  # noqa: B023
        assert_off(bench)


@pytest.mark.parametrize("field", ["rate_ul_h", "dwell_s"])
@pytest.mark.req("F25", "L12")
def test_no_answer_takes_the_pump_to_a_rung_that_has_changed(field):
    """All of the prescription is compared first, not one field in four ticks."""
    bench = reach("INFUSING")
    bench.run_until(lambda: bench.controller.open_question() != 0, 3_600_000)
    for phase in range(8):
        bench.run_until(lambda phase=phase: bench.controller.phase == phase, 200)
        copy = bench.clone()
        getattr(copy.controller.rx, field)[1] ^= 1 << 4
        answer = copy.send("CONFIRM", copy.controller.open_question())
        assert answer == "ALARM_PRESENT" or copy.state == "FAULT"
        assert copy.controller.titration.rung == 0
        copy.tick()
        assert_off(copy)


@pytest.mark.req("F16")
@pytest.mark.req("L25")
def test_what_is_changed_on_purpose_is_no_fault():
    bench = reach("INFUSING")
    for event in ("STAY", "CLIMB", "HOLD", "RELEASE", "PAUSE", "KVO", "RESUME", "STOP", "RESET"):
        assert bench.send(event) == "OK"
        bench.run(500)
    assert bench.send("END") == "OK"
    bench.run(500)
    assert (bench.state, bench.alarms) == ("IDLE", set())


@pytest.mark.req("F25")
def test_the_staged_prescription_may_change_at_any_time(bench_in):
    bench = bench_in("INFUSING")
    bench.controller.staged.weight_g = 55_000
    bench.run(500)
    assert bench.alarms == set()
