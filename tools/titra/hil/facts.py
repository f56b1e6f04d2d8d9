"""What a report of a HIL run says, as text and numbers that are ready to print."""

from __future__ import annotations

from typing import Any, NamedTuple

from titra.hil.outcomes import OUTCOME_WORDS, Measured, not_measured, skips, told, traces
from titra.hil.plots import histograms
from titra.hil.results import Measurement, Results
from titra.hil.statistics import (
    BEYOND_FROM,
    P99_FROM,
    P999_FROM,
    Figures,
    figures_of,
    median,
    most_beyond,
)
from titra.hil.wording import list_of, minutes, order, pairs, percent, plural, with_unit
from titra.register import Requirement, read_documents, register_of

# Less than this part of a limit left over is told at the top.
THIN = 0.1
BANNER = (
    "Titra is a bench and research device. It is not a medical device and must never be "
    "used on people. This report shows what one device did on one bench; it is no evidence "
    "of safety or of fitness for any treatment."
)
_KINDS = {
    "sim": "the simulator",
    "emulator": "an emulated RP2040",
    "serial": "a board",
}
_SEGMENT_COLOURS = ("question", "device", "answer", "fault", "low")


class Verdict(NamedTuple):
    """``tone`` is good, warn or bad."""

    tone: str
    words: str
    detail: str


def measured(results: Results) -> list[Measured]:
    """Every measurement with values, the one with the least margin first; without a bound
    last."""
    rows = [Measured(item, figures_of(item)) for item in results.measurements if item.values]
    return sorted(
        rows,
        key=lambda row: (
            not row.figures.is_broken,
            row.figures.share is None,
            row.figures.share or 0.0,
            row.measurement.key,
        ),
    )


def requirements() -> dict[str, Requirement]:
    """The rows of ``docs/requirements.toml`` by id."""
    return register_of(read_documents()).requirements


def page_facts(results: Results) -> dict[str, Any]:
    """Everything that the template shows."""
    rows = measured(results)
    known = requirements()
    unmeasured = not_measured(results, known)
    return {
        "banner": BANNER,
        "title": _title(results),
        "subtitle": _subtitle(results),
        "verdict": verdict(results, rows, _names(unmeasured)),
        "tiles": _tiles(results, rows, unmeasured),
        "margins": [_margin(row, known) for row in rows],
        "unmeasured": unmeasured,
        "ended_early": results.ended_early,
        "failed": [told(test) for test in results.tests if test.outcome in ("failed", "error")],
        "skips": skips(results),
        "limits": [_limit(row, known) for row in sorted(rows, key=_by_limit)],
        "traces": traces(results, rows, known),
        "dut": pairs(results.dut),
        "rig": pairs(results.rig),
        "bench": pairs(results.bench),
        "p99_from": P99_FROM,
        "p999_from": P999_FROM,
    }


# --- at a glance ---------------------------------------------------------------------


def verdict(results: Results, rows: list[Measured], unmeasured: list[str]) -> Verdict:
    """The words at the top: what is broken first, then what is not known, then the rest."""
    tone, words, detail = _verdict(results, rows, unmeasured)
    if results.ended_early and words != "Ended early":
        detail = f"{detail} The run ended early."
    skipped = sum(test.outcome == "skipped" for test in results.tests)
    if skipped:
        were = plural(skipped, "test was", "tests were")
        detail = f"{detail} {were} skipped, and what they would have shown is not shown."
    return Verdict(tone, words, detail)


def _verdict(results: Results, rows: list[Measured], unmeasured: list[str]) -> Verdict:
    broken = [row for row in rows if row.figures.is_broken]
    failed = [test for test in results.tests if test.outcome in ("failed", "error")]
    if broken:
        names = _limits_of(broken)
        also = f" {plural(len(failed), 'test', 'tests')} failed." if failed else ""
        words = plural(len(names), "limit broken", "limits broken")
        return Verdict("bad", words, f"{list_of(names)}.{also}")
    if failed:
        return Verdict(
            "bad",
            plural(len(failed), "test failed", "tests failed"),
            "Every limit that was measured holds, but a test that fails shows that something "
            "does not.",
        )
    if results.ended_early:
        return Verdict("bad", "Ended early", f"{results.ended_early.rstrip('.')}.")
    if not rows:
        return Verdict("warn", "Nothing measured", "No test of this run measured a limit.")
    if unmeasured:
        return Verdict(
            "warn",
            "Holds as far as measured",
            f"Not measured in this run: {list_of(unmeasured)}. Nothing is said of these.",
        )
    thin = [row for row in rows if row.figures.share is not None and row.figures.share < THIN]
    if thin:
        return Verdict(
            "warn",
            "All limits hold, barely",
            f"Less than 10 % is left in {list_of(_limits_of(thin))}.",
        )
    return Verdict(
        "good",
        "All limits hold",
        "Every timing limit was measured, with the measurement's uncertainty counted against "
        "the device.",
    )


def _names(unmeasured: list[dict]) -> list[str]:
    return sorted({row["id"] for row in unmeasured}, key=order)


def _limits_of(rows: list[Measured]) -> list[str]:
    return sorted({row.measurement.limit for row in rows}, key=order)


