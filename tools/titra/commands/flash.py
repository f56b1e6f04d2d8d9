"""``titra flash``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import click

from titra import exit_codes
from titra.options import key_option

_HELP = """Put the firmware on the board at PORT, verify it, and report the version that runs.

PORT is auto (the default), a device path, sn:SERIAL, or a pyserial URL.  What is already
identical is skipped; settings, log and device key stay.  A flashing that was interrupted is
simply done again.

A board without MicroPython: hold BOOTSEL while plugging it in, copy the UF2 for the Pico
(1.26 or later, micropython.org/download/RPI_PICO) to the drive RPI-RP2 that appears, or
run `mpflash flash`.  Then run this.
"""
_NO_MICROPYTHON = (
    "If it has no MicroPython yet: hold BOOTSEL while plugging it in and copy the UF2 to the "
    "drive RPI-RP2 (or mpflash flash)."
)


@click.command("flash", help=_HELP)
@click.argument("port", default="auto")
@key_option
@click.option(
    "--new-key",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Make a device key, keep it in FILE (which must not exist), and set it, also in the "
    "place of another.",
)
@click.option(
    "--clear", is_flag=True, help="Remove what is not ours from a board that was never flashed."
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(1, 3600),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="For a strap, or a slow board.",
)
@click.option(
    "--slowness",
    type=click.FloatRange(1, 1000),
    default=1,
    help="An emulated board takes so many times as long for everything.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; only reads.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--quiet", is_flag=True, help="Only what goes wrong.")
@click.pass_context
def command(
    ctx: click.Context,
    port: str,
    key: bytes | None,
    new_key: Path | None,
    clear: bool,
    wait_s: float,
    slowness: float,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    from host_sim.links import LinkError
    from titra.compile import CompileError
    from titra.flashing.entry import FlashRefused
    from titra.flashing.procedure import FlashFailed
    from titra.flashing.prompt import PromptError
    from titra.flashing.session import Request, flash
    from titra.ports import PortError

    if new_key is not None and new_key.exists():
        raise click.BadParameter(
            f"{new_key} exists, and a key is never overwritten; --key-file uses the one in it",
            param_hint="--new-key",
        )

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    def end(code: int, *reasons: str) -> NoReturn:
        for reason in reasons:
            click.echo(f"titra flash: {reason}", err=True)
        if as_json:
            click.echo(json.dumps({"error": list(reasons)}, indent=2))
        ctx.exit(code)

    request = Request(port, key, new_key, clear, wait_s, slowness, dry_run, not quiet)
    try:
        outcome = flash(request, say)
    except FlashRefused as refusal:
        end(exit_codes.REFUSED, *refusal.reasons)
    except PortError as error:
        end(exit_codes.NO_DEVICE, str(error), _NO_MICROPYTHON)
    except LinkError as error:
        end(exit_codes.NO_DEVICE, str(error))
    except (CompileError, PromptError, FlashFailed) as error:
        end(exit_codes.FAILED, str(error))
    if as_json:
        click.echo(json.dumps(outcome.document, indent=2))
    elif not quiet:
        for line in outcome.lines():
            click.echo(line)
    if outcome.failures:
        for reason in outcome.failures:
            click.echo(f"titra flash: {reason}", err=True)
        ctx.exit(exit_codes.FAILED)
