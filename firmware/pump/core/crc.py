"""The one checksum of the pump: lines, records and stored blocks.

CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF; check value 0x29B1 for
``123456789``.  Finds every change of up to 3 bits and every burst of up to 16
in the 150 bytes of the longest block.
"""

from array import array


class Crc16:
    """CRC-16/CCITT-FALSE with a table made at construction."""

    def __init__(self):
        table = array("H", [0] * 256)
        for i in range(256):
            value = i << 8
            for _ in range(8):
                value = (value << 1) ^ 0x1021 if value & 0x8000 else value << 1
            table[i] = value & 0xFFFF
        self._table = table
        self.value = 0xFFFF

    def begin(self) -> None:
        """Start anew."""
        self.value = 0xFFFF

    def add(self, byte: int) -> None:
        """Add one byte, 0 to 255."""
        self.value = (self.value << 8 & 0xFFFF) ^ self._table[self.value >> 8 ^ byte]

    def add_int(self, number: int) -> None:
        """Add the low four bytes of ``number``."""
        self.add(number >> 24 & 0xFF)
        self.add(number >> 16 & 0xFF)
        self.add(number >> 8 & 0xFF)
        self.add(number & 0xFF)

    def add_all(self, data) -> None:
        """Add every byte of ``data``."""
        for byte in data:
            self.add(byte)

    def of(self, data, end: int) -> int:
        """CRC of ``data[0:end]``."""
        table = self._table
        value = 0xFFFF
        for i in range(end):
            value = (value << 8 & 0xFFFF) ^ table[value >> 8 ^ data[i]]
        return value

    def over(self, data, start: int, end: int) -> int:
        """CRC of ``data[start:end]``."""
        table = self._table
        value = 0xFFFF
        for i in range(start, end):
            value = (value << 8 & 0xFFFF) ^ table[value >> 8 ^ data[i]]
        return value

    def after(self, value: int, data, start: int, end: int) -> int:
        """CRC of what gave ``value`` (0xFFFF: nothing), followed by ``data[start:end]``."""
        table = self._table
        for i in range(start, end):
            value = (value << 8 & 0xFFFF) ^ table[value >> 8 ^ data[i]]
        return value
