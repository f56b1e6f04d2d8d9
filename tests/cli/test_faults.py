"""Every fault that can be named is run to its end, and the exit code says what it came to."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from host_sim.faults import FAULTS, FaultSpec
from host_sim.simulation import RunSpec, Simulation
from titra.simulate import Result, compile_order, exit_code_of
from titra.summary import Summary, summarize

DONE, FAILED, ALARM, NO_DEVICE = 0, 1, 4, 5
AT_MS = 20_000

# What a fault 20 s after START comes to in an infusion of 1 mL in 90 s:
# (value, exit code, state at the end, an alarm or "").
# fmt: off
OUTCOMES = {
    "downstream-occlusion": (None, ALARM, "ALARM_STOPPED", "DOWNSTREAM_OCCLUSION"),
    "upstream-occlusion": (None, ALARM, "ALARM_STOPPED", "UPSTREAM_OCCLUSION"),
    "occlusion-release": (None, DONE, "COMPLETE", ""),
    "air-bubble": (60, ALARM, "ALARM_STOPPED", "AIR_IN_LINE"),
    "air-bubbles": (30, DONE, "COMPLETE", ""),  # 0.3 mL of air; a mL is one too many
    "air-creep": (None, DONE, "COMPLETE", ""),
    "air-sensor-stuck": (None, ALARM, "ALARM_STOPPED", "SENSOR_FAULT"),
    "door-open": (None, ALARM, "ALARM_STOPPED", "DOOR_OPEN"),
    "door-flicker": (None, ALARM, "ALARM_STOPPED", "DOOR_OPEN"),
    "bag-empty": (None, DONE, "COMPLETE", ""),  # 5 mL stand in the tube
    "free-flow": (None, ALARM, "ALARM_STOPPED", "FREE_FLOW"),
    "drop-sensor-dead": (None, DONE, "COMPLETE", ""),
    "pressure-sensor-stuck": (None, ALARM, "ALARM_STOPPED", "SENSOR_FAULT"),
    "pressure-sensor-absent": (None, ALARM, "ALARM_STOPPED", "SENSOR_FAULT"),
    "pressure-sensor-noisy": (None, ALARM, "ALARM_STOPPED", "SENSOR_FAULT"),
    "pressure-sensor-late": (500, DONE, "COMPLETE", ""),
    "pressure-sensor-drift": (None, DONE, "COMPLETE", ""),
    "up-pressure-sensor-stuck": (None, ALARM, "ALARM_STOPPED", "SENSOR_FAULT"),
    "up-pressure-sensor-absent": (None, ALARM, "ALARM_STOPPED", "SENSOR_FAULT"),
    "up-pressure-sensor-noisy": (None, ALARM, "ALARM_STOPPED", "SENSOR_FAULT"),
    "up-pressure-sensor-late": (500, DONE, "COMPLETE", ""),
    "up-pressure-sensor-drift": (None, DONE, "COMPLETE", ""),
    "motor-stall": (None, ALARM, "ALARM_STOPPED", "FLOW_DEVIATION"),
    "motor-missed-steps": (None, DONE, "COMPLETE", ""),  # alarmed after 5 min
    "motor-reversed": (None, ALARM, "FAULT", "MOTOR_FAULT"),
    "motor-creep": (None, ALARM, "FAULT", "MOTOR_FAULT"),  # after the end
    "enable-stuck-high": (None, ALARM, "FAULT", "MOTOR_FAULT"),  # after the end
    "enable-stuck-low": (None, ALARM, "ALARM_STOPPED", "MOTOR_CUT_OFF"),
    "encoder-dead": (None, ALARM, "ALARM_STOPPED", "FLOW_DEVIATION"),
    "temperature-high": (None, ALARM, "ALARM_STOPPED", "DRIVER_HOT"),
    "temperature-sensor-absent": (None, ALARM, "ALARM_STOPPED", "SENSOR_FAULT"),
    "stop-key": (None, FAILED, "STOPPED", ""),
    "stop-key-stuck": (None, FAILED, "STOPPED", "KEY_STUCK"),
    "ok-key": (None, DONE, "COMPLETE", ""),
    "ok-key-stuck": (None, DONE, "COMPLETE", "KEY_STUCK"),
    "sounder-dead": (None, DONE, "COMPLETE", "SOUNDER_FAULT"),  # heard of when it is needed
    "sounder-stuck-on": (None, ALARM, "ALARM_STOPPED", "SOUNDER_FAULT"),
    "battery": (None, DONE, "COMPLETE", ""),
    "battery-low": (None, DONE, "COMPLETE", ""),  # 20 minutes are enough
    "battery-estimate-lies": (None, DONE, "COMPLETE", ""),
    "supply-comparator-dead": (None, DONE, "COMPLETE", ""),
    "brown-out": (None, ALARM, "ALARM_STOPPED", "INTERRUPTED"),
    "power-cut": (None, ALARM, "ALARM_STOPPED", "INTERRUPTED"),
    "power-cut-at-byte": (10, ALARM, "ALARM_STOPPED", "INTERRUPTED"),
    "cpu-hang": (None, ALARM, "ALARM_STOPPED", "INTERRUPTED"),
    "cpu-hang-irq-off": (None, ALARM, "ALARM_STOPPED", "INTERRUPTED"),
    "reset": (None, ALARM, "ALARM_STOPPED", "INTERRUPTED"),
    "flash-stall": (400, ALARM, "ALARM_STOPPED", "MOTOR_CUT_OFF"),
    "usb-stall": (None, ALARM, "FAULT", "GUARD_TRIP"),
    "timer-exception": (None, ALARM, "FAULT", "GUARD_TRIP"),
    "timer-dead": (None, ALARM, "FAULT", "GUARD_TRIP"),
    "clock-jump": (300, DONE, "COMPLETE", ""),
    "clock-drift": (5, ALARM, "FAULT", "CLOCK_FAULT"),
    "rtc-dead": (None, ALARM, "FAULT", "CLOCK_FAULT"),
    "fram-absent": (None, ALARM, "ALARM_STOPPED", "STORAGE_FAULT"),
    "fram-dead": (None, ALARM, "ALARM_STOPPED", "STORAGE_FAULT"),
    "i2c-stuck": (None, ALARM, "ALARM_STOPPED", "STORAGE_FAULT"),
    "bit-flip": (47, ALARM, "FAULT", "INTEGRITY"),  # of the cap
    "flash-bit-flip": (None, ALARM, "FAULT", "INTEGRITY"),  # once the motor is off
    # What a pump and its sensors are until they are calibrated.
    "step-volume": (1050, DONE, "COMPLETE", ""),
    "pressure-offset": (1000, DONE, "COMPLETE", ""),
    "pressure-gain": (1050, DONE, "COMPLETE", ""),
    "link-silent": (None, ALARM, "ALARM_STOPPED", "LINK_SILENT"),
    "host-flood": (None, DONE, "COMPLETE", ""),
    "half-frame": (None, ALARM, "ALARM_STOPPED", "LINK_SILENT"),
    "host-stops-reading": (None, NO_DEVICE, "INFUSING", ""),
    "second-client": (None, DONE, "COMPLETE", ""),
    "no-confirmation": (None, DONE, "COMPLETE", ""),
    "reaction-mild": (None, DONE, "COMPLETE", ""),  # below the lowest rung is none
    "reaction-severe": (None, FAILED, "STOPPED", ""),
}
# fmt: on


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> RunSpec:
    """0.1 g at 130 kg: 1 mL in 90 s."""
    text = (Path(__file__).resolve().parents[2] / "examples/gammagard-renal.toml").read_text()
    text = text.replace("grams = 40.0", "grams = 0.1").replace("= 70.0", "= 130.0")
    path = tmp_path_factory.mktemp("tiny") / "tiny.toml"
    path.write_text(text)
    return compile_order(str(path), 1, date.today(), (), 0)


def run(spec: RunSpec, *faults: FaultSpec) -> tuple[list[str], Summary]:
    lines = Simulation(replace(spec, faults=faults)).run()
    return lines, summarize(json.loads(lines[0]), [json.loads(line) for line in lines[1:]])


def text_of(summary: Summary) -> str:
    out = io.StringIO()
    Result(summary, 1.0, Path("r.html"), Path("t.jsonl"), ()).print_text(out)
    return out.getvalue()


def test_every_fault_has_an_outcome():
    assert set(OUTCOMES) == {fault.name for fault in FAULTS}


@pytest.mark.req("M21", "L19")
@pytest.mark.parametrize("name", OUTCOMES)
def test_a_fault_runs_to_an_end_that_the_exit_code_tells(tiny, name):
    value, code, state, alarm = OUTCOMES[name]
    _, summary = run(tiny, FaultSpec(name, AT_MS, 0, value))
    raised = [row.id for row in summary.alarms]
    assert (exit_code_of(summary), summary.state) == (code, state), raised
    assert not alarm or alarm in raised
    assert summary.max_rate_ml_h <= summary.cap_ml_h
    assert summary.delivered_ml <= summary.ordered_ml
    if state == "COMPLETE":
        assert summary.delivered_ml == summary.ordered_ml
    text = text_of(summary)
    assert f"state       {state}\n" in text
    assert all(name in text for name in raised)
    if summary.resets and summary.recovered_ml is not None:
        assert f"recovered {summary.recovered_ml:.3f} mL" in text
        assert summary.delivered_ml <= summary.recovered_ml <= summary.delivered_ml + 1


@pytest.mark.req("L16")
def test_what_the_self_test_steps_is_no_infusion(tiny):
    _, summary = run(tiny)
    assert summary.steps == 6400
    assert summary.steps_back == 0
    assert summary.max_rate_ml_h == 62.4
    assert summary.self_test == "PASSED"
    after = run(tiny, FaultSpec("reset", AT_MS))[1]
    # The second self-test pulses as well.
    assert after.steps == after.samples[30].edges
    assert after.max_rate_ml_h < 30


@pytest.mark.req("L4", "L10")
def test_turning_back_is_neither_delivery_nor_a_rate_nor_the_end_of_stopping(tiny):
    _, summary = run(tiny, FaultSpec("downstream-occlusion", AT_MS))
    (alarm,) = summary.alarms
    assert 0 < summary.steps_back <= 3200
    assert summary.delivered_ml == pytest.approx(
        (summary.steps - summary.steps_back) / 6400, abs=1e-6
    )
    assert -0.1 <= alarm.stopped_s - alarm.raised_s <= 0.05
    assert summary.max_rate_ml_h < 62.4
    assert f"backed off  {summary.steps_back / 6400:.3f} mL" in text_of(summary)


@pytest.mark.req("F25")
def test_a_flipped_bit_in_flash_is_found_by_the_next_self_test(tiny):
    _, summary = run(tiny, FaultSpec("flash-bit-flip", 5000), FaultSpec("reset", AT_MS))
    assert summary.state == "FAULT"
    assert summary.self_test == "FAILED IMAGE"
    assert exit_code_of(summary) == ALARM
    assert "self-test   FAILED IMAGE" in text_of(summary)


@pytest.mark.req("L19")
def test_a_cut_within_the_log_of_a_pause_loses_nothing_that_was_delivered(tiny):
    spec = replace(tiny, person=replace(tiny.person, actions=((30_000, "pause"),)))
    for n in (1, 25, 40):
        _, summary = run(spec, FaultSpec("power-cut-at-byte", AT_MS, 0, n))
        assert summary.resets == 1
        assert exit_code_of(summary) == ALARM
        assert summary.delivered_ml <= summary.recovered_ml <= summary.delivered_ml + 1


@pytest.mark.req("M21")
@pytest.mark.parametrize("name", ["bit-flip", "flash-bit-flip"])
def test_the_same_run_gives_the_same_bytes(tiny, name):
    assert run(tiny, FaultSpec(name, AT_MS))[0] == run(tiny, FaultSpec(name, AT_MS))[0]


@pytest.mark.nightly
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", OUTCOMES)
def test_a_fault_in_an_hour_s_infusion_runs_to_an_end(tiny, name):
    spec = replace(tiny, program=replace(tiny.program, vtbi_ul=80_000, dose_mg=8000))
    spec = replace(spec, bag_ul=110_000)
    _, summary = run(spec, FaultSpec(name, 2_000_000, 0, OUTCOMES[name][0]))
    assert exit_code_of(summary) in (DONE, FAILED, ALARM, NO_DEVICE)
    assert summary.max_rate_ml_h <= summary.cap_ml_h
    assert text_of(summary)
