"""The emulated board as a serial device: a pseudo-terminal, in real time as far as it goes.

What it writes into its flash and its FRAM is in files at once, so that killing
the process is cutting the power: the next start finds what was there.  A
second way in, a socket, reaches what a person at a real board has a hand for.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from emulator import image
from emulator.board import POWER_ON, RUN_PIN, Board
from emulator.parts import Fittings
from host_sim.server import Port
from pump.hal import pinout

FLASH_FILE = "flash.img"
FRAM_FILE = "fram.bin"
CONTROL = "control"
# Emulated time between two looks at line and socket; real time in which it is
# given up, when the processor is busy.
_SLICE_S = 0.005
_SLICE_WALL_S = 0.02
_BEHIND_S = 0.5
_AHEAD = 4096
_USAGE = "pin NUMBER 0|1|z, level NUMBER, adc CHANNEL COUNTS|z, strap, unstrap, reset, power, time"


class Stored:
    """Flash and FRAM in ``folder``, kept up to date change by change."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._flash_path = folder / FLASH_FILE
        self._fram_path = folder / FRAM_FILE

    def files(self, fresh: Callable[[], bytes]) -> bytes:
        """The file system that was left here, or ``fresh`` if there is none."""
        if not self._flash_path.exists():
            _write(self._flash_path, fresh())
        return self._flash_path.read_bytes()

    def fram(self) -> bytes:
        if not self._fram_path.exists():
            _write(self._fram_path, bytes(32768))
        return self._fram_path.read_bytes()

    def follow(self, board: Board, fittings: Fittings | None) -> None:
        """From now on every change goes into the files."""
        flash = os.open(self._flash_path, os.O_RDWR)

        def flash_changed(offset: int, length: int) -> None:
            if offset >= image.FILES_AT:
                data = bytes(board.mcu.flash[offset : offset + length])
                os.pwrite(flash, data, offset - image.FILES_AT)

        board.flash.on_change = flash_changed
        if fittings is not None:
            fram = os.open(self._fram_path, os.O_RDWR)
            fittings.fram.on_write = lambda address, data: os.pwrite(fram, data, address)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.replace(path)


class ControlSocket:
    """One command a line, one answer a line: ``ok ...`` or ``error ...``."""

    def __init__(self, path: Path, board: Board):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.setblocking(False)
        self._clients: list[tuple[socket.socket, bytearray]] = []
        self._board = board

    def poll(self) -> None:
        """Answer what has come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                client, _ = self._listener.accept()
                client.setblocking(False)
                self._clients.append((client, bytearray()))
        for entry in list(self._clients):
            client, pending = entry
            try:
                data = client.recv(_AHEAD)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                client.close()
                self._clients.remove(entry)
                continue
            pending += data
            while b"\n" in pending:
                line, _, rest = bytes(pending).partition(b"\n")
                pending[:] = rest
                with contextlib.suppress(OSError):
                    client.sendall(self._answer(line.decode("latin-1").split()).encode() + b"\n")

    def _answer(self, words: list[str]) -> str:
        try:
            return "ok" + self._do(*words)
        except (TypeError, ValueError, IndexError, KeyError):
            return "error: " + _USAGE

    def _do(self, verb: str, *arguments: str) -> str:
        board = self._board
        if verb == "pin":
            level = {"0": 0, "1": 1, "z": None}[arguments[1]]
            board.drive(int(arguments[0]), level)
        elif verb == "level":
            return f" {board.level(int(arguments[0]))}"
        elif verb == "adc":
            value = None if arguments[1] == "z" else int(arguments[1])
            board.analog.counts[int(arguments[0])] = value
        elif verb == "strap":
            board.drive(pinout.MAINTENANCE, 0)
        elif verb == "unstrap":
            board.drive(pinout.MAINTENANCE, 1)
        elif verb == "reset":
            board.reset(RUN_PIN)
        elif verb == "power":
            board.reset(POWER_ON)
        elif verb == "time":
            return f" {board.now_s:.6f}"
        else:
            raise ValueError(verb)
        return ""


class Server:
    """Runs ``board`` against the clock and carries bytes between it and ``port``."""

    def __init__(self, board: Board, port: Port, control: ControlSocket | None = None):
        self._board = board
        self._port = port
        self._control = control
        self._pending = bytearray()  # for the client, not taken yet
        self._was_open = False
        board.usb.on_data = self._pending.extend

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Serve until ``should_stop``."""
        board = self._board
        origin_s = time.monotonic() - board.now_s
        while not should_stop():
            self._carry()
            if self._control:
                self._control.poll()
            ahead_s = board.now_s - (time.monotonic() - origin_s)
            if ahead_s > 0:
                self._port.wait(min(ahead_s, 0.02))
                continue
            if ahead_s < -_BEHIND_S:
                origin_s = time.monotonic() - board.now_s
            board.run(_SLICE_S, _SLICE_WALL_S)

    def _carry(self) -> None:
        usb = self._board.usb
        port = self._port
        is_open = port.is_open()
        if is_open != self._was_open:
            self._was_open = is_open
            usb.open(is_open)
        if not is_open:
            self._pending.clear()  # nobody has the port open: lost, as on USB
            usb.reads = True
            return
        room = _AHEAD - usb.waiting()
        if room > 0:
            data = port.read(room)
            if data:
                usb.write(data)
        if self._pending:
            del self._pending[: port.write(bytes(self._pending))]
        usb.reads = len(self._pending) < _AHEAD
