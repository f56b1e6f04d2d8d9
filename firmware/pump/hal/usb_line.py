"""The USB serial line, which is read a little at a time and never waited for."""

import os
import select
import sys

import micropython
from micropython import const

# A flood is read while the tick is younger than this; looked at after every 32 bytes and
# every line.  Less would keep a STOP behind noise waiting, more makes ticks longer.
_READ_UNTIL_US = const(1700)
# MicroPython's own buffer holds no more: what comes meanwhile is for the next tick.
_READ_MAX = const(512)
# As many as a ``LineReader`` takes at once.
_PIECE = const(32)
# What stands for a byte that has not come.  It is in no line of the protocol.
_ABSENT = b"\xff"
# One byte after each POLLOUT never blocks; this many a tick carry telemetry
# with room to spare: 47 us each.
_WRITE_MAX = const(24)
# So many in any tick, however late it is, and more while it is younger.  (L24)
_WRITE_MIN = const(4)
_WRITE_UNTIL_US = const(3500)
_QUEUE = const(2048)
_QUEUE_MASK = const(_QUEUE - 1)


def _looker(readinto, first, fill, came):
    """Ask whether a byte has come.  Names of its own: every tick does, and they cost a
    fifth of what attributes do."""

    def has_input() -> bool:
        readinto(first)
        if first[0] == 255 and fill(first):
            return False
        came[0] = 1
        return True

    return has_input


class UsbLine:
    """Bytes in, bytes out, both bounded.

    MicroPython reads the line either a byte at a time, each with a look whether there is
    one (35 us), or waits until all bytes asked for have come.  Here it never waits: a
    second terminal, always full, makes up what is missing with ``_ABSENT``, and how much
    it takes to fill that again tells how many were missing (3 us a byte).

    ``has_input()``  whether a byte has come; then, and while ``has_more``, ``read_into``
                     before this is asked again
    ``has_more``     the share of the last tick was used up
    ``queued``       bytes that wait for the host to take them
    ``dropped``      lines that were not sent because too much waits to be read
    """

    def __init__(self):
        micropython.kbd_intr(-1)  # byte 3 is a byte like any other
        # The stub knows less of ``buffer`` than the board.
        self._readinto = sys.stdin.buffer.readinto  # pyright: ignore[reportAttributeAccessIssue]
        self._write = sys.stdout.buffer.write
        poll_out = select.poll()
        poll_out.register(sys.stdout, select.POLLOUT)
        self._poll_out = poll_out.ipoll
        # The first look allocates; ticks may not.
        for _ in self._poll_out(0):
            pass
        self._left = 0  # bytes that may still be read in this tick
        # What was read last, and where the part begins that nobody had yet.
        self._piece = bytearray(_PIECE)
        whole = memoryview(self._piece)
        self._rest = whole[1:]
        self._from = [whole[i:] for i in range(_PIECE + 1)]
        self._absent = [_ABSENT * i for i in range(_PIECE)]
        self._at = 0
        self._end = 0
        self._has_line_feed = False
        self.has_more = False
        filler = micropython.RingIO(_PIECE)
        self._fill = filler.write
        self._fill(_ABSENT * _PIECE)
        os.dupterm(filler)
        self._came = bytearray(1)
        # In a tick that is not going to ``read_into``, unless this says so.
        self.has_input = _looker(self._readinto, whole[:1], self._fill, self._came)
        self._byte_out = bytearray(1)
        self._queue = bytearray(_QUEUE)
        self._head = 0
        self.queued = 0
        self.dropped = 0

    def _read(self) -> bool:
        """Up to 32 bytes more, if any have come."""
        came = self._came
        if not came[0] and not self.has_input():
            return False
        came[0] = 0
        piece = self._piece
        self._readinto(self._rest)
        # What is written to the host goes to the second terminal too, and finds it full.
        missing = self._fill(self._absent[_PIECE - 1])
        end = _PIECE - missing
        if missing and self._from[end] != self._absent[missing]:
            self._close_up(missing)
        self._at = 0
        self._end = end
        self._has_line_feed = b"\n" in piece
        return True

    def _close_up(self, missing: int) -> None:
        """Bytes have come while others were made up: move the latter, ``missing`` of
        them, to the end."""
        piece = self._piece
        to = _PIECE
        at = _PIECE
        while at > 0:
            at -= 1
            if missing and piece[at] == 255:
                missing -= 1
            else:
                to -= 1
                piece[to] = piece[at]
        end = 0
        while to < _PIECE:
            piece[end] = piece[to]
            end += 1
            to += 1
        while end < _PIECE:
            piece[end] = 255
            end += 1

    def begin_reading(self) -> None:
        """A new tick, with a new share for ``read_into``."""
        self._left = _READ_MAX
        self.has_more = True

    def read_into(self, line, spent_us) -> bool:
        """Feed bytes to ``line`` until one completes it (true), or until there
        are no more, or the share of this tick is used up (false); empty lines are
        none.  ``spent_us()`` is how long the tick has lasted; 32 bytes are read
        however long that is."""
        while self._left == _READ_MAX or (self._left > 0 and spent_us() < _READ_UNTIL_US):
            if self._at == self._end and not self._read():
                self.has_more = False
                return False
            at = self._at
            taken = self._end - at
            if self._has_line_feed:
                taken = line.feed(self._from[at], taken)
            else:
                line.add(self._from[at], taken)
            self._at = at + taken
            self._left -= taken
            if line.is_complete and line.length:
                return True
        return False

    def skip_lines(self) -> int:
        """Called when a line has just been completed: leave out what follows of the
        bytes that have been read, up to the last line feed, if none of it can be a STOP;
        how many lines that were.  Some 6 us a byte."""
        piece = self._piece
        if not self._has_line_feed or b"P" in piece or b"p" in piece:
            return 0
        lines = 0
        length = 0
        end = 0
        for byte in self._from[self._at]:
            length += 1
            if byte == 10:
                if length > end + 1:
                    lines += 1
                end = length
        self._at += end
        self._left -= end
        return lines

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
