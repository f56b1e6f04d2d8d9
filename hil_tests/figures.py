"""Keeps what runs have measured for the documentation.

``python -m hil_tests.figures docs/hil_figures.json DIR ...``: of each report folder n, p50, p99
and maximum of every measurement; folders of one device are put together, and a device that is
there already is replaced.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hil_tests.bench.errors import WRONG_INPUT, BenchError
from hil_tests.bench.evidence import SCHEMA, plain_id, quantile

_KEPT = ("limit", "name", "unit", "bound", "uncertainty")


def load(folder: Path) -> dict:
    """A run's results.  Raises ``BenchError`` if there are none to be kept."""
    path = folder / "results.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchError(f"{path}: {error.strerror}", WRONG_INPUT) from None
    except ValueError:
        raise BenchError(f"{path}: is not JSON", WRONG_INPUT) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BenchError(f"{path}: expected schema {SCHEMA}", WRONG_INPUT)
    if document["ended_early"]:
        raise BenchError(f"{path}: it ended early: {document['ended_early']}", WRONG_INPUT)
    return document


def by_device(folders: list[Path]) -> dict[str, list[dict]]:
    runs: dict[str, list[dict]] = {}
    for folder in folders:
        document = load(folder)
        runs.setdefault(document["dut"]["kind"], []).append(document)
    return runs


def _rank(outcome: str) -> int:
    """Skipped in one run and passed in another is passed."""
    return ("skipped", "passed", "failed").index("failed" if outcome == "error" else outcome)


def summary(documents: list[dict]) -> dict:
    """Of one device's runs."""
    values: dict[tuple, list[float]] = {}
    for document in documents:
        for measured in document["measurements"]:
            key = tuple(measured[name] for name in _KEPT)
            values.setdefault(key, []).extend(measured["values"])
    rows = []
    for key, some in values.items():
        figures = {"p50": quantile(some, 0.5), "p99": quantile(some, 0.99), "max": max(some)}
        rows.append(
            {
                **dict(zip(_KEPT, key, strict=True)),
                **{name: round(value, 3) for name, value in figures.items()},
                "n": len(some),
            }
        )
    # A test that was run several times counts once, by the worst that became of it.
    worst: dict[str, int] = {}
    for document in documents:
        for test in document["tests"]:
            name = plain_id(test["id"])
            worst[name] = max(worst.get(name, 0), _rank(test["outcome"]))
    outcomes = list(worst.values())
    about = documents[-1]["dut"]
    return {
        "date": max(document["started"][:10] for document in documents),
        "micropython": about["micropython"],
        "firmware_version": about["firmware_version"],
        "firmware_digest": about["firmware_digest"][:12],
        "passed": outcomes.count(_rank("passed")),
        "failed": outcomes.count(_rank("failed")),
        "skipped": outcomes.count(_rank("skipped")),
        "measurements": rows,
    }


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        print("python -m hil_tests.figures FILE DIR ...", file=sys.stderr)
        return WRONG_INPUT
    file = Path(arguments[0])
    try:
        runs = by_device([Path(name) for name in arguments[1:]])
    except BenchError as error:
        print(error, file=sys.stderr)
        return error.code
    kept = json.loads(file.read_text()) if file.is_file() else {}
    kept.update({kind: summary(documents) for kind, documents in runs.items()})
    file.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
