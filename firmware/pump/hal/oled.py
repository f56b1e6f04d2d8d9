"""The display: 128 x 64 dots by an SSD1306 or SSD1309, written a piece of a letter
at a time.

A whole frame takes 23 ms of the bus at 400 kHz and a tick has 5 to spend, so there is
no frame: what changed is sent, and the display keeps the rest.  A transaction says
where (page, column) and carries at most 18 columns: 26 bytes on the bus, 0.59 ms.
(SSD1306 data sheet, Solomon Systech rev 1.1: 8.1.5.2 control bytes, 10.1 commands.)
"""

from micropython import const

from pump.hal import glyphs

ADDRESS = const(0x3C)
# Dots of a letter's cell at scale 1: five and a gap; eight high, which is a page.
CELL = const(6)
PAGES = const(8)
SCALES = const(3)
_COLUMNS = const(128)
# A cleared piece; so many of them are the display.
_PIECE = const(16)
PIECES = const(64)
_WHERE = const(7)  # bytes that say where: three commands, each with its control byte, and one
_COMMAND = const(0x80)  # one command follows, then another control byte
_COMMANDS = const(0x00)
_DATA = const(0x40)
_SET_UP = (
    b"\x00"  # commands to the end
    b"\xd5\x80"  # clock: as after power-on
    b"\xa8\x3f"  # 64 lines
    b"\xd3\x00"  # no offset
    b"\x40"  # first line at the top
    b"\x8d\x14"  # charge pump: 3.3 V suffice
    b"\x20\x02"  # page by page
    b"\xa1\xc8"  # connector at the top
    b"\xda\x12"  # lines of the 64-line panels
    b"\x81\x7f"  # half brightness: twice the panel's life
    b"\xd9\xf1\xdb\x40"  # precharge for the charge pump
    b"\xa4\xa6"  # what is in memory, not inverted
)
_LIGHT = b"\x00\xaf"
# Four dots, each drawn once, twice, three times.
_STRETCHED = (
    bytes(range(16)),
    bytes(sum((n >> i & 1) * 0b11 << 2 * i for i in range(4)) for n in range(16)),
    tuple(sum((n >> i & 1) * 0b111 << 3 * i for i in range(4)) for n in range(16)),
)
_FIRST = const(32)
_LAST = const(90)  # capital letters end here; m and h follow
_SMALL_M = const(109)


def _frame(columns: int) -> bytearray:
    frame = bytearray(_WHERE + columns)
    frame[0] = frame[2] = frame[4] = _COMMAND
    frame[6] = _DATA
    return frame


class Oled:
    """``fitted``: it acknowledged what was sent last."""

    def __init__(self, bus):
        self._writeto = bus.writeto
        # writeto takes a whole buffer: one of its exact length for each scale.
        self._frames = tuple(_frame(CELL * scale) for scale in range(1, SCALES + 1))
        self._blank = _frame(_PIECE)
        self.fitted = False

    def set_up(self) -> bool:
        """Tell it what panel it drives; whether it is there.  It shows what it showed."""
        return self._send(_SET_UP)

    def clear(self, piece: int) -> bool:
        """Clear piece ``piece``, 0 to 63; after the last it is lit."""
        at = piece * _PIECE
        self._point(self._blank, at // _COLUMNS, at % _COLUMNS)
        if not self._send(self._blank):
            return False
        return piece != PIECES - 1 or self._send(_LIGHT)

    def show(self, code: int, page: int, x: int, scale: int, part: int) -> bool:
        """Send part ``part``, 0 to ``scale`` - 1 from the top, of the character
        ``code``, as large as ``scale``, its corner at ``page`` and column ``x``;
        false if it was not taken."""
        frame = self._frames[scale - 1]
        self._point(frame, page + part, x)
        at = 5 * (code - _FIRST)
        if code > _LAST:
            at = 5 * (_LAST + 1 - _FIRST + (code != _SMALL_M))
        stretched = _STRETCHED[scale - 1]
        shift = 8 * part
        columns = glyphs.COLUMNS
        i = _WHERE
        for column in range(at, at + 5):
            dots = columns[column]
            dots = (stretched[dots & 15] | stretched[dots >> 4] << 4 * scale) >> shift & 0xFF
            for _ in range(scale):
                frame[i] = dots
                i += 1
        return self._send(frame)

    def _point(self, frame, page: int, x: int) -> None:
        frame[1] = 0xB0 | page
        frame[3] = x & 15
        frame[5] = 0x10 | x >> 4

    def _send(self, frame) -> bool:
        try:
            self._writeto(ADDRESS, frame)
        except OSError:
            self.fitted = False
            return False
        self.fitted = True
        return True
