"""The serial line as ``host_sim.client`` wants it: waiting runs the board."""

from __future__ import annotations

from emulator.board import Board

# Time that passes between two looks at what has come.
_STEP_S = 0.001


class EmulatedLink:
    """``log`` holds all that came, for a test to look at."""

    def __init__(self, board: Board):
        self._board = board
        self._received = bytearray()
        self.log = bytearray()
        board.usb.on_data = self._data

    def _data(self, data: bytes) -> None:
        self._received += data
        self.log += data

    def write(self, data: bytes) -> None:
        self._board.usb.write(data)

    def read(self, timeout_s: float) -> bytes:
        board = self._board
        end_s = board.now_s + timeout_s
        while not self._received and board.now_s < end_s:
            board.run(_STEP_S)
        data = bytes(self._received)
        self._received.clear()
        return data

    def now(self) -> float:
        return self._board.now_s

    def close(self) -> None:
        """Nothing to release."""
