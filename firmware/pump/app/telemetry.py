"""Lines that the device sends by itself."""

from array import array

from micropython import const

from pump import VERSION
from pump.app.line_in_parts import LineInParts
from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import titration
from pump.protocol import framing

_PERIOD_MS = const(1000)
# Of the line of every second, beside the state.
_N_FIGURES = const(7)

# What there is to say.
_STATE = const(0)
_RAISED = const(1)
_CLEARED = const(2)
_QUESTION = const(3)
_REPORT = const(4)
_SEVERE = const(5)
_MARKS = (b"!S", b"!A", b"!A", b"!Q", b"!T", b"!A")
# Notes that wait, each of what it is, two numbers, and when.
_NOTES = const(16)
_NOTE = const(5)
_N_VALUES = const(_NOTES * _NOTE)


class Telemetry(LineInParts):
    """Pushes state changes, questions, alarms and, every second, telemetry.

    What there is to say is noted when it happens, with its time, and written in parts,
    in that order.  All lines share one counter, so that a gap shows.

    ``is_writing``  there is something to say: ``write_on``
    """

    def __init__(self, usb, controller, clock, crc):
        self._writer = framing.LineWriter(crc)
        super().__init__(usb, self._writer)
        self._controller = controller
        self._clock = clock
        self._count = 0
        self._left_ms = 0
        self._state = st.SELF_TEST
        self._question_id = 0
        self._notes = array("i", [0] * _N_VALUES)
        self._first = 0
        self._waiting = 0
        self._figures = array("i", [0] * _N_FIGURES)
        self._reported_state = st.SELF_TEST
        self._is_reporting = False
        self._alarm = 0  # the condition that is being said

    def announce(self, cause_of_reset: int, table: int, on_bench: int) -> None:
        """The device has booted.  A line feed first: a reset may have cut off the
        line before."""
        self._usb.send(b"\n", 1)
        line = self._writer
        self._count += 1
        line.begin()
        line.text(b"!B")
        line.field(self._count)
        line.field(self._clock.seconds)
        line.text(b".")
        line.padded(self._clock.micros, 6)
        line.field_text(VERSION)
        line.field(cause_of_reset)
        line.field(table)
        line.field(on_bench)
        line.finish()
        self._usb.send(line.data, line.length)

    # --- what there is to say ------------------------------------------------------

    def step(self, inputs, outputs, dt_ms: int) -> None:
        """After a step of the controller, ``dt_ms`` after the call before; that there
        was something new to say is not waited with."""
        controller = self._controller
        if controller.state != self._state:
            self._note(_STATE, self._state, controller.state)
            self._state = controller.state
            if controller.state == st.SEVERE:
                self._note(_SEVERE, 0, 0)
        if outputs.raised:
            self._note(_RAISED, outputs.raised, 0)
        if outputs.cleared:
            self._note(_CLEARED, outputs.cleared, 0)
        asked = controller.titration
        if asked.question_id != self._question_id:
            self._question_id = asked.question_id
            self._note(_QUESTION, asked.question_id, asked.question << 8 | asked.rung)
        self._left_ms -= dt_ms
        if self._left_ms <= 0:
            self._left_ms += _PERIOD_MS
            if not self._is_reporting:
                self._report(controller, inputs, outputs)

    def _note(self, what: int, a: int, b: int) -> None:
        if self._waiting == _NOTES:
            self._count = (self._count + 1) % 100_000  # the gap shows
            self._usb.dropped += 1
            return
        notes = self._notes
        at = (self._first + self._waiting) % _NOTES * _NOTE
        notes[at] = what
        notes[at + 1] = a
        notes[at + 2] = b
        notes[at + 3] = self._clock.seconds
        notes[at + 4] = self._clock.micros
        self._waiting += 1
        if not self.is_writing:
            self._begin()

    def _report(self, controller, inputs, outputs) -> None:
        """Keep the figures as they are now."""
        figures = self._figures
        figures[0] = controller.titration.rung
        figures[1] = outputs.rate_ul_h
        figures[2] = controller.volume.delivered_ul()
        figures[3] = inputs.down_pa
        figures[4] = inputs.up_pa
        figures[5] = controller.alarms.active
        figures[6] = controller.open_question()
        self._reported_state = controller.state
        self._is_reporting = True
        self._note(_REPORT, 0, 0)

    # --- saying it -----------------------------------------------------------------

    def _begin(self) -> None:
        """The line of the note whose turn it is, or the next of its lines."""
        self.begin(self._writer)

    def write_on(self) -> None:
        """While ``is_writing``: the next part of a line."""
        super().write_on()
        if self.is_writing:
            return
        at = self._first * _NOTE
        what = self._notes[at]
        if what in (_RAISED, _CLEARED):
            # One condition less.
            self._notes[at + 1] &= ~(1 << self._alarm)
            if self._notes[at + 1]:
                self._begin()
                return
        elif what == _REPORT:
            self._is_reporting = False
        self._first = (self._first + 1) % _NOTES
        self._waiting -= 1
        if self._waiting:
            self._begin()

    def write_part(self, line, part: int) -> bool:
        """Append a part of the line at hand; whether more follow."""
        notes = self._notes
        at = self._first * _NOTE
        what = notes[at]
        if part == 0:
            self._count = (self._count + 1) % 100_000
            line.text(_MARKS[what])
            line.field(self._count)
            line.field(notes[at + 3])
            line.text(b".")
            line.padded(notes[at + 4], 6)
            return True
        if what == _REPORT:
            if part == 1:
                line.field_text(st.STATE_NAMES[self._reported_state])
            else:
                line.field(self._figures[part - 2])
            return part <= _N_FIGURES
        if what == _STATE:
            line.field_text(st.STATE_NAMES[notes[at + 1]])
            line.field_text(st.STATE_NAMES[notes[at + 2]])
        elif what == _QUESTION:
            line.field(notes[at + 1])
            line.field_text(titration.QUESTION_NAMES[notes[at + 2] >> 8])
            line.field(notes[at + 2] & 0xFF)
        elif what == _SEVERE:
            line.field_text(ac.SEVERE_NAME)
            line.field_text(ac.PRIORITY_NAMES[ac.HIGH])
            line.field_text("RAISED")
        else:
            self._write_alarm(line, notes[at + 1], what == _RAISED)
        return False

    def _write_alarm(self, line, mask: int, is_raised: bool) -> None:
        alarm = 0
        while not mask >> alarm & 1:
            alarm += 1
        self._alarm = alarm
        row = ac.ALARM_CONDITIONS[alarm]
        line.field_text(row[ac.COL_NAME])
        line.field_text(ac.PRIORITY_NAMES[row[ac.COL_PRIORITY]])
        line.field_text("RAISED" if is_raised else "CLEARED")
