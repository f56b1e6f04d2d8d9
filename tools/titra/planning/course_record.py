"""The course record of one patient: what was given when, from which lots, and how it went.

One JSON file, written whole.  A checksum over its content tells a slip of an editor from what
was written here; it is no signature.  No name of a patient stands in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from titra.files import write_whole
from titra.library import INDICATIONS, OFF_LABEL
from titra.planning.order import NAME, NAME_EXPECTED, PLACES
from titra.planning.plan_records import LotUse
from titra.planning.toml_reader import InputError, Problem, Table, read_bytes

FORMAT = 1
REACTIONS = ("none", "mild", "severe")
# Who says so: the simulator's trace, a pump's log, or a person.
SOURCES = ("simulated", "pump", "person")
_TIME_EXPECTED = "a time such as 2026-11-20T09:30:00"
_DAY_EXPECTED = "a date such as 2026-11-20"
_MG_MAX, _UL_MAX = 10_000_000, 100_000_000


class RecordError(InputError):
    """The record cannot be read, or is not what was written."""


@dataclass(frozen=True)
class Session:
    """One day's infusion as it was; units in the names, times local.

    ``course_mg`` was ordered for the course, ``dose_mg`` for this day; ``delivered_mg`` is
    rounded up.  ``highest_ul_h`` is the highest rate, ``state`` the pump's last.
    ``ceiling_ul_h`` is what a mild reaction leaves as the highest rate for the rest of the
    course, None without one.
    """

    course: str
    day: int
    started: datetime
    ended: datetime
    product: str
    indication: str
    place: str
    first_dose: bool
    weight_g: int
    concentration_mg_ml: int
    course_mg: int
    dose_mg: int
    delivered_mg: int
    delivered_ul: int
    highest_ul_h: int
    premedication_minutes: int | None
    state: str
    reaction: str
    ceiling_ul_h: int | None
    alarms: tuple[str, ...]
    lots: tuple[LotUse, ...]
    order_sha256: str
    source: str

    @property
    def uneventful(self) -> bool:
        """Completed, and no reaction."""
        return self.state == "COMPLETE" and self.reaction == "none"


@dataclass(frozen=True)
class Review:
    """The treatment was reviewed; ``by`` whom, in a few words."""

    day: date
    by: str


@dataclass(frozen=True)
class CourseRecord:
    """Sessions in order of time, and reviews."""

    sessions: tuple[Session, ...] = ()
    reviews: tuple[Review, ...] = field(default=())

    def of(self, course: str) -> tuple[Session, ...]:
        """The sessions of one course."""
        return tuple(session for session in self.sessions if session.course == course)

    def with_session(self, session: Session) -> CourseRecord:
        """And ``session``, which must begin after all others have ended."""
        if self.sessions and session.started < self.sessions[-1].ended:
            raise ValueError("a session begins before the one before it has ended")
        return CourseRecord((*self.sessions, session), self.reviews)

    def with_review(self, review: Review) -> CourseRecord:
        """And ``review``."""
        return CourseRecord(self.sessions, (*self.reviews, review))


# --- the file -----------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def record_text(record: CourseRecord) -> str:
    """The file's content: the same record gives the same text."""
    content = _plain(asdict(record))
    document = {"format": FORMAT, **content, "sha256": _checksum({"format": FORMAT, **content})}
    return json.dumps(document, indent=1) + "\n"


def _checksum(content: dict[str, Any]) -> str:
    raw = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(raw).hexdigest()


def write_record(path: str | Path, record: CourseRecord) -> None:
    """Write it whole or not at all.  Raises ``OSError``."""
    write_whole(Path(path), record_text(record))


def read_record(path: str | Path, may_be_new: bool = False) -> CourseRecord:
    """Read and check the file; with ``may_be_new`` one that does not exist is empty.

    Raises `RecordError` with every problem.
    """
    if may_be_new and not Path(path).exists():
        if not Path(path).parent.is_dir():
            message = "cannot be kept there: its folder does not exist"
            raise RecordError(str(path), [Problem("", message, "file-missing")])
        return CourseRecord()
    try:
        raw = read_bytes(str(path))
    except InputError as error:
        some = [
            Problem(one.field, one.message.replace("a TOML file", "a course record"), one.code)
            for one in error.problems
        ]
        raise RecordError(str(path), some) from None
    problems: list[Problem] = []
    record = _parse(raw, problems)
    if problems or record is None:
        raise RecordError(str(path), problems)
    return record


