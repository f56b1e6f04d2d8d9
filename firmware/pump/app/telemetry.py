"""Lines that the device sends by itself."""

from array import array

from micropython import const

from pump import VERSION
from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import titration
from pump.protocol import framing

_PERIOD_MS = const(1000)
# Of the line of every second, beside the state.
_N_FIGURES = const(7)


class Telemetry:
    """Pushes state changes, questions, alarms and, every second, telemetry.

    All lines share one counter, so that a gap shows: the line of every second is
    numbered when its figures are taken, and comes some ticks later.

    ``is_writing``  that line is not finished: ``write_on`` in every tick
    """

    def __init__(self, usb, controller, clock, crc):
        self._usb = usb
        self._controller = controller
        self._clock = clock
        self._line = framing.LineWriter(crc)
        self._count = 0
        self._left_ms = 0
        self._state = st.SELF_TEST
        self._question_id = 0
        self.is_writing = False
        self._report_line = framing.LineWriter(crc)
        self._figures = array("i", [0] * _N_FIGURES)
        self._reported_state = st.SELF_TEST
        self._part = 0

    def _begin(self, mark) -> None:
        while self.is_writing:
            self.write_on()  # what was numbered before comes before
        self._begin_line(self._line, mark)

    def _begin_line(self, line, mark) -> None:
        self._count = (self._count + 1) % 100_000
        line.begin()
        line.text(mark)
        line.field(self._count)
        line.field(self._clock.seconds)
        line.text(b".")
        line.padded(self._clock.micros, 6)

    def _send(self) -> None:
        self._line.finish()
        self._usb.send(self._line.data, self._line.length)

    def announce(self, cause_of_reset: int, table: int, on_bench: int) -> None:
        """The device has booted.  A line feed first: a reset may have cut off the
        line before."""
        self._usb.send(b"\n", 1)
        self._begin(b"!B")
        self._line.field_text(VERSION)
        self._line.field(cause_of_reset)
        self._line.field(table)
        self._line.field(on_bench)
        self._send()

    def step(self, inputs, outputs, dt_ms: int) -> None:
        """After a step of the controller, ``dt_ms`` after the call before; that there
        was something new to say is not waited with."""
        controller = self._controller
        if controller.state != self._state:
            self._begin(b"!S")
            self._line.field_text(st.STATE_NAMES[self._state])
            self._line.field_text(st.STATE_NAMES[controller.state])
            self._send()
            self._state = controller.state
        if outputs.raised or outputs.cleared:
            self._alarms(outputs.raised, "RAISED")
            self._alarms(outputs.cleared, "CLEARED")
        if controller.titration.question_id != self._question_id:
            self._ask(controller.titration)
        self._left_ms -= dt_ms
        if self._left_ms <= 0:
            self._left_ms += _PERIOD_MS
            self._report(controller, inputs, outputs)

    def _alarms(self, mask: int, change: str) -> None:
        for i in range(ac.N_CONDITIONS):
            if mask >> i & 1:
                row = ac.ALARM_CONDITIONS[i]
                self._begin(b"!A")
                self._line.field_text(row[ac.COL_NAME])
                self._line.field_text(ac.PRIORITY_NAMES[row[ac.COL_PRIORITY]])
                self._line.field_text(change)
                self._send()

    def _ask(self, asked) -> None:
        self._question_id = asked.question_id
        self._begin(b"!Q")
        self._line.field(asked.question_id)
        self._line.field_text(titration.QUESTION_NAMES[asked.question])
        self._line.field(asked.rung)
        self._send()

    # --- the line of every second: 7 ms of work, a millisecond a tick ---------------------

    def _report(self, controller, inputs, outputs) -> None:
        """Keep the figures as they are now; the ticks that follow write them."""
        figures = self._figures
        figures[0] = controller.titration.rung
        figures[1] = outputs.rate_ul_h
        figures[2] = controller.volume.delivered_ul()
        figures[3] = inputs.down_pa
        figures[4] = inputs.up_pa
        figures[5] = controller.alarms.active
        figures[6] = controller.open_question()
        self._reported_state = controller.state
        self._begin_line(self._report_line, b"!T")
        self._part = 0
        self.is_writing = True

    def write_on(self) -> None:
        """While ``is_writing``, in each tick: the next part of the line."""
        line = self._report_line
        part = self._part
        self._part = part + 1
        if part == 0:
            line.field_text(st.STATE_NAMES[self._reported_state])
        elif part <= _N_FIGURES:
            line.field(self._figures[part - 1])
        elif part == _N_FIGURES + 1:
            line.finish()
        else:
            self._usb.send(line.data, line.length)
            self.is_writing = False
