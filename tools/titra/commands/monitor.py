"""``titra monitor``"""

from __future__ import annotations

import click

from titra import exit_codes


@click.command("monitor", help="Watch the board or simulator at PORT; changes nothing.")
@click.argument("port")
@click.option("--once", is_flag=True, help="One look, then end.")
@click.option("--baud", type=click.IntRange(1200, 4_000_000), default=115_200, show_default=True)
@click.pass_context
def command(ctx: click.Context, port: str, once: bool, baud: int) -> None:
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
        watch(link, port, once)
    except (LinkError, Refused) as error:
        where = "" if str(error).startswith(port) else f"{port}: "
        click.echo(f"titra monitor: {where}{error}", err=True)
        ctx.exit(exit_codes.NO_DEVICE)
    except KeyboardInterrupt:
        pass
    finally:
        link.close()
