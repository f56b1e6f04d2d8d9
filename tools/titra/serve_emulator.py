"""``titra serve --emulator``: the emulated board behind a serial line."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

import click

from emulator import image
from emulator.board import Board
from emulator.parts import Fittings
from emulator.serving import CONTROL, ControlSocket, Server, Stored
from host_sim.server import PtyPort, ServeError, TcpPort
from pump.hal import pinout
from titra import exit_codes
from titra.chip_firmware import shipped_firmware
from titra.compile import CompileError


def serve(
    uf2: Path,
    listen: tuple[str, int] | None,
    state: Path | None,
    *,
    strap: bool,
    bare: bool,
    blank: bool,
) -> int:
    """Serve until interrupted; the exit code."""

    def shipped() -> bytes:
        if blank:
            return image.build_files({})
        return shipped_firmware()

    folder = state or Path(tempfile.mkdtemp(prefix="titra-emulator-"))
    try:
        port = TcpPort(*listen) if listen else PtyPort()
        stored = Stored(folder)
        board = Board(uf2, stored.files(shipped))
    except (ServeError, CompileError, image.ImageError) as error:
        click.echo(f"titra serve: {error}", err=True)
        return exit_codes.NO_DEVICE
    fittings = None if bare else Fittings(board, stored.fram())
    stored.follow(board, fittings)
    if strap:
        board.drive(pinout.MAINTENANCE, 0)
    control = ControlSocket(folder / CONTROL, board)
    stopped = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    board.power_on()
    while not board.usb.connections and not stopped:
        board.run(0.01)
    click.echo(f"serving on {port.name}; state and control socket in {folder}")
    try:
        Server(board, port, control).run(lambda: stopped)
    finally:
        port.close()
    return exit_codes.DONE
