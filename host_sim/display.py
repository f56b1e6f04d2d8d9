"""The display: an SSD1306 with 128 x 64 dots, as its data sheet says.

A part on the I2C bus like those of ``i2c_devices``.  What it is told wrongly it does not
put right: a command that the model does not know is counted and ignored, as is data
before the panel was set up.
"""

from __future__ import annotations

from random import Random

DISPLAY_ADDRESS = 0x3C
WIDTH, HEIGHT, PAGES = 128, 64, 8
_ON, _OFF = 0xAF, 0xAE
_PAGE_MODE = 2
# Commands of several bytes: how many follow.
_FOLLOWED = {
    0x20: 1, 0x21: 2, 0x22: 2, 0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0x81: 1, 0x8D: 1, 0xA3: 2,
    0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1,
}  # fmt: skip


class Ssd1306:
    """``memory``    128 x 8 bytes, a column of eight dots each; anything at power-on
    ``is_on``     it is lit
    ``settings``  what commands of several bytes were followed by, last
    ``unknown``   commands that are none
    ``sent``      bytes that it took
    """

    def __init__(self, seed: int = 0):
        self.is_present = True
        self.is_deaf = False
        self._seed = seed
        self.sent = 0
        self.power_on()

    def power_on(self) -> None:
        """Supply came: its memory holds anything."""
        self.memory = bytearray(Random(self._seed).randbytes(WIDTH * PAGES))
        self.is_on = False
        self.settings: dict[int, bytes] = {}
        self.singles: set[int] = set()
        self.unknown = 0
        self._page = 0
        self._column = 0

    def receive(self, data: bytes) -> int:
        """A transaction: control bytes, and what each says of what follows."""
        self.sent += len(data)
        at = 0
        commands = bytearray()
        while at < len(data):
            control = data[at]
            at += 1
            if control & 0x80:  # a single byte follows, then another control byte
                piece = data[at : at + 1]
                at += 1
            else:
                piece = data[at:]
                at = len(data)
            if control & 0x40:
                self._obey(commands)
                commands.clear()
                self._take(piece)
            else:
                commands += piece
        self._obey(commands)
        return len(data)

    def send(self, n: int) -> bytes:
        """Its status register: bit 6 is set while it is dark."""
        return bytes([0 if self.is_on else 0x40]) * n

    def _obey(self, commands: bytes | bytearray) -> None:
        at = 0
        while at < len(commands):
            command = commands[at]
            at += 1
            n = _FOLLOWED.get(command, 0)
            if n:
                self.settings[command] = bytes(commands[at : at + n])
                at += n
            elif command <= 0x0F:
                self._column = self._column & 0xF0 | command
            elif command <= 0x1F:
                self._column = self._column & 0x0F | (command & 7) << 4
            elif 0xB0 <= command <= 0xB7:
                self._page = command & 7
            elif command in (_ON, _OFF):
                self.is_on = command == _ON
            elif command in (0xA0, 0xA1, 0xA4, 0xA5, 0xA6, 0xA7, 0xC0, 0xC8, 0xE3) or (
                0x40 <= command <= 0x7F
            ):
                self.singles.add(command)
            else:
                self.unknown += 1

    def _take(self, data: bytes) -> None:
        if self.settings.get(0x20) != bytes([_PAGE_MODE]):
            self.unknown += len(data)
            return
        for byte in data:
            self.memory[self._page * WIDTH + self._column] = byte
            self._column = (self._column + 1) % WIDTH

    def rows(self) -> list[str]:
        """What is seen: see `rows_of`; all dark while it is off."""
        return rows_of(self.memory if self.is_on else bytes(WIDTH * PAGES))


def rows_of(memory: bytes | bytearray) -> list[str]:
    """64 rows of ``#`` and ``.`` from a display's memory."""
    return [
        "".join("#" if memory[y // 8 * WIDTH + x] >> y % 8 & 1 else "." for x in range(WIDTH))
        for y in range(HEIGHT)
    ]
