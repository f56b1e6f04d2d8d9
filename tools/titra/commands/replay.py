"""``titra replay``"""

from __future__ import annotations

import json
from pathlib import Path

import click

from titra import exit_codes


@click.command(
    "replay",
    help="Run the infusion of TRACE again with the firmware that stands here, and compare every "
    "record.  Exit code 0 if all are identical, 1 at a difference.",
)
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.pass_context
def command(ctx: click.Context, trace: Path, as_json: bool) -> None:
    from host_sim.trace import TraceError
    from titra.replay import replay

    try:
        outcome = replay(trace)
    except TraceError as error:
        click.echo(f"titra replay: {error}", err=True)
        if as_json:
            click.echo(json.dumps({"error": str(error)}))
        ctx.exit(exit_codes.WRONG_INPUT)
    if as_json:
        click.echo(json.dumps(outcome.document(), indent=2))
    else:
        for line in outcome.lines():
            click.echo(line)
    ctx.exit(exit_codes.DONE if outcome.is_identical else exit_codes.FAILED)
