"""A simulated board behind a real serial line: a pseudo-terminal or a TCP port.

The board's clock follows the host's, ``speed`` times as fast.  One client has
the line.  A pseudo-terminal cannot tell how many have opened it; a TCP port
turns a second one away and tells the device so with the notice ``!BUSY``,
which the device counts.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import termios
import time
import tty
from collections.abc import Callable
from typing import Protocol

from host_sim.board import Board

_TICK_US = 10_000
# Bytes taken from the client before the board has read them: what a USB host
# controller would hold back.
_AHEAD = 4096
# Ticks between two looks at the line when the board runs faster than real time.
_BURST = 10
# Further behind than this and the clock is set anew: the host was too slow.
_BEHIND_S = 0.5
# How long a client that was turned away may take to hang up.
_LEAVE_S = 2.0
_TURNED_AWAY = b"busy: another client has this line\n"
_NOTICE = b"!BUSY\n"


class ServeError(Exception):
    """The line cannot be opened; the message says which and why."""


class Port(Protocol):
    """One end of a line.  ``name`` is what a client opens."""

    name: str

    def is_open(self) -> bool:
        """Whether a client has it."""
        ...

    def read(self, most: int) -> bytes: ...

    def write(self, data: bytes) -> int:
        """Bytes taken, 0 if the client does not read."""
        ...

    def wait(self, timeout_s: float) -> None:
        """Until there may be something to read."""
        ...

    def close(self) -> None: ...

    turned_away: int


class PtyPort:
    """A pseudo-terminal; its slave is the serial device."""

    def __init__(self):
        self._master, slave = os.openpty()
        tty.setraw(slave, termios.TCSANOW)
        self.name = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLIN)
        self.turned_away = 0

    def is_open(self) -> bool:
        # Linux says POLLHUP on the master while nobody has the slave open.
        return not any(event & select.POLLHUP for _, event in self._poll.poll(0))

    def read(self, most: int) -> bytes:
        try:
            return os.read(self._master, most)
        except (BlockingIOError, OSError):
            return b""

    def write(self, data: bytes) -> int:
        try:
            return os.write(self._master, data)
        except (BlockingIOError, OSError):
            return 0

    def wait(self, timeout_s: float) -> None:
        if any(event & select.POLLHUP for _, event in self._poll.poll(timeout_s * 1000)):
            time.sleep(timeout_s)

    def close(self) -> None:
        os.close(self._master)


class TcpPort:
    """A listening socket that serves one client at a time."""

    def __init__(self, host: str, port: int):
        try:
            self._listener = socket.create_server((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ServeError(f"{host}:{port}: {reason}") from None
        self._listener.setblocking(False)
        bound_host, bound_port = self._listener.getsockname()[:2]
        self.name = f"socket://{bound_host}:{bound_port}"
        self._client: socket.socket | None = None
        self._leaving: list[tuple[socket.socket, float]] = []
        self.turned_away = 0

    def is_open(self) -> bool:
        self._accept()
        return self._client is not None

    def _see_off(self) -> None:
        """Close those turned away once they have hung up: closing at once would
        reset the connection, and they would never read why."""
        staying = []
        for client, until_s in self._leaving:
            gone = time.monotonic() > until_s
            try:
                gone = client.recv(_AHEAD) == b"" or gone
            except BlockingIOError:
                pass
            except OSError:
                gone = True
            if gone:
                client.close()
            else:
                staying.append((client, until_s))
        self._leaving = staying

    def _accept(self) -> None:
        if self._leaving:
            self._see_off()
        while True:
            try:
                client, _ = self._listener.accept()
            except (BlockingIOError, OSError):
                return
            if self._client is None or self._has_left():
                self._client = client
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                continue
            self.turned_away += 1
            client.setblocking(False)
            with contextlib.suppress(OSError):
                client.sendall(_TURNED_AWAY)
                client.shutdown(socket.SHUT_WR)
            self._leaving.append((client, time.monotonic() + _LEAVE_S))

    def _has_left(self) -> bool:
        """Whether the client hung up without anything left to read."""
        assert self._client is not None
        try:
            left = self._client.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            left = True
        if left:
            self._drop()
        return left

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def read(self, most: int) -> bytes:
        if self._client is None:
            return b""
        try:
            data = self._client.recv(most)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._drop()
        return data

    def write(self, data: bytes) -> int:
        if self._client is None:
            return 0
        try:
            return self._client.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._drop()
            return 0

    def wait(self, timeout_s: float) -> None:
        sockets = [self._listener] + ([self._client] if self._client else [])
        select.select(sockets, [], [], timeout_s)

    def close(self) -> None:
        self._drop()
        for client, _ in self._leaving:
            client.close()
        self._listener.close()


class Server:
    """Runs ``board`` against the clock and carries bytes to and from ``port``.

    ``speed`` is board seconds per second, above 0.  ``on_write`` and
    ``on_read`` see what passes, as those of a ``VirtualLink`` do.
    """

    def __init__(self, board: Board, port: Port, speed: float):
        self._board = board
        self._port = port
        self._speed = speed
        self._pending = b""  # for the client, not taken yet
        self._at_line_start = True  # of what the client has sent
        self._notices = 0
        self.is_silent = False
        self.on_write: Callable[[bytes], None] = lambda data: None
        self.on_read: Callable[[bytes], None] = lambda data: None

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Serve until ``should_stop``, which is asked at least every 50 ms."""
        board = self._board
        origin_s = time.monotonic()
        origin_us = board.now_us
        while not should_stop():
            self._carry()
            passed_s = time.monotonic() - origin_s
            due_us = origin_us + int(passed_s * 1_000_000 * self._speed)
            behind_us = due_us - board.now_us
            if behind_us < _TICK_US:
                wait_s = (_TICK_US - behind_us) / 1_000_000 / self._speed
                self._port.wait(min(wait_s, 0.05))
                continue
            for _ in range(min(_BURST, behind_us // _TICK_US)):
                board.run_tick()
            if behind_us > _BEHIND_S * 1_000_000 * max(1.0, self._speed):
                origin_s = time.monotonic()
                origin_us = board.now_us

    def _carry(self) -> None:
        usb = self._board.usb
        port = self._port
        if not port.is_open():
            # Nobody has the port open: what is sent is lost, as on USB.
            if usb.host_reads:
                self.on_read(usb.host_read())
            self._pending = b""
            if not self._at_line_start:
                # Half a line of the client that has left must not stand before
                # the first one of the next.
                self._at_line_start = True
                self.on_write(b"\n")
                usb.host_write(b"\n")
        else:
            self._to_board(usb)
            self._to_client(usb)
        if port.turned_away > self._notices and self._at_line_start:
            self._notices += 1
            self.on_write(_NOTICE)
            usb.host_write(_NOTICE)

    def _to_board(self, usb) -> None:
        room = _AHEAD - usb.waiting()
        if room <= 0:
            return
        data = self._port.read(room)
        if data:
            self._at_line_start = data.endswith(b"\n")
            self.on_write(data)
            if not self.is_silent:
                usb.host_write(data)

    def _to_client(self, usb) -> None:
        if not self._pending:
            self._pending = usb.host_read()
            if self._pending:
                self.on_read(self._pending)
        if self._pending:
            taken = self._port.write(self._pending)
            self._pending = self._pending[taken:]
        # A client that does not read is a host that does not read.
        usb.host_reads = not self._pending
