"""A whole day in a minute on the emulated chip, and the same ticks through CPython.

The board is driven over its USB serial line by the client that drives the
simulator.  A module beside the firmware says every integer that the controller
gets and decides, tick by tick.
"""

from __future__ import annotations

import pytest
from emulated_bench import (
    SELF_TEST_STEPS,
    Pace,
    Pump,
    figures,
    firmware,
    out_folder,
    program,
    uf2,
)

from emulator import image, tick_probe
from pump.core import infusion_state as st
from pump.core import units
from pump.hal import pinout
from pump.hal.pressure_scale import COUNTS_AT_AMBIENT, PA_PER_COUNT
from titra.replay import replay
from titra.tick_record import write_record

VOLUME_UL = 1500
AT_REST_PA = 5000
BLOCKED_PA = 80_000


class Day:
    """The events of the day, one after the other, and what came of them."""

    def __init__(self):
        self.pump = Pump(uf2(), firmware(record=True, hurried=True)).boot()
        self.pace = Pace(self.pump.board)
        self.pump.client.hello()
        pump = self.pump
        self.alarms_signalled = {}
        pump.start(program((60_000, 600), (120_000, 600), (240_000, 600), ul=VOLUME_UL))
        self._wait_for_question()
        self._confirm()
        self._open_door()
        self._pause_audio_and_go_on()
        self._wait_for_question()
        self._confirm()
        self._occlude()
        pump.listen(40, until=lambda: self._state_is("COMPLETE"))
        pump.listen(1.0)

    def _state_is(self, name: str) -> bool:
        lines = [line for line in self.pump.heard if line.mark == "!S"]
        return bool(lines) and lines[-1].fields["to"] == name

    def _questions(self) -> int:
        return sum(line.mark == "!Q" for line in self.pump.heard)

    def _wait_for_question(self) -> None:
        known = self._questions()
        self.pump.listen(20, until=lambda: self._questions() > known)
        assert self._questions() > known

    def _confirm(self) -> None:
        line = [line for line in self.pump.heard if line.mark == "!Q"][-1]
        self.pump.client.request("CONFIRM", int(line.fields["question"]))
        self.pump.listen(0.5)

    def _signalled(self, name: str) -> None:
        """What was to be heard and seen of an alarm in the second before."""
        pump = self.pump
        since_s = pump.board.now_s - 1.0
        self.alarms_signalled[name] = (
            len(pump.edges.rising(pinout.SOUNDER, since_s)),
            len(pump.edges.rising(pinout.LAMP_RED, since_s)),
        )

    def _go_on(self) -> None:
        client = self.pump.client
        client.request("ACK")
        client.request("RESET")
        client.request("RESUME")
        self.pump.listen(1.0)

    def _open_door(self) -> None:
        self.pump.board.drive(pinout.DOOR, 1)
        self.pump.listen(1.0)
        self._signalled("DOOR_OPEN")

    def _pause_audio_and_go_on(self) -> None:
        pump = self.pump
        pump.client.request("ACK")
        paused_s = pump.board.now_s + 0.3
        pump.listen(2.0)
        self.heard_while_paused = len(pump.edges.rising(pinout.SOUNDER, paused_s))
        pump.board.drive(pinout.DOOR, 0)
        pump.listen(0.3)
        self._go_on()

    def _occlude(self) -> None:
        pump = self.pump
        for pressure in range(AT_REST_PA, BLOCKED_PA, 4000):
            pump.fittings.counts[0] = COUNTS_AT_AMBIENT + pressure // PA_PER_COUNT
            pump.listen(0.02)
        pump.listen(1.0)
        self._signalled("DOWNSTREAM_OCCLUSION")
        for pressure in range(BLOCKED_PA, AT_REST_PA, -4000):
            pump.fittings.counts[0] = COUNTS_AT_AMBIENT + pressure // PA_PER_COUNT
            pump.listen(0.02)
        pump.fittings.counts[0] = COUNTS_AT_AMBIENT + AT_REST_PA // PA_PER_COUNT
        pump.listen(1.0)
        self._go_on()


@pytest.fixture(scope="module")
def day():
    return Day()


@pytest.fixture(scope="module")
def record(day):
    probe = day.pump.probe
    path = out_folder() / "ladder.ticks.jsonl"
    names = {
        "told": tick_probe.TOLD,
        "inputs": tick_probe.INPUTS,
        "outputs": tick_probe.OUTPUTS,
        "state": tick_probe.STATE,
        "rx": tick_probe.RX,
    }
    write_record(
        path, names, probe.rows, dict(probe.commits), tick_probe.BOUNDS, image.version_of(uf2())
    )
    return path


@pytest.mark.req("L8", "M22")
def test_the_ordered_volume_is_delivered_to_the_step(day):
    figures(
        "ladder",
        pace=day.pace.text(),
        steps=day.pump.fittings.steps,
        ticks=len(day.pump.probe.rows),
    )
    assert day._state_is("COMPLETE")
    forward_less_back = day.pump.fittings.steps - SELF_TEST_STEPS
    ordered = VOLUME_UL * units.STEPS_PER_ML // 1000
    # What a back-off took back is delivered again only as far as the encoder saw it,
    # which counts four steps at a time.
    assert ordered - BACK_OFF_DOUBT_STEPS <= forward_less_back <= ordered


BACK_OFF_DOUBT_STEPS = 8


@pytest.mark.req("L2", "L4", "L5")
def test_its_alarms_were_raised_and_signalled(day):
    raised = day.pump.alarms()
    for name in ("DOOR_OPEN", "DOWNSTREAM_OCCLUSION", "INFUSION_COMPLETE"):
        assert name in raised
    for sounds, flashes in day.alarms_signalled.values():
        assert sounds > 0
        assert flashes > 0
    assert "INTERLOCK" not in raised
    assert "INTEGRITY" not in raised


@pytest.mark.req("L11")
def test_audio_paused_was_quiet(day):
    assert day.heard_while_paused == 0


@pytest.mark.req("M22")
def test_the_record_holds_every_tick(day):
    probe = day.pump.probe
    assert len(probe.rows) == len(probe.ticks)
    assert all(len(row) == len(tick_probe.ROW) for row in probe.rows)
    at = tick_probe.ROW.index(
        "state", len(tick_probe.TOLD + tick_probe.INPUTS + tick_probe.OUTPUTS)
    )
    states = {row[at] for row in probe.rows}
    assert {st.SELF_TEST, st.IDLE, st.READY, st.INFUSING, st.ALARM_STOPPED, st.COMPLETE} <= states


@pytest.mark.req("M22")
def test_the_same_ticks_on_cpython_decide_the_same(record):
    """Every integer of outputs and state, step counts included, of every tick."""
    outcome = replay(record)
    assert outcome.is_identical, outcome.lines()
    assert outcome.ticks > 1000


@pytest.mark.req("M22")
def test_a_record_that_was_changed_is_noticed(record, tmp_path):
    lines = record.read_text().splitlines()
    steps = len(tick_probe.TOLD + tick_probe.INPUTS) + tick_probe.OUTPUTS.index("steps")
    for number in range(len(lines) - 1, 0, -1):
        if lines[number].startswith("[") and lines[number].strip("[]").split(",")[steps] == "2":
            values = lines[number].strip("[]").split(",")
            values[steps] = "3"
            lines[number] = "[" + ",".join(values) + "]"
            break
    changed = tmp_path / "changed.jsonl"
    changed.write_text("\n".join(lines) + "\n")
    outcome = replay(changed)
    assert outcome.difference is not None
    assert ("steps", "3", "2") in outcome.difference.fields
