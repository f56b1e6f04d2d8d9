"""``titra simulate``"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

import click
from click.core import ParameterSource

from titra import exit_codes
from titra.options import library_option, record_options


def _list_faults(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from host_sim.faults import FAULTS

    width = max(len(fault.usage()) for fault in FAULTS)
    for fault in FAULTS:
        click.echo(f"{fault.usage():<{width}} {fault.explanation()}")
    ctx.exit(exit_codes.DONE)


@click.command(
    "simulate",
    help="Run ORDER on the simulated board in virtual time, through its serial line: programmed, "
    "read back, committed, started, each step confirmed.  Writes report.html, trace.jsonl and "
    "summary.json.",
)
@click.argument("order")
@library_option
@record_options
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[=VALUE]@TIME[+DURATION]",
    help="A fault, TIME after the first START, such as door-open@45m+30s; can be repeated.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--day", type=click.IntRange(1, 5), default=1, show_default=True, help="Of a course.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where the files go; out/ORDER unless given.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--quiet", is_flag=True, help="No progress, no text; the exit code and the files.")
@click.option(
    "--list-faults",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_faults,
    help="Every fault with a line each.",
)
@click.pass_context
def command(
    ctx: click.Context,
    order: str,
    library: Path | None,
    record: Path | None,
    at: datetime | None,
    faults: tuple[str, ...],
    seed: int,
    day: int,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    from titra.fault_text import parse_faults
    from titra.simulate import InCourse, SimulateError, compile_order, simulate

    if record is not None and ctx.get_parameter_source("day") is not ParameterSource.DEFAULT:
        raise click.UsageError("--day and --record: expected one of them, the record knows the day")
    specs = parse_faults(faults)
    out = out or Path("out") / Path(order).stem
    try:
        at = at or datetime.now().replace(microsecond=0)
        course = None if record is None else InCourse(record, at)
        spec = compile_order(order, day, at.date(), specs, seed, library, course)
        result = simulate(spec, out, not (quiet or as_json), course)
    except SimulateError as error:
        for line in error.lines:
            click.echo(line, err=True)
        if as_json:
            click.echo(json.dumps({"error": error.lines}, indent=2))
        ctx.exit(error.exit_code)
    if as_json:
        click.echo(json.dumps(result.document(), indent=2))
    elif not quiet:
        result.print_text(sys.stdout)
    ctx.exit(result.exit_code())
