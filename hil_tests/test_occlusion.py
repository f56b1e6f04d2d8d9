"""A line that is blocked below or above the pump: to the last forward STEP edge, and to the
alarm's sound and lamp."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import PINS, Trial, order
from hil_tests.promised import (
    OCCLUSION_PA,
    OCCLUSION_SIGNAL_MS,
    OCCLUSION_STOP_MS,
    UPSTREAM_PA,
)
from hil_tests.rates import trial_rates
from hil_tests.responses import after, columns, ran_before, segments

# 8 kPa in 10 ms: as steep as a line can be; a sensor that jumps further is noisy.
RAMP_PA_US = 0.8
REST_PA = 6000
BELOW = ("PRESSURE_DOWN", OCCLUSION_PA, 90_000, "DOWNSTREAM_OCCLUSION")
ABOVE = ("PRESSURE_UP", UPSTREAM_PA, -40_000, "UPSTREAM_OCCLUSION")
# The ramp has steps of a millisecond: the crossing may be so much earlier than told.
RAMP_STEP_MS = 1.0
pytestmark = [pytest.mark.needs_rig, pytest.mark.timing, pytest.mark.req("L4")]


def block(sensor: str, limit_pa: int, end_pa: int):
    def trial(trial: Trial) -> dict:
        bench = trial.bench
        rig = bench.rig
        rig.set_pressure(sensor, REST_PA)
        watch = rig.arm(*PINS, "LAMP_RED", "SOUNDER")
        bench.wait(0.1)
        length_us = int(abs(end_pa - REST_PA) / RAMP_PA_US)
        began_us = trial.soon_us()
        rig.ramp_pressure(began_us, sensor, REST_PA, end_pa, length_us)
        bench.wait(0.6 + (length_us + bench.lead_us) / 1e6)
        rig.read(watch)
        crossed_us = began_us + length_us * (limit_pa - REST_PA) // (end_pa - REST_PA)
        row = after(trial, watch, crossed_us)
        seen = (row["red_ms"], row["sound_ms"])
        row["signal_ms"] = None if None in seen else max(seen)
        row["undisturbed"] = watch.steps_between(began_us, crossed_us)
        return row

    return trial


@pytest.mark.parametrize("rate", trial_rates(), indirect=True)
@pytest.mark.parametrize(
    "where",
    [pytest.param(BELOW, id="below", marks=pytest.mark.smoke), pytest.param(ABOVE, id="above")],
)
def test_an_occlusion_stops_the_motor_and_is_signalled(bench, n, record, rate, where):
    sensor, limit_pa, end_pa, condition = where

    def rest():
        bench.rig.set_pressure(sensor, REST_PA)

    rows = bench.trials(n, block(sensor, limit_pa, end_pa), order(rate), before=rest)
    ran_before(rows)
    at = f"{condition.lower().replace('_', ' ')} crossed at {rate // 1000} mL/h"
    uncertainty = bench.uncertainty_ms + RAMP_STEP_MS
    record(
        limit="L4",
        name=f"{at} to last forward STEP edge",
        bound=OCCLUSION_STOP_MS,
        goal=50,
        values=columns(rows, "forward_ms"),
        segments=segments(rows),
        uncertainty=uncertainty,
    )
    record(
        limit="L4",
        name=f"{at} to sound and lamp",
        bound=OCCLUSION_SIGNAL_MS,
        goal=100,
        values=columns(rows, "signal_ms"),
        uncertainty=uncertainty,
    )
    assert all(condition in row["alarms"] for row in rows)
    assert min(row["undisturbed"] for row in rows) > 0, "stopped before the limit was crossed"
