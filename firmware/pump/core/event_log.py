"""The event log: a ring of records in a byte memory, each with a checksum and
chained to the one before it.  (L19)

The memory is any object with ``read(address, buffer, n)``, which fills the
whole buffer, and ``write(address, buffer, n)``; both say whether it worked and
never raise.  A record takes 24 bytes:

======  =====  =================================================================
offset  bytes  what
======  =====  =================================================================
0       4      ``seq``: number of the record, from 0; its slot is seq modulo the
               number of slots
4       2      ``day`` since 2000-01-01; 0: the date was not known
6       4      ``ms`` of that day; without a date, since boot
10      1      ``kind``, a row of ``LOG_KINDS``
11      1      ``code``
12      4      ``a``
16      4      ``b``
20      2      ``prev``: checksum of the record before
22      2      ``crc`` over the 22 bytes above
======  =====  =================================================================

A record that was cut off is not valid, and the next one takes its number and
its slot: nothing but the record being written is ever lost.
"""

from array import array

from micropython import const

from pump.core import infusion_state as st
from pump.core.packing import get16, get32, put16, put32

RECORD_BYTES = const(24)
# Records that the scan reads at once: 96 bytes, 2.3 ms of the bus at 400 kHz.
# The number of slots is a multiple of it.
CHUNK_RECORDS = const(4)

_BODY = const(22)  # what the checksum covers
_PREV = const(20)
_CHUNK_BYTES = const(96)
# What the first record of all has for the checksum of the one before.
_NO_PREV = const(0xFFFF)

BOOT = const(0)
POST = const(1)
STATE = const(2)
ALARM_RAISED = const(3)
ALARM_CLEARED = const(4)
PERSON = const(5)
COMMIT = const(6)
START = const(7)
RUNG = const(8)
DELIVERED = const(9)
LOGIN = const(10)
DATE_SET = const(11)
KEPT_BACK = const(12)
RECOVERED = const(13)
CLOSED = const(14)
STORAGE = const(15)
GUARD = const(16)
CALIBRATED = const(17)
REACTION = const(18)

# Bits of STORAGE's code: what of the storage there is.
HAS_FRAM = const(1)
HAS_CLOCK = const(2)
HAS_DATE = const(4)
LOG_BROKEN = const(8)
SLOT_DAMAGED = const(16)
ON_BENCH = const(32)  # stand-ins for parts, in use or refused

# Codes of REACTION.
UNLATCHED = const(0)  # maintenance has released the pump after a severe one
SEVERE = const(2)

# (name, urgent, code, a, b).  Urgent: nobody on the line can bring it about as
# often as he likes, so it has room and allowance of its own.
LOG_KINDS: tuple[tuple, ...] = (
    ("BOOT", True, "cause of the reset", "1: it was planned", "checksum of the table"),
    ("POST", True, "reason, 0: passed", "-", "-"),
    ("STATE", False, "state entered", "state left", "event"),
    ("ALARM_RAISED", True, "condition", "delivered uL", "rate uL/h"),
    ("ALARM_CLEARED", True, "condition", "delivered uL", "rate uL/h"),
    ("PERSON", False, "event", "argument", "role"),
    ("COMMIT", False, "role", "checksum of the lines read", "volume ordered, uL"),
    ("START", True, "1: lease in the FRAM", "session", "steps ordered"),
    ("RUNG", False, "rung", "rate uL/h", "delivered uL"),
    ("DELIVERED", False, "rung", "session", "delivered steps"),
    ("LOGIN", False, "role", "reason, 0: granted", "-"),
    ("DATE_SET", False, "role", "day before", "ms of the day before"),
    ("KEPT_BACK", True, "room: 0 common, 1 urgent", "records not written", "-"),
    ("RECOVERED", True, "1: can be resumed", "session", "recovered steps"),
    ("CLOSED", True, "1: counted as fully delivered", "session", "delivered steps"),
    ("STORAGE", True, "bits: FRAM, clock, date, log broken, slot damaged", "records", "broken at"),
    ("GUARD", True, "why it cut the motor off", "-", "-"),
    ("CALIBRATED", False, "bits: volume, downstream, upstream", "step in uL/h x ms", "role"),
    ("REACTION", True, "0: released, 2: severe", "delivered uL", "role"),
)
COL_NAME = const(0)
COL_URGENT = const(1)
COL_CODE = const(2)
COL_A = const(3)
COL_B = const(4)
N_KINDS = const(19)

