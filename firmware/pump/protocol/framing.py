"""Bytes to lines and lines to bytes, without allocating.

A line is ``body*CRC`` with the CRC as four upper-case hex digits, computed
over ``body`` as ``pump.core.crc`` does.
"""

from struct import pack_into

from micropython import const

from pump.core.crc import Crc16 as Crc16
from pump.protocol.messages import LINE_MAX

# The receiver keeps the last 128 bytes of a line, a power of two above
# LINE_MAX: a STOP at the end of an overlong line is still found.
_KEEP = const(128)
_HEX = b"0123456789ABCDEF"
# A text is copied in one call, with zeros behind it; a character at a time takes
# 0.2 ms each on the board where the text is a str.
_TEXT = "97s"
_WRITER = const(208)  # bytes: a text that begins at the last place of a line, and more
# Bytes whose checksum is taken in one call of ``finish_some``: 0.3 ms on the board.
_CRC_BYTES = const(32)


class LineReader:
    """Collects one line; whatever comes, it never grows and never raises."""

    def __init__(self):
        self.data = bytearray(_KEEP)
        self.length = 0  # bytes of the line, without its end; may exceed LINE_MAX
        self._complete = False

    def feed(self, byte: int) -> bool:
        """Add one byte (0 to 255); true when it completed a line.

        The line stands in ``data[0:length]`` until the next ``feed``.  It is
        only valid as text if ``is_too_long`` says no.
        """
        if self._complete:
            self._complete = False
            self.length = 0
        if byte != 10:
            self.data[self.length & (_KEEP - 1)] = byte
            self.length += 1
            if self.length >= 1 << 20:
                # Endless noise without a line feed: stay overlong, stay small.
                self.length -= 1 << 19
            return False
        if self.length and self.data[self.length - 1 & (_KEEP - 1)] == 13:
            self.length -= 1
        self._complete = True
        return True

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
        length = self.length
        oldest = length - _KEEP
        if oldest < 0:
            oldest = 0
        end = length
        # A trailing "*" with up to four characters behind it is a CRC.
        i = length - 1
        while i >= oldest and i >= length - 5:
            if self.data[i & (_KEEP - 1)] == 42:
                end = i
                break
            i -= 1
        while end > oldest and self._is_space(end - 1):
            end -= 1
        if end - oldest < 4:
            return False
        return (
            self._upper(end - 4) == 83
            and self._upper(end - 3) == 84
            and self._upper(end - 2) == 79
            and self._upper(end - 1) == 80
        )

    def _upper(self, i: int) -> int:
        byte = self.data[i & (_KEEP - 1)]
        return byte - 32 if 97 <= byte <= 122 else byte

    def _is_space(self, i: int) -> bool:
        byte = self.data[i & (_KEEP - 1)]
        return byte == 32 or byte == 9


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
