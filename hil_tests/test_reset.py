"""A reset in the middle of an infusion: safe at once, an alarm latched, nothing resumed; and
the self-test that follows, which cannot be skipped."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import PINS, Trial, order
from hil_tests.promised import POST_S
from hil_tests.responses import columns, ran_before

OFF_MS = 1.0
RESETS = 20
HELD_US = 2000
LISTEN_S = 2.0


def reset_and_wait(trial: Trial, watch) -> tuple[int, dict]:
    """RUN low for a moment, at any time of a tick; until the self-test has ended."""
    bench = trial.bench
    reset_us = trial.soon_us()
    bench.dut.expect_reset()
    bench.rig.at(reset_us, "RUN", 0)
    bench.rig.at(reset_us + HELD_US, "RUN", 1)
    bench.await_boot()
    bench.client.hello()  # returns when the self-test has ended
    ended_us = bench.rig.time_us()
    result, item, absent = bench.client.query("POST?")[:3]
    said = [int(line.time_us) for line in bench.said("!S") if line.fields["from"] == "SELF_TEST"]
    bench.rig.read(watch)
    return reset_us, {
        "post_s": (ended_us - reset_us) / 1e6,
        "post_device_s": said[-1] / 1e6 if said else None,
        "result": result,
        "item": item,
        "absent": absent,
        # What the self-test does at the pins, which nobody can do for it.
        "test_pulses": watch.steps_between(reset_us, ended_us),
        "enable_rose": len(watch.rising("ENABLE", reset_us)),
        "moved": watch.steps_while_enabled(reset_us + 1000),
    }


def interrupt(trial: Trial) -> dict:
    bench = trial.bench
    watch = bench.rig.arm(*PINS)
    bench.wait(0.1)
    bench.heard.clear()
    reset_us, row = reset_and_wait(trial, watch)
    off = watch.falling("ENABLE", reset_us)
    row["steps_before"] = watch.steps_between(watch.armed_us, reset_us)
    row["off_ms"] = (off[0] - reset_us) / 1000 if off else None
    bench.wait(LISTEN_S)
    bench.rig.read(watch)
    row["moved"] = watch.steps_while_enabled(reset_us + 1000)
    row["state"] = bench.state()
    row["alarms"] = bench.alarms()
    return row


@pytest.mark.req("L7", "L16")
@pytest.mark.needs_rig
@pytest.mark.timing
def test_after_a_reset_in_an_infusion_nothing_goes_on_by_itself(bench, request, record):
    n = request.config.option.repeat or RESETS
    rows = bench.trials(n, interrupt, order(60_000))
    ran_before(rows)
    record(
        limit="L7",
        name="RUN low to ENABLE low",
        bound=OFF_MS,
        values=columns(rows, "off_ms"),
    )
    record(
        limit="L16",
        name="RUN low to the end of the self-test",
        unit="s",
        bound=POST_S,
        values=columns(rows, "post_s"),
        uncertainty=bench.uncertainty_ms / 1000,
        segments={"device_s": columns(rows, "post_device_s")},
    )
    assert {row["moved"] for row in rows} == {0}, "the motor turned after a reset"
    assert {row["state"] for row in rows} == {"ALARM_STOPPED"}
    assert all("INTERRUPTED" in row["alarms"] for row in rows)
    assert {row["result"] for row in rows} == {"PASSED"}


@pytest.mark.req("L16")
@pytest.mark.needs_rig
@pytest.mark.smoke
def test_the_self_test_works_at_the_pins(bench):
    """Eight pulses with the driver off, and a rise of ENABLE with the motor at rest."""

    def trial(trial: Trial) -> dict:
        watch = trial.bench.rig.arm(*PINS, "SOUNDER", "LAMP_RED", "LAMP_YELLOW", "LAMP_GREEN")
        _, row = reset_and_wait(trial, watch)
        row["seen"] = [name for name in watch.names[3:] if watch.rising(name)]
        return row

    (row,) = bench.trials(1, trial)
    assert row["result"] == "PASSED"
    assert row["test_pulses"] == 8
    assert row["enable_rose"] == 1
    assert row["moved"] == 0
    assert row["seen"] == ["SOUNDER", "LAMP_RED", "LAMP_YELLOW", "LAMP_GREEN"]


# (channel, what it shows): failed, or taken for not fitted, which refuses START as well.
BROKEN = (("DOOR", 1), ("STOP_KEY", 1), ("FLUID", 0))


@pytest.mark.req("L16")
@pytest.mark.needs_rig
@pytest.mark.parametrize("channel, level", BROKEN, ids=[row[0] for row in BROKEN])
def test_what_is_wrong_at_boot_is_found_and_nothing_can_be_started(bench, channel, level):
    def trial(trial: Trial) -> dict:
        bench = trial.bench
        watch = bench.rig.arm(*PINS)
        bench.rig.set(channel, level)
        _, row = reset_and_wait(trial, watch)
        row["refused"] = bench.refusal(order(60_000))
        bench.wait(1.0)
        bench.rig.read(watch)
        row["moved"] = watch.steps_while_enabled(watch.armed_us)
        return row

    (row,) = bench.trials(1, trial)
    assert row["result"] == "FAILED" or row["absent"] not in ("", "-", "0"), row
    assert row["refused"], "START was accepted"
    assert row["moved"] == 0
