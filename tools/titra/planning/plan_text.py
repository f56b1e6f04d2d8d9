"""A plan on the terminal: ladder, caps, picture, sources.

`rich` is imported where it is used: starting ``titra`` must not wait for it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Literal

from pump.core.units import MS_PER_MIN
from titra.durations import clock
from titra.library import Product, Source
from titra.planning.care import (
    bags_of,
    interval_of,
    premedication_text,
    vials_of,
    vitals_of,
)
from titra.planning.ladder import Cap, Rung, ml_h, spans_of
from titra.planning.order import Order
from titra.planning.plan_json import NOTICE
from titra.planning.plan_records import DayPlan, Plan, Reason
from titra.planning.planner import DAY_GAP_H
from titra.planning.wording import kilo

if TYPE_CHECKING:
    from rich.console import Console

_PICTURE_ROWS = 8
# Room for the axis ("336.0 |") and a margin; wider pictures say no more.
_AXIS_CHARS = 9
_PICTURE_CHARS_MAX = 90


def render_plan(order: Order, plan: Plan, product: Product, console: Console) -> None:
    """Print ``plan`` for a person; fits 80 columns and uses up to 120."""
    flags = ", ".join(order.patient.risk) or "none"
    console.rule(f"{plan.product}, {plan.indication}", align="left")
    _line(
        console,
        f"{kilo(order.dose.mg)} g in {_count(order.dose.days, 'day')}, "
        f"{order.product.concentration_mg_ml // 10} %, {kilo(order.patient.weight_g)} kg, "
        f"risk: {flags}, tolerance: {order.patient.tolerance}, {order.setting.place}",
    )
    for reason in plan.refused:
        _reason(console, "REFUSED", "bold red", reason)
    for reason in plan.warnings:
        _reason(console, "warning", "yellow", reason)
    if plan.days:
        _around(console, order, plan)
    for day in plan.days:
        _day(console, day)
        _vitals(console, day)
        _supplies(console, order, product, plan, day)
    if plan.days:
        _caps(console, plan.days[0].caps, plan.days[0].cap_source)
        _sources(console, plan.sources)
    console.print()
    _line(console, NOTICE, "bold")


def _line(console: Console, text: str, style: str = "") -> None:
    """Plain text: nothing in an order is ever taken for markup."""
    from rich.text import Text

    console.print(Text(text, style=style))


def _reason(console: Console, label: str, style: str, reason: Reason) -> None:
    from rich.text import Text

    where = f"{reason.field}: " if reason.field else ""
    console.print(Text.assemble((f"{label}  ", style), f"{where}{reason.message}"))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _table(*columns: tuple[str, Literal["left", "right"]]):
    """An empty table with (heading, ``left`` or ``right``) columns; the last one wraps."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, (heading, justify) in enumerate(columns):
        table.add_column(heading, justify=justify, no_wrap=index < len(columns) - 1)
    return table


def _day(console: Console, day: DayPlan) -> None:
    console.print()
    gap = f", at least {DAY_GAP_H} h after day {day.day - 1} ended" if day.day > 1 else ""
    console.rule(f"Day {day.day}{gap}", align="left", style="dim")
    modes = [
        word for word, applies in (("first dose", day.first_dose), ("at home", day.home)) if applies
    ]
    _line(
        console,
        f"{kilo(day.dose_mg)} g = {kilo(day.volume_ul)} mL at {day.concentration_mg_ml} mg/mL, "
        f"{clock(day.duration_with_slew_ms)} h with rises, {clock(day.duration_ms)} without",
    )
    _line(
        console,
        f"ladder from {day.ladder_source}; asked every "
        f"{day.check_interval_ms // MS_PER_MIN} min on the last rung"
        + "".join(f"; {mode}" for mode in modes),
    )
    spans = spans_of(day.rungs, day.volume_ul, day.slew_ul_h_s)
    table = _table(
        ("rung", "right"),
        ("mL/h", "right"),
        ("from", "right"),
        ("to", "right"),
        ("dwell", "right"),
        ("cap", "right"),
        ("why (source)", "left"),
    )
    for index, rung in enumerate(day.rungs):
        reached = index < len(spans)
        is_last = index >= len(spans) - 1
        table.add_row(
            str(index),
            _rate(rung.rate_ul_h),
            clock(int(spans[index].start_ms)) if reached else "-",
            clock(int(spans[index].end_ms)) if reached else "-",
            "to end" if is_last and reached else f"{rung.dwell_ms // MS_PER_MIN} min",
            _rate(rung.cap_ul_h),
            _why(rung) if reached else f"{_why(rung)}; the volume ends before",
        )
    console.print(table)
    _picture(console, day)


def _why(rung: Rung) -> str:
    return f"{rung.why} ({rung.source.key})" if rung.source else rung.why


