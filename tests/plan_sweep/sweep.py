"""Plans every order of a grid, has each judged, and collects the ladders for the core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from plan_sweep import core_run, orders
from plan_sweep.core_run import Corner, Ladder
from plan_sweep.oracle import Broken, Oracle

from titra.planning import planner
from titra.planning.ladder import Rung


@dataclass
class Counts:
    """What became of some orders.  ``corners`` are the smallest and the largest dose."""

    planned: int = 0
    accepted: int = 0
    refused: Counter = field(default_factory=Counter)
    corners: dict[Ladder, tuple[Corner, Corner]] = field(default_factory=dict)

    def add(self, other: Counts) -> None:
        """``other`` is counted too."""
        self.planned += other.planned
        self.accepted += other.accepted
        self.refused += other.refused
        for ladder, some in other.corners.items():
            for corner in some:
                self._corner(ladder, corner)

    def _corner(self, ladder: Ladder, corner: Corner) -> None:
        least, most = self.corners.get(ladder, (corner, corner))
        if corner.volume_ul < least.volume_ul:
            least = corner
        if corner.volume_ul > most.volume_ul:
            most = corner
        self.corners[ladder] = least, most

    def accept(self, day: Any) -> None:
        """Count an accepted day."""
        self.accepted += 1
        ladder = Ladder(
            tuple((rung.rate_ul_h, rung.dwell_ms) for rung in day.rungs),
            day.cap_ul_h,
            day.concentration_mg_ml,
            day.check_interval_ms,
        )
        self._corner(ladder, Corner(day.volume_ul, day.weight_g, day.duration_with_slew_ms))


@contextmanager
def remembering(*names: str) -> Iterator[None]:
    """The pure functions ``names`` of the planner answer from memory when asked again.

    Patients with the same caps climb the same ladder, so nearly every question is asked dozens
    of times.  Records of the library are told apart by identity: it stays as it is meanwhile.
    """
    honest = {name: getattr(planner, name) for name in names}

    def key(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return tuple(map(key, value))
        if isinstance(value, Rung):
            return value.rate_ul_h, value.dwell_ms
        return value if isinstance(value, int | str | None) else id(value)

    def remembered(function: Callable) -> Callable:
        # The arguments are kept with the answer, so that no identity is given out again.
        known: dict[Any, tuple[Any, Any]] = {}

        def ask(*arguments: Any) -> Any:
            question = key(arguments)
            found = known.get(question)
            if found is None:
                found = known[question] = (function(*arguments), arguments)
            return found[0]

        return ask

    for name, function in honest.items():
        setattr(planner, name, remembered(function))
    try:
        yield
    finally:
        for name, function in honest.items():
            setattr(planner, name, function)


def sweep_use(use: orders.Use, grid: orders.Grid, make: Callable = planner.plan) -> Counts:
    """Every order of ``grid`` for one use; ``make`` stands for the planner.

    Raises `Broken`, with the order in its message.
    """
    with remembering("caps_of", "rungs_of", "duration_ms"):
        return _sweep(use, grid, make)


def _sweep(use: orders.Use, grid: orders.Grid, make: Callable) -> Counts:
    counts = Counts()
    oracle = Oracle(orders.RAW[use.key], use)
    for patient in orders.patients(orders.base_order(use), grid):
        oracle.patient(patient.patient.weight_g, patient.patient.risk)
        for order in orders.doses(patient, grid):
            made = make(order, orders.LIBRARY, orders.TODAY)
            try:
                oracle.judge(order.dose.mg, made)
            except Broken as broken:
                raise Broken(f"{use} {order.patient} {order.dose}: {broken}") from None
            counts.planned += 1
            for reason in made.refused:
                counts.refused[reason.code] += 1
            if made.days:
                counts.accept(made.days[0])
    return counts


def run_corners(ladders: Iterable[tuple[Ladder, tuple[Corner, Corner]]]) -> tuple[int, int]:
    """Runs each ladder at its corners; returns how many runs, and their ticks."""
    runs = ticks = 0
    for ladder, corners in ladders:
        for corner in dict.fromkeys(corners):
            try:
                ticks += core_run.run(ladder, corner)
            except AssertionError as wrong:
                raise core_run.Wrong(f"{ladder} {corner}: {wrong}") from None
            runs += 1
    return runs, ticks
