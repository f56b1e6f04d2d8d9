"""A plan as one JSON document.  Numbers are for reading; the plan itself is exact."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from pump.core.units import MS_PER_MIN
from titra.library import Product, Source
from titra.planning.care import bags_of, interval_of, vials_of, vitals_of
from titra.planning.ladder import Cap, Rung
from titra.planning.nearest import Nearest
from titra.planning.order import Order
from titra.planning.plan_records import DayPlan, Plan, Reason
from titra.planning.planner import DAY_GAP_H

NOTICE = "Research and bench device: not a medical device, not for use on people."


def plan_json(
    order: Order, plan: Plan, product: Product, nearest: Sequence[Nearest] = ()
) -> dict[str, Any]:
    """``plan`` as plain dicts, lists, strings and numbers; the unit is in each name.

    ``refused`` and ``warnings`` are lists of ``{code, message, field}``; ``days`` is empty
    when anything was refused; ``nearest`` then holds what would be accepted instead.
    Dates are ``YYYY-MM-DD``.
    """
    interval = interval_of(order, plan.today, len(plan.days))
    first = any(day.first_dose for day in plan.days)
    return {
        "notice": NOTICE,
        "order_sha256": plan.order_sha256,
        "product": plan.product,
        "indication": plan.indication,
        "refused": [_reason(reason) for reason in plan.refused],
        "warnings": [_reason(reason) for reason in plan.warnings],
        "nearest": [_nearest(offer) for offer in nearest],
        "place": order.setting.place,
        "premedication": {
            "minutes_before": order.setting.premedication_minutes,
            "needed": first,
        },
        "interval": {
            "days_since_last": interval.days,
            "next_if_last_day_is": interval.last_day.isoformat(),
            "next_from": interval.next_from.isoformat(),
            "next_to": interval.next_to.isoformat(),
            "first_dose_again_after": interval.first_after.isoformat(),
        },
        "days": [_day(order, product, plan, day) for day in plan.days],
        "sources": [_source(source) for source in plan.sources],
    }


def _milli(value: int) -> float:
    """Thousandths as a number: uL/h as mL/h, uL as mL, mg as g, g as kg."""
    return value / 1000


def _minutes(time_ms: int) -> float:
    return float(round(Fraction(time_ms, MS_PER_MIN), 3))


def _reason(reason: Reason) -> dict[str, str]:
    return {"code": reason.code, "message": reason.message, "field": reason.field}


def _nearest(offer: Nearest) -> dict[str, Any]:
    return {
        "field": offer.field,
        "now": float(offer.now),
        "to": float(offer.to),
        "unit": offer.unit,
        "text": offer.text,
        "warnings": [warning.code for warning in offer.plan.warnings],
        "days": [
            {
                "volume_ml": _milli(day.volume_ul),
                "duration_with_slew_min": _minutes(day.duration_with_slew_ms),
            }
            for day in offer.plan.days
        ],
    }


def _day(order: Order, product: Product, plan: Plan, day: DayPlan) -> dict[str, Any]:
    return {
        "day": day.day,
        "hours_after_day_before": DAY_GAP_H if day.day > 1 else 0,
        "dose_g": _milli(day.dose_mg),
        "volume_ml": _milli(day.volume_ul),
        "concentration_mg_ml": day.concentration_mg_ml,
        "weight_kg": _milli(day.weight_g),
        "ladder_source": day.ladder_source,
        "rungs": [_rung(rung) for rung in day.rungs],
        "cap_ml_h": _milli(day.cap_ul_h),
        "cap_source": day.cap_source,
        "caps": [_cap(cap) for cap in day.caps],
        "duration_min": _minutes(day.duration_ms),
        "duration_with_slew_min": _minutes(day.duration_with_slew_ms),
        "slew_ml_h_s": _milli(day.slew_ul_h_s),
        "check_interval_min": _minutes(day.check_interval_ms),
        "risk": day.risk,
        "first_dose": day.first_dose,
        "home": day.home,
        "lots": [
            {"lot": use.lot, "expiry": use.expiry.isoformat(), "grams": _milli(use.dose_mg)}
            for use in day.lots
        ],
        "vitals": [
            {
                "kind": one.kind,
                "from_min": _minutes(one.from_ms),
                "to_min": _minutes(one.to_ms),
                "why": one.why,
            }
            for one in vitals_of(day)
        ],
        "bags": [
            {
                "bag": bag.number,
                "volume_ml": _milli(bag.volume_ul),
                "from_min": _minutes(bag.from_ms),
                "to_min": _minutes(bag.to_ms),
                "pooled_from_min": _minutes(bag.pooled_ms),
            }
            for bag in bags_of(day, order.product.bag_ul)
        ],
        "vials": [
            {
                "lot": use.lot,
                "grams": _milli(use.dose_mg),
                "vials": [{"grams": _milli(mg), "count": count} for mg, count in use.vials],
                "sizes_from": use.by,
                "left_g": _milli(use.left_mg),
                "diluent_ml": None if use.diluent_ul is None else _milli(use.diluent_ul),
            }
            for use in vials_of(plan, day, product)
        ],
    }


def _rung(rung: Rung) -> dict[str, Any]:
    return {
        "rate_ml_h": _milli(rung.rate_ul_h),
        "dwell_min": _minutes(rung.dwell_ms),
        "cap_ml_h": _milli(rung.cap_ul_h),
        "cap_source": rung.cap_source,
        "why": rung.why,
        "source": None if rung.source is None else rung.source.key,
    }


def _cap(cap: Cap) -> dict[str, Any]:
    return {
        "name": cap.name,
        "rate_ml_h": _milli(cap.rate_ul_h),
        "figure": cap.figure,
        "source": None if cap.source is None else cap.source.key,
    }


def _source(source: Source) -> dict[str, Any]:
    return {
        "key": source.key,
        "text": source.text,
        "date": source.date.isoformat(),
        "checked": source.checked,
        "own_choice": source.own_choice,
        "reason": source.reason,
    }
