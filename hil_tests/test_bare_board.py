"""What can be said without a rig: by the device's own clock and counters.

On a bare Pico with the stand-ins of `titra flash --bench` and its six jumpers, or on a whole
pump; see docs/bench.md.
"""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import TICK_US, Trial, order
from hil_tests.promised import STEPS_PER_ML, STOP_MS
from hil_tests.responses import segments

RATE = 60_000
LISTEN_S = 20
# What is told without urgency has one tick of four.
PHASES = 4
pytestmark = [pytest.mark.needs_wiring("GP2-GP5")]


def device_ms(pushed) -> float:
    return pushed.time_us / 1000


@pytest.mark.req("L16")
def test_it_says_who_it_is_and_that_its_self_test_has_passed(bench):
    maker, board, serial, version = bench.client.query("*IDN?")[:4]
    assert maker and board and serial and version
    assert bench.client.query("POST?")[0] == "PASSED"


@pytest.mark.req("L1")
@pytest.mark.timing
@pytest.mark.smoke
def test_telemetry_comes_each_second_of_the_device(bench, record):
    def trial(trial: Trial) -> list[float]:
        # START itself may take most of a second, with the motor off.
        trial.bench.alarms()
        trial.bench.heard.clear()
        trial.bench.wait(LISTEN_S if trial.bench.dut.kind != "emulator" else 4)
        return [device_ms(line) for line in trial.bench.said("!T")]

    (times,) = bench.trials(1, trial, order(RATE))
    gaps = [later - sooner for sooner, later in zip(times, times[1:], strict=False)]
    record(
        limit="L1",
        name="telemetry against each second, by device time",
        bound=PHASES * TICK_US / 1000 + 2,
        values=[abs(gap - 1000) for gap in gaps],
        uncertainty=0.001,
    )


@pytest.mark.req("L8")
@pytest.mark.timing
@pytest.mark.smoke
def test_steps_that_are_counted_are_those_that_were_ordered(bench, record):
    """By the device's counter of edges, against its own orders: nothing missing."""

    def trial(trial: Trial) -> dict:
        trial.bench.wait(LISTEN_S if trial.bench.dut.kind != "emulator" else 2)
        return trial.bench.client.query_fields("MOTION?")

    (motion,) = bench.trials(1, trial, order(RATE))
    counted, granted = int(motion["counted_steps"]), int(motion["granted_steps"])
    # What was granted for the slots at hand has not come out yet.
    at_hand = RATE / 1000 * STEPS_PER_ML / 3600 * 0.03 + 1
    record(
        limit="L8",
        name="steps granted and not counted",
        unit="steps",
        bound=at_hand,
        values=[abs(granted - counted)],
        uncertainty=0,
    )
    assert counted > 0
    assert int(motion["missing_steps"]) == 0


@pytest.mark.req("L3")
@pytest.mark.timing
def test_after_stop_no_step_is_counted_any_more(bench, n, record):
    """Counted until the answer to STOP, and a second later."""

    def trial(trial: Trial) -> dict:
        bench = trial.bench
        bench.wait(0.1 + trial.random.random() * 0.02)
        before = int(bench.client.query_fields("MOTION?")["counted_steps"])
        bench.client.stop()
        at_answer = int(bench.client.query_fields("MOTION?")["counted_steps"])
        stamps = bench.stamps()
        bench.wait(1.0)
        later = int(bench.client.query_fields("MOTION?")["counted_steps"])
        return {
            "before": before,
            "more": later - at_answer,
            "state": bench.state(),
            "stamps": stamps,
        }

    rows = bench.trials(n, trial, order(RATE))
    per_ms = RATE / 1000 * STEPS_PER_ML / 3.6e6
    record(
        limit="L3",
        name="run-on after the answer to STOP, by steps counted",
        bound=STOP_MS,
        values=[row["more"] / per_ms for row in rows],
        uncertainty=1 / per_ms,
        segments=segments(rows),
    )
    assert {row["state"] for row in rows} == {"STOPPED"}
    assert min(row["before"] for row in rows) > 0


@pytest.mark.req("L3")
@pytest.mark.timing
def test_the_device_stamps_its_own_stop(bench, n, record):
    """M-test: from the tick in which STOP was seen to the step train thrown away."""
    assert "STAMPS?" in bench.verbs  # promised by the protocol

    def trial(trial: Trial) -> dict:
        bench = trial.bench
        bench.wait(0.1 + trial.random.random() * 0.02)
        bench.client.stop()
        return {"stamps": bench.stamps()}

    rows = bench.trials(n, trial, order(RATE))
    parts = segments(rows)
    record(
        limit="L3",
        name="STOP seen to step train stopped, by device time",
        bound=STOP_MS - TICK_US / 1000,
        values=[sum(row["stamps"].values()) for row in rows],
        uncertainty=0.002,
        segments=parts,
    )
