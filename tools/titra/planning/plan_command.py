"""``titra plan``: reads an order, compiles it, prints it; returns the exit code."""

import json
import sys
from datetime import date, datetime
from pathlib import Path

from titra import exit_codes
from titra.library import LibraryError, load_library
from titra.planning.course_record import RecordError, read_record
from titra.planning.course_rules import plan_in_course
from titra.planning.nearest import nearest_plans, why_none
from titra.planning.order import OrderError, load_order
from titra.planning.plan_json import plan_json
from titra.planning.planner import plan


def run_plan(
    path: str,
    as_json: bool,
    today: date | None = None,
    library_directory: str | Path | None = None,
    record_path: str | Path | None = None,
    now: datetime | None = None,
) -> int:
    """Plan the order file ``path`` as of ``today`` (default: this day), by the built-in library
    and, with ``library_directory``, a hospital's own files beside it.

    With ``record_path`` the days that are left by that course record are planned, as of ``now``.

    Returns 0 when it may run, 2 when the input is wrong, 3 when it is refused for safety.
    Reasons go to standard error, one line each.  With ``as_json`` standard output holds one
    JSON document, whatever happened, and nothing else.
    """
    try:
        library = load_library(library_directory)
        order = load_order(path, library)
        record = None if record_path is None else read_record(record_path, may_be_new=True)
    except (OrderError, LibraryError, RecordError) as error:
        if as_json:
            problems = [
                {"field": problem.field, "code": problem.code, "message": problem.message}
                for problem in error.problems
            ]
            _print_json({"error": problems})
        _print_errors(error.lines())
        return exit_codes.WRONG_INPUT
    now = now or datetime.now().replace(microsecond=0)
    today = today or now.date()
    product = library.products[order.product.name]
    if record is None:
        compiled = plan(order, library, today)
        nearest = nearest_plans(order, library, today, compiled)
    else:
        # What a record forbids is for people to settle: nothing is offered in its place.
        compiled, nearest = plan_in_course(order, library, now, record), ()
    if as_json:
        _print_json(plan_json(order, compiled, product, nearest))
    elif not compiled.refused:
        from rich.console import Console

        from titra.planning.plan_text import render_plan

        render_plan(order, compiled, product, Console())
    _print_errors([reason.line(f"{path}: refused") for reason in compiled.refused])
    if compiled.refused and not as_json and record is None:
        offers = [offer.line(path) for offer in nearest]
        _print_errors(offers or [f"{path}: nearest: {why_none(compiled)}"])
    return exit_codes.REFUSED if compiled.refused else exit_codes.DONE


def _print_json(document: dict) -> None:
    print(json.dumps(document, indent=2))


def _print_errors(lines: list[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)
