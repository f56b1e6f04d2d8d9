"""``titra walk``"""

from __future__ import annotations

import click

from titra import exit_codes


@click.command(
    "walk",
    help="Deliver 3 mL on the board at PORT, which has jumpers only; pull one and see. "
    "Ctrl-C stops. Refused on anything but the bench configuration.",
)
@click.argument("port", default="auto")
@click.option("--key-file", type=click.Path(), help="The device key, 64 hex digits.")
@click.option("--baud", type=click.IntRange(1200, 4_000_000), default=115_200, show_default=True)
@click.pass_context
def command(ctx: click.Context, port: str, key_file: str | None, baud: int) -> None:
    from host_sim.client import Client, Refused
    from host_sim.links import LinkError, SerialLink
    from titra.ports import DeviceKeyError, PortError, device_key, resolve
    from titra.walk import NotABench, walk

    try:
        client = Client(SerialLink(resolve(port), baud), device_key(key_file))
    except DeviceKeyError as error:
        click.echo(f"titra walk: {error}", err=True)
        ctx.exit(exit_codes.WRONG_INPUT)
    except (PortError, LinkError) as error:
        click.echo(f"titra walk: {error}", err=True)
        ctx.exit(exit_codes.NO_DEVICE)

    def put_back() -> None:
        click.prompt("put the jumper back, then press Enter", default="", show_default=False)

    try:
        ended = walk(client, click.echo, put_back)
    except NotABench as error:
        click.echo(f"titra walk: {error}", err=True)
        ctx.exit(exit_codes.REFUSED)
    except Refused as error:
        click.echo(f"titra walk: {error}", err=True)
        ctx.exit(exit_codes.REFUSED)
    except LinkError as error:
        click.echo(f"titra walk: {error}", err=True)
        ctx.exit(exit_codes.NO_DEVICE)
    except (KeyboardInterrupt, click.Abort):
        client.stop()
        click.echo("stopped")
        return
    finally:
        client.link.close()
    ctx.exit(exit_codes.DONE if ended == "COMPLETE" else exit_codes.ALARM)
