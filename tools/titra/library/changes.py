"""What a change of the library does to rates, caps, dwells and doses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from titra.library.model import RISK_FLAGS
from titra.library.table import IndicationRow, ProductRow, Rate, Rung

WEIGHTS_KG = (40, 70, 130)
# Of a change, for whoever reviews it: may anybody get more, or faster?  Where no change of a
# product says `FASTER`, nobody is infused faster at any instant, and nobody gets more.
FASTER, SLOWER, OTHER = "FASTER", "slower", "other"


@dataclass(frozen=True)
class Change:
    """One line of a review.  ``where`` is ``product`` or ``product, indication``; ``effect`` is
    `FASTER`, `SLOWER` or `OTHER`; ``ml_h`` is old -> new at each of `WEIGHTS_KG`."""

    where: str
    what: str
    old: str
    new: str
    effect: str
    ml_h: tuple[tuple[str, str, str], ...] = ()


def changes(old: Sequence[ProductRow], new: Sequence[ProductRow]) -> list[Change]:
    """Every change from ``old`` to ``new``, by product and indication."""
    before, after = {row.key: row for row in old}, {row.key: row for row in new}
    found: list[Change] = []
    for key in sorted(before.keys() | after.keys()):
        if key not in after:
            found.append(Change(key, "product", "listed", "gone", OTHER))
        elif key not in before:
            found.append(Change(key, "product", "-", _sum(after[key]), OTHER))
        else:
            found += _product(before[key], after[key])
    return found


def _sum(row: ProductRow) -> str:
    keys = ", ".join(indication.key for indication in row.indications)
    return f"new: {row.name}, {keys}"


def _effect(old: float, new: float) -> str:
    return FASTER if new > old else SLOWER


def _percent(mg_ml: Sequence[int]) -> str:
    return "/".join(f"{one / 10:g}" for one in mg_ml) + " %" if mg_ml else "-"


def _first(row: ProductRow) -> str:
    return _percent(row.first_infusion_mg_ml) if row.first_infusion_mg_ml else "any solution"


def _first_allowed(row: ProductRow) -> set[int]:
    return set(row.first_infusion_mg_ml or row.concentrations_mg_ml)


def _product(old: ProductRow, new: ProductRow) -> Iterator[Change]:
    key = new.key
    if old.name != new.name:
        yield Change(key, "name", old.name, new.name, OTHER)
    if old.is_powder != new.is_powder:
        names = ("liquid", "powder")
        yield Change(key, "form", names[old.is_powder], names[new.is_powder], OTHER)
    if old.concentrations_mg_ml != new.concentrations_mg_ml:
        texts = _percent(old.concentrations_mg_ml), _percent(new.concentrations_mg_ml)
        yield Change(key, "concentrations", *texts, OTHER)
    if old.first_infusion_mg_ml != new.first_infusion_mg_ml:
        texts = _first(old), _first(new)
        allowed, were = _first_allowed(new), _first_allowed(old)
        effect = FASTER if allowed - were else SLOWER
        yield Change(key, "first infusion", *texts, effect)
    for what, less, more in (
        ("dose a day", old.day_mg_per_kg, new.day_mg_per_kg),
        ("dose a course", old.course_mg_per_kg, new.course_mg_per_kg),
    ):
        if less != more:
            texts = f"{less / 1000:g} g/kg", f"{more / 1000:g} g/kg"
            yield Change(key, what, *texts, _effect(less, more))
    before = {row.key: row for row in old.indications}
    after = {row.key: row for row in new.indications}
    found: list[Change] = []
    for name in sorted(before.keys() | after.keys()):
        where = f"{key}, {name}"
        if name not in after:
            found.append(Change(where, "indication", "listed", "gone", OTHER))
        elif name not in before:
            maximum = after[name].maximum.label
            found.append(Change(where, "indication", "-", f"new, up to {maximum}", OTHER))
        else:
            found += _indication(where, before[name], after[name], new.concentrations_mg_ml)
    yield from found
    if not found or not before or not after:
        return
    # A first dose and an off-label use take the slowest of all, so one indication that comes,
    # goes or changes may change them in its own way.
    where = f"{key}, first dose and off-label"
    mixed = list(_indication(where, _slowest(old), _slowest(new), new.concentrations_mg_ml))
    told = any(change.effect == FASTER for change in found)
    if before.keys() != after.keys() or (
        not told and any(change.effect == FASTER for change in mixed)
    ):
        yield from mixed


def _slowest(row: ProductRow) -> IndicationRow:
    """What holds where no indication is: of all the lowest rates and the longest dwells."""
    some = row.indications
    rungs = []
    for index in range(max(len(one.rungs) for one in some)):
        steps = [one.rungs[min(index, len(one.rungs) - 1)] for one in some]
        rate = min((step.rate for step in steps), key=_order)
        rungs.append(Rung(rate, max(step.dwell_s for step in steps)))
    return IndicationRow(
        "",
        any(one.own_choice for one in some),
        min((one.maximum for one in some), key=_order),
        tuple(min(rates, key=_order) for rates in zip(*(one.risk for one in some), strict=True)),
        tuple(rungs),
    )


def _indication(
    where: str, old: IndicationRow, new: IndicationRow, concentrations: tuple[int, ...]
) -> Iterator[Change]:
    yield from _rate(where, "maximum", old.maximum, new.maximum, concentrations)
    flags: dict[tuple[Rate, Rate], list[str]] = {}
    for flag, one, other in zip(RISK_FLAGS, old.risk, new.risk, strict=True):
        flags.setdefault((one, other), []).append(flag)
    for (one, other), some in flags.items():
        name = "any flag" if len(some) == len(RISK_FLAGS) else ", ".join(some)
        yield from _rate(where, f"cap: {name}", one, other, concentrations)
    for index in range(max(len(old.rungs), len(new.rungs))):
        # A ladder that has ended stays on its last rung for as long as it takes.
        one = old.rungs[min(index, len(old.rungs) - 1)]
        other = new.rungs[min(index, len(new.rungs) - 1)]
        what = f"rung {index}"
        if index >= len(new.rungs):
            effect = SLOWER if _order(one.rate) > _order(other.rate) else OTHER
            rates = _ml_h(one.rate, None, concentrations)
            yield Change(where, what, _step(one), "gone", effect, rates)
        elif index >= len(old.rungs):
            effect = FASTER if _order(other.rate) > _order(one.rate) else OTHER
            rates = _ml_h(None, other.rate, concentrations)
            yield Change(where, what, "-", _step(other), effect, rates)
        else:
            yield from _rate(where, what, one.rate, other.rate, concentrations)
            if one.dwell_s != other.dwell_s:
                texts = f"{one.dwell_s / 60:g} min", f"{other.dwell_s / 60:g} min"
                effect = _effect(-one.dwell_s, -other.dwell_s)
                yield Change(where, f"{what} dwell", *texts, effect)
    if old.own_choice != new.own_choice:
        names = ("label", "practice")
        texts = names[old.own_choice], names[new.own_choice]
        yield Change(where, "ladder from", *texts, OTHER)


def _step(rung: Rung) -> str:
    return f"{rung.rate.label}, {rung.dwell_s / 60:g} min"


def _order(rate: Rate) -> tuple[int, bool]:
    return rate.ug_kg_h, not rate.strict


def _rate(
    where: str, what: str, old: Rate, new: Rate, concentrations: tuple[int, ...]
) -> Iterator[Change]:
    if _order(old) == _order(new):
        # Another printed figure beside the one that binds is told too, if both are known.
        if old.text and new.text and old.text != new.text:
            yield Change(where, what, old.text, new.text, OTHER)
        return
    effect = FASTER if _order(new) > _order(old) else SLOWER
    yield Change(where, what, old.label, new.label, effect, _ml_h(old, new, concentrations))


def _ml_h(
    old: Rate | None, new: Rate | None, concentrations: tuple[int, ...]
) -> tuple[tuple[str, str, str], ...]:
    """(weight and solution, old, new) in mL/h at the strongest and the weakest solution."""
    rows = []
    for mg_ml in dict.fromkeys((max(concentrations), min(concentrations))):
        for kg in WEIGHTS_KG:
            texts = [
                "-" if rate is None else f"{rate.rate_ul_h(kg * 1000, mg_ml) / 1000:.1f}"
                for rate in (old, new)
            ]
            at = f"{kg} kg" if len(concentrations) == 1 else f"{kg} kg {mg_ml / 10:g} %"
            rows.append((at, *texts))
    return tuple(rows)
