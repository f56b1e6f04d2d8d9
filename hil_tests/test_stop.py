"""STOP, by its key and by its line: to the last STEP edge."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import PINS, Trial, order
from hil_tests.promised import STOP_GOAL_MS, STOP_MS
from hil_tests.rates import trial_rates
from hil_tests.responses import after, columns, ran_before, segments, stimulus

pytestmark = [pytest.mark.needs_rig, pytest.mark.timing]


def judge(record, name: str, rows: list[dict]) -> None:
    ran_before(rows)
    record(
        limit="L3",
        name=name,
        bound=STOP_MS,
        goal=STOP_GOAL_MS,
        values=columns(rows, "step_ms"),
        segments=segments(rows),
    )
    record(
        limit="L3",
        name=name.replace("last STEP edge", "ENABLE low"),
        bound=STOP_MS,
        values=columns(rows, "off_ms"),
    )
    assert {row["state"] for row in rows} == {"STOPPED"}


def type_stop(trial: Trial) -> dict:
    bench = trial.bench
    watch = bench.rig.arm(*PINS, "LAMP_RED", "SOUNDER")
    bench.wait(0.1)
    sent_us = bench.dut.send(b"STOP\n", trial.random.randrange(1, 10_000), bench.rig.time_us)
    bench.wait(0.2)
    bench.rig.read(watch)
    return after(trial, watch, sent_us)


@pytest.mark.req("L3")
@pytest.mark.smoke
@pytest.mark.parametrize("rate", trial_rates(), indirect=True)
def test_the_stop_key_stops_the_motor(bench, n, record, rate):
    rows = bench.trials(n, stimulus("STOP_KEY", 1), order(rate))
    judge(record, f"STOP key to last STEP edge at {rate // 1000} mL/h", rows)


@pytest.mark.req("L3")
@pytest.mark.parametrize("rate", trial_rates(), indirect=True)
def test_stop_on_the_line_stops_the_motor(bench, n, record, rate):
    rows = bench.trials(n, type_stop, order(rate))
    judge(record, f"line feed of STOP to last STEP edge at {rate // 1000} mL/h", rows)
