"""The FRAM: 32 KiB that keep what is written, byte by byte, as it is written.

A byte is stored when the part has acknowledged it; there is no page, no erase
and no waiting (MB85RC256V and FM24W256 data sheets).
"""

from micropython import const

ADDRESS = const(0x50)
SIZE = const(32768)
# Bytes of a write: 27 bytes on the bus, 0.61 ms at 400 kHz.
PIECE_BYTES = const(24)


class Fram:
    """``fitted``: the part answered at boot.

    Every transaction has one buffer of its exact length, and ``writeto`` is
    used where ``writeto_mem`` would join address and data on the heap.
    """

    def __init__(self, bus):
        self._writeto = bus.writeto
        self._readfrom_into = bus.readfrom_into
        self._pointer = bytearray(2)
        self._frame = bytearray(2 + PIECE_BYTES)
        self.fitted = self._answers()

    def _answers(self) -> bool:
        return self.read(0, bytearray(1), 1)

    def read(self, address: int, buffer, n: int) -> bool:
        """Fill ``buffer``, which has ``n`` bytes, from ``address``; false if the
        part does not answer."""
        pointer = self._pointer
        pointer[0] = address >> 8 & 0x7F
        pointer[1] = address & 0xFF
        try:
            self._writeto(ADDRESS, pointer, False)
            self._readfrom_into(ADDRESS, buffer)
        except OSError:
            return False
        return True

    def write(self, address: int, buffer, n: int) -> bool:
        """Write the ``n`` bytes of ``buffer``, 24 and no other number; false if
        the part does not take them."""
        if n != PIECE_BYTES:
            return False
        frame = self._frame
        frame[0] = address >> 8 & 0x7F
        frame[1] = address & 0xFF
        for i in range(PIECE_BYTES):
            frame[i + 2] = buffer[i]
        try:
            self._writeto(ADDRESS, frame)
        except OSError:
            return False
        return True
