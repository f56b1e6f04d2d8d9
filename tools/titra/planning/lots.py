"""Lots: what a mixed powder came to, and which lot is used on which day."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from math import ceil

from pump.core.limits import CONCENTRATION_MAX_MG_ML
from titra.planning.order import Lot
from titra.planning.plan_records import Findings, LotUse
from titra.planning.wording import decimal_text, kilo

# A powder mixed by the book comes within 2 % of its nominal concentration (labels round the
# diluent to whole mL); the nearest mistake, 9 % for 12 %, is 25 % off.  Own choice.  (M9)
MIXED_APART_MAX = Fraction(2, 100)


def mixed_concentration(lots: Sequence[Lot], stated_mg_ml: int, found: Findings) -> int:
    """The concentration in mg/mL to plan with: the stated one, or a higher one as mixed.

    Grams over diluent of each powder lot must agree with what the person stated, so that a
    mistake in either is caught.  A lot that came out stronger, within the tolerance, raises
    the concentration (rounded up): no rate and no dose is then exceeded.
    """
    strongest = stated_mg_ml
    for index, lot in enumerate(lots):
        if lot.diluent_ul is None:
            continue
        mixed = Fraction(lot.dose_mg * 1000, lot.diluent_ul)
        gives = f"gives {decimal_text(mixed / 10, 2)} %"
        field = f"product.lots[{index}].diluent_ml"
        if abs(mixed - stated_mg_ml) > stated_mg_ml * MIXED_APART_MAX:
            found.refuse(
                "mixed-concentration",
                f"{gives} ({kilo(lot.dose_mg)} g in {kilo(lot.diluent_ul)} mL), but "
                f"{stated_mg_ml // 10} % is stated, which needs about "
                f"{decimal_text(Fraction(lot.dose_mg, stated_mg_ml), 1)} mL",
                field,
            )
        elif mixed > CONCENTRATION_MAX_MG_ML:
            highest = CONCENTRATION_MAX_MG_ML // 10
            found.refuse("mixed-too-strong", f"{gives}, expected at most {highest} %", field)
        elif ceil(mixed) > strongest:
            strongest = ceil(mixed)
            found.warn(
                "mixed-stronger",
                f"{gives}, above the stated {stated_mg_ml // 10} %: planned with {strongest} mg/mL",
                field,
            )
    return strongest


def allot(
    lots: Sequence[Lot], doses_mg: Sequence[int], today: date, found: Findings
) -> list[tuple[LotUse, ...]]:
    """The lots of each day, used up in the order given.

    Refuses lots that hold less than the doses, lots that have expired, and lots that will
    have on the earliest day of their use (a course runs from today, a day at a time).
    """
    for index, lot in enumerate(lots):
        if lot.expiry < today:
            found.refuse(
                "lot-expired",
                f"is {lot.expiry}: lot {lot.lot} has expired (today is {today})",
                f"product.lots[{index}].expiry",
            )
    held_mg = sum(lot.dose_mg for lot in lots)
    if held_mg < sum(doses_mg):
        each = ", ".join(f"{lot.lot} {kilo(lot.dose_mg)} g" for lot in lots)
        found.refuse(
            "lots-short",
            f"hold {kilo(held_mg)} g ({each}), less than the dose of {kilo(sum(doses_mg))} g",
            "product.lots",
        )
    left_mg = [lot.dose_mg for lot in lots]
    days = []
    for day, dose_mg in enumerate(doses_mg):
        wanted_mg = dose_mg
        uses = []
        for index, lot in enumerate(lots):
            taken_mg = min(wanted_mg, left_mg[index])
            if not taken_mg:
                continue
            wanted_mg -= taken_mg
            left_mg[index] -= taken_mg
            uses.append(LotUse(lot.lot, lot.expiry, taken_mg))
            if lot.vial_mg and left_mg[index] % lot.vial_mg and day + 1 < len(doses_mg):
                found.warn(
                    "vial-opened",
                    f"day {day + 1} opens a vial of {kilo(lot.vial_mg)} g of lot {lot.lot} and "
                    f"leaves {kilo(left_mg[index] % lot.vial_mg)} g of it: an opened vial is not "
                    "kept, expected lots that suit each day",
                    f"product.lots[{index}].vial_grams",
                )
            if today <= lot.expiry < today + timedelta(days=day):
                found.refuse(
                    "lot-expired",
                    f"is {lot.expiry}: lot {lot.lot} will have expired on day {day + 1}",
                    f"product.lots[{index}].expiry",
                )
        days.append(tuple(uses))
    return days


def allot_delivered(uses: Sequence[LotUse], delivered_mg: int) -> tuple[LotUse, ...]:
    """What was taken of each lot of a day, in their order, when ``delivered_mg`` were given; a
    lot that nothing was taken from was not given.  More than was allotted is the last one's."""
    taken, left_mg = [], delivered_mg
    for index, use in enumerate(uses):
        last = index == len(uses) - 1
        dose_mg = left_mg if last else min(use.dose_mg, left_mg)
        left_mg -= dose_mg
        if dose_mg:
            taken.append(LotUse(use.lot, use.expiry, dose_mg))
    return tuple(taken)
