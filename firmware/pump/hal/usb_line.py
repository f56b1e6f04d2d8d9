"""The USB serial line, which is read a little at a time and never waited for."""

import os
import select
import sys

import micropython
from micropython import const

# Bytes are read in pieces of a multiple of these, at most eight.  Each takes so long, with
# what is done about it: 8 us a byte for the reading alone, in MicroPython's own code.
_UNIT = const(32)
_UNITS = const(8)
_PIECE = const(256)
_UNIT_US = const(320)
# What stands for a byte that has not come.  It is in no line of the protocol.
_ABSENT = b"\xff"
# Of lines that are left out, the end of each is looked at if they are no more than this
# (40 us each); of more, whether half a STOP is in any (2 us a byte).
_FEW_LINES = const(10)
# Bytes of empty lines that are looked at in one go, 0.4 ms.
_EMPTY = const(64)
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
    it takes to fill that again tells how many were missing (3 us a byte).  A piece has 32
    bytes; while pieces are full, each has twice as many as the one before, up to 256.

    ``has_input()``  whether a byte has come; then, and while ``has_more``, ``read_into``
                     before this is asked again
    ``has_more``     the time of the last tick was used up
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
        self._until_us = 0
        self._is_fresh = False  # nothing has been read in this tick
        # What was read last, and where the part begins that nobody had yet.
        self._piece = bytearray(_PIECE)
        whole = memoryview(self._piece)
        self._rests = [whole[1 : _UNIT * i] for i in range(_UNITS + 1)]
        self._from = [whole[i:] for i in range(_PIECE)]
        self._at = 0
        self._end = 0
        self._units = 1  # that are read at once, if there is time
        self.has_more = False
        self._absent = _ABSENT * _PIECE
        filler = micropython.RingIO(_PIECE)
        self._fill = filler.write
        self._fill(self._absent)
        os.dupterm(filler)
        self._came = bytearray(1)
        # In a tick that is not going to ``read_into``, unless this says so.
        self.has_input = _looker(self._readinto, whole[:1], self._fill, self._came)
        self._byte_out = bytearray(1)
        self._queue = bytearray(_QUEUE)
        self._head = 0
        self.queued = 0
        self.dropped = 0

    def _read(self, left_us: int) -> bool:
        """As many bytes more as have come, and as ``left_us`` is enough for; 32 in any
        case.  False if none have come."""
        came = self._came
        if not came[0] and not self.has_input():
            return False
        came[0] = 0
        units = self._units
        if left_us < units * _UNIT_US:
            units = left_us // _UNIT_US
            if units < 1:
                units = 1
        self._readinto(self._rests[units])
        # What is written to the host goes to the second terminal too, and finds it full.
        missing = self._fill(self._absent)
        end = units * _UNIT - missing
        if not missing:
            self._units = min(2 * self._units, _UNITS)
        else:
            self._units = 1
            if self._piece.count(_ABSENT, end, end + missing) != missing:
                self._close_up(end, missing)
        self._at = 0
        self._end = end
        return True

    def _close_up(self, end: int, missing: int) -> None:
        """Bytes have come while others were made up: move those to the beginning, so
        that they end at ``end``, and ``missing`` that were made up behind them."""
        piece = self._piece
        to = at = end + missing
        while at > 0:
            at -= 1
            if missing and piece[at] == 255:
                missing -= 1
            else:
                to -= 1
                piece[to] = piece[at]
        at = 0
        while at < end:
            piece[at] = piece[to]
            at += 1
            to += 1

    def begin_reading(self, until_us: int) -> None:
        """A new tick, in which ``read_into`` may read while it is younger than
        ``until_us``."""
        self._until_us = until_us
        self._is_fresh = True
        self.has_more = True

    def read_into(self, line, spent_us) -> bool:
        """Feed bytes to ``line`` until one completes it (true), or until there
        are no more, or the time for it is used up (false); empty lines are
        none.  ``spent_us()`` is how long the tick has lasted; one line or up to 32
        bytes are read however long that is."""
        piece = self._piece
        while True:
            left_us = self._until_us - spent_us()
            if left_us <= 0 and not self._is_fresh:
                return False
            at = self._at
            if at == self._end:
                if not self._read(left_us):
                    self.has_more = False
                    return False
                at = 0
            self._is_fresh = False
            end = self._end
            feed = piece.find(b"\n", at, end)
            if feed < 0:
                line.add(self._from, at, end)
                self._at = end
                continue
            if feed > at:
                line.add(self._from, at, feed)
            line.end()
            self._at = at = feed + 1
            if line.length:
                return True
            # Nothing but empty lines?
            if piece.count(b"\n", at, end) + piece.count(b"\r", at, end) == end - at:
                feed = piece.rfind(b"\n", at, end)
                if feed >= 0:
                    self._at = feed + 1
                continue
            # Those before the next that is not empty: 6 us a byte and not 60 a line.
            end = min(end, at + _EMPTY)
            while at < end:
                byte = piece[at]
                at += 1
                if byte == 10:
                    self._at = at
                elif byte != 13:
                    break

    def skip_lines(self, spent_us) -> int:
        """Called when a line has just been completed: leave out those behind it of which
        all bytes have been read, up to the first that may be a STOP; how many they were.
        ``spent_us()`` is how long the tick has lasted.

        Up to 2.5 us a byte, or 40 us a line and as many as there is time for.  Where there
        are more than ten, all of which can be left out, empty ones are counted with the rest.
        """
        piece = self._piece
        at = self._at
        end = piece.rfind(b"\n", at, self._end) + 1
        if not end:
            return 0
        lines = piece.count(b"\n", at, end)
        if (
            lines > _FEW_LINES
            and piece.find(b"TO", at, end) < 0
            and piece.find(b"to", at, end) < 0
            and piece.find(b"To", at, end) < 0
            and piece.find(b"tO", at, end) < 0
        ):
            self._at = end
            return lines
        has_stars = piece.find(b"*", at, end) >= 0
        lines = 0
        while at < end and (lines & 7 or spent_us() < self._until_us):
            feed = piece.find(b"\n", at, end)
            last = feed - 1
            if last >= at and piece[last] == 13:
                last -= 1
            if last >= at:
                if has_stars:
                    star = piece.rfind(b"*", at if last < at + 4 else last - 4, last + 1)
                    if star >= 0:
                        last = star - 1
                if last >= at and (piece[last] == 32 or piece[last] == 9):
                    break
                if (
                    last >= at + 3
                    and piece[last] & 0xDF == 80
                    and piece[last - 1] & 0xDF == 79
                    and piece[last - 2] & 0xDF == 84
                    and piece[last - 3] & 0xDF == 83
                ):
                    break
                lines += 1
            at = feed + 1
        self._at = at
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
