"""Lines that the device sends by itself."""

from micropython import const

from pump import VERSION
from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import titration
from pump.protocol import framing

_PERIOD_MS = const(1000)


class Telemetry:
    """Pushes state changes, questions, alarms and, every second, telemetry.

    All lines share one counter, so that a gap shows.
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

    def _begin(self, mark) -> None:
        line = self._line
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

    def announce(self, cause_of_reset: int, table: int) -> None:
        """The device has booted.  A line feed first: a reset may have cut off the
        line before."""
        self._usb.send(b"\n", 1)
        self._begin(b"!B")
        self._line.field_text(VERSION)
        self._line.field(cause_of_reset)
        self._line.field(table)
        self._send()

    def step(self, inputs, outputs) -> None:
        """After each step of the controller."""
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
        self._left_ms -= inputs.dt_ms
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

    def _report(self, controller, inputs, outputs) -> None:
        self._begin(b"!T")
        line = self._line
        line.field_text(st.STATE_NAMES[controller.state])
        line.field(controller.titration.rung)
        line.field(outputs.rate_ul_h)
        line.field(controller.volume.delivered_ul())
        line.field(inputs.down_pa)
        line.field(inputs.up_pa)
        line.field(controller.alarms.active)
        line.field(controller.open_question())
        self._send()
