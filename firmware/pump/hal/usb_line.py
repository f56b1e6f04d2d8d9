"""The USB serial line, which is read a little at a time and never waited for."""

import select
import sys
import time

import micropython
from micropython import const

# A flood may take this much of a tick, 50 bytes; looked at after every eighth byte and
# every line.  Less would keep a STOP behind noise waiting, more makes ticks longer.
_READ_BUDGET_US = const(1900)
_READ_MAX = const(512)
# One byte after each POLLOUT never blocks; this many a tick carry telemetry
# with room to spare: 47 us each.
_WRITE_MAX = const(24)
# So many in any tick, however late it is, and more while it is younger.  (L24)
_WRITE_MIN = const(4)
_WRITE_UNTIL_US = const(3500)
_QUEUE = const(2048)
_QUEUE_MASK = const(_QUEUE - 1)


class UsbLine:
    """Bytes in, bytes out, both bounded.

    ``queued``   bytes that wait for the host to take them
    ``dropped``  lines that were not sent because too much waits to be read
    """

    def __init__(self):
        micropython.kbd_intr(-1)  # byte 3 is a byte like any other
        # The stub knows less of ``buffer`` than the board.
        self._readinto = sys.stdin.buffer.readinto  # pyright: ignore[reportAttributeAccessIssue]
        self._write = sys.stdout.buffer.write
        poll_in = select.poll()
        poll_in.register(sys.stdin, select.POLLIN)
        self._poll_in = poll_in.ipoll
        poll_out = select.poll()
        poll_out.register(sys.stdout, select.POLLOUT)
        self._poll_out = poll_out.ipoll
        # The first look of each allocates; ticks may not.
        for _ in self._poll_in(0):
            pass
        for _ in self._poll_out(0):
            pass
        self._ticks_us = time.ticks_us
        self._ticks_diff = time.ticks_diff
        self._began_us = 0
        self._left = 0  # bytes that may still be read in this tick
        self._byte_in = bytearray(1)
        self._byte_out = bytearray(1)
        self._queue = bytearray(_QUEUE)
        self._head = 0
        self.queued = 0
        self.dropped = 0

    def has_input(self) -> bool:
        """Whether a byte can be read."""
        for _ in self._poll_in(0):
            return True
        return False

    def read_into(self, line, is_first: bool) -> bool:
        """Feed bytes to ``line`` until one completes it (true), or until there
        are no more, or the share of this tick is used up (false).  ``is_first``
        begins the share of a new tick."""
        for _ in self._poll_in(0):
            if is_first:
                self._began_us = self._ticks_us()
                self._left = _READ_MAX
            elif self._has_used_its_share():
                return False
            return self._read_into(line)
        return False

    def _read_into(self, line) -> bool:
        # Names that are looked up once: 35 us a byte on the board.
        poll_in = self._poll_in
        readinto = self._readinto
        byte = self._byte_in
        left = self._left
        while left > 0:
            if left & 7 == 0 and self._has_used_its_share():
                break
            before = left
            for _ in poll_in(0):
                left -= 1
                readinto(byte)
                if line.feed(byte[0]):
                    self._left = left
                    return True
            if left == before:
                break
        self._left = left
        return False

    def _has_used_its_share(self) -> bool:
        return self._ticks_diff(self._ticks_us(), self._began_us) > _READ_BUDGET_US

    def send(self, data, length: int) -> bool:
        """Queue ``data[0:length]`` whole, or drop it whole and count it."""
        if self.queued + length > _QUEUE:
            self.dropped += 1
            return False
        queue = self._queue
        at = self._head + self.queued
        for i in range(length):
            queue[at & _QUEUE_MASK] = data[i]
            at += 1
        self.queued += length
        return True

    def flush(self, spent_us) -> None:
        """Write what the host takes now, at most 24 bytes, and after a few no more than
        there is time for: ``spent_us()`` is how long the tick has lasted."""
        poll_out = self._poll_out
        write = self._write
        byte = self._byte_out
        queue = self._queue
        head = self._head
        left = min(self.queued, _WRITE_MAX)
        self.queued -= left
        least = left - _WRITE_MIN
        while left:
            if left <= least and left & 3 == 0 and spent_us() > _WRITE_UNTIL_US:
                break
            before = left
            for _ in poll_out(0):
                byte[0] = queue[head]
                write(byte)
                head = head + 1 & _QUEUE_MASK
                left -= 1
            if left == before:
                break
        self.queued += left
        self._head = head
