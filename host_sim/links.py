"""Ways to a board's serial line: one interface, in virtual and in real time."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from typing import Protocol

from host_sim.board import Board


class LinkError(Exception):
    """The line cannot be opened, or is gone."""


class Link(Protocol):
    """A serial line as the client sees it; times in seconds."""

    def write(self, data: bytes) -> None: ...

    def read(self, timeout_s: float) -> bytes:
        """What has come, after waiting for ``timeout_s`` at most; may be empty."""
        ...

    def now(self) -> float: ...

    def close(self) -> None: ...


class Tapped(Protocol):
    """A line whose bytes can be watched, and that can be cut at the host's end."""

    is_silent: bool
    on_write: Callable[[bytes], None]
    on_read: Callable[[bytes], None]


class VirtualLink:
    """The line of a simulated board in virtual time: waiting runs the board.

    ``on_write`` and ``on_read`` see every byte that passes.  While
    ``is_silent`` nothing that the host writes arrives (fault ``link-silent``).
    """

    def __init__(self, board: Board):
        self._board = board
        self.is_silent = False
        self.on_write: Callable[[bytes], None] = lambda data: None
        self.on_read: Callable[[bytes], None] = lambda data: None

    def write(self, data: bytes) -> None:
        self.on_write(data)
        if not self.is_silent:
            self._board.usb.host_write(data)

    def read(self, timeout_s: float) -> bytes:
        board = self._board
        usb = board.usb
        # Up, so that waiting for the last fraction of a microsecond ends.
        until_us = board.now_us + ceil(timeout_s * 1_000_000)
        while True:
            data = usb.host_read()
            if data:
                self.on_read(data)
                return data
            if board.now_us >= until_us:
                return b""
            board.run_tick()

    def now(self) -> float:
        return self._board.now_us / 1_000_000

    def close(self) -> None:
        """Nothing to release."""


class SerialLink:
    """A real line through pyserial: a device path or any of its URLs."""

    def __init__(self, port: str, baud: int = 115_200):
        import serial

        try:
            self._port = serial.serial_for_url(port, baudrate=baud, timeout=0, exclusive=True)
        except ValueError as error:  # exclusive is for devices, not for URLs
            if "exclusive" not in str(error):
                raise LinkError(f"{port}: {error}") from None
            self._port = serial.serial_for_url(port, baudrate=baud, timeout=0)
        except (OSError, serial.SerialException) as error:
            raise LinkError(f"{port}: {_reason(error)}") from None
        self._name = port

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as error:
            raise LinkError(f"{self._name}: {_reason(error)}") from None

    def read(self, timeout_s: float) -> bytes:
        try:
            self._port.timeout = timeout_s
            data = self._port.read(1)
            if data:
                # readline of pyserial is slow: take what is there, split later.
                self._port.timeout = 0
                data += self._port.read(65536)
            return data
        except OSError as error:
            raise LinkError(f"{self._name}: {_reason(error)}") from None

    def now(self) -> float:
        return time.monotonic()

    def close(self) -> None:
        self._port.close()


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    if "multiple access" in text:
        return "the device is gone, or another program reads the same port"
    return text.split("\n")[0]
