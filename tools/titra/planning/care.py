"""What a plan asks of people: vital signs, premedication, vials, bags, the next dose.

Times are ms after START of a day whose steps up are all taken at once and that is never
paused; a real one is later, never earlier.  All pure; nothing here changes a rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from pump.core.units import MS_PER_H, MS_PER_MIN
from titra.library import Product
from titra.planning.ladder import ml_h, spans_of
from titra.planning.order import Order
from titra.planning.plan_records import DayPlan, Plan
from titra.planning.planner import FIRST_AGAIN_AFTER, USUAL_INTERVAL

# Hospital practice: before, 15 min after the start, at each rise, at the end, and 30 to 60 min
# after.  (M16)
VITALS_AFTER_START_MS = 15 * MS_PER_MIN
VITALS_AFTER_END_MS = (30 * MS_PER_MIN, 60 * MS_PER_MIN)
# Two that fall this close together are one visit.  Own choice.
VITALS_TOGETHER_MS = 2 * MS_PER_MIN
# A pooled bag is used up within 8 h.  (M3)
POOLED_MS = 8 * MS_PER_H


@dataclass(frozen=True)
class Vitals:
    """Vital signs are due from ``from_ms`` to ``to_ms`` after START (the same: at that time;
    0 and ``before``: before START).  ``kind`` is ``before``, ``early``, ``step``, ``end`` or
    ``after``."""

    kind: str
    from_ms: int
    to_ms: int
    why: str


def vitals_of(day: DayPlan) -> tuple[Vitals, ...]:
    """The schedule of ``day``, in order of time."""
    spans = spans_of(day.rungs, day.volume_ul, day.slew_ul_h_s)
    end_ms = ceil(spans[-1].end_ms)
    due = [Vitals("before", 0, 0, "before START")]
    steps = [
        (int(span.start_ms), f"before the step up to {ml_h(day.rungs[rung].rate_ul_h)} mL/h")
        for rung, span in enumerate(spans)
        if rung
    ]
    early_ms = VITALS_AFTER_START_MS
    near = [at for at, _ in steps if 0 <= at - early_ms <= VITALS_TOGETHER_MS]
    if early_ms < end_ms and not near:
        due.append(Vitals("early", early_ms, early_ms, "15 min after START"))
    for at, why in steps:
        also = "15 min after START, " if at in near[:1] else ""
        due.append(Vitals("step", at, at, also + why))
    low_ms, high_ms = VITALS_AFTER_END_MS
    due.append(Vitals("end", end_ms, end_ms, "at the end"))
    due.append(Vitals("after", end_ms + low_ms, end_ms + high_ms, "30 to 60 min after the end"))
    return tuple(sorted(due, key=lambda one: one.from_ms))


@dataclass(frozen=True)
class Bag:
    """A bag or bottle from ``from_ms`` to ``to_ms`` after START; pooled no earlier than
    ``pooled_ms`` (negative: before START), or its 8 h are over before it is empty."""

    number: int
    volume_ul: int
    from_ms: int
    to_ms: int
    pooled_ms: int


def bags_of(day: DayPlan, bag_ul: int | None) -> tuple[Bag, ...]:
    """Full bags of ``bag_ul`` and a last one with the rest; without it one for the day."""
    size_ul = bag_ul or day.volume_ul
    bags, given_ul, from_ms = [], 0, 0
    while given_ul < day.volume_ul:
        volume_ul = min(size_ul, day.volume_ul - given_ul)
        given_ul += volume_ul
        # When a ladder has given the first part of a volume is when that part alone ends.
        to_ms = ceil(spans_of(day.rungs, given_ul, day.slew_ul_h_s)[-1].end_ms)
        bags.append(Bag(len(bags) + 1, volume_ul, from_ms, to_ms, to_ms - POOLED_MS))
        from_ms = to_ms
    return tuple(bags)


@dataclass(frozen=True)
class VialUse:
    """The vials of one lot that a day opens: (mg, how many), the largest first; empty when no
    size is known.  ``by`` says who named the size: ``order`` or ``library``."""

    lot: str
    dose_mg: int
    vials: tuple[tuple[int, int], ...]
    by: str
    diluent_ul: int | None

    @property
    def left_mg(self) -> int:
        """What stays in opened vials."""
        return sum(mg * count for mg, count in self.vials) - self.dose_mg if self.vials else 0


def vials_of(plan: Plan, day: DayPlan, product: Product) -> tuple[VialUse, ...]:
    """What ``day`` of ``plan`` takes from each lot, in vials: of the order's size, else as few
    grams and then as few vials as the sizes of the library allow.

    A powder's lot is mixed as a whole: the last day of it opens all that is left of it.
    """
    by_name = {lot.lot: lot for lot in plan.lots}
    uses = []
    for use in day.lots:
        lot = by_name[use.lot]
        takes = {
            other.day: taken.dose_mg
            for other in plan.days
            for taken in other.lots
            if taken.lot == use.lot
        }
        opened_mg = use.dose_mg
        if lot.diluent_ul is not None and day.day == max(takes):
            opened_mg += lot.dose_mg - sum(takes.values())
        if lot.vial_mg:
            vials = ((lot.vial_mg, ceil(opened_mg / lot.vial_mg)),)
        else:
            vials = fewest(product.vials_mg, opened_mg, lot.dose_mg)
        by = "order" if lot.vial_mg else "library"
        uses.append(VialUse(use.lot, use.dose_mg, vials, by, lot.diluent_ul))
    return tuple(uses)


def fewest(sizes_mg: Sequence[int], dose_mg: int, held_mg: int) -> tuple[tuple[int, int], ...]:
    """Vials of ``sizes_mg`` that hold ``dose_mg``, at most ``held_mg``: the least that is left
    over, then the fewest vials; empty when there is no such choice."""
    if not sizes_mg:
        return ()
    # Sizes are whole tenths of a gram, and more than one vial is never left over.
    unit, most_mg = 100, min(held_mg, dose_mg + max(sizes_mg))
    fewest_for: list[tuple[int, int] | None] = [(0, 0)]
    for total in range(1, most_mg // unit + 1):
        choices = [
            (before[0] + 1, size)
            for size in sizes_mg
            if size // unit <= total and (before := fewest_for[total - size // unit]) is not None
        ]
        fewest_for.append(min(choices) if choices else None)
    enough = range(ceil(dose_mg / unit), len(fewest_for))
    left = next((total for total in enough if fewest_for[total] is not None), 0)
    counts: dict[int, int] = {}
    while left and (choice := fewest_for[left]) is not None:
        counts[choice[1]] = counts.get(choice[1], 0) + 1
        left -= choice[1] // unit
    return tuple(sorted(counts.items(), reverse=True))


@dataclass(frozen=True)
class Interval:
    """``days`` since the last dose, None when it is not known; the next dose is usual from
    ``next_from`` to ``next_to`` and a first one again after ``first_after``, provided that this
    course's last day is ``last_day``."""

    days: int | None
    last_day: date
    next_from: date
    next_to: date
    first_after: date


def interval_of(order: Order, today: date, days: int | None = None) -> Interval:
    """When the last dose was and the next one is, counted from the earliest last day; ``days``
    are left of the course, all of them unless given."""
    last = order.course.last_dose
    last_day = today + timedelta(days=(days or order.dose.days) - 1)
    low, high = USUAL_INTERVAL
    return Interval(
        None if last is None else (today - last).days,
        last_day,
        last_day + low,
        last_day + high,
        last_day + FIRST_AGAIN_AFTER,
    )


def premedication_text(order: Order, needed: bool) -> str:
    """When premedication is due, in words."""
    minutes = order.setting.premedication_minutes
    if minutes:
        return f"premedication (an antihistamine) {minutes} min before START"
    if needed:
        return "premedication is needed: the reaction is not known yet"
    return "no premedication ordered: the reaction is known"
