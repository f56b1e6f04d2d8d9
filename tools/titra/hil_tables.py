"""Tables of ``docs/hil.md``: the rig's wiring, what runs have measured, and what became of
firmware that is broken on purpose."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

from hil_tests.rig import tables
from titra.chip_tables import table

_DOCS = Path(__file__).resolve().parents[2] / "docs"
RESULTS = _DOCS / "hil_mutants.json"
FIGURES = _DOCS / "hil_figures.json"
FLAKES = _DOCS / "hil_flakes.json"
KINDS = ("sim", "emulator", "serial")


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
    kinds = [kind for kind in KINDS if kind in runs]

    def cell(row: dict | None) -> str:
        return f"{row['max'] + row['uncertainty']:.4g} ({row['n']})" if row else "-"

    return table(
        ("limit", "measured", *kinds, "promised"),
        (
            (limit, name, *(cell(found.get(kind)) for kind in kinds), f"{bound:g} {unit}")
            for (limit, name, unit, bound), found in sorted(rows.items(), key=_order)
        ),
    )


def _runs() -> str:
    """What the figures are of."""
    runs = json.loads(FIGURES.read_text(encoding="utf-8"))
    return table(
        ("device", "date", "firmware", "MicroPython", "passed", "failed", "skipped"),
        (
            (
                kind, run["date"], f"{run['firmware_version']}, files {run['firmware_digest']}",
                run["micropython"], run["passed"], run["failed"], run["skipped"],
            )
            for kind, run in sorted(runs.items(), key=lambda item: KINDS.index(item[0]))
        ),
    )  # fmt: skip


def _margins() -> str:
    """Of each limit and device the measurement that leaves least of its limit."""
    runs = json.loads(FIGURES.read_text(encoding="utf-8"))
    least: dict[tuple, tuple[float, dict]] = {}
    for kind, run in runs.items():
        for row in run["measurements"]:
            margin = 1 - (row["max"] + row["uncertainty"]) / row["bound"]
            key = (int(row["limit"][1:]), KINDS.index(kind))
            if key not in least or margin < least[key][0]:
                least[key] = (margin, row)
    return table(
        ("limit", "on", "least margin at", "n", "largest + uncertainty", "promised", "margin"),
        (
            (
                row["limit"], KINDS[device], row["name"], row["n"],
                f"{row['max'] + row['uncertainty']:.4g}", f"{row['bound']:g} {row['unit']}",
                _percent(margin),
            )
            for (_, device), (margin, row) in sorted(least.items())
        ),
    )  # fmt: skip


def _percent(share: float) -> str:
    """Rounded down: a margin is never shown larger than it is."""
    tenths = math.floor(share * 1000)
    return f"{tenths / 10:.1f} %" if tenths < 100 else f"{tenths // 10} %"


def _flakes() -> str:
    runs = json.loads(FLAKES.read_text(encoding="utf-8"))
    return table(
        ("device", "date", "firmware", "MicroPython", "boots", "times", "tests each time",
         "trials a test", "verdicts", "red", "run time"),
        (
            (
                kind, run["date"], f"{run['firmware_version']}, files {run['firmware_digest']}",
                run["micropython"], run["boots"], run["times"], run["tests"], run["trials"],
                run["verdicts"], len(run["red"]), f"{run['minutes']:g} min",
            )
            for kind, run in sorted(runs.items(), key=lambda item: KINDS.index(item[0]))
        ),
    )  # fmt: skip


def _order(item: tuple[tuple, dict]) -> tuple:
    limit, name, _, _ = item[0]
    return int(limit[1:]), name


GENERATORS: dict[str, Callable[[], str]] = {
    "rig-pins": _pins,
    "hil-mutants": _mutants,
    "hil-figures": _figures,
    "hil-runs": _runs,
    "hil-margins": _margins,
    "hil-flakes": _flakes,
}
