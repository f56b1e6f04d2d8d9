"""``titra library``"""

from __future__ import annotations

from pathlib import Path

import click

from titra import exit_codes
from titra.options import key_option, library_option


@click.group("library", help="Check, show, compare, compile and verify the drug library.")
def command() -> None:
    pass


def _simulator_option(function):
    return click.option(
        "--simulator-key", is_flag=True, help="The published key of every simulated board."
    )(function)


class _NoKey(click.ClickException):
    exit_code = exit_codes.WRONG_INPUT


def _key(key: bytes | None, simulator: bool) -> bytes:
    from host_sim.simulator_key import SIMULATOR_KEY
    from titra.ports import KEY_VARIABLE

    if simulator:
        return SIMULATOR_KEY
    if key is None:
        raise _NoKey(f"no key: expected --key-file FILE, {KEY_VARIABLE}, or --simulator-key")
    return key


@command.command("check", help="Read every product file; a line for each fault.")
@library_option
@click.pass_context
def check_command(ctx: click.Context, library: Path | None) -> None:
    from titra.library.library_command import check

    ctx.exit(check(library))


@command.command("show", help="The products, or PRODUCT's ladders and caps.")
@click.argument("product", required=False)
@library_option
@click.pass_context
def show_command(ctx: click.Context, product: str | None, library: Path | None) -> None:
    from titra.library.library_command import show

    ctx.exit(show(product, library))


@command.command(
    "diff",
    short_help="What changes for rates, caps, dwells and doses.",
    help="What changes for rates, caps, dwells and doses from OLD to NEW; each is `built-in`, a "
    "folder of product files beside the built-in ones, or a signed table.",
)
@click.argument("old")
@click.argument("new")
@key_option
@_simulator_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.pass_context
def diff_command(
    ctx: click.Context, old: str, new: str, key: bytes | None, simulator_key: bool, as_json: bool
) -> None:
    from titra.library.library_command import BUILT_IN, diff

    tables = any(place != BUILT_IN and not Path(place).is_dir() for place in (old, new))
    ctx.exit(diff(old, new, _key(key, simulator_key) if tables else b"", as_json))


@command.command("compile", help="Write the library to OUT as a signed table for a board.")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@library_option
@key_option
@_simulator_option
@click.pass_context
def compile_command(
    ctx: click.Context, out: Path, library: Path | None, key: bytes | None, simulator_key: bool
) -> None:
    from titra.library.library_command import compile_to

    ctx.exit(compile_to(out, library, _key(key, simulator_key)))


@command.command(
    "verify",
    short_help="Refuse an unsigned or altered table.",
    help="Refuse a TABLE that is unsigned, altered or of another key.",
)
@click.argument("table", type=click.Path(path_type=Path))
@key_option
@_simulator_option
@click.pass_context
def verify_command(ctx: click.Context, table: Path, key: bytes | None, simulator_key: bool) -> None:
    from titra.library.library_command import verify

    ctx.exit(verify(table, _key(key, simulator_key)))
