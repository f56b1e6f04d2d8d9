"""A session for the course record, from what a simulated run came to."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from titra.planning.course_record import Session
from titra.planning.lots import allot_delivered
from titra.planning.order import Order
from titra.planning.plan_records import DayPlan
from titra.summary import Summary

_REACTIONS = ("severe", "mild")


def session_of(order: Order, day: DayPlan, started: datetime, summary: Summary) -> Session:
    """What ``day`` of ``order``, begun at ``started``, came to; a reaction is a fault in it."""
    reaction, at_s = _reaction(summary)
    delivered_ul = ceil(max(summary.delivered_ml, summary.recovered_ml or 0.0) * 1000)
    delivered_mg = -(-delivered_ul * day.concentration_mg_ml // 1000)
    return Session(
        course=order.course.id or "",
        day=day.day,
        started=started,
        ended=started + timedelta(seconds=ceil(summary.duration_min * 60)),
        product=order.product.name,
        indication=order.product.indication,
        place=order.setting.place,
        first_dose=day.first_dose,
        weight_g=day.weight_g,
        concentration_mg_ml=day.concentration_mg_ml,
        course_mg=order.dose.mg,
        dose_mg=day.dose_mg,
        delivered_mg=delivered_mg,
        delivered_ul=delivered_ul,
        highest_ul_h=round(summary.max_commanded_ml_h * 1000),
        premedication_minutes=order.setting.premedication_minutes,
        state=summary.state,
        reaction=reaction,
        ceiling_ul_h=_ceiling(summary, at_s) if reaction == "mild" else None,
        alarms=tuple(dict.fromkeys(alarm.id for alarm in summary.alarms)),
        lots=allot_delivered(day.lots, delivered_mg),
        order_sha256=order.sha256,
        source="simulated",
    )


def _reaction(summary: Summary) -> tuple[str, float]:
    """The worst reaction that began, and when in s."""
    for word in _REACTIONS:
        for event in summary.events:
            if event.kind == "fault" and event.text.startswith(f"reaction-{word}"):
                return word, event.t_s
    return "none", 0.0


def _ceiling(summary: Summary, at_s: float) -> int:
    """The rate of the rung below the one that failed; on the lowest half of its rate.  (M11)"""
    entered = [rung for rung in summary.rungs if rung.entered_s <= at_s]
    if not entered:
        return 0
    failed = max(entered, key=lambda rung: rung.rate_ml_h)
    below = [rung.rate_ml_h for rung in entered if rung.rate_ml_h < failed.rate_ml_h]
    return round((max(below) if below else failed.rate_ml_h / 2) * 1000)
