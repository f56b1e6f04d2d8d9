"""Bytes to lines and lines to bytes, without allocating.

A line is ``body*CRC`` with the CRC as four upper-case hex digits, computed
over ``body`` as ``pump.core.crc`` does.
"""

from struct import pack_into

from micropython import const

from pump.core.crc import Crc16 as Crc16
from pump.protocol.messages import LINE_MAX

# The receiver keeps the last 96 bytes of a line at least: a STOP at the end of an
# overlong line is still found.  They are copied 128 at a time into a ring of 256, and what
# goes beyond its end once more, to its beginning.
_KEEP = const(96)
_RING = const(256)
_COPY = const(128)
_COPIED = "128s"
_STAR = const(42)
_UPPER = const(0xDF)  # bits of a letter, whichever case it has
_HEX = b"0123456789ABCDEF"
# A text is copied in one call, with zeros behind it; a character at a time takes
# 0.2 ms each on the board where the text is a str.
_TEXT = "97s"
_WRITER = const(208)  # bytes: a text that begins at the last place of a line, and more
# Bytes whose checksum is taken in one call of ``finish_some``: 0.3 ms on the board.
_CRC_BYTES = const(32)


def _packable(view):
    """For CPython, whose ``pack_into`` takes bytes only; never called on the board."""
    return bytes(view)


class LineReader:
    """Collects one line; whatever comes, it never grows and never raises.

    ``data``         the line stands in ``data[0:length]`` until the next ``add``; it is
                     only valid as text if ``is_too_long`` says no
    ``length``       bytes of the line, without its end; may exceed LINE_MAX
    ``is_complete``  its line feed has come
    """

    def __init__(self):
        self.data = bytearray(_RING + _COPY)
        self.length = 0
        self.is_complete = False
        # MicroPython packs a memoryview; CPython, which has this method, does not.
        self._copies = hasattr("", "casefold")

    def add(self, rests, at: int, end: int) -> None:
        """Take the bytes of a buffer from ``at`` to before ``end``, none of them a line
        feed.  ``rests[i]`` is a memoryview of that buffer from ``i`` on.

        Some 0.08 ms on the board, however many they are.
        """
        length = 0 if self.is_complete else self.length
        self.is_complete = False
        n = end - at
        if n > _COPY:
            # What comes before the last 96 is only counted.
            length += n - _KEEP
            at = end - _KEEP
            n = _KEEP
        data = self.data
        to = length & (_RING - 1)
        rest = rests[at]
        pack_into(_COPIED, data, to, _packable(rest) if self._copies else rest)
        if to + n > _RING:
            rest = rests[at + _RING - to]
            pack_into(_COPIED, data, 0, _packable(rest) if self._copies else rest)
        length += n
        if length >= 1 << 20:
            # Endless noise without a line feed: stay overlong, stay small.
            length -= 1 << 19
        self.length = length

    def end(self) -> None:
        """Its line feed has come; a carriage return before it is not part of it."""
        length = 0 if self.is_complete else self.length
        if length and self.data[length - 1 & (_RING - 1)] == 13:
            length -= 1
        self.length = length
        self.is_complete = True

    def is_too_long(self) -> bool:
        """Whether the line had more than 96 bytes."""
        return self.length > LINE_MAX

    def is_stop(self) -> bool:
        """Whether the line ends in STOP, in capitals or not, white space and a
        CRC aside.

        Not only as a word: half of somebody's line may stand right before it.
        No other verb ends so.  A framed STOP counts whatever its CRC and SEQ
        are worth.
        """
        data = self.data
        length = self.length
        end = length
        # A trailing "*" with up to four characters behind it is a CRC.
        if length < 4:
            return False
        if data[length - 1 & (_RING - 1)] == _STAR:
            end -= 1
        elif data[length - 2 & (_RING - 1)] == _STAR:
            end -= 2
        elif data[length - 3 & (_RING - 1)] == _STAR:
            end -= 3
        elif data[length - 4 & (_RING - 1)] == _STAR:
            end -= 4
        elif length > 4 and data[length - 5 & (_RING - 1)] == _STAR:
            end -= 5
        oldest = length - _KEEP
        if oldest < 0:
            oldest = 0
        last = 0
        while end > oldest:
            last = data[end - 1 & (_RING - 1)]
            if last != 32 and last != 9:
                break
            end -= 1
        return (
            end - oldest >= 4
            and (last == 80 or last == 112)
            and data[end - 2 & (_RING - 1)] & _UPPER == 79
            and data[end - 3 & (_RING - 1)] & _UPPER == 84
            and data[end - 4 & (_RING - 1)] & _UPPER == 83
        )


