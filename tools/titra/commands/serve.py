"""``titra serve``"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click

from titra import exit_codes


def _finite(_ctx: click.Context, _parameter: click.Parameter, value: float) -> float:
    # A range lets nan through: it is not below the least nor above the most.
    if value != value:
        raise click.BadParameter("nan is not a speed")
    return value


def _writable(_ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    # The trace is written at the end; that it cannot be is said at the start.
    if path is not None and not os.access(path.parent, os.W_OK):
        raise click.BadParameter(f"cannot write into {path.parent}")
    return path


@click.command("serve", help="The simulated board behind a pseudo-terminal or a TCP port.")
@click.option("--pty", "use_pty", is_flag=True, help="A pseudo-terminal (the default).")
@click.option("--listen", metavar="HOST:PORT", help="A TCP port; port 0 picks a free one.")
@click.option(
    "--speed",
    type=click.FloatRange(0.01, 10_000),
    default=1.0,
    show_default=True,
    callback=_finite,
    help="Board seconds per second.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--bag-ml", type=click.IntRange(1, 5000), default=500, show_default=True)
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME@TIME[+DURATION]", help="See simulate."
)
@click.option(
    "--trace",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_writable,
    help="Write a trace when it ends.",
)
@click.option(
    "--emulator",
    "uf2",
    metavar="UF2",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Not the simulator: the firmware on this MicroPython image, in an emulated RP2040.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the emulated board's flash and FRAM, and its control socket.",
)
@click.option("--strap", is_flag=True, help="Emulated board: the maintenance pin is grounded.")
@click.option("--bare", is_flag=True, help="Emulated board: nothing is wired to its pins.")
@click.option("--blank", is_flag=True, help="Emulated board: no firmware, only MicroPython.")
@click.pass_context
def command(
    ctx: click.Context,
    uf2: Path | None,
    state: Path | None,
    strap: bool,
    bare: bool,
    blank: bool,
    use_pty: bool,
    listen: str | None,
    speed: float,
    seed: int,
    bag_ml: int,
    faults: tuple[str, ...],
    trace: Path | None,
) -> None:
    from host_sim.board import Board
    from host_sim.faults import Bench, schedule
    from host_sim.server import PtyPort, ServeError, Server, TcpPort
    from host_sim.trace import FORMAT, Recorder
    from titra.fault_text import parse_faults
    from titra.files import write_whole

    if uf2 is not None:
        from titra.serve_emulator import serve

        where = _address(listen) if listen else None
        ctx.exit(serve(uf2, where, state, strap=strap, bare=bare, blank=blank))
    if use_pty and listen:
        raise click.UsageError("--pty and --listen exclude each other")
    specs = parse_faults(faults)
    try:
        port = TcpPort(*_address(listen)) if listen is not None else PtyPort()
    except ServeError as error:
        click.echo(f"titra serve: --listen {error}", err=True)
        ctx.exit(exit_codes.NO_DEVICE)
    board = Board(seed, bag_ml * 1000.0)
    server = Server(board, port, speed)
    recorder = Recorder(
        board, server, {"format": FORMAT, "seed": seed, "bag_ul": bag_ml * 1000, "served": True}
    ) if trace else None  # fmt: skip
    bench = Bench(board, server)
    schedule(specs, bench, lambda text, what: click.echo(f"fault {text} {what}", err=True))
    stopped = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    board.run_self_test()  # in no time: it can be used from here on
    click.echo(f"serving on {port.name}")
    try:
        server.run(lambda: stopped)
    finally:
        port.close()
        if recorder and trace:
            recorder.sample()
            write_whole(trace, recorder.text())


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f"{text!r}, expected HOST:PORT", param_hint="--listen")
    return host.strip("[]"), int(port)
