"""What a test puts at the other end of a serial line: nothing, something strange, or a bench."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from hil_tests.bench.rig_model import RigModel
from hil_tests.bench.sim_world import SimWorld
from host_sim.board import Board
from host_sim.client import frame
from host_sim.server import PtyPort, Server


class End:
    """A pseudo-terminal; ``answer`` is given each line and returns what comes back.

    ``name``  the port
    """

    def __init__(self, answer: Callable[[bytes], bytes] = lambda line: b""):
        self.port = PtyPort()
        self.name = self.port.name
        self.answer = answer
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> End:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.pull()

    def pull(self) -> None:
        """The cable: the port is gone."""
        if not self._done.is_set():
            self._done.set()
            self._thread.join()
            self.port.close()

    def _run(self) -> None:
        buffer = b""
        while not self._done.is_set():
            buffer += self.port.read(256)
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                self.port.write(self.answer(line))
            time.sleep(0.005)


def idn(version: str) -> Callable[[bytes], bytes]:
    """A board of that version, that says who it is and nothing else."""

    def answer(line: bytes) -> bytes:
        return frame(f"- OK *IDN? titra,rp2040,E661,{version}") if line == b"*IDN?" else b""

    return answer


class _BothPorts:
    """The pump's port, for `Server`; what comes for the rig is done on the way."""

    def __init__(self, rig: RigModel):
        self._pump = PtyPort()
        self._rig = rig
        self.rig_port = PtyPort()
        self.name = self._pump.name
        self.turned_away = 0
        self._pending = b""

    def is_open(self) -> bool:
        return self._pump.is_open()

    def read(self, most: int) -> bytes:
        return self._pump.read(most)

    def write(self, data: bytes) -> int:
        return self._pump.write(data)

    def serve_rig(self) -> None:
        data = self.rig_port.read(4096)
        if data:
            self._rig.write(data)
        if not self._pending:
            self._pending = self._rig.read(0)
        if self._pending:
            self._pending = self._pending[self.rig_port.write(self._pending) :]

    def wait(self, timeout_s: float) -> None:
        time.sleep(min(timeout_s, 0.002))

    def close(self) -> None:
        self._pump.close()
        self.rig_port.close()


class Bench:
    """``name`` and ``rig_name`` are the ports of a simulated board and its rig."""

    def __init__(self):
        self.board = Board(1)
        self.world = SimWorld(self.board)
        self._port = _BothPorts(RigModel(self.world))
        self.name = self._port.name
        self.rig_name = self._port.rig_port.name
        self._server = Server(self.board, self._port, 1.0)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        def should_stop() -> bool:
            self._port.serve_rig()
            return self._done.is_set()

        self._server.run(should_stop)

    def __enter__(self) -> Bench:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.pull()

    def pull(self) -> None:
        """Both cables."""
        if not self._done.is_set():
            self._done.set()
            self._thread.join()
            with contextlib.suppress(OSError):
                self._port.close()
