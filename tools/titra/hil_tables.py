"""Tables of ``docs/hil.md``: the rig's wiring, and what became of firmware that is broken
on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hil_tests.rig import tables
from titra.chip_tables import table

_DOCS = Path(__file__).resolve().parents[2] / "docs"
RESULTS = _DOCS / "hil_mutants.json"
FIGURES = _DOCS / "hil_figures.json"


def _pins() -> str:
    return table(
        ("rig", "GPIO", "name", "what the rig does", "pump", "GPIO", "at rest", "why"),
        tables.pin_rows(),
    )


def _mutants() -> str:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    return table(
        ("broken", "how", "test that must turn red", "what it said"), tables.mutant_rows(results)
    )


def _figures() -> str:
    """The slowest of each device, with its uncertainty, against the limit."""
    runs = json.loads(FIGURES.read_text(encoding="utf-8"))
    rows: dict[tuple, dict[str, dict]] = {}
    for kind, run in runs.items():
        for row in run["measurements"]:
            rows.setdefault((row["limit"], row["name"], row["unit"], row["bound"]), {})[kind] = row
    kinds = [kind for kind in ("sim", "emulator", "serial") if kind in runs]

    def cell(row: dict | None) -> str:
        return f"{row['max'] + row['uncertainty']:.4g} ({row['n']})" if row else "-"

    return table(
        ("limit", "measured", *kinds, "promised"),
        (
            (limit, name, *(cell(found.get(kind)) for kind in kinds), f"{bound:g} {unit}")
            for (limit, name, unit, bound), found in sorted(rows.items(), key=_order)
        ),
    )


def _order(item: tuple[tuple, dict]) -> tuple:
    limit, name, _, _ = item[0]
    return int(limit[1:]), name


GENERATORS: dict[str, Callable[[], str]] = {
    "rig-pins": _pins,
    "hil-mutants": _mutants,
    "hil-figures": _figures,
}
