"""Figures of a distribution: ranks, margins, and what ``n`` values can show.

Every percentile is a value that was measured (nearest rank), never one in between; it is
given only from as many values as have one beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from titra.hil.results import Measurement

# Fewest values of which a percentile says more than the maximum.
P99_FROM = 100
P999_FROM = 1000
CONFIDENCE = 0.95
# Fewer say next to nothing of those that were not measured.
BEYOND_FROM = 20


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of ``ordered`` (ascending, not empty), 0 < percent <= 100."""
    # Rounded first: 99.9 % of 1000 is rank 999 and not, by a float's last bit, 1000.
    rank = math.ceil(round(percent * len(ordered) / 100, 9))
    return ordered[max(1, rank) - 1]


def median(values: Sequence[float]) -> float:
    """The nearest-rank median: the lower of two middle values."""
    return percentile(sorted(values), 50)


def most_beyond(n: int) -> float:
    """The share of all stimuli, 0 to 1, that with 95 % confidence at most lies beyond the
    largest of ``n`` independent values: 1 - 0.05 ** (1/n), about 3/n."""
    return 1 - (1 - CONFIDENCE) ** (1 / n)


@dataclass(frozen=True)
class Figures:
    """A measurement's figures in its unit.

    ``p99`` and ``p999`` are ``None`` where ``n`` is too small.  ``judged`` is the figure
    that the limit is set against, with the uncertainty added; ``margin`` is what is left
    to the bound, below 0 where the limit is broken, and ``None`` where there is no bound.
    """

    n: int
    least: float
    mean: float
    p50: float
    p99: float | None
    p999: float | None
    most: float
    judged: float
    margin: float | None
    share: float | None

    @property
    def is_broken(self) -> bool:
        return self.margin is not None and self.margin < 0


def figures_of(measurement: Measurement) -> Figures:
    """The figures of ``measurement``, which has values; ``share`` is the margin as a part of
    the bound."""
    ordered = sorted(measurement.values)
    n = len(ordered)
    mean = math.fsum(ordered) / n
    by = {
        "max": ordered[-1],
        # Of too few values the percentile is the maximum: nothing is forgiven.
        "p99.9": percentile(ordered, 99.9),
        "p99": percentile(ordered, 99),
        "mean": mean,
    }
    judged = by[measurement.judged] + measurement.uncertainty
    bound = measurement.bound
    margin = None if bound is None else bound - judged
    return Figures(
        n,
        ordered[0],
        mean,
        percentile(ordered, 50),
        by["p99"] if n >= P99_FROM else None,
        by["p99.9"] if n >= P999_FROM else None,
        ordered[-1],
        judged,
        margin,
        None if margin is None or not bound else margin / abs(bound),
    )


def number(value: float) -> str:
    """``value`` as a person reads it: three significant digits, more for large ones."""
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    # 999.9 comes out as 1,000: thousands are parted by what is shown.
    text = f"{value:.{2 - size}f}" if size < 2 else f"{value:,.0f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "\u2212")
