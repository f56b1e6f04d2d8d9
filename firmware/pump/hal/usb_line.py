"""The USB serial line, which is read a little at a time and never waited for."""

import select
import sys
import time

import micropython
from micropython import const

# Reading costs 43 us a byte on an RP2040; a flood may take this much of a tick.
_READ_BUDGET_US = const(1500)
_READ_MAX = const(512)
# One byte after each POLLOUT never blocks; this many a tick carry telemetry
# with room to spare: 47 us each.
_WRITE_MAX = const(24)
_QUEUE = const(2048)


class UsbLine:
    """Bytes in, bytes out, both bounded.

    ``queued``   bytes that wait for the host to take them
    ``dropped``  lines that were not sent because too much waits to be read
    """

    def __init__(self):
        micropython.kbd_intr(-1)  # byte 3 is a byte like any other
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
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
            return self._read_into(line)
        return False

    def _read_into(self, line) -> bool:
        while self._left > 0:
            if self._ticks_diff(self._ticks_us(), self._began_us) > _READ_BUDGET_US:
                return False
            self._left -= 1
            # The stub knows less of ``buffer`` than the board.
            self._in.readinto(self._byte_in)  # pyright: ignore[reportAttributeAccessIssue]
            if line.feed(self._byte_in[0]):
                return True
            is_more = False
            for _ in self._poll_in(0):
                is_more = True
            if not is_more:
                return False
        return False

    def send(self, data, length: int) -> bool:
        """Queue ``data[0:length]`` whole, or drop it whole and count it."""
        if self.queued + length > _QUEUE:
            self.dropped += 1
            return False
        queue = self._queue
        at = (self._head + self.queued) % _QUEUE
        for i in range(length):
            queue[at] = data[i]
            at += 1
            if at == _QUEUE:
                at = 0
        self.queued += length
        return True

    def flush(self) -> None:
        """Write what the host takes now, at most 24 bytes."""
        n = 0
        while self.queued and n < _WRITE_MAX:
            ready = False
            for _ in self._poll_out(0):
                ready = True
            if not ready:
                return
            self._byte_out[0] = self._queue[self._head]
            self._out.write(self._byte_out)
            self._head = (self._head + 1) % _QUEUE
            self.queued -= 1
            n += 1
