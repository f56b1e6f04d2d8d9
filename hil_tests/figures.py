"""Keeps what runs have measured for the documentation.

``python -m hil_tests.figures docs/hil_figures.json DIR ...``: of each report folder n, p50, p99
and maximum of every measurement; a device that is there already is replaced.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hil_tests.bench.evidence import quantile

_KEPT = ("limit", "name", "unit", "bound", "uncertainty")


def summary(document: dict) -> dict:
    """Of one run's results."""
    rows = []
    for measured in document["measurements"]:
        values = measured["values"]
        row = {name: measured[name] for name in _KEPT}
        figures = (quantile(values, 0.5), quantile(values, 0.99), max(values))
        row.update(zip(("p50", "p99", "max"), (round(v, 3) for v in figures), strict=True))
        rows.append({**row, "n": len(values)})
    outcomes = [test["outcome"] for test in document["tests"]]
    return {
        "micropython": document["dut"]["micropython"],
        "firmware_version": document["dut"].get("firmware_version", ""),
        "passed": outcomes.count("passed"),
        "failed": outcomes.count("failed"),
        "skipped": outcomes.count("skipped"),
        "measurements": rows,
    }


def main(file: Path, folders: list[Path]) -> None:
    kept = json.loads(file.read_text()) if file.is_file() else {}
    for folder in folders:
        document = json.loads((folder / "results.json").read_text())
        kept[document["dut"]["kind"]] = summary(document)
    file.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
