"""Hours of it: nothing lost, nothing late, not a step too many."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import PINS, Trial, order
from hil_tests.promised import STEPS_PER_ML
from hil_tests.windows import above_cap

SOAK_H = 6.0
RATE = 60_000
LOOK_S = 60.0
pytestmark = [pytest.mark.needs_rig, pytest.mark.soak, pytest.mark.timing]


@pytest.mark.req("L1", "L8", "L14", "L22")
def test_an_infusion_of_hours_keeps_every_limit(bench, record, request):
    hours = request.config.option.soak or SOAK_H
    # A minute less than the longest delivery, which ends with an alarm.
    seconds = min(hours * 3600, 6 * 3600 - 120)
    ul = int(min(2_000_000, RATE * 6))

    def trial(trial: Trial) -> dict:
        bench = trial.bench
        watch = bench.rig.arm(*PINS)
        began_us = watch.armed_us
        above = [0.0]
        off = []
        steps = 0
        asked = 0
        while bench.rig.time_us() - began_us < seconds * 1e6:
            bench.wait(min(LOOK_S, seconds))
            for question in bench.said("!Q")[asked:]:
                asked += 1
                bench.client.request("CONFIRM", int(question.fields["question"]))
            bench.rig.read(watch)
            edges = watch.rising("STEP")
            above.append(above_cap(edges, RATE))
            steps += len(edges)
            passed_us = bench.rig.time_us() - began_us
            off.append(abs(steps - passed_us * RATE * STEPS_PER_ML / 3.6e12))
            assert not watch.falling("ENABLE"), f"stopped: {bench.alarms()}"
            watch = bench.rig.arm(*PINS)
        return {
            "above": above,
            "off": off,
            "alarms": bench.alarms(),
            "bad": bench.client.bad,
            "gaps": bench.gaps(),
            "state": bench.state(),
        }

    (row,) = bench.trials(1, trial, order(RATE, ul=ul, dwell_s=600))
    record(
        limit="L14",
        name=f"steps above the cap in any window of {seconds / 3600:.2f} h",
        unit="steps",
        bound=1.0,
        values=row["above"],
        uncertainty=0.01,
    )
    record(
        limit="L8",
        name=f"steps off the ordered ones over {seconds / 3600:.2f} h",
        unit="steps",
        bound=3.0,
        values=row["off"],
        uncertainty=0,
    )
    assert row["state"] in ("INFUSING", "RUNG_HELD")
    assert row["alarms"] == []
    assert row["bad"] == 0, "lines were not valid"
    assert row["gaps"] == 0, "lines were lost"
