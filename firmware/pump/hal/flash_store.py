"""Small records in the board's file system: settings, keys, markers.

Only while the motor is off: littlefs erases when it likes, and an erase stalls
the processor for 45 ms, up to 400 ms (``docs/storage.md``).  A record is
written beside the old one and takes its place by renaming, which littlefs does
whole or not at all.
"""

from io import open as open_file
from os import rename

from micropython import const

from pump.core.crc import Crc16

MISSING = const(-1)
DAMAGED = const(-2)

_NEW = ".new"


class FlashStore:
    """Records by name: letters and digits, at most 12 of them."""

    def __init__(self):
        self._crc = Crc16()
        self._open = open_file

    def read(self, name: str, buffer) -> int:
        """Fill ``buffer`` with record ``name``; the bytes it has, ``MISSING`` if
        there is none, ``DAMAGED`` if its checksum is wrong or it does not fit."""
        try:
            file = self._open("/" + name, "rb")
        except OSError:
            return MISSING
        try:
            with file:
                data = file.read()
        except OSError:
            return DAMAGED
        n = len(data) - 2
        if not 0 <= n <= len(buffer) or self._crc.of(data, n) != data[n] | data[n + 1] << 8:
            return DAMAGED
        for i in range(n):
            buffer[i] = data[i]
        return n

    def write(self, name: str, buffer, n: int) -> bool:
        """Keep ``buffer[0:n]`` as record ``name``; false if the file system does
        not take it or does not give it back."""
        crc = self._crc.of(buffer, n)
        data = bytearray(n + 2)
        for i in range(n):
            data[i] = buffer[i]
        data[n] = crc & 0xFF
        data[n + 1] = crc >> 8
        path = "/" + name
        try:
            with self._open(path + _NEW, "wb") as file:
                file.write(data)
            rename(path + _NEW, path)
            with self._open(path, "rb") as file:
                return file.read() == data
        except OSError:
            return False