def _title(results: Results) -> str:
    kind = results.dut["kind"]
    serial = results.dut["serial"]
    what = _KINDS.get(kind, kind or "no device")
    return f"{what[:1].upper()}{what[1:]}{f' {serial}' if serial else ''}"


def _subtitle(results: Results) -> str:
    started = results.started.isoformat(sep=" ", timespec="minutes")
    return f"Firmware {results.dut['firmware_version']}, run of {started}"


def _tiles(results: Results, rows: list[Measured], unmeasured: list[dict]) -> list[dict]:
    bounded = [row for row in rows if row.figures.margin is not None]
    broken = sum(row.figures.is_broken for row in bounded)
    counts = {name: sum(t.outcome == name for t in results.tests) for name in OUTCOME_WORDS}
    wrong = counts["failed"] + counts["error"]
    n = sum(row.figures.n for row in rows)
    least = bounded[0] if bounded else None
    return [
        {
            "name": "Within their limit",
            "value": f"{len(bounded) - broken} of {len(bounded)}",
            "note": f"measured; {len(unmeasured)} not measured" if unmeasured else "measured",
            "tone": "bad" if broken else "warn" if unmeasured else "",
        },
        {
            "name": "Least margin",
            "value": percent(least.figures.share) if least else "\u2013",
            "note": f"{least.measurement.limit}, {least.measurement.name}" if least else "",
            "tone": _tone(least.figures) if least else "",
        },
        {
            "name": "Tests",
            "value": f"{counts['passed']} passed",
            "note": f"{wrong} failed, {counts['skipped']} skipped",
            "tone": "bad" if wrong else "",
        },
        {
            "name": "Values",
            "value": f"{n:,}",
            "note": f"in {minutes(sum(t.duration_s for t in results.tests))} of tests",
            "tone": "",
        },
    ]


def _tone(figures: Figures) -> str:
    if figures.share is None:
        return ""
    return "bad" if figures.is_broken else "warn" if figures.share < THIN else ""


# --- margins and limits ----------------------------------------------------------------


def _margin(row: Measured, known: dict[str, Requirement]) -> dict:
    item, figures = row
    used = figures.judged / item.bound if item.bound and item.bound > 0 else None
    return {
        "id": item.limit,
        "title": known[item.limit].title if item.limit in known else "",
        "name": item.name,
        "bound": with_unit(item.bound, item.unit),
        "judged": with_unit(figures.judged, item.unit),
        "what": f"{_judged_words(item)} + uncertainty" if item.uncertainty else _judged_words(item),
        "margin": with_unit(figures.margin, item.unit),
        "share": percent(figures.share),
        "used": None if used is None else round(min(100.0, max(0.0, 100 * used)), 1),
        "goal": None
        if item.goal is None or not item.bound
        else round(min(100.0, 100 * item.goal / item.bound), 1),
        "n": f"{figures.n:,}",
        "tone": _tone(figures) or "good",
        "verdict": _holds(figures),
    }


def _holds(figures: Figures) -> str:
    if figures.margin is None:
        return "no limit"
    return "BROKEN" if figures.is_broken else "holds"


def _judged_words(item: Measurement) -> str:
    return {"max": "max", "mean": "mean", "p99": "p99", "p99.9": "p99.9"}[item.judged]


def _limit(row: Measured, known: dict[str, Requirement]) -> dict:
    item, figures = row
    goal = "" if item.goal is None else ("met" if figures.judged <= item.goal else "not met")
    return {
        **_margin(row, known),
        "test": item.test,
        "text": known[item.limit].text if item.limit in known else "",
        "plots": histograms(item, figures),
        "pairs": [
            ("n", f"{figures.n:,}"),
            ("p50", with_unit(figures.p50, item.unit)),
            ("p99", with_unit(figures.p99, item.unit, f"needs n of {P99_FROM}")),
            ("p99.9", with_unit(figures.p999, item.unit, f"needs n of {P999_FROM:,}")),
            ("max", with_unit(figures.most, item.unit)),
            ("mean", with_unit(figures.mean, item.unit)),
            ("Uncertainty, counted against", with_unit(item.uncertainty, item.unit)),
            ("Judged", f"{_judged_words(item)}: {with_unit(figures.judged, item.unit)}"),
            ("Margin", f"{with_unit(figures.margin, item.unit)} ({percent(figures.share)})"),
            ("Goal", f"{with_unit(item.goal, item.unit)}, {goal}" if goal else "none"),
            (
                "Beyond the largest, at most",
                f"{percent(most_beyond(figures.n))} of all (95 % sure)"
                if figures.n >= BEYOND_FROM
                else f"needs n of {BEYOND_FROM}",
            ),
        ],
        "segments": _segments(item),
    }


def _segments(item: Measurement) -> list[dict]:
    """The median of each segment, and its part of their sum."""
    medians = {name: median(part) for name, part in item.segments.items() if part}
    whole = sum(max(0.0, value) for value in medians.values())
    return [
        {
            "name": name,
            "median": with_unit(value, item.unit),
            "width": round(100 * max(0.0, value) / whole, 2) if whole else 0,
            "colour": _SEGMENT_COLOURS[index % len(_SEGMENT_COLOURS)],
            "n": len(item.segments[name]),
        }
        for index, (name, value) in enumerate(medians.items())
    ]


def _by_limit(row: Measured) -> tuple:
    return (*order(row.measurement.limit), row.measurement.name)
