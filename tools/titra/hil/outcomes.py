"""What became of tests and requirements: failed, skipped, not measured, shown."""

from __future__ import annotations

from typing import NamedTuple

from titra.hil.results import Measurement, Results, Test
from titra.hil.skips import meaning
from titra.hil.statistics import Figures
from titra.hil.wording import order, percent
from titra.register import Requirement

# Limits that are times: what a complete run measures.
TIMING = ("L1", "L2", "L3", "L4", "L5", "L6", "L7", "L16", "L21", "L22", "L24")
OUTCOME_WORDS = {"passed": "passed", "failed": "FAILED", "error": "ERROR", "skipped": "skipped"}


class Measured(NamedTuple):
    """A measurement, its figures, and how it was judged."""

    measurement: Measurement
    figures: Figures


def told(test: Test) -> dict:
    return {
        "id": test.id,
        "outcome": OUTCOME_WORDS[test.outcome],
        "reason": test.reason or "no reason was given",
        "requirements": ", ".join(sorted(test.requirements, key=order)) or "\u2013",
    }


def skips(results: Results) -> list[dict]:
    """Skipped tests by their reason, with what it means."""
    groups: dict[str, list[Test]] = {}
    for test in results.tests:
        if test.outcome == "skipped":
            groups.setdefault(test.reason or "no reason was given", []).append(test)
    rows = []
    for reason, tests in groups.items():
        skip = meaning(reason)
        touched = sorted({name for test in tests for name in test.requirements}, key=order)
        rows.append(
            {
                "reason": reason,
                "kind": skip.name,
                "means": skip.means,
                "do": skip.do,
                "requirements": ", ".join(touched) or "\u2013",
                "tests": [test.id for test in tests],
            }
        )
    return sorted(rows, key=lambda row: -len(row["tests"]))


def not_measured(results: Results, known: dict[str, Requirement]) -> list[dict]:
    """Timing limits without a measurement, and why."""
    have = {item.limit for item in results.measurements if item.values}
    rows = [
        {"id": item.limit, "title": item.name, "why": f"{item.test} came to no value"}
        for item in results.measurements
        if not item.values
    ]
    for name in TIMING:
        if name in have or name in {row["id"] for row in rows}:
            continue
        reasons = {
            test.reason
            for test in results.tests
            if name in test.requirements and test.outcome != "passed" and test.reason
        }
        rows.append(
            {
                "id": name,
                "title": known[name].title if name in known else "",
                "why": "; ".join(sorted(reasons)) or "no test of this run measures it",
            }
        )
    return rows


def traces(results: Results, rows: list[Measured], known: dict[str, Requirement]) -> list[dict]:
    """One row per promised limit, and per other requirement that a test names."""
    named = {name for test in results.tests for name in test.requirements}
    named |= {item.limit for item in results.measurements}
    shown = {name for name, row in known.items() if row.kind == "L"} | named
    table = []
    for name in sorted(shown, key=lambda name: ("LMF".find(name[:1]), order(name))):
        requirement = known.get(name)
        tests = [test for test in results.tests if name in test.requirements]
        outcomes = {test.outcome for test in tests}
        limits = [row for row in rows if row.measurement.limit == name]
        shares = [row.figures.share for row in limits if row.figures.share is not None]
        table.append(
            {
                "id": name,
                "title": requirement.title if requirement else "not in docs/requirements.toml",
                "limit": requirement.limit if requirement else "",
                "tests": [(test.id, test.outcome, OUTCOME_WORDS[test.outcome]) for test in tests],
                "margin": percent(min(shares)) if shares else "\u2013",
                "standing": _standing(outcomes, any(row.figures.is_broken for row in limits)),
                "why": requirement.hil if requirement and not tests else "",
            }
        )
    return table


def _standing(outcomes: set[str], is_broken: bool) -> tuple[str, str]:
    """Tone and words of a requirement's row."""
    if is_broken or outcomes & {"failed", "error"}:
        return "bad", "not shown: failed"
    if not outcomes:
        return "none", "no HIL test"
    if outcomes == {"skipped"}:
        return "warn", "not shown: skipped"
    return ("warn", "in part: some skipped") if "skipped" in outcomes else ("good", "shown")
