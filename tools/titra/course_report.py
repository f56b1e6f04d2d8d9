"""``titra course``: a course record as text, JSON, CSV and HTML."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from titra import exit_codes
from titra.files import write_whole
from titra.planning.course_record import (
    CourseRecord,
    RecordError,
    Review,
    Session,
    read_record,
    record_text,
    write_record,
)
from titra.planning.course_rules import REVIEW_AFTER, SESSIONS_WITHOUT_REACTION
from titra.planning.plan_json import NOTICE
from titra.planning.planner import DAY_GAP_H
from titra.planning.wording import kilo

CSV_NAME, HTML_NAME = "course.csv", "course.html"
_BY = re.compile(r"[^\x00-\x1f\x7f]{1,60}")
COLUMNS: tuple[str, ...] = (
    "course", "day", "started", "ended", "product", "indication", "percent", "place",
    "first_dose", "weight_kg", "ordered_g", "delivered_g", "delivered_ml", "state", "reaction",
    "ceiling_ml_h", "alarms", "premedication_min", "lot", "expiry", "lot_g", "source",
    "order_sha256",
)  # fmt: skip


def run_course(
    path: Path,
    now: datetime,
    review: str | None,
    reaction: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Show, change and export; 2 for a record that cannot be read or a wrong value."""
    try:
        record = read_record(path)
        record = _changed(path, record, now.date(), review, reaction)
    except RecordError as error:
        return _wrong(error.lines(), as_json)
    try:
        if review is not None or reaction is not None:
            write_record(path, record)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            write_whole(out / CSV_NAME, csv_text(record))
            write_whole(out / HTML_NAME, html_text(record, now))
            print(f"wrote {out / CSV_NAME} and {out / HTML_NAME}", file=sys.stderr)
    except OSError as error:
        place = path if out is None else out
        return _wrong([f"{place}: cannot be written: {error.strerror}"], as_json)
    if as_json:
        document = json.loads(record_text(record))
        print(json.dumps({**document, "due": dict(due(record, now))}, indent=2))
    else:
        print("\n".join(_lines(record, now)))
    return exit_codes.DONE


def _wrong(lines: list[str], as_json: bool) -> int:
    for line in lines:
        print(line, file=sys.stderr)
    if as_json:
        print(json.dumps({"error": lines}, indent=2))
    return exit_codes.WRONG_INPUT


def _changed(
    path: Path, record: CourseRecord, today: date, review: str | None, reaction: str | None
) -> CourseRecord:
    from titra.planning.toml_reader import Problem

    if review is not None:
        if not _BY.fullmatch(review):
            message = "is empty, too long or no text, expected a name of 1 to 60 characters"
            raise RecordError(str(path), [Problem("--review", message, "format")])
        record = record.with_review(Review(today, review))
    if reaction is not None:
        if not record.sessions:
            message = "is given, but no session is on record"
            raise RecordError(str(path), [Problem("--reaction", message, "missing")])
        last = record.sessions[-1]
        if last.reaction == "severe" and reaction != "severe":
            message = "is mild, but a severe one is on record, which stays"
            raise RecordError(str(path), [Problem("--reaction", message, "order")])
        if reaction == "mild":
            # Nobody knows any more on which rung it began: half of the highest rate is left.
            half_ul_h = last.highest_ul_h // 2
            ceiling_ul_h = min(half_ul_h, last.ceiling_ul_h or half_ul_h)
            last = replace(last, ceiling_ul_h=ceiling_ul_h)
        sessions = (*record.sessions[:-1], replace(last, reaction=reaction))
        record = CourseRecord(sessions, record.reviews)
    return record


# --- what is due ----------------------------------------------------------------------------


def due(record: CourseRecord, now: datetime) -> list[tuple[str, str]]:
    """(what, since or until when) a person has to know before the next session."""
    if not record.sessions:
        return []
    last = record.sessions[-1]
    found = []
    if any(session.reaction == "severe" for session in record.sessions):
        found.append(("stopped", "a severe reaction is on record: nothing starts again"))
    earliest = last.ended + timedelta(hours=DAY_GAP_H)
    found.append(("next session", f"{earliest:%Y-%m-%d %H:%M} at the earliest"))
    since = max([record.sessions[0].started.date(), *(one.day for one in record.reviews)])
    by = since + REVIEW_AFTER
    late = ", overdue: no session before it" if now.date() > by else ""
    found.append(("review", f"until {by}{late}"))
    without = 0
    for session in reversed(record.sessions):
        if not session.uneventful:
            break
        without += 1
    need = "needed" if without < SESSIONS_WITHOUT_REACTION else "as ordered"
    count = f"{without} of {SESSIONS_WITHOUT_REACTION} sessions in a row without a reaction"
    found.append(("premedication", f"{need}: {count}"))
    return found


# --- for people -------------------------------------------------------------------------------


def _grams(mg: int) -> str:
    return f"{kilo(mg)} g"


def _lines(record: CourseRecord, now: datetime) -> list[str]:
    if not record.sessions:
        return ["no session on record"]
    lines: list[str] = []
    for course in dict.fromkeys(session.course for session in record.sessions):
        sessions = record.of(course)
        total = sum(session.delivered_mg for session in sessions)
        of = min(session.course_mg for session in sessions)
        lines += [f"course {course}: {_grams(total)} of {_grams(of)} delivered"]
        for session in sessions:
            lots = ", ".join(f"{use.lot} {_grams(use.dose_mg)}" for use in session.lots) or "none"
            first = ", first dose" if session.first_dose else ""
            lines += [
                f"  day {session.day}  {session.started:%Y-%m-%d %H:%M} to "
                f"{session.ended:%H:%M}, {session.product}, {session.place}{first}",
                f"         {_grams(session.delivered_mg)} of {_grams(session.dose_mg)}, "
                f"{kilo(session.delivered_ul)} mL, {session.state}, {_reaction(session)}",
                f"         lots: {lots}",
            ]
            if session.alarms:
                lines.append(f"         alarms: {', '.join(session.alarms)}")
        lines.append("")
    lines += [f"reviewed {review.day} by {review.by}" for review in record.reviews]
    lines += [f"{what}: {text}" for what, text in due(record, now)]
    return [*lines, "", NOTICE]


