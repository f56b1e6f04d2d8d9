"""``titra monitor``"""

from __future__ import annotations

import click

from titra import exit_codes
from titra.options import baud_option, key_option


@click.command("monitor", help="Watch the board or simulator at PORT; changes nothing.")
@click.argument("port")
@click.option("--once", is_flag=True, help="One look, then end.")
@key_option
@baud_option
@click.pass_context
def command(ctx: click.Context, port: str, once: bool, key: bytes | None, baud: int) -> None:
    from host_sim.client import Refused
    from host_sim.links import LinkError, SerialLink
    from titra.monitor import watch
    from titra.ports import PortError, resolve

    try:
        link = SerialLink(resolve(port), baud)
    except (PortError, LinkError) as error:
        click.echo(f"titra monitor: {error}", err=True)
        ctx.exit(exit_codes.NO_DEVICE)
    try:
        watch(link, port, once, key)
    except (LinkError, Refused) as error:
        where = "" if str(error).startswith(port) else f"{port}: "
        click.echo(f"titra monitor: {where}{error}", err=True)
        is_lost = isinstance(error, LinkError)
        ctx.exit(exit_codes.NO_DEVICE if is_lost else exit_codes.FAILED)
    except KeyboardInterrupt:
        pass
    finally:
        link.close()
