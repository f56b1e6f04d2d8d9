"""``titra hil-compare``"""

from __future__ import annotations

import json
from pathlib import Path

import click

from titra import exit_codes


@click.command(
    "hil-compare",
    help="What got slower or faster from the HIL run in folder A to the one in folder B.  Exit "
    "code 0 if nothing is slower, 4 if something is, beyond chance and by more than matters.",
)
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--practical",
    "practical_percent",
    type=click.FloatRange(0, 100),
    default=2.0,
    show_default=True,
    metavar="PERCENT",
    help="Of a limit: smaller differences do not matter.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.pass_context
def command(ctx: click.Context, a: Path, b: Path, practical_percent: float, as_json: bool) -> None:
    from titra.hil.compare import compare, lines
    from titra.hil.results import ResultsError, load

    try:
        comparison = compare(load(a), load(b), practical_percent)
    except ResultsError as error:
        click.echo(f"titra hil-compare: {error}", err=True)
        if as_json:
            click.echo(json.dumps({"error": [str(error)]}, indent=2))
        ctx.exit(exit_codes.WRONG_INPUT)
    if as_json:
        for warning in comparison.warnings:
            click.echo(f"warning: {warning}", err=True)
        click.echo(json.dumps(comparison.document(), indent=2))
    else:
        for line in lines(comparison):
            click.echo(line)
    ctx.exit(exit_codes.ALARM if comparison.slower else exit_codes.DONE)
