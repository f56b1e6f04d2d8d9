"""``titra log``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import click

from titra import exit_codes
from titra.options import baud_option, key_option


@click.command("log", help="Read the event log of the pump at PORT and verify its chain.")
@click.argument("port")
@click.option("--last", type=click.IntRange(1), help="Only the last so many records.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write them as CSV.")
@key_option
@baud_option
@click.pass_context
def command(
    ctx: click.Context,
    port: str,
    last: int | None,
    as_json: bool,
    out: Path | None,
    key: bytes | None,
    baud: int,
) -> None:
    from rich.console import Console

    from host_sim.client import Client, Refused
    from host_sim.links import LinkError, SerialLink
    from titra.event_log import read_log
    from titra.files import write_whole
    from titra.ports import PortError, resolve

    def fail(why: str, code: int) -> NoReturn:
        click.echo(f"titra log: {why}", err=True)
        if as_json:
            click.echo(json.dumps({"error": [why]}, indent=2))
        ctx.exit(code)

    try:
        link = SerialLink(resolve(port), baud)
    except (PortError, LinkError) as error:
        fail(str(error), exit_codes.NO_DEVICE)
    try:
        link.write(b"\n")
        client = Client(link, key)
        if key is not None:
            client.hello()
        log = read_log(client, last)
    except LinkError as error:
        fail(str(error), exit_codes.NO_DEVICE)
    except Refused as error:
        fail(f"{port}: {error}", exit_codes.FAILED)
    finally:
        link.close()
    if out:
        write_whole(out, log.csv())
        click.echo(f"wrote {out}", err=True)
    if as_json:
        click.echo(json.dumps(log.document(port), indent=2))
    elif not out:
        Console().print(log.table())
    if not log.head["fram"]:
        click.echo(
            "no FRAM: the log is short, and what is not in flash goes with the power", err=True
        )
    if log.broken:
        for seq, why in log.broken:
            click.echo(f"titra log: record {seq} {why}", err=True)
        ctx.exit(exit_codes.FAILED)
    click.echo(f"{len(log.records)} records, chain verified", err=True)