def _parse(raw: bytes, problems: list[Problem]) -> CourseRecord | None:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        problems.append(Problem("", "is no JSON, expected a course record", "format"))
        return None
    if not isinstance(document, dict):
        problems.append(Problem("", "is no JSON object, expected a course record", "format"))
        return None
    content = {key: value for key, value in document.items() if key != "sha256"}
    if content.get("format") != FORMAT:
        problems.append(Problem("format", f"is not {FORMAT}, expected a course record", "format"))
        return None
    if document.get("sha256") != _checksum(content):
        message = "does not fit the content: it was altered, or cut short"
        problems.append(Problem("sha256", message, "altered"))
        return None
    root = Table(json.loads(raw, parse_float=Fraction), "", problems)
    root.whole("format", "", FORMAT, FORMAT)
    root.text("sha256", "a checksum", r"[0-9a-f]{64}")
    sessions = [_read_session(row) for row in root.tables("sessions", "a list of sessions")]
    reviews = [_read_review(row) for row in root.tables("reviews", "a list of reviews")]
    root.finish()
    if problems:
        return None
    record = CourseRecord()
    for number, session in enumerate(sessions):
        if session.ended < session.started:
            problems.append(Problem(f"sessions[{number}].ended", "is before started", "order"))
        elif number and session.started < sessions[number - 1].ended:
            message = "is before the session before it has ended"
            problems.append(Problem(f"sessions[{number}].started", message, "order"))
        else:
            record = CourseRecord((*record.sessions, session))
    return CourseRecord(record.sessions, tuple(reviews))


def _time(table: Table, key: str) -> datetime:
    text = table.text(key, _TIME_EXPECTED, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?")
    try:
        return datetime.fromisoformat(text or "2000-01-01")
    except ValueError:
        table.problem(key, f"is no time, expected {_TIME_EXPECTED}", "format")
        return datetime.min


def _day(table: Table, key: str) -> date:
    text = table.text(key, _DAY_EXPECTED, r"\d{4}-\d\d-\d\d")
    try:
        return date.fromisoformat(text or "2000-01-01")
    except ValueError:
        table.problem(key, f"is no date, expected {_DAY_EXPECTED}", "format")
        return date.min


def _maybe(table: Table, key: str, unit: str, high: int) -> int | None:
    """A whole number or null."""
    if key in table and table.value_or_null(key) is None:
        return None
    return table.whole(key, unit, 0, high)


def _read_session(table: Table) -> Session:
    session = Session(
        course=table.text("course", NAME_EXPECTED, NAME) or "",
        day=table.whole("day", "", 1, 99) or 0,
        started=_time(table, "started"),
        ended=_time(table, "ended"),
        product=table.text("product", "a product's key") or "",
        indication=table.choice("indication", (*INDICATIONS, OFF_LABEL)) or "",
        place=table.choice("place", PLACES) or "",
        first_dose=bool(table.flag("first_dose")),
        weight_g=table.whole("weight_g", "g", 1, 1_000_000) or 0,
        concentration_mg_ml=table.whole("concentration_mg_ml", "mg/mL", 1, 1000) or 0,
        course_mg=table.whole("course_mg", "mg", 0, _MG_MAX) or 0,
        dose_mg=table.whole("dose_mg", "mg", 0, _MG_MAX) or 0,
        delivered_mg=table.whole("delivered_mg", "mg", 0, _MG_MAX) or 0,
        delivered_ul=table.whole("delivered_ul", "uL", 0, _UL_MAX) or 0,
        highest_ul_h=table.whole("highest_ul_h", "uL/h", 0, 10_000_000) or 0,
        premedication_minutes=_maybe(table, "premedication_minutes", "min", 240),
        state=table.text("state", "a state", r"[A-Z_]{1,30}") or "",
        reaction=table.choice("reaction", REACTIONS) or "",
        ceiling_ul_h=_maybe(table, "ceiling_ul_h", "uL/h", 10_000_000),
        alarms=tuple(map(str, table.items("alarms", "a list of alarms"))),
        lots=tuple(_read_lot(row) for row in table.tables("lots", "a list of lots")),
        order_sha256=table.text("order_sha256", "a checksum", r"[0-9a-f]{64}") or "",
        source=table.choice("source", SOURCES) or "",
    )
    table.finish()
    return session


def _read_lot(table: Table) -> LotUse:
    lot = LotUse(
        table.text("lot", NAME_EXPECTED, NAME) or "",
        _day(table, "expiry"),
        table.whole("dose_mg", "mg", 0, _MG_MAX) or 0,
    )
    table.finish()
    return lot


def _read_review(table: Table) -> Review:
    review = Review(_day(table, "day"), table.text("by", "who reviewed it", r".{1,60}") or "")
    table.finish()
    return review


def lots_of(sessions: Iterable[Session]) -> dict[str, int]:
    """What was taken of each lot, in mg."""
    taken: dict[str, int] = {}
    for session in sessions:
        for use in session.lots:
            taken[use.lot] = taken.get(use.lot, 0) + use.dose_mg
    return taken
