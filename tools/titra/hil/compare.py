"""Two HIL runs side by side: what got slower or faster, and could it be chance?

A difference counts when it is beyond chance (`ALPHA` after Holm's correction over all tests
of the comparison) *and* matters: more than a share of the limit, and more than either
measurement may be wrong by.  A limit that held in A and is broken in B always counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from titra.hil import significance
from titra.hil.results import Measurement, Results
from titra.hil.statistics import P99_FROM, Figures, figures_of, number

ALPHA = 0.05
# Of the limit: 1 ms of the 50 ms for a STOP, a tenth of a tick.
PRACTICAL_PERCENT = 2.0
SLOWER, FASTER, SAME = "slower", "faster", "no difference"
_FIELDS = (("kind", "kind"), ("firmware_version", "firmware version"))


@dataclass(frozen=True)
class Change:
    """What became of one measurement from A to B, in its unit; above 0 B is later.

    ``tail`` names the figure of the tail: p99 where both have 100 values, else max.
    ``practical`` is what a difference must exceed to matter.
    """

    a: Measurement
    b: Measurement
    figures_a: Figures
    figures_b: Figures
    shift: float
    probability: float
    p_location: float | None
    p_location_holm: float | None
    tail: str
    tail_a: float
    tail_b: float
    p_tail: float
    p_tail_holm: float
    practical: float

    @property
    def is_newly_broken(self) -> bool:
        return self.figures_b.is_broken and not self.figures_a.is_broken

    @property
    def reasons(self) -> list[str]:
        """Why it is slower, in words; empty if it is not."""
        reasons = ["breaks its limit now"] if self.is_newly_broken else []
        return reasons + self._beyond(1)

    @property
    def verdict(self) -> str:
        if self.reasons:
            return SLOWER
        return FASTER if self._beyond(-1) else SAME

    def _beyond(self, sign: int) -> list[str]:
        reasons = []
        p = self.p_location_holm
        if p is not None and p < ALPHA and sign * self.shift > self.practical:
            reasons.append("as a whole")
        if self.p_tail_holm < ALPHA and sign * (self.tail_b - self.tail_a) > self.practical:
            reasons.append("in its tail")
        return reasons

    def document(self) -> dict[str, Any]:
        return {
            "limit": self.a.limit,
            "name": self.a.name,
            "unit": self.a.unit,
            "verdict": self.verdict,
            "reasons": self.reasons or self._beyond(-1),
            "n": [self.figures_a.n, self.figures_b.n],
            "p50": [self.figures_a.p50, self.figures_b.p50],
            "max": [self.figures_a.most, self.figures_b.most],
            "shift": self.shift,
            "probability_b_later": self.probability,
            "p_location": self.p_location,
            "p_location_holm": self.p_location_holm,
            "tail": {
                "figure": self.tail,
                "values": [self.tail_a, self.tail_b],
                "p": self.p_tail,
                "p_holm": self.p_tail_holm,
            },
            "practical": self.practical,
            "broken": [self.figures_a.is_broken, self.figures_b.is_broken],
        }


@dataclass(frozen=True)
class Comparison:
    """``only_a`` and ``only_b`` are measurements that the other run has not."""

    a: Results
    b: Results
    practical_percent: float
    warnings: list[str]
    changes: list[Change]
    only_a: list[Measurement]
    only_b: list[Measurement]

    @property
    def slower(self) -> list[Change]:
        return [change for change in self.changes if change.verdict == SLOWER]

    def document(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        by = {
            verdict: [_name(c.a) for c in self.changes if c.verdict == verdict]
            for verdict in (SLOWER, FASTER)
        }
        return {
            "a": str(self.a.path),
            "b": str(self.b.path),
            "alpha": ALPHA,
            "practical_percent": self.practical_percent,
            "warnings": self.warnings,
            "slower": by[SLOWER],
            "faster": by[FASTER],
            "only_in_a": [_name(item) for item in self.only_a],
            "only_in_b": [_name(item) for item in self.only_b],
            "measurements": [change.document() for change in self.changes],
        }


def _name(item: Measurement) -> str:
    return f"{item.limit} {item.name}"


def compare(a: Results, b: Results, practical_percent: float = PRACTICAL_PERCENT) -> Comparison:
    """``b`` against ``a``; ``practical_percent`` of the limit is the least that matters."""
    old, new = _by_key(a), _by_key(b)
    pairs = [(item, new[key]) for key, item in old.items() if key in new]
    ps = [
        (significance.location_p(x.values, y.values), significance.tail_p(x.values, y.values))
        for x, y in pairs
    ]
    every = iter(significance.holm([p for pair in ps for p in pair if p is not None]))
    changes = []
    for (x, y), (p_location, p_tail) in zip(pairs, ps, strict=True):
        p_location_holm = None if p_location is None else next(every)
        changes.append(
            _change(x, y, p_location, p_location_holm, p_tail, next(every), practical_percent)
        )
    changes.sort(key=lambda change: ((SLOWER, FASTER, SAME).index(change.verdict), change.a.key))
    return Comparison(
        a,
        b,
        practical_percent,
        _warnings(a, b, pairs),
        changes,
        [item for key, item in old.items() if key not in new],
        [item for key, item in new.items() if key not in old],
    )


def _by_key(results: Results) -> dict[tuple[str, str, str], Measurement]:
    """Measurements by what they are; the values of one that is there twice are put together."""
    table: dict[tuple[str, str, str], Measurement] = {}
    for item in results.measurements:
        if not item.values:
            continue
        first = table.get(item.key)
        values = item.values if first is None else first.values + item.values
        table[item.key] = replace(first or item, values=values)
    return table


def _change(
    a: Measurement,
    b: Measurement,
    p_location: float | None,
    p_location_holm: float | None,
    p_tail: float,
    p_tail_holm: float,
    practical_percent: float,
) -> Change:
    figures_a, figures_b = figures_of(a), figures_of(b)
    tail = "p99" if min(figures_a.n, figures_b.n) >= P99_FROM else "max"
    base = abs(a.bound) if a.bound else abs(figures_a.p50)
    tail_a, tail_b = (f.p99 if tail == "p99" else f.most for f in (figures_a, figures_b))
    assert tail_a is not None and tail_b is not None
    return Change(
        a,
        b,
        figures_a,
        figures_b,
        significance.shift(a.values, b.values),
        significance.probability_later(a.values, b.values),
        p_location,
        p_location_holm,
        tail,
        tail_a,
        tail_b,
        p_tail,
        p_tail_holm,
        max(practical_percent / 100 * base, a.uncertainty, b.uncertainty),
    )


def _warnings(a: Results, b: Results, pairs: list[tuple[Measurement, Measurement]]) -> list[str]:
    """What makes the two runs hard to compare."""
    lines = []
    for field, words in _FIELDS:
        if a.dut[field] != b.dut[field]:
            lines.append(f"the {words} differs: {a.dut[field]} and {b.dut[field]}")
    is_same_version = a.dut["firmware_version"] == b.dut["firmware_version"]
    if is_same_version and a.dut["firmware_digest"] != b.dut["firmware_digest"]:
        lines.append("the firmware differs in its files, though not in its version")
    if a.dut["micropython"] != b.dut["micropython"]:
        lines.append(f"MicroPython differs: {a.dut['micropython']} and {b.dut['micropython']}")
    for name, run in (("A", a), ("B", b)):
        if run.ended_early:
            lines.append(f"{name} ended early: {run.ended_early}")
    if bool(a.rig) != bool(b.rig):
        lines.append(f"only {'A' if a.rig else 'B'} was measured with a rig")
    for field in sorted(a.bench.keys() | b.bench.keys()):
        left, right = a.bench.get(field, "not stated"), b.bench.get(field, "not stated")
        if left != right:
            lines.append(f"the bench differs: {field} is {left} and {right}")
    for x, y in pairs:
        if x.bound != y.bound:
            lines.append(f"{_name(x)}: the limit differs: {x.bound} and {y.bound} {x.unit}")
    return lines


def lines(comparison: Comparison) -> list[str]:
    """What a person reads in the terminal."""
    out = [f"A  {_head(comparison.a)}", f"B  {_head(comparison.b)}"]
    out += [f"warning: {line}" for line in comparison.warnings]
    heads = ("", "n", "p50", "shift", "B later", "p", "tail", "p", "")
    rows = [heads, *(_row(change) for change in comparison.changes)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(heads))]
    out.append("")
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        out.append("  ".join([first, *rest, row[-1]]).rstrip())
    out += [f"only in A: {_name(item)}" for item in comparison.only_a]
    out += [f"only in B: {_name(item)}" for item in comparison.only_b]
    n = len(comparison.slower)
    beyond = (
        f"beyond chance (p below {ALPHA:g} after Holm's correction) and by more than "
        f"{comparison.practical_percent:g} % of the limit and the uncertainty"
    )
    some = f"{n} of {len(comparison.changes)} slower, {beyond} or over the limit"
    out += ["", some if n else f"nothing slower, {beyond}"]
    return out


def _head(results: Results) -> str:
    dut = results.dut
    started = results.started.isoformat(sep=" ", timespec="minutes")
    what = f"{dut['kind']} {dut['serial']} firmware {dut['firmware_version']}"
    return f"{results.path.parent}: {what}, {started}"


def _row(change: Change) -> tuple[str, ...]:
    figures_a, figures_b = change.figures_a, change.figures_b
    why = f" ({', '.join(change.reasons)})" if change.reasons else ""
    return (
        f"{change.a.limit} {change.a.name}",
        f"{figures_a.n}, {figures_b.n}",
        f"{number(figures_a.p50)} -> {number(figures_b.p50)} {change.a.unit}",
        f"{'+' if change.shift > 0 else ''}{number(change.shift)}",
        f"{100 * change.probability:.0f} %",
        _p(change.p_location_holm),
        f"{change.tail} {number(change.tail_a)} -> {number(change.tail_b)}",
        _p(change.p_tail_holm),
        f"{change.verdict}{why}",
    )


def _p(p: float | None) -> str:
    if p is None:
        return "too few"
    return "<0.001" if p < 0.001 else f"{p:.3f}"
