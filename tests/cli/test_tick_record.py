"""A board's record of ticks: replayed it is identical, and nothing else is."""

from __future__ import annotations

import json

import pytest

from emulator import tick_probe
from host_sim.trace import TraceError
from pump.core import infusion_state as st
from pump.core.controller import Controller
from pump.core.outputs import Outputs
from pump.core.readings import Inputs
from titra.replay import replay
from titra.tick_record import write_record

NAMES = {
    "told": tick_probe.TOLD,
    "inputs": tick_probe.INPUTS,
    "outputs": tick_probe.OUTPUTS,
    "state": tick_probe.STATE,
    "rx": tick_probe.RX,
}


def _value(owner: object, path: str) -> int:
    for part in path.split("."):
        owner = getattr(owner, part)
    return int(owner)


def _prescription(rx) -> None:
    rx.has = 3
    rx.vtbi_ul, rx.dose_mg, rx.concentration_mg_ml, rx.weight_g = 2000, 60, 30, 70_000
    rx.cap_ul_h, rx.n_rungs, rx.rungs_set = 60_000, 1, 1
    rx.rate_ul_h[0], rx.dwell_s[0] = 60_000, 600


def _record(path, ticks: int = 300):
    controller, inputs, outputs = Controller(), Inputs(), Outputs()
    rows, commits = [], {}
    turned = 0
    for tick in range(ticks):
        inputs.dt_ms = 10
        inputs.down_pa, inputs.up_pa = 5000 + tick % 3, 6000 + tick % 5
        inputs.event = {5: st.EV_POST_PASSED, 10: st.EV_COMMIT, 15: st.EV_START}.get(
            tick, st.NO_EVENT
        )
        inputs.enable_level = outputs.enable
        inputs.sound_heard = outputs.sound
        inputs.air = outputs.air_probe
        # As the counters see it: a tick late, the encoder once in four steps.
        turned, inputs.encoder_edges = turned % 4 + outputs.steps, (turned % 4 + outputs.steps) // 4
        inputs.step_edges = outputs.steps
        told = [_value(controller, name) for name in tick_probe.TOLD]
        if inputs.event == st.EV_COMMIT:
            _prescription(controller.staged)
        given = [_value(inputs, name) for name in tick_probe.INPUTS]
        controller.step(inputs, outputs)
        if inputs.event == st.EV_COMMIT:
            commits[tick] = [
                controller.staged.rate_ul_h[int(name[:-1].split("[")[1])]
                if name.startswith("rate_ul_h[")
                else controller.staged.dwell_s[int(name[:-1].split("[")[1])]
                if name.startswith("dwell_s[")
                else getattr(controller.staged, name)
                for name in tick_probe.RX
            ]
        decided = [_value(outputs, name) for name in tick_probe.OUTPUTS]
        state = [_value(controller, name) for name in tick_probe.STATE]
        rows.append(told + given + decided + state)
    write_record(path, NAMES, rows, commits, {}, "none")
    assert controller.state == st.INFUSING, controller.alarms.active
    assert controller.volume.granted_steps > 0
    return path


@pytest.mark.req("M22")
def test_the_same_ticks_are_identical(tmp_path):
    outcome = replay(_record(tmp_path / "ticks.jsonl"))
    assert outcome.is_identical, outcome.lines()
    assert outcome.ticks == 300


@pytest.mark.req("M22")
@pytest.mark.parametrize("name", ("steps", "enable", "state", "volume.granted_steps"))
def test_one_integer_of_one_tick_is_a_difference(tmp_path, name):
    path = _record(tmp_path / "ticks.jsonl")
    lines = path.read_text().splitlines()
    at = len(tick_probe.TOLD + tick_probe.INPUTS) + (tick_probe.OUTPUTS + tick_probe.STATE).index(
        name
    )
    row = json.loads(lines[250])
    row[at] += 1
    lines[250] = json.dumps(row)
    path.write_text("\n".join(lines) + "\n")
    difference = replay(path).difference
    assert difference is not None
    assert difference.line == 250
    assert [field[0] for field in difference.fields] == [name]


@pytest.mark.req("M22")
def test_bounds_that_a_record_states_end_with_it(tmp_path):
    from pump.core import limits

    path = _record(tmp_path / "ticks.jsonl")
    text = path.read_text().replace('"bounds":{}', '"bounds":{"DWELL_MIN_MS":5000}')
    path.write_text(text)
    assert replay(path).is_identical
    assert limits.DWELL_MIN_MS == 600_000


@pytest.mark.req("M22")
@pytest.mark.parametrize("broken", ("[1,2]", "{", '"text"'))
def test_a_broken_record_is_said_to_be_one(tmp_path, broken):
    path = _record(tmp_path / "ticks.jsonl")
    path.write_text(path.read_text() + broken + "\n")
    with pytest.raises(TraceError, match=r"ticks\.jsonl"):
        replay(path)
