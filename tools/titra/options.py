"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from titra.ports import KEY_VARIABLE, DeviceKeyError, device_key

LIBRARY_VARIABLE = "TITRA_LIBRARY"


def _read_key(
    _context: click.Context, _parameter: click.Parameter, path: Path | None
) -> bytes | None:
    try:
        return device_key(path)
    except DeviceKeyError as error:
        raise click.BadParameter(str(error)) from None


def key_option(command: Callable) -> Callable:
    """``--key-file FILE``: the command's ``key`` is the 32 bytes in it, else those in
    the environment, else None."""
    return click.option(
        "--key-file",
        "key",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=_read_key,
        metavar="FILE",
        help=f"Device key to log in with, 64 hex digits; else from {KEY_VARIABLE}.",
    )(command)


def baud_option(command: Callable) -> Callable:
    """``--baud N``, which USB ignores."""
    return click.option(
        "--baud", type=click.IntRange(1200, 4_000_000), default=115_200, show_default=True
    )(command)


def record_options(command: Callable) -> Callable:
    """``--record FILE`` and ``--at TIME``: the command's ``record`` and ``at``, else None."""
    command = click.option(
        "--at",
        type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
        metavar="TIME",
        help="As of this local time, such as 2026-11-20T09:30; else now.",
    )(command)
    return click.option(
        "--record",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The patient's course record: what was given before, see `titra course`.",
    )(command)


def library_option(command: Callable) -> Callable:
    """``--library DIR``: the command's ``library`` is that folder, else the one in the
    environment, else None."""
    return click.option(
        "--library",
        type=click.Path(path_type=Path),
        envvar=LIBRARY_VARIABLE,
        metavar="DIR",
        help=f"Product files of your own, beside the built-in ones; else from {LIBRARY_VARIABLE}.",
    )(command)
