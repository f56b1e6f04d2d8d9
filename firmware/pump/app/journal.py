"""What outlives the power: the event log, the session and its lease.

``docs/storage.md`` has the layout and the reasons.  In short: the motor may
never have got further than the lease that was stored, read back and compared
before it was let go there; so whatever is found after a power cut, the lease
found is at least what was delivered.
"""

from micropython import const

from pump.core import event_log
from pump.core.checkpoint import (
    BUSY,
    DONE,
    IS_CLOSED,
    IS_OPEN,
    Checkpoint,
    StoredPrescription,
)
from pump.core.crc import Crc16
from pump.core.event_log import EventLog, RamMemory
from pump.core.note_ring import NoteRing
from pump.core.packing import get32, put16, put32
from pump.core.prescription import Prescription
from pump.core.reasons import OK
from pump.core.storage_layout import (
    CHECKPOINT_0,
    CHECKPOINT_1,
    LEASE_LOW_STEPS,
    LEASE_STEPS,
    LOG_BASE,
    LOG_SLOTS,
    PRESCRIPTION_0,
    PRESCRIPTION_1,
    RAM_SLOTS,
    SCRATCH,
)

# The queue ran dry and was counted: longer than any queue (100 ms), twice.
_STILL_MS = const(200)

# --- trouble -----------------------------------------------------------------------
_TRIES = const(3)
# A bus that answers nothing is tried again this often.
_PAUSE_MS = const(1000)

# --- what of the records is held back -------------------------------------------
# A person at the pump makes a few records a minute; a client gone wild makes
# one per tick.  Eight hours of that leave 330 of 1320 places to the rest.
_COMMON_ROOM = const(16)
_COMMON_BURST = const(32)
_COMMON_REFILL_MS = const(30_000)
# All conditions at once, and again when they clear.
_URGENT_ROOM = const(64)
_URGENT_BURST = const(128)
_URGENT_REFILL_MS = const(10_000)

# Without a date, time since boot is counted this far, 12 days.
_MS_MOST = const((1 << 30) - 1)
_DAY_MS = const(86_400_000)

# Name of the marker in flash, and its bytes: session 4, open or closed 1,
# lease in the FRAM 1, ordered steps 4, delivered steps 4.
MARKER = "session"
_MARKER_BYTES = const(14)
ARCHIVE = "log"
# The mark of a severe reaction: latched or released 1, session 4, day 2.  (M12)
LATCH = "severe"
_LATCH_BYTES = const(7)
_LATCHED = const(0x5A)
_RELEASED = const(0xA5)

# What the marker says.
_NONE = const(0)
_CLOSED = const(1)
_OPEN = const(2)
_DAMAGED = const(3)

# One transfer of the FRAM.
_PATTERN = const(24)

# What a damaged marker alone stands for: the largest order there is.
_ALL_STEPS = const(12_800_000)


