"""A plan on the whole simulated board: firmware, line and person, in the time that it takes.

A minute of computing for four hours of infusion, so a sample of ladders.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from plan_sweep.core_run import Corner, Ladder

from host_sim.client import Program
from host_sim.simulation import RunSpec, Simulation
from pump.core import limits
from titra.summary import summarize

Case = tuple[Ladder, Corner]


def one_of_each(ladders: Iterable[tuple[Ladder, tuple[Corner, Corner]]]) -> list[Case]:
    """The quickest corner of one ladder for each number of rungs, concentration and interval,
    of those the one with the highest cap."""
    found: dict[tuple, Case] = {}
    for ladder, (least, _) in ladders:
        kind = (len(ladder.rungs), ladder.concentration_mg_ml, ladder.check_ms)
        if kind not in found or ladder.cap_ul_h > found[kind][0].cap_ul_h:
            found[kind] = (ladder, least)
    return [found[kind] for kind in sorted(found)]


def run(case: Case) -> dict:
    """Deliver it; returns figures for the table.  Raises `AssertionError`."""
    ladder, corner = case
    program = Program(
        vtbi_ul=corner.volume_ul,
        dose_mg=-(-corner.volume_ul * ladder.concentration_mg_ml // 1000),
        concentration_mg_ml=ladder.concentration_mg_ml,
        weight_g=corner.weight_g,
        cap_ul_h=ladder.cap_ul_h,
        rungs=tuple((rate, dwell_ms // 1000) for rate, dwell_ms in ladder.rungs),
        slew_ul_h_s=limits.SLEW_MIN_UL_H_S,
        check_s=ladder.check_ms // 1000,
    )
    simulation = Simulation(RunSpec(program, bag_ul=corner.volume_ul + 30_000))
    lines = simulation.run()
    summary = summarize(json.loads(lines[0]), [json.loads(line) for line in lines[1:]])
    what = f"{ladder} {corner}"
    assert summary.state == "COMPLETE", f"{what}: ended {summary.state}"
    assert {alarm.id for alarm in summary.alarms} <= {"INFUSION_COMPLETE"}, what
    # The summary is in mL, where 257.4 x 1000 is not quite 257400.
    assert round(summary.max_commanded_ml_h * 1000, 3) <= ladder.cap_ul_h, what
    assert round(summary.delivered_ml * 1000, 3) <= corner.volume_ul, what
    assert corner.volume_ul - summary.delivered_ml * 1000 < 1, what
    for rung, entry in zip(ladder.rungs, summary.rungs, strict=False):
        assert round(entry.rate_ml_h * 1000, 3) == rung[0], f"{what}: {entry}"
    planned_min = corner.duration_ms / 60_000
    assert summary.duration_min >= planned_min - 0.05, f"{what}: took {summary.duration_min} min"
    return {
        "rungs": len(ladder.rungs),
        "percent": ladder.concentration_mg_ml / 10,
        "weight_kg": corner.weight_g / 1000,
        "volume_ml": corner.volume_ul / 1000,
        "cap_ml_h": ladder.cap_ul_h / 1000,
        "highest_ml_h": summary.max_commanded_ml_h,
        "planned_min": round(planned_min, 1),
        "took_min": round(summary.duration_min, 1),
    }
