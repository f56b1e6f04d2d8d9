"""The host falls silent, floods, or does not read: what the pump does then."""

from __future__ import annotations

import pytest

from hil_tests.bench import dut
from hil_tests.bench.bench import PINS, Trial, order
from hil_tests.promised import LINK_LATE_MS, STEPS_PER_ML, STOP_MS
from hil_tests.responses import columns, ran_before, segments

TIMEOUT_S = 2
ALONE_S = {"sim": 60, "emulator": 3, "serial": 30}
RATE = 30_000
pytestmark = [pytest.mark.needs_rig, pytest.mark.timing]


def fall_silent(trial: Trial) -> dict:
    bench = trial.bench
    watch = bench.rig.arm(*PINS)
    bench.wait(0.1 + trial.random.random() * 0.01)
    said_us = bench.rig.time_us()
    bench.client.request("STATUS?")
    bench.wait(TIMEOUT_S + 1.5)
    bench.rig.read(watch)
    alarms = bench.alarms()
    return {
        "late_ms": (watch.last_step_us() - said_us) / 1000 - TIMEOUT_S * 1000,
        "steps_before": watch.steps_between(watch.armed_us, said_us),
        "enabled": watch.level("ENABLE"),
        "alarms": alarms,
        "state": bench.state(),
    }


@pytest.mark.req("L21")
def test_a_host_that_falls_silent_ends_in_a_safe_state(bench, n, record):
    rows = bench.trials(n, fall_silent, order(RATE, link_timeout_s=TIMEOUT_S))
    ran_before(rows)
    record(
        limit="L21",
        name=f"host silent for {TIMEOUT_S} s, beyond that to last STEP edge",
        bound=LINK_LATE_MS,
        values=columns(rows, "late_ms"),
    )
    # Nor earlier: a host that is in time is no alarm.
    assert min(row["late_ms"] for row in rows) > -100
    assert all("LINK_SILENT" in row["alarms"] for row in rows)
    assert {row["enabled"] for row in rows} == {0}


@pytest.mark.req("L21")
@pytest.mark.needs(dut.UNPLUG)
def test_an_infusion_that_needs_no_host_goes_on_with_the_cable_pulled(bench, record):
    def trial(trial: Trial) -> dict:
        bench = trial.bench
        alone_s = ALONE_S[bench.dut.kind]
        bench.dut.unplug()
        watch = bench.rig.arm(*PINS)
        bench.dut.wait(alone_s)
        bench.rig.read(watch)
        seconds = (bench.rig.time_us() - watch.armed_us) / 1e6
        steps = len(watch.rising("STEP"))
        bench.calm()
        ordered = RATE / 1000 * STEPS_PER_ML * seconds / 3600
        return {"off": steps - ordered, "state": bench.state()}

    rows = bench.trials(1, trial, order(RATE))
    record(
        limit="L21",
        name="steps with the cable pulled, off the ordered ones by",
        unit="steps",
        bound=1.01,
        values=[abs(row["off"]) for row in rows],
        uncertainty=0,
    )
    assert rows[0]["state"] == "INFUSING"


def flooded(bench) -> None:
    bench.dut.flood(True)
    bench.dut.wait(0.3)


def ignored(bench) -> None:
    bench.dut.ignore(True)
    bench.dut.wait(6.0)


TROUBLES = [
    pytest.param(flooded, "floods", id="floods"),
    pytest.param(ignored, "does-not-read", id="does-not-read", marks=pytest.mark.needs(dut.IGNORE)),
]


def stop_in_trouble(trial: Trial) -> dict:
    """The STOP key meanwhile; then the host behaves again and may ask."""
    bench = trial.bench
    rig = bench.rig
    watch = rig.arm(*PINS, "STOP_KEY")
    bench.dut.wait(0.1)
    rig.at(trial.soon_us(), "STOP_KEY", 1)
    bench.dut.wait(0.2 + bench.lead_us / 1e6)
    rig.read(watch)
    pressed_us = watch.rising("STOP_KEY")[0]
    bench.calm()
    rig.read(watch)
    off = watch.falling("ENABLE", pressed_us)
    return {
        "step_ms": max(0, watch.last_step_us() - pressed_us) / 1000,
        "off_ms": (off[0] - pressed_us) / 1000 if off else None,
        "steps_before": watch.steps_between(watch.armed_us, pressed_us),
        "state": bench.state(),
    }


@pytest.mark.req("L22")
@pytest.mark.parametrize("trouble, what", TROUBLES)
def test_the_stop_key_is_as_quick_while_the_host(bench, n, record, trouble, what):
    rows = bench.trials(n, stop_in_trouble, order(RATE), settle=trouble)
    ran_before(rows)
    record(
        limit="L22",
        name=f"STOP key to last STEP edge while the host {what}",
        bound=STOP_MS,
        goal=20,
        values=columns(rows, "step_ms"),
    )
    assert max(columns(rows, "off_ms")) <= STOP_MS
    assert {row["state"] for row in rows} == {"STOPPED"}


def stop_behind_noise(trial: Trial) -> dict:
    """A STOP that stands right behind a flood's last byte, in the same line."""
    bench = trial.bench
    watch = bench.rig.arm(*PINS)
    bench.wait(0.1)
    noise = bytes(trial.random.randrange(33, 127) for _ in range(200)) + b" STOP\n"
    sent_us = bench.dut.send(noise, trial.random.randrange(1, 10_000), bench.rig.time_us)
    bench.wait(0.3)
    bench.rig.read(watch)
    off = watch.falling("ENABLE", sent_us)
    return {
        "step_ms": max(0, watch.last_step_us() - sent_us) / 1000,
        "off_ms": (off[0] - sent_us) / 1000 if off else None,
        "steps_before": watch.steps_between(watch.armed_us, sent_us),
        "state": bench.state(),
    }


@pytest.mark.req("L22", "L3")
@pytest.mark.smoke
def test_stop_behind_garbage_is_a_stop(bench, n, record):
    """200 bytes before it are read in the tick in which they come, or the next."""
    rows = bench.trials(n, stop_behind_noise, order(RATE))
    ran_before(rows)
    record(
        limit="L22",
        name="200 bytes of garbage and STOP to last STEP edge",
        bound=STOP_MS,
        values=columns(rows, "step_ms"),
    )
    assert {row["state"] for row in rows} == {"STOPPED"}


@pytest.mark.req("L22")
def test_the_door_is_as_quick_while_the_host_floods(bench, n, record):
    rows = bench.trials(n, door_in_a_flood, order(RATE), settle=flooded)
    ran_before(rows)
    ran_before(rows)
    record(
        limit="L22",
        name="door opens to ENABLE low while the host floods",
        bound=STOP_MS,
        goal=20,
        values=columns(rows, "off_ms"),
        segments=segments(rows),
    )


def door_in_a_flood(trial: Trial) -> dict:
    bench = trial.bench
    rig = bench.rig
    watch = rig.arm(*PINS, "DOOR")
    bench.dut.wait(0.1)
    rig.at(trial.soon_us(), "DOOR", 1)
    bench.dut.wait(0.2 + bench.lead_us / 1e6)
    rig.read(watch)
    opened_us = watch.rising("DOOR")[0]
    bench.calm()
    off = watch.falling("ENABLE", opened_us)
    return {
        "off_ms": (off[0] - opened_us) / 1000 if off else None,
        "steps_before": watch.steps_between(watch.armed_us, opened_us),
    }
