"""Tables of ``docs/plan_sweep.md`` from the counts that ``make plan-sweep`` has stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from titra.chip_tables import table

FIGURES = Path(__file__).resolve().parents[2] / "docs" / "plan_sweep.json"


def _figures() -> dict:
    return json.loads(FIGURES.read_text(encoding="utf-8"))


def _clock(minutes: float) -> str:
    return f"{int(minutes) // 60}:{int(minutes) % 60:02}"


def _counts() -> str:
    f = _figures()
    grid, boards = f["grid"], f["board_runs"]
    (low_kg, high_kg), (low_g, high_g) = grid["weights_kg"], grid["doses_g"]
    return table(
        ("what", "count"),
        (
            ("product x use x concentration x tolerance", f"{grid['uses']:,}"),
            (f"weights, {low_kg} to {high_kg} kg by 1 kg", f"{grid['weights']:,}"),
            ("subsets of the six risk flags", f"{grid['subsets_of_flags']:,}"),
            (
                f"doses, {low_g} to {high_g} g by {grid['dose_step_g']} g",
                f"{(high_g - low_g) // grid['dose_step_g'] + 1:,}",
            ),
            ("**orders planned**", f"**{f['planned']:,}**"),
            ("accepted, every rung within every cap", f"{f['accepted']:,}"),
            ("refused, with the reasons that the oracle expects", f"{f['refused']:,}"),
            ("planned otherwise than the oracle says", "0"),
            ("**different ladders**", f"**{f['ladders']:,}**"),
            ("runs of the core, at the smallest and the largest dose", f"{f['core_runs']:,}"),
            ("ticks of the core in them", f"{f['core_ticks']:,}"),
            ("runs of the whole simulated board", f"{len(boards):,}"),
            ("minutes of planning, of the core", _minutes(f["seconds"])),
        ),
    )


def _minutes(seconds: dict) -> str:
    return f"{seconds['plans'] / 60:.1f}, {seconds['core'] / 60:.1f}"


def _products() -> str:
    rows = []
    for key, of in _figures()["products"].items():
        reasons = ", ".join(f"`{code}` {count:,}" for code, count in of["refused_for"].items())
        rows.append(
            (
                f"`{key}`", f"{of['planned']:,}", f"{of['accepted']:,}", reasons or "-",
                f"{of['ladders']:,}", of["slowest_ml_h"], of["fastest_ml_h"],
            )
        )  # fmt: skip
    return table(
        ("product", "planned", "accepted", "refused for (an order may have several)", "ladders",
         "slowest mL/h", "fastest mL/h"),
        rows,
    )  # fmt: skip


def _boards() -> str:
    return table(
        ("rungs", "solution", "weight", "volume", "cap", "highest commanded", "planned", "took"),
        (
            (
                run["rungs"], f"{run['percent']:g} %", f"{run['weight_kg']:g} kg",
                f"{run['volume_ml']:g} mL", f"{run['cap_ml_h']:g} mL/h",
                f"{run['highest_ml_h']:g} mL/h",
                _clock(run["planned_min"]), _clock(run["took_min"]),
            )
            for run in _figures()["board_runs"]
        ),
    )  # fmt: skip


GENERATORS: dict[str, Callable[[], str]] = {
    "sweep-counts": _counts,
    "sweep-products": _products,
    "sweep-boards": _boards,
}