# What the line says of a record, and of the log.
LOG_FIELDS = ("seq", "day", "ms", "kind", "code", "a", "b", "prev", "crc")
LOG_HEAD_FIELDS = ("first_seq", "next_seq", "broken_seq", "fram", "date_known")

# States that a person on the line does not lead to at will.
_URGENT_STATES = (1 << st.COMPLETE) | (1 << st.ALARM_STOPPED) | (1 << st.FAULT) | (1 << st.SEVERE)


def is_urgent(kind: int, code: int) -> bool:
    """Whether a record goes into the room that chatter cannot fill."""
    if kind == STATE:
        return _URGENT_STATES >> code & 1 != 0
    return LOG_KINDS[kind][COL_URGENT]


class RamMemory:
    """The byte memory of a board without FRAM: gone with the power."""

    def __init__(self, size: int):
        self.data = bytearray(size)

    def read(self, address: int, buffer, n: int) -> bool:
        """Copy ``n`` bytes from ``address`` into ``buffer``."""
        for i in range(n):
            buffer[i] = self.data[address + i]
        return True

    def write(self, address: int, buffer, n: int) -> bool:
        """Copy ``n`` bytes of ``buffer`` to ``address``."""
        for i in range(n):
            self.data[address + i] = buffer[i]
        return True


