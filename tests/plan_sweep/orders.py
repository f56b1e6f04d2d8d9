"""Every order of a grid: product x use x concentration x weight x risk flags x dose."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, combinations
from pathlib import Path

import titra.library
from titra.library import load_library
from titra.planning.order import Order, parse_order

TODAY = date(2026, 11, 20)
# The library as text: the oracle does its own reading.
RAW = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted(Path(titra.library.__file__).parent.glob("*.toml"))
}
FLAGS = ("cardiac", "renal", "thrombosis", "diabetes", "circulation", "allergy")
ALL_SUBSETS = tuple(
    chain.from_iterable(combinations(FLAGS, count) for count in range(len(FLAGS) + 1))
)
LIBRARY = load_library()


@dataclass(frozen=True)
class Use:
    """A product, an indication of its label or ``off-label``, a concentration in %, and
    whether a dose was tolerated before (``tolerated``) or not (``naive``)."""

    key: str
    indication: str
    percent: int
    tolerance: str


@dataclass(frozen=True)
class Grid:
    """Weights in kg, doses in g."""

    weights_kg: Sequence[int]
    subsets: Sequence[tuple[str, ...]]
    doses_g: Sequence[int]

    def size(self) -> int:
        return len(self.weights_kg) * len(self.subsets) * len(self.doses_g)


WHOLE = Grid(range(40, 131), ALL_SUBSETS, range(20, 61, 5))
# What `make test` looks at: corners, single flags, and a weight that divides nothing evenly.
SAMPLE = Grid((40, 70, 97, 130), (*ALL_SUBSETS[:7], ALL_SUBSETS[-1]), (20, 45, 60))


def all_uses() -> list[Use]:
    """Each product in each of its uses, off-label too, at each of its concentrations."""
    return [
        Use(key, indication, int(percent), tolerance)
        for key, product in RAW.items()
        for indication in (*product["indications"], "off-label")
        for percent in product["concentrations_percent"]
        for tolerance in ("tolerated", "naive")
    ]


def base_order(use: Use) -> Order:
    """One order for ``use``, as a file would give it: 70 kg, 40 g in one day, no flags."""
    lot = 'lot = "A", expiry = 2031-06-30, grams = 120'
    if RAW[use.key]["form"] == "powder":
        # Rounded up: a stronger mix than stated would be planned as mixed.
        lot += f", diluent_ml = {-(-12_000 // use.percent)}"
    text = f"""
        [patient]
        weight_kg = 70
        risk = []
        tolerance = "{use.tolerance}"
        [product]
        name = "{use.key}"
        indication = "{use.indication}"
        concentration_percent = {use.percent}
        lots = [{{ {lot} }}]
        [dose]
        grams = 40
        days = 1
        [setting]
        premedication_minutes = 45
    """
    return parse_order(text.encode(), "ORDER.toml", LIBRARY)


def patients(order: Order, grid: Grid) -> Iterator[Order]:
    """``order`` for every weight and set of flags."""
    for weight_kg in grid.weights_kg:
        for risk in grid.subsets:
            patient = replace(order.patient, weight_g=weight_kg * 1000, risk=risk)
            yield replace(order, patient=patient)


def doses(order: Order, grid: Grid) -> Iterator[Order]:
    """``order`` with every dose."""
    for grams in grid.doses_g:
        yield replace(order, dose=replace(order.dose, mg=grams * 1000))
