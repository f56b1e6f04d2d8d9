"""Alarm conditions of the stop class at a pin, besides door and pressure: to the last STEP edge."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import PINS, Trial, order
from hil_tests.promised import BUBBLE_UL, SENSOR_MS, STEPS_PER_ML, STOP_MS
from hil_tests.rates import trial_rates
from hil_tests.responses import after, columns, ran_before, segments, stimulus

# What the detector has before it when the bubble is as large as one that stops.
BUBBLE_STEPS = BUBBLE_UL * STEPS_PER_ML // 1000
pytestmark = [pytest.mark.needs_rig, pytest.mark.timing, pytest.mark.req("L2")]


@pytest.mark.parametrize("rate", trial_rates(), indirect=True)
def test_a_sensor_that_is_torn_off_stops_the_motor(bench, n, record, rate):
    """It is a condition after five readings, which is its delay; the limit counts
    from there."""
    rows = bench.trials(n, stimulus("PRESSURE_DOWN", 0, 0.3), order(rate))
    ran_before(rows)
    record(
        limit="L2",
        name=f"pressure sensor torn off, {SENSOR_MS} ms, to last STEP edge at {rate // 1000} mL/h",
        bound=STOP_MS,
        goal=20,
        values=[max(0.0, ms - SENSOR_MS) for ms in columns(rows, "step_ms")],
        segments=segments(rows),
    )
    assert all("SENSOR_FAULT" in row["alarms"] for row in rows)
    columns(rows, "off_ms")


def bubble(trial: Trial) -> dict:
    bench = trial.bench
    rig = bench.rig
    watch = rig.arm(*PINS, "LAMP_RED", "SOUNDER", "FLUID")
    bench.wait(0.1)
    rig.at(trial.soon_us(), "FLUID", 0)
    bench.wait(bench.lead_us / 1e6 + 0.1)
    # As long as 50 uL take, and a while longer; the motor stands before that.
    for _ in range(40):
        if "AIR_IN_LINE" in bench.alarms():
            break
        bench.wait(0.1)
    bench.wait(0.2)
    rig.read(watch)
    began_us = watch.falling("FLUID")[0]
    steps = watch.rising("STEP", began_us)
    # A motor that stops just before has nothing to stop after.
    reached_us = steps[min(len(steps), BUBBLE_STEPS) - 1] if steps else began_us
    return {**after(trial, watch, reached_us), "steps": len(steps)}


@pytest.mark.req("L9")
@pytest.mark.parametrize("rate", trial_rates(), indirect=True)
def test_a_bubble_of_50_microlitres_stops_the_motor(bench, n, record, rate):
    rows = bench.trials(n, bubble, order(rate))
    record(
        limit="L2",
        name=f"50 uL of air have passed to last STEP edge at {rate // 1000} mL/h",
        bound=STOP_MS,
        goal=20,
        values=columns(rows, "step_ms"),
        segments=segments(rows),
    )
    assert all("AIR_IN_LINE" in row["alarms"] for row in rows)
    # Nor is a motor stopped long before: a bubble of half the size is none.
    assert min(row["steps"] for row in rows) > BUBBLE_STEPS // 2