def _reaction(session: Session) -> str:
    if session.reaction == "none":
        return "no reaction"
    if session.ceiling_ul_h is None:
        return f"{session.reaction} reaction"
    ceiling = kilo(session.ceiling_ul_h)
    return f"{session.reaction} reaction, then at most {ceiling} mL/h"


# --- files ----------------------------------------------------------------------------------


def _rows(record: CourseRecord) -> Iterable[dict[str, object]]:
    """A row for each lot of each session; a session from which nothing was taken has one too."""
    for session in record.sessions:
        for use in session.lots or (None,):
            yield {
                "course": session.course,
                "day": session.day,
                "started": session.started.isoformat(),
                "ended": session.ended.isoformat(),
                "product": session.product,
                "indication": session.indication,
                "percent": session.concentration_mg_ml / 10,
                "place": session.place,
                "first_dose": "yes" if session.first_dose else "no",
                "weight_kg": session.weight_g / 1000,
                "ordered_g": session.dose_mg / 1000,
                "delivered_g": session.delivered_mg / 1000,
                "delivered_ml": session.delivered_ul / 1000,
                "state": session.state,
                "reaction": session.reaction,
                "ceiling_ml_h": "" if session.ceiling_ul_h is None else session.ceiling_ul_h / 1000,
                "alarms": " ".join(session.alarms),
                "premedication_min": ""
                if session.premedication_minutes is None
                else session.premedication_minutes,
                "lot": use.lot if use else "",
                "expiry": use.expiry.isoformat() if use else "",
                "lot_g": use.dose_mg / 1000 if use else "",
                "source": session.source,
                "order_sha256": session.order_sha256,
            }


def csv_text(record: CourseRecord) -> str:
    """A row for each lot of each session."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(record))
    return text.getvalue()


_STYLE = """
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; }
.banner { border: 2px solid; padding: .5rem .8rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { border-bottom: 1px solid #8886; padding: .35rem .6rem; text-align: left;
  vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.bad { font-weight: bold; color: #b3261e; }
@media (prefers-color-scheme: dark) { .bad { color: #ff8a80; } }
time { white-space: nowrap; }
.scroll { overflow-x: auto; }
"""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], numbers: Iterable[int] = ()) -> str:
    some = set(numbers)

    def cells(tag: str, row: Iterable[str]) -> str:
        marks = (' class="n"' if at in some else "" for at in range(99))
        return "".join(
            f"<{tag}{mark}>{cell}</{tag}>" for cell, mark in zip(row, marks, strict=False)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>\n" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{cells("th", head)}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def _page_cells(session: Session) -> tuple[str, ...]:
    say = html.escape
    reaction = say(_reaction(session))
    minutes = session.premedication_minutes
    alarms = [alarm for alarm in session.alarms if alarm != "INFUSION_COMPLETE"]
    return (
        str(session.day),
        f"<time>{session.started:%Y-%m-%d}</time> {session.started:%H:%M} to {session.ended:%H:%M}",
        say(f"{session.product}, {session.indication}, {session.concentration_mg_ml / 10:g} %"),
        session.place + (", first dose" if session.first_dose else ""),
        f"{_grams(session.delivered_mg)} of {_grams(session.dose_mg)}",
        f"{kilo(session.delivered_ul)} mL",
        say(", ".join([session.state, *alarms])),
        reaction if session.reaction == "none" else f'<span class="bad">{reaction}</span>',
        "none" if minutes is None else f"{minutes} min before",
    )


def html_text(record: CourseRecord, now: datetime) -> str:
    """One page without anything from elsewhere."""
    say = html.escape
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Course record (Titra, bench device)</title><style>{_STYLE}</style></head><body>\n"
        f'<p class="banner" role="note"><strong>{say(NOTICE)}</strong></p>\n'
        f"<h1>Course record</h1><p>As of {now:%Y-%m-%d %H:%M}.</p>\n",
    ]
    for course in dict.fromkeys(session.course for session in record.sessions):
        sessions = record.of(course)
        total = sum(session.delivered_mg for session in sessions)
        of = min(session.course_mg for session in sessions)
        parts.append(f"<h2>{say(course)}</h2>\n<p>{_grams(total)} of {_grams(of)} delivered.</p>\n")
        parts.append(
            _table(
                ("day", "time", "product", "place", "delivered", "volume", "ended", "reaction",
                 "premedication"),
                (_page_cells(session) for session in sessions),
                (4, 5),
            )
        )  # fmt: skip
        parts.append(
            _table(
                ("lot", "expires", "day", "taken"),
                (
                    (say(use.lot), use.expiry.isoformat(), str(s.day), _grams(use.dose_mg))
                    for s in sessions
                    for use in s.lots
                ),
                (3,),
            )
        )
    reviews = [(one.day.isoformat(), say(one.by)) for one in record.reviews]
    if reviews:
        parts.append("<h2>Reviews</h2>\n" + _table(("day", "by"), reviews))
    parts.append("<h2>Due</h2>\n" + _table(
        ("what", ""), ((say(what), say(text)) for what, text in due(record, now))
    ))  # fmt: skip
    return "".join(parts) + "</body></html>\n"
