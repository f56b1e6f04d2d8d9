"""What a course record makes of an order: only ever less, slower, later, or nothing at all.

An order says what is meant; the record says what was.  The record never loosens anything that
the order or the library hold: it adds refusals and caps, takes what was given from what is
left, and calls a dose a first one when none is on record.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from titra.library import Library
from titra.planning.course_record import CourseRecord, Session, lots_of
from titra.planning.order import Order
from titra.planning.plan_records import Findings, Plan
from titra.planning.planner import DAY_GAP_H, plan
from titra.planning.wording import kilo

# The treatment is reviewed after about half a year.  (M18)
REVIEW_AFTER = timedelta(days=183)
# So many sessions in a row without a reaction, and premedication may be left out.  Own choice.
# (M10)
SESSIONS_WITHOUT_REACTION = 3

# Refusals of the planner, and those of the record that say no more.
_PLANNERS = {
    "premedication-missing": "premedication-unrecorded",
    "home-first-dose": "home-unrecorded",
}


def plan_in_course(order: Order, library: Library, now: datetime, record: CourseRecord) -> Plan:
    """The days of ``order`` that are left, numbered as in the order, as of ``now``."""
    found = Findings()
    careful = _more_careful(order, record, now, found)
    whole = plan(careful, library, now.date())
    given = () if order.course.id is None else record.of(order.course.id)
    _check(order, record, now, given, found)
    rest, refused = whole, whole.refused
    if given and len(given) < order.dose.days and _left_mg(order, given) > 0:
        rest = plan(_left(careful, given), library, now.date())
        # What is left is planned by itself, but the course as a whole has its limit too.
        above = [reason for reason in whole.refused if reason.code == "course-dose"]
        refused = tuple(dict.fromkeys((*above, *rest.refused)))
    # The same fault is told once, as the planner has it.
    codes = {reason.code for reason in refused}
    told = {reason for code, reason in _PLANNERS.items() if code in codes}
    refused = (*(reason for reason in found.refused if reason.code not in told), *refused)
    days = () if refused else rest.days
    return replace(
        rest,
        refused=refused,
        warnings=(*found.warnings, *rest.warnings),
        days=tuple(replace(day, day=day.day + len(given)) for day in days),
    )


# --- what the record adds to the order ---------------------------------------------------------


def _more_careful(order: Order, record: CourseRecord, now: datetime, found: Findings) -> Order:
    """``order`` with the tolerance, the last dose and the ceiling that are on record."""
    patient, course, limits = order.patient, order.course, order.limits
    if patient.tolerance == "tolerated" and not any(
        session.product == order.product.name and session.uneventful for session in record.sessions
    ):
        found.warn(
            "tolerance-unrecorded",
            f"is tolerated, but no completed dose of {order.product.name} without a reaction is "
            "on record: planned as a first dose",
            "patient.tolerance",
        )
        patient = replace(patient, tolerance="unknown")
    before = [session for session in record.sessions if session.course != course.id]
    if before:
        last = before[-1].ended.date()
        if course.last_dose is not None and course.last_dose != last:
            found.warn(
                "last-dose-differs",
                f"is {course.last_dose}, but the record has {last}, which holds",
                "course.last_dose",
            )
        course = replace(course, last_dose=last)
    ceiling_ul_h = _ceiling(order, record)
    if ceiling_ul_h is not None:
        limits = replace(limits, ceiling_ul_h=ceiling_ul_h)
    return replace(order, patient=patient, course=course, limits=limits)


def _ceiling(order: Order, record: CourseRecord) -> int | None:
    """The lowest rate that a mild reaction has left in this course, for this solution."""
    ceilings = [
        session.ceiling_ul_h
        * session.concentration_mg_ml
        // max(session.concentration_mg_ml, order.product.concentration_mg_ml)
        for session in record.of(order.course.id or "")
        if session.ceiling_ul_h is not None
    ]
    return min(ceilings, default=None)


# --- what the record forbids ----------------------------------------------------------------


def _check(
    order: Order, record: CourseRecord, now: datetime, given: tuple[Session, ...], found: Findings
) -> None:
    if order.course.id is None:
        found.refuse(
            "course-id-missing", "is missing, expected one: the record links days by it",
            "course.id",
        )  # fmt: skip
    if any(session.reaction == "severe" for session in record.sessions):
        found.refuse(
            "severe-reaction",
            "a severe reaction is on record: nothing starts again, under this id or another",
            "course.id",
        )
    if record.sessions:
        _check_time(record, now, found)
    if given:
        _check_course(order, given, found)
    _check_place(order, record, found)
    _check_premedication(order, record, found)


def _check_time(record: CourseRecord, now: datetime, found: Findings) -> None:
    last = record.sessions[-1].ended
    if now < last:
        found.refuse(
            "record-in-future",
            f"the last session on record ended at {last:%Y-%m-%d %H:%M}, after now, "
            f"{now:%Y-%m-%d %H:%M}: expected a clock that is right",
            "course.id",
        )
    elif now < last + timedelta(hours=DAY_GAP_H):
        found.refuse(
            "day-spacing",
            f"the last session ended at {last:%Y-%m-%d %H:%M}: at least {DAY_GAP_H} h must pass, "
            f"expected a start at {last + timedelta(hours=DAY_GAP_H):%Y-%m-%d %H:%M} or later",
            "course.id",
        )
    since = max([record.sessions[0].started.date(), *(one.day for one in record.reviews)])
    if now.date() - since > REVIEW_AFTER:
        found.refuse(
            "review-due",
            f"the treatment was begun or last reviewed on {since}, more than 6 months ago: "
            "expected a recorded review",
            "course.id",
        )


def _check_course(order: Order, given: tuple[Session, ...], found: Findings) -> None:
    course_mg = min(session.course_mg for session in given)
    if order.dose.mg > course_mg:
        found.refuse(
            "course-raised",
            f"is {kilo(order.dose.mg)}, but the course was begun with {kilo(course_mg)} g: an "
            "open course only gets less",
            "dose.grams",
        )
    others = {session.product for session in given} - {order.product.name}
    if others:
        found.refuse(
            "brands-mixed",
            f"is {order.product.name}, but the course was begun with {', '.join(sorted(others))}",
            "product.name",
        )
    if len(given) >= order.dose.days:
        found.refuse(
            "course-complete",
            f"all {order.dose.days} days of course {order.course.id} are on record: expected a "
            "new id for a new course",
            "course.id",
        )
    elif _left_mg(order, given) <= 0:
        found.refuse(
            "course-complete",
            f"the whole dose of course {order.course.id} is on record",
            "course.id",
        )


def _check_place(order: Order, record: CourseRecord, found: Findings) -> None:
    if order.setting.place == "home" and not any(
        session.first_dose and session.uneventful and session.place == "clinic"
        for session in record.sessions
    ):
        found.refuse(
            "home-unrecorded",
            "is home, but no first dose without a reaction is on record, expected clinic",
            "setting.place",
        )


def _check_premedication(order: Order, record: CourseRecord, found: Findings) -> None:
    without = 0
    for session in reversed(record.sessions):
        if not session.uneventful:
            break
        without += 1
    if not order.setting.premedication_minutes and without < SESSIONS_WITHOUT_REACTION:
        found.refuse(
            "premedication-unrecorded",
            f"is missing or 0, but {without} of {SESSIONS_WITHOUT_REACTION} sessions in a row "
            "without a reaction are on record: expected the minutes between premedication and "
            "start",
            "setting.premedication_minutes",
        )


# --- what is left ---------------------------------------------------------------------------


def _left_mg(order: Order, given: tuple[Session, ...]) -> int:
    """What the days that are left may have: a day's share each, and never more than the course
    less what was delivered.  What an interrupted day left out is not made up for."""
    each_mg = -(-order.dose.mg // order.dose.days)
    days = order.dose.days - len(given)
    delivered_mg = sum(session.delivered_mg for session in given)
    return min(each_mg * days, order.dose.mg - delivered_mg)


def _left(order: Order, given: tuple[Session, ...]) -> Order:
    """``order`` for the days that are left, from lots less what was taken."""
    days = order.dose.days - len(given)
    taken = lots_of(given)
    lots = []
    for lot in order.product.lots:
        held_mg = lot.dose_mg - taken.get(lot.lot, 0)
        if held_mg > 0:
            water_ul = lot.diluent_ul
            if water_ul is not None:
                # The same mix, never a stronger one.
                water_ul = -(-water_ul * held_mg // lot.dose_mg)
            lots.append(replace(lot, dose_mg=held_mg, diluent_ul=water_ul))
    return replace(
        order,
        dose=replace(order.dose, mg=_left_mg(order, given), days=days),
        product=replace(order.product, lots=tuple(lots)),
    )