class EventLog:
    """``slots`` records from ``base`` on; ``scan`` before anything else.

    ``first_seq``   the oldest record there is
    ``next_seq``    number of the next one
    ``count``       valid records among them
    ``broken_seq``  the first that is damaged or does not fit onto the one
                    before it, or -1

    ``seq``, ``day``, ``ms``, ``kind``, ``code``, ``a``, ``b``, ``prev`` and
    ``crc`` are those of the record that ``fetch`` read last.
    """

    def __init__(self, memory, base: int, slots: int, crc):
        self._memory = memory
        self._base = base
        self._slots = slots
        self._crc = crc
        self._record = bytearray(RECORD_BYTES)
        self._found = bytearray(RECORD_BYTES)
        self._chunk = bytearray(_CHUNK_BYTES)
        # One byte for each slot: 1 when its record is valid and chained.
        self._good = array("B", [0] * slots)
        self.first_seq = 0
        self.next_seq = 0
        self.count = 0
        self.broken_seq = -1
        self._prev = _NO_PREV
        self.seq = 0
        self.day = 0
        self.ms = 0
        self.kind = 0
        self.code = 0
        self.a = 0
        self.b = 0
        self.prev = 0
        self.crc = 0

    # --- boot --------------------------------------------------------------------

    def scan(self) -> bool:
        """Read the whole ring: find its head and check every record and the
        chain.  False when the memory could not be read."""
        slots = self._slots
        base = self._base
        chunk = self._chunk
        good = self._good
        crc = self._crc
        head = -1
        head_crc = _NO_PREV
        # The record in the slot before: its number, -1 if not valid.
        seq_before = -1
        crc_before = 0
        first_prev = 0  # of slot 0, which follows the last slot
        first_seq = -1
        found = 0
        slot = 0
        while slot < slots:
            if not self._memory.read(base + slot * RECORD_BYTES, chunk, _CHUNK_BYTES):
                return False
            at = 0
            while at < _CHUNK_BYTES:
                good[slot] = 0
                high = chunk[at + 3]
                # Blank memory fails here, without the cost of a checksum.
                if high < 64:
                    seq = chunk[at] | chunk[at + 1] << 8 | chunk[at + 2] << 16 | high << 24
                    if seq % slots != slot:
                        seq = -1
                else:
                    seq = -1
                if seq >= 0:
                    found = get16(chunk, at + _BODY)
                    if found != crc.over(chunk, at, at + _BODY):
                        seq = -1
                if seq >= 0:
                    prev = get16(chunk, at + _PREV)
                    good[slot] = 1
                    if slot == 0:
                        first_seq = seq
                        first_prev = prev
                    elif seq_before >= 0 and seq == seq_before + 1 and prev != crc_before:
                        good[slot] = 0
                    if seq > head and good[slot]:
                        head = seq
                        head_crc = found
                    crc_before = found
                seq_before = seq
                at += RECORD_BYTES
                slot += 1
        if seq_before >= 0 and first_seq == seq_before + 1 and first_prev != crc_before:
            good[0] = 0
            if head == first_seq:
                # A newest record that does not fit was not written whole.
                head = seq_before
                head_crc = crc_before
        self._prev = head_crc
        self.next_seq = head + 1
        self._count(head)
        return True

    def _count(self, head: int) -> None:
        """Count what ``scan`` found up to ``head``."""
        oldest = head - self._slots + 1
        if oldest < 0:
            oldest = 0
        elif not self._good[oldest % self._slots]:
            # The slot of the next record: its old one may have been half
            # overwritten.  It would have been the next to go.
            oldest += 1
        self.first_seq = oldest
        self.count = 0
        self.broken_seq = -1
        for seq in range(oldest, head + 1):
            if self._good[seq % self._slots]:
                self.count += 1
            elif self.broken_seq < 0:
                self.broken_seq = seq

    # --- writing ---------------------------------------------------------------------

    def append(self, day: int, ms: int, kind: int, code: int, a: int, b: int) -> bool:
        """Write the next record; it counts once ``confirm`` has read it back."""
        record = self._record
        seq = self.next_seq
        put32(record, 0, seq)
        put16(record, 4, day)
        put32(record, 6, ms)
        record[10] = kind & 0xFF
        record[11] = code & 0xFF
        put32(record, 12, a)
        put32(record, 16, b)
        put16(record, _PREV, self._prev)
        put16(record, _BODY, self._crc.of(record, _BODY))
        return self._memory.write(self._address(seq), record, RECORD_BYTES)

    def confirm(self) -> bool:
        """Read back what ``append`` wrote; only then it is part of the log, and
        until then the next ``append`` writes to the same place."""
        record = self._record
        found = self._found
        seq = self.next_seq
        if not self._memory.read(self._address(seq), found, RECORD_BYTES):
            return False
        for i in range(RECORD_BYTES):
            if found[i] != record[i]:
                return False
        slot = seq % self._slots
        if seq - self.first_seq >= self._slots:
            # The oldest record has gone.
            if self._good[slot]:
                self.count -= 1
            if self.broken_seq == self.first_seq:
                self.broken_seq = self._next_broken()
            self.first_seq += 1
        self._good[slot] = 1
        self.count += 1
        self.next_seq = seq + 1
        self._prev = get16(record, _BODY)
        return True

    def _next_broken(self) -> int:
        for seq in range(self.first_seq + 1, self.next_seq):
            if not self._good[seq % self._slots]:
                return seq
        return -1

    # --- reading -----------------------------------------------------------------------

    def fetch(self, seq: int) -> bool:
        """Read record ``seq`` into the fields; false if there is none such or it
        is damaged."""
        if not self.first_seq <= seq < self.next_seq:
            return False
        found = self._found
        if not self._memory.read(self._address(seq), found, RECORD_BYTES):
            return False
        self.crc = get16(found, _BODY)
        if self.crc != self._crc.of(found, _BODY) or get32(found, 0) != seq:
            return False
        self.seq = seq
        self.day = get16(found, 4)
        self.ms = get32(found, 6)
        self.kind = found[10]
        self.code = found[11]
        self.a = get32(found, 12)
        self.b = get32(found, 16)
        self.prev = get16(found, _PREV)
        return True

    def _address(self, seq: int) -> int:
        return self._base + seq % self._slots * RECORD_BYTES
