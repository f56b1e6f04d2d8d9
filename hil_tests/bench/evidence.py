"""What the run measured, and what it is worth: ``results.json`` in the report's folder."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

SCHEMA = 1
INTERRUPTED = "interrupted from the keyboard"


@dataclass
class Measurement:
    """``bound`` is promised, ``goal`` aimed at; ``uncertainty`` of the measurement is
    added to each value before it is judged."""

    limit: str
    name: str
    unit: str
    bound: float | None
    goal: float | None
    uncertainty: float
    values: list[float]
    segments: dict[str, list[float]]
    test: str

    def worst(self) -> float:
        return max(self.values) + self.uncertainty

    def misses(self) -> str:
        """What is wrong with it, empty if nothing is."""
        if not self.values:
            return f"{self.limit} {self.name}: nothing was measured"
        if self.bound is None or self.worst() <= self.bound:
            return ""
        text = (
            f"{self.limit} {self.name}: max {max(self.values):.3f} {self.unit} + "
            f"{self.uncertainty:.3f} uncertainty > {self.bound:g}; n {len(self.values)}, "
            f"p50 {quantile(self.values, 0.5):.3f}, p99 {quantile(self.values, 0.99):.3f}"
        )
        worst = self.values.index(max(self.values))
        parts = [
            f"{name} {rows[worst]:.3f}" for name, rows in self.segments.items() if worst < len(rows)
        ]
        return text + (f" (of the worst: {', '.join(parts)})" if parts else "")


def quantile(values: list[float], q: float) -> float:
    """The smallest value that a share ``q`` of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-q * len(ordered) // 1) - 1))]


def plain_id(nodeid: str) -> str:
    """The test as it is called when it is run once, and not by ``--times``."""
    return re.sub(r"-?time\d+(?=[-\]])", "", nodeid).replace("[-", "[").removesuffix("[]")


@dataclass
class Evidence:
    """``tests``: {id, outcome, reason, requirements, duration_s} of each."""

    dut: dict = field(default_factory=dict)
    rig: dict = field(default_factory=dict)
    bench: dict = field(default_factory=dict)
    started: str = ""
    ended_early: str = ""
    measurements: list[Measurement] = field(default_factory=list)
    tests: list[dict] = field(default_factory=list)

    def add(self, measured: Measurement) -> None:
        """Values of the same, measured again, are put together."""
        for row in self.measurements:
            if (row.limit, row.name, row.test) == (measured.limit, measured.name, measured.test):
                row.values += measured.values
                for name, values in measured.segments.items():
                    row.segments.setdefault(name, []).extend(values)
                return
        self.measurements.append(measured)

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "results.json"
        document = {"schema": SCHEMA, **asdict(self)}
        path.write_text(json.dumps(document, indent=1) + "\n")
        return path
