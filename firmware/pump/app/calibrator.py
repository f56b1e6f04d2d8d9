"""The calibration of this board: read once at boot, changed only by maintenance.

What is measured is staged, read back and stored with its checksum; it takes effect
with the restart that follows, so that nothing ever runs on two of them.
"""

from micropython import const

from pump.core import event_log, reasons
from pump.core.calibration import (
    CALIBRATION_BYTES,
    IS_CALIBRATED,
    IS_DAMAGED,
    IS_NOMINAL,
    STATE_NAMES,
    Calibration,
)
from pump.core.crc import Crc16

CALIBRATION = "calibration"
# What a store says of a record that is not there, as hal.flash_store does.
MISSING = const(-1)


class Calibrator:
    """``in_force`` since boot; ``state`` is how its record was found.  A damaged one
    fails the self-test, so that nothing is delivered with a guess."""

    def __init__(self, flash_store, journal, sensors):
        self._store = flash_store
        self._journal = journal
        self._buffer = bytearray(CALIBRATION_BYTES)
        self._crc = Crc16()
        self._sensors = sensors  # who reads the converter
        self.in_force = Calibration()
        self.staged = Calibration()
        n = flash_store.read(CALIBRATION, self._buffer)
        if n == MISSING:
            self.state = IS_NOMINAL
        elif n < 0 or not self.in_force.take(self._buffer, n):
            self.state = IS_DAMAGED
        else:
            self.state = IS_CALIBRATED if self.in_force.parts else IS_NOMINAL
        self.staged.copy(self.in_force)

    def stage(self, part: int, a: int, b: int) -> int:
        """One part as it was measured today; a reason."""
        journal = self._journal
        return self.staged.measure(part, a, b, journal.day if journal.date_known else 0)

    def write_line(self, writer, which: int) -> None:
        """Append what CAL? says of the one in force (0) or the staged one (1)."""
        what = self.staged if which else self.in_force
        writer.number(which)
        if which:
            writer.field_text(STATE_NAMES[IS_CALIBRATED if what.parts else IS_NOMINAL])
        else:
            writer.field_text(STATE_NAMES[self.state])
        writer.field(what.step_ulh_ms)
        for part in (1, 2):
            writer.field(what.zero[part])
            writer.field(what.gain[part])
        for part in range(3):
            writer.field(what.day[part])

    def write_raw(self, writer) -> None:
        """Append what RAW? says."""
        writer.field(self._sensors.down_counts)
        writer.field(self._sensors.up_counts)

    def checksum(self, writer) -> int:
        """CRC-16 over the staged line, from its number on, and a line feed; ``writer``
        is overwritten."""
        crc = self._crc
        crc.begin()
        writer.begin()
        self.write_line(writer, 1)
        for i in range(writer.length):
            crc.add(writer.data[i])
        crc.add(10)
        return crc.value

    def commit(self, checksum: int, writer, role: int) -> int:
        """Store what is staged, motor off; a reason."""
        if checksum != self.checksum(writer):
            return reasons.RX_CHECKSUM
        self.staged.put(self._buffer)
        if not self._store.write(CALIBRATION, self._buffer, CALIBRATION_BYTES):
            return reasons.STORAGE
        self._journal.note(event_log.CALIBRATED, self.staged.parts, self.staged.step_ulh_ms, role)
        return reasons.OK
