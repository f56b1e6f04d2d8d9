"""``titra course``"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click


@click.command(
    "course",
    help="Show the course record in FILE: sessions, sums, what is due.  `titra simulate --record` "
    "adds sessions to it, `titra plan --record` holds an order against it.",
)
@click.argument("record", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--review", metavar="NAME", help="Record that NAME reviewed the treatment today.")
@click.option(
    "--reaction",
    type=click.Choice(["mild", "severe"]),
    help="Record a reaction to the last session, such as one that came in the night after it.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write course.csv and course.html, with the lots.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
    metavar="TIME",
    help="As of this local time; else now.",
)
@click.pass_context
def command(
    ctx: click.Context,
    record: Path,
    review: str | None,
    reaction: str | None,
    out: Path | None,
    as_json: bool,
    at: datetime | None,
) -> None:
    from titra.course_report import run_course

    now = at or datetime.now().replace(microsecond=0)
    ctx.exit(run_course(record, now, review, reaction, out, as_json))
