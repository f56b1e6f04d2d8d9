"""What must outlive a power cut: the open session, its lease, its prescription.

Each block stands twice.  Both copies are the same; they are written one after
the other, each read back and compared before the next write, and the copy
known to be good is always the second.  So a power cut at any byte leaves a
whole copy, either of what was there or of what was being written, and damage
to one copy later leaves the other, which says the same.  (L19)

The lease is the total of steps since START up to which may have been granted.
"""

from micropython import const

from pump.core import limits
from pump.core.packing import get16, get32, put16, put32

# What is written or read in one go: 0.7 ms of the bus at 400 kHz.
PIECE_BYTES = const(24)
CHECKPOINT_BYTES = const(24)
PRESCRIPTION_BYTES = const(168)

# What ``advance`` says.
BUSY = const(0)
DONE = const(1)
FAILED = const(2)

# Bytes of the open flag; far from each other, and neither what blank memory is.
IS_OPEN = const(0x5A)
IS_CLOSED = const(0xA5)

_CRC_BYTES = const(2)


class TwoSlots:
    """A block of ``size`` bytes (a multiple of 24) at two addresses.

    The first four bytes are a sequence number, the last two the checksum; what
    is between is the caller's, in ``image``.
    """

    def __init__(self, memory, address_0: int, address_1: int, size: int, crc):
        self._memory = memory
        self._address_0 = address_0
        self._address_1 = address_1
        self._size = size
        self._pieces = size // PIECE_BYTES
        self._crc = crc
        self.image = bytearray(size)
        self._other = bytearray(size)
        self._piece = bytearray(PIECE_BYTES)
        self._seq = 0
        self._good = 1  # the copy that is known to be good
        self._first = 0  # the copy that is written first
        self._position = 0
        self.valid = 0  # copies that ``load`` found valid
        self.alike = False  # and whether they were the same

    def load(self) -> bool:
        """Read both copies; the newest valid one is in ``image`` then."""
        is_0 = self._load(self._address_0, self.image)
        is_1 = self._load(self._address_1, self._other)
        self.valid = (1 if is_0 else 0) + (1 if is_1 else 0)
        self.alike = False
        if not is_0 and not is_1:
            return False
        seq_0 = get32(self.image, 0) if is_0 else -1
        seq_1 = get32(self._other, 0) if is_1 else -1
        self.alike = seq_0 == seq_1
        if seq_1 > seq_0:
            for i in range(self._size):
                self.image[i] = self._other[i]
            self._good = 1
            self._seq = seq_1
        else:
            self._good = 0
            self._seq = seq_0
        return True

    def _load(self, address: int, into) -> bool:
        piece = self._piece
        for n in range(self._pieces):
            offset = n * PIECE_BYTES
            if not self._memory.read(address + offset, piece, PIECE_BYTES):
                return False
            for i in range(PIECE_BYTES):
                into[offset + i] = piece[i]
        end = self._size - _CRC_BYTES
        return into[3] < 64 and get16(into, end) == self._crc.of(into, end)

    def begin(self) -> None:
        """Have ``image`` written, under a new number; ``advance`` does it."""
        self._seq += 1
        put32(self.image, 0, self._seq)
        end = self._size - _CRC_BYTES
        put16(self.image, end, self._crc.of(self.image, end))
        self._first = 1 - self._good
        self._position = 0

    def advance(self) -> int:
        """One write or one read of 24 bytes; ``DONE`` when both copies are known
        to hold ``image``.  After ``FAILED``: ``begin`` again."""
        pieces = self._pieces
        part = self._position // pieces
        offset = self._position % pieces * PIECE_BYTES
        copy = self._first if part < 2 else 1 - self._first
        address = (self._address_1 if copy else self._address_0) + offset
        image = self.image
        piece = self._piece
        if part & 1 == 0:
            for i in range(PIECE_BYTES):
                piece[i] = image[offset + i]
            if not self._memory.write(address, piece, PIECE_BYTES):
                return FAILED
        else:
            if not self._memory.read(address, piece, PIECE_BYTES):
                return FAILED
            for i in range(PIECE_BYTES):
                if piece[i] != image[offset + i]:
                    return FAILED
        self._position += 1
        if self._position == 2 * pieces:
            self._good = self._first
        return DONE if self._position == 4 * pieces else BUSY


