"""The ladder: a rung's dwell, the question that ends it, and nobody climbing alone."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import PINS, Trial, order
from hil_tests.promised import SLEW_MAX_UL_H_S, TICK_MS
from hil_tests.windows import above_cap
from host_sim.client import Refused

RUNG, NEXT = 60_000, 120_000
DWELL_S = 600
# The rung's rate cannot be reached sooner after START, whose own tick is the first to rise.
RISE_S = (RUNG * 1000 / SLEW_MAX_UL_H_S - TICK_MS) / 1000
# Stamps of two ticks, each in time within 2 ms; half a tick, so that a whole one shows.
STAMPS_S = 0.005
pytestmark = [pytest.mark.needs_rig, pytest.mark.minutes]


def climb(trial: Trial) -> dict:
    bench = trial.bench
    bench.strategy.ready(order(RUNG, (NEXT, 600), ul=50_000, dwell_s=DWELL_S))
    bench.client.request("START")
    watch = bench.rig.arm(*PINS)
    bench.wait(DWELL_S / 2)
    try:
        bench.client.request("CONFIRM", 1)
        early = ""
    except Refused as refusal:
        early = refusal.code
    bench.until(lambda: bool(bench.said("!Q")), DWELL_S)
    begun = [s.time_us for s in bench.said("!S") if s.fields["to"] == "INFUSING"]
    asked = bench.said("!Q")
    # Nobody answers for a while: nothing may rise.
    bench.wait(30)
    bench.rig.read(watch)
    return {
        "early": early,
        "dwelt_s": (asked[0].time_us - begun[-1]) / 1e6 - RISE_S if asked and begun else None,
        "above": above_cap(watch.rising("STEP"), RUNG),
        "rate": int(bench.client.status()["rate_ul_h"]),
    }


@pytest.mark.req("L12")
def test_a_rung_dwells_as_long_as_ordered_and_is_left_by_a_confirmation_alone(bench, record):
    (row,) = bench.trials(1, climb)
    assert row["dwelt_s"] is not None, "nobody was asked"
    record(
        limit="L12",
        name="how much shorter a dwell of 600 s was than ordered",
        unit="s",
        bound=STAMPS_S,
        values=[DWELL_S - row["dwelt_s"]],
        uncertainty=0,
    )
    assert row["early"], "a confirmation counted before the dwell had ended"
    assert row["rate"] == RUNG
    assert row["above"] <= 1.01
