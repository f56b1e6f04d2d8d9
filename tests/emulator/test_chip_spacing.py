"""STEP edges of the whole firmware on PIO: how evenly they come, and how many."""

from __future__ import annotations

from itertools import pairwise

import pytest
from emulated_bench import STEP_ULH_US, Pump, figures

from emulator.fork import in_fork

# Rate and how long it is looked at: three steps at least.
LOOKED_AT = {100: 17.0, 1000: 6.0, 35_000: 5.0, 350_000: 5.0, 1_200_000: 5.0}
# A word of up to 22 steps rounds each gap down to a microsecond.
SPACING_US = 3
PLACE_US = 22


def _spacing(pump: Pump, rate_ul_h: int, seconds: float) -> dict:
    pump.at_rate(rate_ul_h)
    began_s = pump.board.now_s
    pump.run(seconds)
    first, *edges = [ns / 1000 for ns in pump.steps(began_s)]
    period_us = STEP_ULH_US / rate_ul_h
    gaps = [later - earlier for earlier, later in pairwise([first, *edges])]
    return {
        "edges": len(edges) + 1,
        "period_us": period_us,
        "rate_error_ppm": (edges[-1] - first) / (len(edges) * period_us) * 1e6 - 1e6,
        "deviation_us": max(abs(gap - period_us) for gap in gaps),
        "longest_us": max(gaps),
        "misplaced_us": max(abs(us - first - n * period_us) for n, us in enumerate(edges, 1)),
    }


def _check(row: dict) -> None:
    assert row["edges"] >= 3
    assert row["deviation_us"] <= SPACING_US
    assert row["misplaced_us"] <= PLACE_US


@pytest.mark.req("L8")
@pytest.mark.parametrize("rate_ul_h", LOOKED_AT)
def test_steps_are_evenly_spaced(pump, rate_ul_h):
    row = in_fork(lambda: _spacing(pump, rate_ul_h, LOOKED_AT[rate_ul_h]))
    figures(f"spacing-{rate_ul_h}", limit="1 step", **row)
    _check(row)


@pytest.mark.nightly
@pytest.mark.req("L8")
@pytest.mark.parametrize("rate_ul_h", LOOKED_AT)
def test_steps_are_evenly_spaced_for_a_minute(pump, rate_ul_h):
    row = in_fork(lambda: _spacing(pump, rate_ul_h, 60.0))
    figures(f"spacing-{rate_ul_h}-minute", limit="1 step", **row)
    _check(row)
