"""``titra plan``"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from titra.options import library_option, record_options


@click.command("plan", help="Compile ORDER into a ladder, or refuse it with every reason.")
@click.argument("order")
@library_option
@record_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.pass_context
def command(
    ctx: click.Context,
    order: str,
    library: Path | None,
    record: Path | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    from titra.planning.plan_command import run_plan

    ctx.exit(
        run_plan(
            order,
            as_json,
            library_directory=library,
            record_path=record,
            now=at,
            today=None if at is None else at.date(),
        )
    )
