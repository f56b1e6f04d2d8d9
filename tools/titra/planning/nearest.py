"""The nearest orders that would be accepted in place of a refused one.

Each differs from the order in one thing and is planned before it is offered.  Only what a
prescriber may weigh is ever changed: days, grams, a limit that is looser than the label's, the
mix of a powder that is too much to hang.  While anything else is refused (a lot, a date, the
place, premedication, a concentration) nothing is offered: a safety check is met, not got round.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from titra.durations import clock
from titra.library import OFF_LABEL, Library
from titra.planning.ladder import lowest, ml_h
from titra.planning.order import DAYS_MAX, Order
from titra.planning.plan_records import Plan
from titra.planning.planner import label_caps, plan
from titra.planning.wording import decimal_text, kilo

# Refusals for the size of the order; every other one is for people to settle.
SIZES = frozenset(
    {"too-long", "day-dose", "course-dose", "day-volume", "too-small", "limit-above-library"}
)
# Doses are offered in whole grams.
_GRAM_MG = 1000


@dataclass(frozen=True)
class Nearest:
    """An order that is accepted: ``field`` is ``now`` and would have to be ``to``."""

    field: str
    now: str
    to: str
    unit: str
    remark: str
    order: Order
    plan: Plan

    @property
    def text(self) -> str:
        """What to change, and what comes of it, in one line."""
        days = self.plan.days
        times = " and ".join(dict.fromkeys(clock(day.duration_with_slew_ms) for day in days))
        volume = kilo(max(day.volume_ul for day in days))
        each = f"{len(days)} days of up to " if len(days) > 1 else ""
        remark = f"; {self.remark}" if self.remark else ""
        return (
            f"{self.field} = {self.to} instead of {self.now} would be accepted: "
            f"{each}{volume} mL in {times} h{remark}"
        )

    def line(self, path: str) -> str:
        """The one line that a person sees."""
        return f"{path}: nearest: {self.text}"


def nearest_plans(
    order: Order, library: Library, today: date, refused: Plan | None = None
) -> tuple[Nearest, ...]:
    """What could be ordered instead, the least change of each kind; empty for an accepted
    order, and while a refusal stands that no such change may answer."""
    refused = plan(order, library, today) if refused is None else refused
    codes = {reason.code for reason in refused.refused}
    if not codes or not codes <= SIZES:
        return ()
    found = []
    for offers in (_limits, _days, _grams, _mixes):
        for field, now, to, unit, remark, changed in offers(order, library, today, codes):
            made = plan(changed, library, today)
            if not made.refused:
                found.append(Nearest(field, now, to, unit, remark, changed, made))
                break
    return tuple(found)


def why_none(refused: Plan) -> str:
    """Why nothing is offered for a refused order, in one line."""
    others = dict.fromkeys(reason.code for reason in refused.refused if reason.code not in SIZES)
    if others:
        return f"nothing is offered while this stands: {', '.join(others)}"
    return "no single change of days, grams, limit or mix would be accepted"


_Offer = tuple[str, str, str, str, str, Order]


def _limits(order: Order, library: Library, today: date, codes: set[str]) -> Iterator[_Offer]:
    """The label's maximum for a limit above it; never a looser limit than was ordered."""
    now = order.limits.max_rate_ul_h
    if "limit-above-library" not in codes or now is None:
        return
    highest = lowest(label_caps(order, library, today)).rate_ul_h
    changed = replace(order, limits=replace(order.limits, max_rate_ul_h=Fraction(highest)))
    yield (
        "limits.max_rate_ml_h", ml_h(now), ml_h(highest), "mL/h", "the label's maximum", changed,
    )  # fmt: skip


def _days(order: Order, _library: Library, _today: date, codes: set[str]) -> Iterator[_Offer]:
    """More days for a day that is too much, fewer for one that is too little."""
    now = order.dose.days
    more = range(now + 1, DAYS_MAX + 1)
    for days in range(now - 1, 0, -1) if "too-small" in codes else more:
        changed = replace(order, dose=replace(order.dose, days=days))
        yield "dose.days", str(now), str(days), "days", "", changed


def _grams(order: Order, library: Library, today: date, codes: set[str]) -> Iterator[_Offer]:
    """The largest dose in whole grams; none for a use that has no official dose."""
    if order.product.indication == OFF_LABEL or "too-small" in codes:
        return
    accepted = _accepts(order, library, today)
    low, high = 0, -(-order.dose.mg // _GRAM_MG)
    # ``low`` is accepted (or nothing), ``high`` is not: what is too much stays too much.
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if accepted(middle) else (low, middle)
    if low:
        remark = "less than was prescribed: for the prescriber to decide"
        changed = _with_grams(order, low)
        yield "dose.grams", kilo(order.dose.mg), str(low), "g", remark, changed


def _with_grams(order: Order, grams: int) -> Order:
    return replace(order, dose=replace(order.dose, mg=grams * _GRAM_MG))


def _accepts(order: Order, library: Library, today: date) -> Callable[[int], bool]:
    return lambda grams: not plan(_with_grams(order, grams), library, today).refused


def _mixes(order: Order, library: Library, _today: date, codes: set[str]) -> Iterator[_Offer]:
    """A stronger mix of a powder whose volume is too much; the weakest that will do first."""
    product = library.products[order.product.name]
    now = order.product.concentration_mg_ml
    if "day-volume" not in codes or not product.is_powder:
        return
    for mg_ml in sorted(mg_ml for mg_ml in product.concentrations_mg_ml if mg_ml > now):
        lots = tuple(
            replace(lot, diluent_ul=-(-lot.dose_mg * 1000 // mg_ml)) for lot in order.product.lots
        )
        each = ", ".join(f"{lot.lot} with {kilo(lot.diluent_ul or 0)} mL" for lot in lots)
        changed = replace(
            order, product=replace(order.product, concentration_mg_ml=mg_ml, lots=lots)
        )
        yield (
            "product.concentration_percent", _percent(now), _percent(mg_ml), "%",
            f"only if nothing is mixed yet: {each}", changed,
        )  # fmt: skip


def _percent(mg_ml: int) -> str:
    return decimal_text(Fraction(mg_ml, 10))
