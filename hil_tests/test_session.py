"""What a session promises beside its rate: relief, keep vein open, alarms that come again, and a
prescription that nobody starts."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import PINS, Trial, order
from hil_tests.promised import KVO_UL_H, OCCLUSION_PA, RELIEF_UL, STEPS_PER_ML
from hil_tests.windows import above_cap
from host_sim.client import Refused

RATE = 60_000
pytestmark = [pytest.mark.needs_rig]


@pytest.mark.req("L10")
def test_an_occlusion_is_relieved_by_little_and_stop_ends_that(bench, record):
    """The rig's pressure stays high whatever the motor does: the most that it may turn back."""

    def trial(trial: Trial) -> dict:
        bench = trial.bench
        rig = bench.rig
        watch = rig.arm(*PINS)
        rig.ramp_pressure(rig.time_us() + bench.lead_us, "PRESSURE_DOWN", 6000, 90_000, 105_000)
        bench.wait(1.0)
        rig.read(watch)
        stopped_us = 0
        if trial.number:
            bench.client.stop()
            stopped_us = rig.time_us()
        bench.wait(10.0)
        rig.read(watch)
        turned = watch.falling("DIRECTION")
        back = watch.rising("STEP", turned[0]) if turned else []
        late = [us for us in back if trial.number and us > stopped_us]
        return {"back": len(back), "late": len(late), "enabled": watch.level("ENABLE")}

    def rest():
        bench.rig.set_pressure("PRESSURE_DOWN", 6000)

    rows = bench.trials(2, trial, order(RATE, occlusion_pa=OCCLUSION_PA), before=rest)
    record(
        limit="L10",
        name="volume turned back while the pressure stays",
        unit="uL",
        bound=RELIEF_UL,
        values=[row["back"] * 1000 / STEPS_PER_ML for row in rows],
        uncertainty=1000 / STEPS_PER_ML,
    )
    assert all(row["back"] > 0 for row in rows)
    assert rows[1]["late"] == 0, "STOP did not end the relief"
    assert {row["enabled"] for row in rows} == {0}


@pytest.mark.req("L15")
def test_keep_vein_open_is_slow_and_ends_with_the_door(bench, record):
    def trial(trial: Trial) -> dict:
        bench = trial.bench
        bench.client.request("PAUSE")
        bench.client.request("KVO")
        bench.wait(1.0)
        watch = bench.rig.arm(*PINS, "DOOR")
        bench.wait(20 if bench.dut.kind != "emulator" else 4)
        bench.rig.set("DOOR", 1)
        bench.wait(3.0)
        bench.rig.read(watch)
        opened_us = watch.rising("DOOR")[0]
        edges = [us for us in watch.rising("STEP") if us < opened_us]
        return {
            "above": above_cap(edges, KVO_UL_H) if edges else 0.0,
            "steps": len(edges),
            "late": len(watch.rising("STEP", opened_us + 50_000)),
            "enabled": watch.level("ENABLE"),
        }

    (row,) = bench.trials(1, trial, order(RATE, kvo_ul_h=KVO_UL_H))
    record(
        limit="L15",
        name="steps above 1 mL/h in the fullest window of KVO",
        unit="steps",
        bound=1.0,
        values=[row["above"]],
        uncertainty=0.01,
    )
    assert row["steps"] > 0, "nothing kept the vein open"
    assert row["late"] == 0 and row["enabled"] == 0


@pytest.mark.req("L17")
def test_the_same_alarm_for_the_third_time_wants_a_supervisor(bench):
    def trial(trial: Trial) -> list[str]:
        bench = trial.bench
        bench.client.login("operator")
        answers = []
        for _ in range(3):
            bench.rig.set("DOOR", 1)
            bench.wait(0.3)
            bench.rig.set("DOOR", 0)
            bench.wait(0.3)
            try:
                bench.client.request("RESET")
                answers.append("OK")
                bench.client.request("RESUME")
                bench.wait(0.5)
            except Refused as refusal:
                answers.append(refusal.code)
        bench.client.login("supervisor")
        bench.client.request("RESET")
        answers.append("OK")
        return answers

    ((first, second, third, supervisor),) = bench.trials(1, trial, order(RATE))
    assert (first, second, supervisor) == ("OK", "OK", "OK")
    assert third not in ("OK", "NOT_IN_THIS_STATE"), "an operator could reset it"


@pytest.mark.req("L18")
@pytest.mark.minutes
def test_a_prescription_that_nobody_starts_is_called_for_and_cleared(bench):
    def trial(trial: Trial) -> tuple[list[str], str, str]:
        bench = trial.bench
        bench.strategy.ready(order(RATE))
        bench.wait(305)
        called, before = bench.alarms(), bench.state()
        bench.wait(300)
        return called, before, bench.state()

    (row,) = bench.trials(1, trial)
    assert row == (["PROGRAM_IDLE"], "READY", "IDLE")