def _around(console: Console, order: Order, plan: Plan) -> None:
    """Before the first day, and after the last."""
    _line(console, premedication_text(order, any(day.first_dose for day in plan.days)))
    interval = interval_of(order, plan.today, len(plan.days))
    since = "" if interval.days is None else f"{interval.days} days since the last dose; "
    _line(
        console,
        f"{since}next one usual from {interval.next_from} to {interval.next_to} if the last day "
        f"is {interval.last_day}; a first dose again after {interval.first_after}",
    )


def _pooled(time_ms: int) -> str:
    if time_ms < 0:
        return f"at most {clock(-time_ms)} before START"
    return f"no earlier than {clock(time_ms)}"


def _vitals(console: Console, day: DayPlan) -> None:
    _line(console, "Vital signs, after START, if every step up is answered at once:")
    for due in vitals_of(day):
        at = "" if due.kind == "before" else clock(due.from_ms)
        to = f" to {clock(due.to_ms)}" if due.to_ms > due.from_ms else ""
        _line(console, f"  {f'{at}{to}':>18}  {due.why}")


def _supplies(console: Console, order: Order, product: Product, plan: Plan, day: DayPlan) -> None:
    uses = vials_of(plan, day, product)
    guessed = any(use.vials and use.by == "library" for use in uses)
    _line(console, "Supplies, vials as the library knows their sizes:" if guessed else "Supplies:")
    expiry = {use.lot: use.expiry for use in day.lots}
    for use in uses:
        sizes = " + ".join(f"{count} x {kilo(mg)} g" for mg, count in use.vials)
        left = f", {kilo(use.left_mg)} g left over" if use.left_mg > 0 else ""
        _line(
            console,
            f"  {kilo(use.dose_mg)} g of lot {use.lot}, expires {expiry[use.lot]}"
            + (f": {sizes}{left}" if sizes else ""),
        )
        if use.diluent_ul is not None:
            _line(console, f"    the lot mixed with {kilo(use.diluent_ul)} mL of sterile water")
    for bag in bags_of(day, order.product.bag_ul):
        _line(
            console,
            f"  bag {bag.number}: {kilo(bag.volume_ul)} mL, from {clock(bag.from_ms)} to "
            f"{clock(bag.to_ms)}, pooled {_pooled(bag.pooled_ms)}",
        )


def _rate(rate_ul_h: int) -> str:
    return f"{rate_ul_h // 1000}.{rate_ul_h % 1000 // 100}"


def _picture(console: Console, day: DayPlan) -> None:
    """The ladder over time, drawn in characters that the terminal has."""
    block = "#" if console.options.ascii_only else "\u2588"
    width = min(console.width - _AXIS_CHARS - 2, _PICTURE_CHARS_MAX)
    spans = spans_of(day.rungs, day.volume_ul, day.slew_ul_h_s)
    starts = [span.reached_ms for span in spans]
    rates = [0] + [rung.rate_ul_h for rung in day.rungs[: len(spans)]]
    # The rate in the middle of each column of characters.
    columns = [
        rates[bisect_right(starts, spans[-1].end_ms * (2 * column + 1) / (2 * width))]
        for column in range(width)
    ]
    top = max(columns)
    for row in range(_PICTURE_ROWS, 0, -1):
        # A row is filled where the rate reaches more than its lower edge.
        bar = "".join(block if rate * _PICTURE_ROWS > top * (row - 1) else " " for rate in columns)
        label = _rate(top) if row == _PICTURE_ROWS else ""
        _line(console, f"{label:>{_AXIS_CHARS - 2}} |{bar.rstrip()}")
    end = clock(int(spans[-1].end_ms))
    _line(console, f"{'mL/h':>{_AXIS_CHARS - 2}} +{'-' * width}")
    _line(console, f"{'':{_AXIS_CHARS}}0:00:00{end:>{width - 7}}")


def _caps(console: Console, caps: tuple[Cap, ...], in_force: str) -> None:
    console.print()
    console.rule("Caps: the lowest is in force", align="left", style="dim")
    table = _table(("", "left"), ("cap", "left"), ("mL/h", "right"), ("figure", "left"))
    for cap in caps:
        source = f" ({cap.source.key}, {cap.source.standing})" if cap.source else ""
        mark = ">" if cap.name == in_force else ""
        table.add_row(mark, cap.name, ml_h(cap.rate_ul_h), f"{cap.figure}{source}")
    console.print(table)


def _sources(console: Console, sources: tuple[Source, ...]) -> None:
    console.print()
    console.rule("Sources: labels change, check them", align="left", style="dim")
    table = _table(("source", "left"), ("read", "left"), ("standing", "left"), ("says", "left"))
    for source in sources:
        reason = f"; chosen: {source.reason}" if source.own_choice else ""
        table.add_row(
            source.key, source.date.isoformat(), source.standing, f"{source.text}{reason}"
        )
    console.print(table)
