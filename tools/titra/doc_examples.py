"""Examples for ``docs/``: commands as typed, and what they print, by running them."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from host_sim.simulator_key import SIMULATOR_KEY
from titra.course_report import run_course
from titra.library import load_library, table
from titra.library.library_command import check, compile_to, diff, show, verify
from titra.planning.course_record import CourseRecord, Session, write_record
from titra.planning.order import Order, load_order
from titra.planning.plan_command import run_plan
from titra.planning.plan_records import DayPlan
from titra.planning.planner import plan

ROOT = Path(__file__).resolve().parents[2]
HOSPITAL, NEXT = Path("examples/hospital"), Path("examples/hospital-next")
TABLE = Path("house.tlib")
ORDER = "examples/two-days.toml"
COURSE_DAY = datetime(2026, 11, 20, 9, 0)


def _ran(typed: str, run: Callable[[], int], lines: int | None = None) -> str:
    """``typed``, then what ``run`` printed (its first ``lines``), and its exit code unless 0."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = run()
    end = f"(exit code {code})\n" if code else ""
    told = [line.rstrip() + "\n" for line in out.getvalue().splitlines()]
    return f"$ titra {typed}\n{''.join(told[:lines])}{end}"


def _block(*examples: str) -> str:
    return "```\n" + "\n".join(examples) + "```\n"


def library_check() -> str:
    """``titra library check`` on an example, as a block of Markdown."""
    with contextlib.chdir(ROOT):
        return _block(_ran(f"library check --library {HOSPITAL}", lambda: check(HOSPITAL)))


def library_show() -> str:
    """``titra library show``."""
    with contextlib.chdir(ROOT):
        return _block(
            _ran(
                f"library show privigen-house --library {HOSPITAL}",
                lambda: show("privigen-house", HOSPITAL),
            )
        )


def library_diff() -> str:
    """``titra library diff``."""
    with contextlib.chdir(ROOT):
        return _block(
            _ran(
                f"library diff {HOSPITAL} {NEXT}",
                lambda: diff(str(HOSPITAL), str(NEXT), b"", False),
            )
        )


def library_table() -> str:
    """``titra library compile`` and ``verify``, the latter on an altered table too."""
    key = SIMULATOR_KEY
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        made = _ran(
            f"library compile {TABLE} --library {HOSPITAL} --simulator-key",
            lambda: compile_to(TABLE, ROOT / HOSPITAL, key),
        )
        sound = _ran(f"library verify {TABLE} --simulator-key", lambda: verify(TABLE, key))
        raw = bytearray(TABLE.read_bytes())
        raw[len(raw) // 2] ^= 1
        TABLE.write_bytes(raw)
        altered = _ran(
            f"library verify {TABLE} --simulator-key   # one bit of it changed",
            lambda: verify(TABLE, key),
        )
    return _block(made, sound, altered)


def library_format() -> str:
    """The layout of the table, from where it is defined."""
    return (table.__doc__ or "").partition("\n\n")[2].replace("``", "`")


def _as_planned(order: Order, day: DayPlan, started: datetime) -> Session:
    """A session that went as planned."""
    return Session(
        course=order.course.id or "",
        day=day.day,
        started=started,
        ended=started + timedelta(milliseconds=day.duration_with_slew_ms // 1000 * 1000),
        product=order.product.name,
        indication=order.product.indication,
        place=order.setting.place,
        first_dose=True,
        weight_g=day.weight_g,
        concentration_mg_ml=day.concentration_mg_ml,
        course_mg=order.dose.mg,
        dose_mg=day.dose_mg,
        delivered_mg=day.dose_mg,
        delivered_ul=day.volume_ul,
        highest_ul_h=day.rungs[-1].rate_ul_h,
        premedication_minutes=order.setting.premedication_minutes,
        state="COMPLETE",
        reaction="none",
        ceiling_ul_h=None,
        alarms=("INFUSION_COMPLETE",),
        lots=day.lots,
        order_sha256=order.sha256,
        source="simulated",
    )


def course() -> str:
    """A made-up record of a first day, as ``titra course`` and ``titra plan`` see it."""
    order = load_order(str(ROOT / ORDER))
    (first, _), at = plan(order, load_library(), COURSE_DAY.date()).days, COURSE_DAY
    session = _as_planned(order, first, at)
    plain = {"COLUMNS": "80", "TERM": "dumb"}
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        patch.dict(os.environ, plain),
    ):
        Path("examples").symlink_to(ROOT / "examples")
        record = Path("record.json")
        write_record(record, CourseRecord((session,)))
        evening, morning = at.replace(hour=20), at.replace(day=at.day + 1, hour=9)
        return _block(
            _ran(
                f"course {record} --at {evening:%Y-%m-%dT%H:%M}",
                lambda: run_course(record, evening, None, None, None, False),
            ),
            _ran(
                f"plan {ORDER} --record {record} --at {evening:%Y-%m-%dT%H:%M}",
                lambda: run_plan(ORDER, False, record_path=record, now=evening),
            ),
            _ran(
                f"plan {ORDER} --record {record} --at {morning:%Y-%m-%dT%H:%M}   # its beginning",
                lambda: run_plan(ORDER, False, record_path=record, now=morning),
                lines=9,
            ),
        )


GENERATORS: dict[str, Callable[[], str]] = {
    "library-check": library_check,
    "library-show": library_show,
    "library-diff": library_diff,
    "library-table": library_table,
    "library-format": library_format,
    "course": course,
}
