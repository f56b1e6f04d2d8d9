"""The board's end of the USB serial line, with the chip's buffer sizes."""

from __future__ import annotations

_NONE: tuple = ()
_READY = (1,)
# MicroPython's buffer for input, and what the CDC class holds for output.
RX_BUFFER = 512
TX_BUFFER = 256


class UsbSerial:
    """Two byte queues.

    Bytes beyond ``RX_BUFFER`` wait on the host's side, as they do when a USB
    endpoint says NAK; ``host_reads`` false is a host that opened the port and
    does not read.
    """

    def __init__(self):
        self.to_board = bytearray()
        self._next = 0
        self.to_host = bytearray()
        self.host_reads = True
        self.second_terminal = None  # of ``os.dupterm``: a stream

    # --- the firmware's side: sys.stdin.buffer, sys.stdout.buffer, select.poll ---

    def poll_out(self, timeout_ms: int) -> tuple:
        return _READY if self.host_reads or len(self.to_host) < TX_BUFFER else _NONE

    def readinto(self, buffer) -> int:
        """All of ``buffer``: what the host sent, then what the second terminal has."""
        wanted = len(buffer)
        sent = min(wanted, len(self.to_board) - self._next)
        if sent:
            buffer[:sent] = self.to_board[self._next : self._next + sent]
            self._next += sent
            if self._next == len(self.to_board):
                self.to_board.clear()
                self._next = 0
        if sent < wanted:
            missing = memoryview(buffer)[sent:]
            second = self.second_terminal
            if second is None or second.readinto(missing) < len(missing):
                raise BlockingIOError("MicroPython would wait here until the host sends more")
        return wanted

    def write(self, data: bytes) -> int:
        self.to_host += data
        if self.second_terminal is not None:
            self.second_terminal.write(data)
        return len(data)

    # --- the host's side ----------------------------------------------------------

    def host_write(self, data: bytes) -> None:
        if self._next > 65536:
            del self.to_board[: self._next]
            self._next = 0
        self.to_board += data

    def waiting(self) -> int:
        """Bytes that the board has not read yet."""
        return len(self.to_board) - self._next

    def host_read(self) -> bytes:
        if not self.host_reads or not self.to_host:
            return b""
        data = bytes(self.to_host)
        self.to_host.clear()
        return data

    def clear(self) -> None:
        """The board was reset: what was under way is lost."""
        self.to_board.clear()
        self._next = 0
        self.to_host.clear()
        self.second_terminal = None