class Journal:
    """One per board; ``boot`` first, then ``step`` every tick.

    ``fram_fitted``        the FRAM answered at boot
    ``fram_is_missing``    it did not, and had one the last time
    ``clock_fitted``       the clock chip did
    ``date_known``         records carry a date
    ``interrupted``        a session was open when the board was reset; it is to be
                           resumed or closed before another can be opened
    ``recovered_session``  its number
    ``recovered_steps``    what it delivered, at least: all that was ordered if
                           the FRAM does not know
    ``recovered_rung``     the rung that it was on
    ``can_resume``         its prescription was recovered, and its volume
    ``last_session``       the highest number used so far; the next is above it
    ``day``, ``ms``        since 2000-01-01, and of that day; without a date 0 and since boot
    ``lease_steps``        total of steps since START that may be granted
    ``session_open``       one is, until it is closed
    ``ok``                 log and checkpoint take what is written to them
    ``has_work``           something waits to be written: ``step`` wants every tick
    ``log``                the event log
    ``is_latched``         a severe reaction was reported, and no maintenance since
    ``latch_is_stored``    and the next boot will know
    ``on_bench``           see ``hal.bench_parts``: 0 no, 1 stand-ins in use, 2 refused
    """

    def __init__(self, fram, flash_store, clock_chip, on_bench: int = 0):
        self._fram = fram
        self._flash = flash_store
        self._clock = clock_chip
        self._crc = Crc16()
        self.fram_fitted = fram.fitted
        self.fram_is_missing = False
        # Where the log is when there is no FRAM.
        self._ram = RamMemory(0 if fram.fitted else RAM_SLOTS * event_log.RECORD_BYTES)
        if self.fram_fitted:
            self.log = EventLog(fram, LOG_BASE, LOG_SLOTS, self._crc)
        else:
            self.log = EventLog(self._ram, 0, RAM_SLOTS, self._crc)
        self._checkpoint = Checkpoint(fram, CHECKPOINT_0, CHECKPOINT_1, self._crc)
        self._stored_rx = StoredPrescription(fram, PRESCRIPTION_0, PRESCRIPTION_1, self._crc)
        self._common = NoteRing(_COMMON_ROOM, _COMMON_BURST, _COMMON_REFILL_MS)
        self._urgent = NoteRing(_URGENT_ROOM, _URGENT_BURST, _URGENT_REFILL_MS)
        self._marker = bytearray(_MARKER_BYTES)
        self.clock_fitted = clock_chip.fitted
        self.on_bench = on_bench
        self.date_known = False
        self.interrupted = False
        self.recovered_session = 0
        self.recovered_steps = 0
        self.recovered_rung = 0
        self.can_resume = False
        self.last_session = 0
        self.lease_steps = 0
        self._latch = bytearray(_LATCH_BYTES)
        self.is_latched = False
        self.latch_is_stored = False
        self.ok = True
        self.has_work = True
        self._rx_due = False  # ``_stored_rx`` has one that is to be written
        self.archive_due = False  # without FRAM: records that are not in flash
        self.session_open = False
        self._session = 0
        self._vtbi_steps = 0
        self._stored_lease = 0  # what the checkpoint says
        self._adopted = True  # the controller counts on from what was recovered
        self._still_ms = 0
        self._writing = None  # the block that is being written, if any
        self._new_lease = 0  # becomes ``lease_steps`` when it has been
        self._appended = None  # the ring whose oldest record is being written
        self._failures = 0
        self._pause_ms = 0
        self._ticket = 0
        self.day = 0
        self.ms = 0

    # --- boot --------------------------------------------------------------------

    def boot(self) -> None:
        """Read everything, and find out how the last session ended.

        Takes 2.7 s with a full log: before the watchdog runs.
        """
        self._take_date()
        self._read_latch()
        marker = self._read_marker()
        self.fram_is_missing = (
            not self.fram_fitted and 0 < marker < _DAMAGED and self._marker[5] == 1
        )
        marked = get32(self._marker, 0) if 0 < marker < _DAMAGED else 0
        checkpoint = self._checkpoint
        found = False
        if self.fram_fitted:
            found = checkpoint.load()
            self._stored_rx.load()
            self.ok = self.log.scan()
        else:
            if self._flash.read(ARCHIVE, self._ram.data) < 0:
                self._blank_ram()
            self.log.scan()
        self.last_session = marked
        if found and checkpoint.session > marked:
            self.last_session = checkpoint.session
        self._judge(marker, marked, found)
        self._say_what_there_is(found)

    def _judge(self, marker: int, marked: int, found: bool) -> None:
        """What was open.  Where marker and checkpoint do not agree, the one that
        means more delivered is believed."""
        checkpoint = self._checkpoint
        open_here = found and checkpoint.is_open
        if marker == _OPEN and not (found and self._marker[5] and checkpoint.session == marked):
            # The session's lease was never in this FRAM, or is not any more.
            self._interrupted(marked, get32(self._marker, 6))
        elif open_here and not (marker == _CLOSED and marked >= checkpoint.session):
            steps = checkpoint.lease_steps
            if steps > checkpoint.vtbi_steps:
                steps = checkpoint.vtbi_steps
            self._interrupted(checkpoint.session, steps)
            self._vtbi_steps = checkpoint.vtbi_steps
            self.recovered_rung = checkpoint.rung
            rx = Prescription()
            self.can_resume = steps < checkpoint.vtbi_steps and self.restore(rx)
            if marker != _OPEN and not self._write_marker(
                checkpoint.session, True, checkpoint.vtbi_steps, 0
            ):
                # Opening was cut off before the marker; without one, a FRAM that
                # vanishes later would not be missed.
                self.can_resume = False
        elif marker == _DAMAGED and not found:
            self._interrupted(0, _ALL_STEPS)
        elif open_here:
            # Closed by the marker when the FRAM could not be written.
            checkpoint.is_open = False
            self._write_whole(checkpoint)
        elif marker == _OPEN:
            # Closing was cut off before the marker.
            self._write_marker(marked, False, checkpoint.vtbi_steps, checkpoint.delivered_steps)
        if self.interrupted:
            code = 1 if self.can_resume else 0
            self.note(event_log.RECOVERED, code, self._session, self.recovered_steps)
        # Both copies again, so that damage to one of them costs nothing.
        if found and not checkpoint.slots.alike:
            self._write_whole(checkpoint)
        stored = self._stored_rx.slots
        if stored.valid and not stored.alike:
            stored.begin()
            self._write_out(stored)

    def _interrupted(self, session: int, steps: int) -> None:
        self.interrupted = True
        self.recovered_session = session
        self.recovered_steps = steps
        self.session_open = True
        self._session = session
        self._vtbi_steps = steps
        self._stored_lease = steps
        self._adopted = False

    def restore(self, rx) -> bool:
        """Fill ``rx`` with the prescription of the interrupted session; false,
        and ``rx`` empty, if it was lost or does not pass its own check."""
        stored = self._stored_rx
        if not self.interrupted or not stored.load() or stored.session != self.recovered_session:
            rx.clear()
            return False
        stored.restore(rx)
        if rx.check() != OK:
            rx.clear()
            return False
        return True

    def _say_what_there_is(self, found: bool) -> None:
        code = 0
        if self.fram_fitted:
            code |= event_log.HAS_FRAM
            if found and self._checkpoint.slots.valid < 2:
                code |= event_log.SLOT_DAMAGED
        if self.clock_fitted:
            code |= event_log.HAS_CLOCK
        if self.date_known:
            code |= event_log.HAS_DATE
        if self.log.broken_seq >= 0:
            code |= event_log.LOG_BROKEN
        if self.on_bench:
            code |= event_log.ON_BENCH
        self.note(event_log.STORAGE, code, self.log.count, self.log.broken_seq)

    def _blank_ram(self) -> None:
        data = self._ram.data
        for i in range(len(data)):
            data[i] = 0

    # --- date ----------------------------------------------------------------------

    def _take_date(self) -> None:
        clock = self._clock
        if self.clock_fitted and clock.read():
            self.day = clock.day
            self.ms = clock.second * 1000
            self.date_known = True

    def set_date(self, day: int, second: int, role: int) -> bool:
        """Set the date, motor off: ``day`` since 2000-01-01, ``second`` of it.
        Without a clock chip it lasts until the power goes."""
        if self.clock_fitted:
            if not self._clock.set_date(day, second):
                return False
        elif not 1 <= day <= 36_524 or not 0 <= second < 86_400:
            return False
        self.note(event_log.DATE_SET, role, self.day, self.ms)
        self.day = day
        self.ms = second * 1000
        self.date_known = True
        return True

    # --- the session ------------------------------------------------------------------

    def open_session(self, session: int, rx, vtbi_steps: int) -> bool:
        """Before the motor may be enabled; true if everything that a power cut
        needs is stored.  ``session`` is above ``last_session``.

        Writes flash (45 ms, up to 400 ms for each erase): the motor is off, and
        the tick is late.  The FRAM comes first: if the power goes before the
        marker is written, 0.5 mL count as delivered; the other way round, all.
        """
        if self.session_open or session <= self.last_session or vtbi_steps <= 0:
            return False
        self._finish_writing()
        lease = vtbi_steps
        checkpoint = self._checkpoint
        if self.fram_fitted:
            if lease > LEASE_STEPS:
                lease = LEASE_STEPS
            self._stored_rx.take(session, rx)
            self._stored_rx.slots.begin()
            self._rx_due = False
            checkpoint.session = session
            checkpoint.is_open = True
            checkpoint.rung = 0
            checkpoint.vtbi_steps = vtbi_steps
            checkpoint.lease_steps = lease
            checkpoint.delivered_steps = 0
            if not self._write_out(self._stored_rx.slots) or not self._write_whole(checkpoint):
                self.ok = False
                return False
        self.last_session = session
        if not self._write_marker(session, True, vtbi_steps, 0):
            self.ok = False
            if self.fram_fitted:
                checkpoint.is_open = False
                checkpoint.lease_steps = 0
                self._write_whole(checkpoint)
            return False
        self._session = session
        self._vtbi_steps = vtbi_steps
        self._stored_lease = lease
        self.lease_steps = lease
        self.session_open = True
        self._adopted = True
        self._still_ms = 0
        self._take_date()
        self.note(event_log.START, 1 if self.fram_fitted else 0, session, vtbi_steps)
        return True

    def amend(self, rx, vtbi_steps: int) -> bool:
        """The open session goes on with ``rx``, which is tighter (L25).  Stored by
        28 of the steps that follow; false while the one before still is: ask
        again in the next tick."""
        if not self.session_open or vtbi_steps > self._vtbi_steps:
            return False
        if self._rx_due or self._writing is self._stored_rx.slots:
            return False
        self._vtbi_steps = vtbi_steps
        if self.lease_steps > vtbi_steps:
            self.lease_steps = vtbi_steps
        if self.fram_fitted:
            self._stored_rx.take(self._session, rx)
            self._rx_due = True
            self.has_work = True
        return True

    def close_session(self, delivered_steps: int) -> bool:
        """END, motor off; true if it is stored that the session is closed.
        Writes flash, like ``open_session``."""
        if not self.session_open:
            return True
        self._finish_writing()
        if not self._adopted and delivered_steps < self.recovered_steps:
            delivered_steps = self.recovered_steps
        in_fram = False
        checkpoint = self._checkpoint
        if self.fram_fitted and checkpoint.session == self._session:
            checkpoint.is_open = False
            checkpoint.lease_steps = delivered_steps
            checkpoint.delivered_steps = delivered_steps
            in_fram = self._write_whole(checkpoint)
        in_flash = self._write_marker(self._session, False, self._vtbi_steps, delivered_steps)
        self.lease_steps = 0
        if not in_flash and not in_fram:
            self.ok = False
            return False
        whole = self.interrupted and not self.can_resume
        self.note(event_log.CLOSED, 1 if whole else 0, self._session, delivered_steps)
        self.session_open = False
        self.interrupted = False
        self.can_resume = False
        return True

    # --- a severe reaction ----------------------------------------------------------------

    def _read_latch(self) -> None:
        """Whatever there is and does not say for certain that maintenance has
        released the pump latches it: a damaged record too."""
        n = self._flash.read(LATCH, self._latch)
        self.is_latched = n != -1 and not (n == _LATCH_BYTES and self._latch[0] == _RELEASED)
        self.latch_is_stored = self.is_latched

    def store_latch(self) -> bool:
        """A severe reaction, motor off: true once every later boot will know of it.
        Writes flash, like ``close_session``; said again it costs nothing.  (M12)"""
        self.is_latched = True
        if not self.latch_is_stored:
            self.latch_is_stored = self._write_latch(_LATCHED)
        return self.latch_is_stored

    def remove_latch(self) -> bool:
        """Maintenance releases the pump; true if it is stored."""
        if not self._write_latch(_RELEASED):
            return False
        self.is_latched = False
        self.latch_is_stored = False
        return True

    def _write_latch(self, what: int) -> bool:
        latch = self._latch
        latch[0] = what
        put32(latch, 1, self._session)
        put16(latch, 5, self.day)
        return self._flash.write(LATCH, latch, _LATCH_BYTES)

    # --- every tick ----------------------------------------------------------------------

    def step(
        self, may_move: bool, granted_steps: int, delivered_steps: int, rung: int, dt_ms: int
    ) -> None:
        """After a step of the controller, ``dt_ms`` after the call before, every 80 ms
        at least: at most one transaction on the bus, 0.7 ms, and nothing in flash.

        ``may_move``         the driver is enabled
        ``granted_steps``    since START, a recovered session's volume included
        ``delivered_steps``  the same of what was delivered
        """
        self._pass_time(dt_ms)
        self._work(may_move, granted_steps, delivered_steps, rung, dt_ms)
        self.has_work = (
            self._appended is not None
            or self._writing is not None
            or self._rx_due
            or self._common.count > 0
            or self._urgent.count > 0
        )

    def _work(
        self, may_move: bool, granted_steps: int, delivered_steps: int, rung: int, dt_ms: int
    ) -> None:
        if may_move:
            self._still_ms = 0
            if self.interrupted and self._adopted:
                self.interrupted = False  # it goes on
        elif self._still_ms < _STILL_MS:
            self._still_ms += dt_ms
        if not self._adopted:
            if granted_steps < self.recovered_steps:
                self.lease_steps = 0
            elif self.can_resume:
                self._adopted = True
                self.lease_steps = self._stored_lease
        if not self.fram_fitted:
            self._write_note()
            return
        if self._pause_ms > 0:
            self._pause_ms -= dt_ms
            return
        if self._appended is not None:
            self._confirm_note()
        elif self._writing is not None:
            self._go_on_writing()
        elif (
            self.session_open
            and self._adopted
            and (
                not may_move
                or self.lease_steps - granted_steps < LEASE_LOW_STEPS
                or delivered_steps > granted_steps
                or self._checkpoint.vtbi_steps != self._vtbi_steps
            )
            and self._lease_is_due(may_move, granted_steps, delivered_steps)
        ):
            checkpoint = self._checkpoint
            checkpoint.rung = rung
            checkpoint.vtbi_steps = self._vtbi_steps
            checkpoint.lease_steps = self._new_lease
            checkpoint.begin()
            self._writing = checkpoint.slots
            self._go_on_writing()
        elif self._rx_due:
            # Only when the lease is far: nobody may hold it up by amending.
            self._rx_due = False
            self._writing = self._stored_rx.slots
            self._writing.begin()
            self._go_on_writing()
        elif self._common.count or self._urgent.count:
            self._write_note()

    def _lease_is_due(self, may_move: bool, granted_steps: int, delivered_steps: int) -> bool:
        """Whether the checkpoint is to say something else, and what."""
        checkpoint = self._checkpoint
        reached = granted_steps
        if delivered_steps > reached:
            reached = delivered_steps
        if may_move:
            left = self.lease_steps - reached
            lease = self.lease_steps
            if left < LEASE_LOW_STEPS and reached + LEASE_STEPS > lease:
                lease = reached + LEASE_STEPS
            if lease > self._vtbi_steps:
                lease = self._vtbi_steps
            self._new_lease = lease
            return lease > self.lease_steps or checkpoint.vtbi_steps != self._vtbi_steps
        if self._still_ms < _STILL_MS or (
            self._stored_lease == delivered_steps and checkpoint.vtbi_steps == self._vtbi_steps
        ):
            return False
        # Nothing moves: from here on nothing beyond what was delivered may be
        # granted, until a new lease has been stored.
        self.lease_steps = delivered_steps
        self._new_lease = delivered_steps
        checkpoint.delivered_steps = delivered_steps
        return True

    def _go_on_writing(self) -> None:
        slots = self._writing
        if slots is None:
            return
        result = slots.advance()
        if result == BUSY:
            return
        self._writing = None
        if result == DONE:
            self._failures = 0
            if slots is self._checkpoint.slots:
                self._stored_lease = self._new_lease
                self.lease_steps = self._new_lease
                if self.lease_steps > self._vtbi_steps:
                    self.lease_steps = self._vtbi_steps  # amended meanwhile
            return
        if slots is not self._checkpoint.slots:
            slots.begin()
            self._writing = slots
        self._failed()

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= _TRIES:
            self.ok = False
            self._failures = 0
            self._pause_ms = _PAUSE_MS

    # --- the log ------------------------------------------------------------------------

    def note(self, kind: int, code: int, a: int, b: int) -> None:
        """A record for the log, ``kind`` and the rest as in
        ``event_log.LOG_KINDS``; written by the steps that follow."""
        ring = self._urgent if event_log.is_urgent(kind, code) else self._common
        if ring.admits():
            ring.put(self._ticket, self.day, self.ms, kind, code, a, b)
            self._ticket += 1
            self.has_work = True

    def pending(self) -> int:
        """Records that wait to be written."""
        return self._common.count + self._urgent.count

    def _pass_time(self, dt_ms: int) -> None:
        if self.date_known:
            self.ms += dt_ms
            if self.ms >= _DAY_MS:
                self.ms -= _DAY_MS
                self.day += 1
        elif self.ms < _MS_MOST - 1000:
            self.ms += dt_ms
        common = self._common
        if common.allowed < _COMMON_BURST or common.kept:
            common.pass_time(dt_ms)
            if common.kept and common.owes_report():
                self._report(common, 0)
        urgent = self._urgent
        if urgent.allowed < _URGENT_BURST or urgent.kept:
            urgent.pass_time(dt_ms)
            if urgent.kept and urgent.owes_report():
                self._report(urgent, 1)

    def _report(self, ring, room: int) -> None:
        ring.put(self._ticket, self.day, self.ms, event_log.KEPT_BACK, room, ring.kept, 0)
        self._ticket += 1
        ring.kept = 0

    def _write_note(self) -> None:
        """Write the oldest record that waits."""
        ring = self._urgent
        common = self._common
        if ring.count == 0:
            if common.count == 0:
                return
            ring = common
        elif common.count and common.ticket[common.head] < ring.ticket[ring.head]:
            ring = common
        i = ring.head
        if self.log.append(
            ring.day[i], ring.ms[i], ring.kind[i], ring.code[i], ring.a[i], ring.b[i]
        ):
            self._appended = ring
            if not self.fram_fitted:
                self._confirm_note()
                self.archive_due = True
        else:
            self._failed()

    def _confirm_note(self) -> None:
        ring = self._appended
        self._appended = None
        if ring is None:
            return
        if self.log.confirm():
            ring.drop_oldest()
            self._failures = 0
        else:
            self._failed()

    def archive(self) -> bool:
        """Without FRAM: put the records into flash.  Motor off; some 100 ms."""
        if self.fram_fitted or not self.archive_due:
            return True
        if not self._flash.write(ARCHIVE, self._ram.data, len(self._ram.data)):
            return False
        self.archive_due = False
        return True

    # --- reading the log ------------------------------------------------------------------

    def read_record(self, seq: int) -> bool:
        """Have record ``seq`` in ``log``; false if there is none, or a damaged one.
        0.8 ms of the bus."""
        if self._appended is not None:
            self._confirm_note()
        return self.log.fetch(seq)

    def write_log_line(self, reply) -> None:
        """Append the record that was read to a reply: ``event_log.LOG_FIELDS``."""
        log = self.log
        reply.field(log.seq)
        reply.field(log.day)
        reply.field(log.ms)
        reply.field(log.kind)
        reply.field(log.code)
        reply.field(log.a)
        reply.field(log.b)
        reply.field(log.prev)
        reply.field(log.crc)

    # --- the self-test --------------------------------------------------------------------

    def test_pattern(self) -> bool:
        """Whether the FRAM takes a pattern, and its complement, and gives them back."""
        pattern = bytearray(_PATTERN)
        back = bytearray(_PATTERN)
        for flip in (0x55, 0xAA):
            for i in range(_PATTERN):
                pattern[i] = i * 17 & 0xFF ^ flip
            if not self._fram.write(SCRATCH, pattern, _PATTERN):
                return False
            if not self._fram.read(SCRATCH, back, _PATTERN) or back != pattern:
                return False
        return True

    # --- blocks, while the motor is off ---------------------------------------------------

    def _write_whole(self, checkpoint) -> bool:
        checkpoint.begin()
        return self._write_out(checkpoint.slots)

    def _write_out(self, slots) -> bool:
        """Write a block that was begun to its end, with another try or two."""
        for _ in range(_TRIES):
            result = slots.advance()
            while result == BUSY:
                result = slots.advance()
            if result == DONE:
                return True
            slots.begin()
        return False

    def _finish_writing(self) -> None:
        """Bring what a step has begun to its end."""
        if self._appended is not None:
            self._confirm_note()
        if self._writing is not None:
            self._write_out(self._writing)
            self._writing = None
        self._rx_due = False

    # --- the marker in flash ------------------------------------------------------------------

    def _read_marker(self) -> int:
        n = self._flash.read(MARKER, self._marker)
        if n == _MARKER_BYTES:
            if self._marker[4] == IS_OPEN:
                return _OPEN
            if self._marker[4] == IS_CLOSED:
                return _CLOSED
        return _NONE if n == -1 else _DAMAGED

    def _write_marker(
        self, session: int, is_open: bool, vtbi_steps: int, delivered_steps: int
    ) -> bool:
        marker = self._marker
        put32(marker, 0, session)
        marker[4] = IS_OPEN if is_open else IS_CLOSED
        marker[5] = 1 if self.fram_fitted else 0
        put32(marker, 6, vtbi_steps)
        put32(marker, 10, delivered_steps)
        return self._flash.write(MARKER, marker, _MARKER_BYTES)
