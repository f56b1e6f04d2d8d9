"""``titra plan``"""

from __future__ import annotations

import click


@click.command("plan", help="Compile ORDER into a ladder, or refuse it with every reason.")
@click.argument("order")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.pass_context
def command(ctx: click.Context, order: str, as_json: bool) -> None:
    from titra.planning.plan_command import run_plan

    ctx.exit(run_plan(order, as_json))