class LineWriter:
    """Builds one line of at most 96 bytes in a buffer of its own."""

    def __init__(self, crc):
        self.data = bytearray(_WRITER)
        self.length = 0
        self._crc = crc
        self._crc_value = 0xFFFF
        self._crc_at = 0
        self._digits = bytearray(12)
        # MicroPython packs a str as it is; CPython, which has this method, bytes only.
        self._encodes = hasattr("", "casefold")

    def begin(self) -> None:
        """Start a new line."""
        self.length = 0
        self._crc_value = 0xFFFF
        self._crc_at = 0

    def text(self, data) -> None:
        """Append ``data`` (bytes, or a str of printable ASCII)."""
        if self._encodes and isinstance(data, str):
            data = data.encode()
        at = self.length
        pack_into(_TEXT, self.data, at, data)
        at += len(data)
        self.length = at if at <= LINE_MAX + 1 else LINE_MAX + 1

    def number(self, value: int) -> None:
        """Append ``value`` in decimal."""
        line = self.data
        at = self.length
        if value < 0:
            line[at] = 45
            at += 1
            value = -value
        digits = self._digits
        n = 0
        while value >= 10:
            digits[n] = 48 + value % 10
            value //= 10
            n += 1
        line[at] = 48 + value
        at += 1
        while n > 0:
            n -= 1
            line[at] = digits[n]
            at += 1
        self.length = at if at <= LINE_MAX + 1 else LINE_MAX + 1

    def padded(self, value: int, width: int) -> None:
        """Append ``value`` (>= 0) in decimal with leading zeros."""
        scale = 1
        for _ in range(width - 1):
            scale *= 10
        while scale > 0:
            self._put(48 + value // scale % 10)
            scale //= 10

    def hex4(self, value: int) -> None:
        """Append ``value`` (0 to 65535) as four hex digits."""
        self._put(_HEX[value >> 12 & 15])
        self._put(_HEX[value >> 8 & 15])
        self._put(_HEX[value >> 4 & 15])
        self._put(_HEX[value & 15])

    def field(self, value: int) -> None:
        """Append a comma and ``value``."""
        self._put(44)
        self.number(value)

    def field_text(self, data) -> None:
        """Append a comma and ``data``."""
        self._put(44)
        self.text(data)

    def field_hex(self, data) -> None:
        """Append a comma and every byte of ``data`` as two hex digits."""
        self._put(44)
        for byte in data:
            self._put(_HEX[byte >> 4])
            self._put(_HEX[byte & 15])

    def finish(self) -> None:
        """Append CRC and line feed; the line is ``data[0:length]``."""
        while not self.finish_some():
            pass

    def finish_some(self) -> bool:
        """A part of ``finish``; true when it is done."""
        at = self._crc_at
        end = min(at + _CRC_BYTES, self.length)
        crc = self._crc.after(self._crc_value, self.data, at, end)
        if end < self.length:
            self._crc_value = crc
            self._crc_at = end
            return False
        self._put(42)
        self.hex4(crc)
        self._put(10)
        return True

    def _put(self, byte: int) -> None:
        # Replies are built from the table and fit; a bug must not raise in
        # the loop, so what would not fit is left out and fails its CRC.
        if self.length < LINE_MAX + 1:
            self.data[self.length] = byte
            self.length += 1
