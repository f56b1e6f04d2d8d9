"""What comes out of the STEP pin against what was ordered, window by window."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import PINS, Trial, order
from hil_tests.promised import SLEW_MAX_UL_H_S, STEPS_PER_ML
from hil_tests.windows import above_cap, from_grid

pytestmark = [pytest.mark.needs_rig]


def watch_steps(seconds: float):
    def trial(trial: Trial) -> list[int]:
        bench = trial.bench
        watch = bench.rig.arm(*PINS)
        left = seconds
        while left > 0:
            bench.wait(min(5, left))
            bench.rig.read(watch)
            left -= 5
        assert not watch.falling("ENABLE"), "the driver was disabled meanwhile"
        return watch.rising("STEP")

    return trial


@pytest.mark.req("L8", "L14")
@pytest.mark.smoke
@pytest.mark.parametrize("rate", [1000, 60_000, 120_000])
def test_steps_are_those_of_the_ordered_rate_and_of_no_higher_one(bench, record, rate):
    seconds = 60 if rate <= 1000 and bench.dut.kind != "emulator" else 10
    (edges,) = bench.trials(1, watch_steps(seconds), order(rate))
    at = f"at {rate / 1000:g} mL/h"
    record(
        limit="L14",
        name=f"steps above the cap in the fullest window {at}",
        unit="steps",
        bound=1.0,
        values=[above_cap(edges, rate)],
        uncertainty=0.01,
    )
    record(
        limit="L8",
        name=f"steps from the ordered grid {at}",
        unit="steps",
        bound=1.0,
        values=from_grid(edges, rate),
        uncertainty=0.01,
    )


@pytest.mark.req("L14")
@pytest.mark.parametrize("cap", [60_000, 120_000])
def test_a_rung_above_its_cap_is_never_delivered(bench, record, cap):
    """Refused; or else held at the cap."""

    def trial(trial: Trial) -> tuple[str, list[int]]:
        bench = trial.bench
        prescription = order(2 * cap, ul=50_000, cap_ul_h=cap, dwell_s=600)
        refusal = bench.refusal(prescription)
        if refusal:
            return refusal, []
        bench.wait(2 * cap / SLEW_MAX_UL_H_S)
        return "", watch_steps(10)(trial)

    ((refusal, edges),) = bench.trials(1, trial)
    assert refusal in ("", "RX_ABOVE_CAP"), "refused, and not for its rate"
    record(
        limit="L14",
        name=f"a rung of twice the cap of {cap // 1000} mL/h: steps above it",
        unit="steps",
        bound=1.0,
        values=[above_cap(edges, cap)],
        uncertainty=0.01,
    )


@pytest.mark.req("L13", "L14")
def test_a_rise_is_no_steeper_than_ordered(bench, record):
    """Every window from START on holds at most what 10 mL/h per second allow."""

    def trial(trial: Trial) -> tuple[int, list[int]]:
        bench = trial.bench
        bench.strategy.ready(order(200_000, ul=50_000, dwell_s=600))
        watch = bench.rig.arm(*PINS)
        started_us = bench.rig.time_us()
        bench.client.request("START")
        bench.wait(10)
        bench.rig.read(watch)
        return started_us, watch.rising("STEP")

    if bench.dut.kind == "emulator":
        pytest.skip("the emulated build rises faster than a prescription may, to save hours")
    ((started_us, edges),) = bench.trials(1, trial)
    # Steps until t: slew * t^2 / 2, in uL/h per s.
    per_s2 = SLEW_MAX_UL_H_S / 3600 * STEPS_PER_ML / 1000
    values = [
        number - per_s2 * ((us - started_us) / 1e6) ** 2 / 2
        for number, us in enumerate(edges, start=1)
    ]
    assert len(values) > 50
    record(
        limit="L13",
        name="steps ahead of a rise of 10 mL/h per second",
        unit="steps",
        bound=1.0,
        values=[max(0.0, value) for value in values],
        uncertainty=0.0,
    )


@pytest.mark.req("L8")
@pytest.mark.minutes
def test_the_volume_to_be_infused_is_reached_and_never_passed(bench, record):
    """1 mL at 60 mL/h: 6400 steps and not one more."""

    def trial(trial: Trial) -> dict:
        bench = trial.bench
        bench.strategy.ready(order(60_000, ul=1000, dwell_s=600))
        watch = bench.rig.arm(*PINS)
        bench.client.request("START")
        for _ in range(30):
            bench.wait(4.0)
            bench.rig.read(watch)
            if bench.state() not in ("INFUSING", "RUNG_HELD"):
                break
        return {
            "steps": watch.steps_while_enabled(watch.armed_us),
            "state": bench.state(),
            "enabled": watch.level("ENABLE"),
        }

    (row,) = bench.trials(1, trial)
    over = row["steps"] - STEPS_PER_ML
    record(
        limit="L8",
        name="steps beyond a volume to be infused of 1 mL",
        unit="steps",
        bound=1,
        values=[max(0, over)],
        uncertainty=0,
    )
    assert over >= -1
    assert row["state"] == "COMPLETE"
    assert row["enabled"] == 0