class Checkpoint:
    """The session: 24 bytes.

    ======  =====  ========================================================
    offset  bytes  what
    ======  =====  ========================================================
    0       4      sequence number of the block
    4       4      ``session``
    8       1      open 0x5A, closed 0xA5
    9       1      ``rung``
    10      4      ``vtbi_steps``, ordered
    14      4      ``lease_steps``
    18      4      ``delivered_steps`` when the motor stood still last
    22      2      checksum
    ======  =====  ========================================================
    """

    def __init__(self, memory, address_0: int, address_1: int, crc):
        self.slots = TwoSlots(memory, address_0, address_1, CHECKPOINT_BYTES, crc)
        self.session = 0
        self.is_open = False
        self.rung = 0
        self.vtbi_steps = 0
        self.lease_steps = 0
        self.delivered_steps = 0

    def load(self) -> bool:
        """Read it; false if no copy is valid."""
        if not self.slots.load():
            return False
        image = self.slots.image
        self.session = get32(image, 4)
        # Whatever is not closed for certain is open.
        self.is_open = image[8] != IS_CLOSED
        self.rung = image[9]
        self.vtbi_steps = get32(image, 10)
        self.lease_steps = get32(image, 14)
        self.delivered_steps = get32(image, 18)
        return True

    def begin(self) -> None:
        """Have the fields written; ``slots.advance`` does it."""
        image = self.slots.image
        put32(image, 4, self.session)
        image[8] = IS_OPEN if self.is_open else IS_CLOSED
        image[9] = self.rung & 0xFF
        put32(image, 10, self.vtbi_steps)
        put32(image, 14, self.lease_steps)
        put32(image, 18, self.delivered_steps)
        self.slots.begin()


class StoredPrescription:
    """The prescription of a session: 168 bytes.

    ======  =====  ========================================================
    offset  bytes  what
    ======  =====  ========================================================
    0       4      sequence number of the block
    4       4      ``session`` that it belongs to
    8       2      ``rungs_set``
    10      1      ``has``
    11      1      ``n_rungs``
    12      40     ten fields of 4 bytes, in the order of ``take``
    52      96     12 rungs: rate and dwell, 4 bytes each
    148     18     0, for fields to come
    166     2      checksum
    ======  =====  ========================================================
    """

    def __init__(self, memory, address_0: int, address_1: int, crc):
        self.slots = TwoSlots(memory, address_0, address_1, PRESCRIPTION_BYTES, crc)
        self.session = 0

    def load(self) -> bool:
        """Read it; false if no copy is valid."""
        if not self.slots.load():
            return False
        self.session = get32(self.slots.image, 4)
        return True

    def take(self, session: int, rx) -> None:
        """Copy ``rx``, of ``session``; ``slots.begin`` has it written."""
        image = self.slots.image
        self.session = session
        put32(image, 4, session)
        put16(image, 8, rx.rungs_set)
        image[10] = rx.has
        image[11] = rx.n_rungs
        put32(image, 12, rx.vtbi_ul)
        put32(image, 16, rx.dose_mg)
        put32(image, 20, rx.concentration_mg_ml)
        put32(image, 24, rx.weight_g)
        put32(image, 28, rx.cap_ul_h)
        put32(image, 32, rx.slew_ul_h_s)
        put32(image, 36, rx.kvo_ul_h)
        put32(image, 40, rx.occlusion_pa)
        put32(image, 44, rx.check_s)
        put32(image, 48, rx.link_timeout_s)
        for i in range(limits.RUNGS_MAX):
            put32(image, 52 + i * 8, rx.rate_ul_h[i])
            put32(image, 56 + i * 8, rx.dwell_s[i])

    def restore(self, rx) -> None:
        """Fill ``rx`` with what ``load`` found; ``rx.check`` is the caller's."""
        image = self.slots.image
        rx.clear()
        rx.rungs_set = get16(image, 8)
        rx.has = image[10]
        rx.n_rungs = image[11]
        rx.vtbi_ul = get32(image, 12)
        rx.dose_mg = get32(image, 16)
        rx.concentration_mg_ml = get32(image, 20)
        rx.weight_g = get32(image, 24)
        rx.cap_ul_h = get32(image, 28)
        rx.slew_ul_h_s = get32(image, 32)
        rx.kvo_ul_h = get32(image, 36)
        rx.occlusion_pa = get32(image, 40)
        rx.check_s = get32(image, 44)
        rx.link_timeout_s = get32(image, 48)
        for i in range(limits.RUNGS_MAX):
            rx.rate_ul_h[i] = get32(image, 52 + i * 8)
            rx.dwell_s[i] = get32(image, 56 + i * 8)
