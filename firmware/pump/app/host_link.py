"""Lines from the host into events and answers; one place for both directions.

At most one line a tick becomes an event of the controller; it is answered
after the step, with what the controller made of it.  STOP overtakes it.
"""

from micropython import const

from pump import VERSION
from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import reasons, titration
from pump.protocol import framing, messages, session

# What an unframed line is answered with in the place of its SEQ.
_NO_SEQ = b"-"
# Bytes waiting to be sent beyond which lines without a SEQ get no ERR.
_NOISE_QUEUE = const(256)
# Verbs that HELP? prints on one line.
_VERBS_A_LINE = const(6)


class HostLink:
    """``silent_ms``: time since the last line that was not refused."""

    def __init__(self, usb, controller, serial: str):
        crc = framing.Crc16()
        self._crc = crc
        self._usb = usb
        self._controller = controller
        self._serial = serial
        self._line = framing.LineReader()
        self._reply = framing.LineWriter(crc)
        self._readback = framing.LineWriter(crc)
        self.session = session.Session(crc)
        self.silent_ms = 0
        self.answer_is_due = False  # an event was handed to the step, answer due
        self._stopping = False  # that event is a STOP

    # --- before the step -------------------------------------------------------

    def poll(self, inputs) -> None:
        """Read what has come; leaves the event of this tick in ``inputs``."""
        inputs.event = st.NO_EVENT
        if self.silent_ms < 1_000_000:
            self.silent_ms += inputs.dt_ms
        is_first = True
        while self._usb.read_into(self._line, is_first):
            is_first = False
            self._handle(inputs)
        inputs.host_silent_ms = self.silent_ms

    def _handle(self, inputs) -> None:
        conversation = self.session
        verdict = conversation.accept(self._line)
        if verdict == session.HALT:
            self.silent_ms = 0
            if self.answer_is_due and not self._stopping:
                self._say_overtaken()
            self.answer_is_due = True
            self._stopping = True
            inputs.event = st.EV_STOP
            self._keep_for_answer()
        elif verdict == session.EXECUTE:
            if conversation.seq != session.NO_SEQ:
                # Only who takes part in the conversation keeps it alive, not
                # somebody who looks on.
                self.silent_ms = 0
            self._execute(inputs)
        elif verdict == session.REPEAT:
            self.silent_ms = 0
            if not self.answer_is_due:
                self._usb.send(self._reply.data, self._reply.length)
        elif verdict == session.REFUSE:
            self._refuse(conversation.reason)

    def _execute(self, inputs) -> None:
        conversation = self.session
        row = messages.MESSAGES[conversation.message]
        kind = row[messages.COL_KIND]
        if self.answer_is_due and conversation.seq != session.NO_SEQ:
            conversation.count(session.C_BUSY)
            self._refuse(reasons.BUSY)
        elif kind == messages.QUERY:
            self._query()
        elif kind == messages.LINK:
            # HELLO is outside of the sequence: a repeat of the line executed last
            # must still get that line's answer.
            kept = self._reply
            self._reply = self._readback
            self._begin_ok(row)
            self._reply.field(messages.PROTOCOL_VERSION)
            self._reply.field(conversation.table)
            self._reply.field(conversation.last_seq)
            self._send_reply()
            self._reply = kept
        elif kind == messages.STAGE:
            self._stage()
            self._answer_now(reasons.OK)
        elif conversation.message == messages.M_COMMIT and (
            conversation.arguments[0] != self._staged_checksum()
        ):
            self._answer_now(reasons.RX_CHECKSUM)
        else:
            inputs.event = row[messages.COL_EVENT]
            inputs.argument = conversation.arguments[0]
            self.answer_is_due = True
            self._stopping = False
            self._keep_for_answer()

    def _keep_for_answer(self) -> None:
        """Remember the line at hand until the step has decided."""
        self._event_seq = self.session.seq
        self._event_message = self.session.message
        self.session.executed(self._line)

    # --- after the step ----------------------------------------------------------

    def answer(self, outputs) -> None:
        """Say what became of the event of this tick; call when ``answer_is_due``."""
        self.answer_is_due = False
        conversation = self.session
        conversation.seq = self._event_seq
        if self._stopping:
            self._stopping = False
            conversation.message = messages.M_STOP
        else:
            conversation.message = self._event_message
        kept = self._reply
        if self._event_seq == session.NO_SEQ:
            # A STOP typed by hand must not become what a repeat is answered.
            self._reply = self._readback
        self._write_answer(outputs.event_result)
        self._send_reply()
        self._reply = kept

    def _answer_now(self, reason: int) -> None:
        self.session.executed(self._line)
        self._write_answer(reason)
        self._send_reply()

    def _write_answer(self, reason: int) -> None:
        if reason == reasons.OK:
            self._begin_ok(messages.MESSAGES[self.session.message])
        else:
            self._begin_error(reason)

    def _say_overtaken(self) -> None:
        """The event that a STOP overtook was not executed; its SEQ is used up."""
        self.session.count(session.C_BUSY)
        seq = self.session.seq
        self.session.seq = self._event_seq
        self._begin_error(reasons.OVERTAKEN)
        self._send_reply()
        self.session.seq = seq

    # --- replies -------------------------------------------------------------------

    def _begin(self, word) -> None:
        reply = self._reply
        reply.begin()
        if self.session.seq == session.NO_SEQ:
            reply.text(_NO_SEQ)
        else:
            reply.number(self.session.seq)
        reply.text(word)

    def _begin_ok(self, row) -> None:
        self._begin(b" OK ")
        self._reply.text(row[messages.COL_VERB])

    def _begin_error(self, reason: int) -> None:
        self._begin(b" ERR ")
        row = reasons.REASONS[reason]
        self._reply.text(row[0])
        self._reply.text(b" ")
        self._reply.text(row[1])

    def _refuse(self, reason: int) -> None:
        """Answer a line that was not executed.  The stored reply must stay the
        one of the line executed last, so this one is built apart from it.

        Noise is answered only while few bytes wait to be sent: its answers
        must not stand in the way of those that somebody waits for.
        """
        if self.session.seq == session.NO_SEQ and self._usb.queued > _NOISE_QUEUE:
            self._usb.dropped += 1
            return
        kept = self._reply
        self._reply = self._readback
        self._begin_error(reason)
        self._send_reply()
        self._reply = kept

    def _send_reply(self) -> None:
        self._reply.finish()
        self._usb.send(self._reply.data, self._reply.length)

    # --- staging -------------------------------------------------------------------

    def _stage(self) -> None:
        rx = self._controller.staged
        a = self.session.arguments
        message = self.session.message
        if message == messages.M_PROGRAM:
            rx.set_program(a[0], a[1], a[2], a[3], a[4], a[5])
        elif message == messages.M_SETTINGS:
            rx.set_settings(a[0], a[1], a[2], a[3], a[4])
        else:
            rx.set_rung(a[0], a[1], a[2])

    def _staged_checksum(self) -> int:
        """CRC over the RX? lines of the staged prescription, each with a line
        feed: what the host must have read to know it."""
        rx = self._controller.staged
        writer = self._readback
        crc = self._crc
        value_before = 0xFFFF
        for line in range(rx.n_rungs + 2):
            writer.begin()
            write_rx_line(writer, rx, line)
            crc.value = value_before
            for i in range(writer.length):
                crc.add(writer.data[i])
            crc.add(10)
            value_before = crc.value
        return value_before

    # --- queries -------------------------------------------------------------------

    def _query(self) -> None:
        conversation = self.session
        message = conversation.message
        framed = conversation.seq != session.NO_SEQ
        kept = self._reply
        if not framed:
            # Typed by hand: must not disturb what a repeat would be sent.
            self._reply = self._readback
        else:
            conversation.executed(self._line)
        if message == messages.M_HELP:
            self._help()
        else:
            self._begin_ok(messages.MESSAGES[message])
            self._write_query(message)
            self._send_reply()
        self._reply = kept

    def _help(self) -> None:
        row = messages.MESSAGES[messages.M_HELP]
        n = len(messages.MESSAGES)
        for start in range(0, n, _VERBS_A_LINE):
            self._begin_ok(row)
            for i in range(start, min(start + _VERBS_A_LINE, n)):
                if messages.MESSAGES[i][messages.COL_KIND] != messages.NOTICE:
                    self._reply.field_text(messages.MESSAGES[i][messages.COL_VERB])
            self._send_reply()

    def _write_query(self, message: int) -> None:
        reply = self._reply
        controller = self._controller
        conversation = self.session
        volume = controller.volume
        if message == messages.M_STATUS:
            reply.field_text(st.STATE_NAMES[controller.state])
            reply.field(controller.titration.rung)
            reply.field(controller.rx.n_rungs)
            reply.field(controller.ramp.rate_ul_h)
            reply.field(volume.delivered_ul())
            reply.field(controller.rx.vtbi_ul)
            reply.field(controller.alarms.active)
            reply.field(controller.open_question())
            reply.field(conversation.last_seq)
            reply.field(conversation.refused())
        elif message == messages.M_MOTION:
            reply.field(controller.session)
            reply.field(volume.vtbi_steps)
            reply.field(volume.granted_steps)
            reply.field(volume.counted_steps)
            reply.field(volume.missing_steps)
            reply.field(controller.late_ms)
        elif message == messages.M_LINK:
            for i in range(session.C_DROPPED):
                reply.field(conversation.counters[i])
            reply.field(self._usb.dropped)
        elif message == messages.M_ALARMS:
            reply.field(controller.alarms.active)
            reply.field(controller.alarms.acknowledged)
            first = controller.alarms.first()
            reply.field_text("NONE" if first < 0 else ac.ALARM_CONDITIONS[first][ac.COL_NAME])
        elif message == messages.M_QUESTION:
            asked = controller.titration
            reply.field(asked.question_id)
            reply.field_text(titration.QUESTION_NAMES[asked.due])
            reply.field(1 if asked.question else 0)
            reply.field(asked.rung)
            reply.field(asked.asked_ms // 1000)
        elif message == messages.M_RX:
            reply.text(b" ")
            write_rx_line(reply, controller.staged, conversation.arguments[0])
        elif message == messages.M_ORDER:
            reply.text(b" ")
            write_rx_line(reply, controller.rx, conversation.arguments[0])
        else:
            reply.field_text("Titra")
            reply.field_text("RP2040")
            reply.field_text(self._serial)
            reply.field_text(VERSION)


def write_rx_line(writer, rx, line: int) -> None:
    """Append line ``line`` of a prescription, as it is read back: 0 the
    program, 1 the settings, 2 and up the rungs."""
    writer.number(line)
    if line == 0:
        writer.field(rx.vtbi_ul)
        writer.field(rx.dose_mg)
        writer.field(rx.concentration_mg_ml)
        writer.field(rx.weight_g)
        writer.field(rx.cap_ul_h)
        writer.field(rx.n_rungs)
    elif line == 1:
        writer.field(rx.slew_ul_h_s)
        writer.field(rx.kvo_ul_h)
        writer.field(rx.occlusion_pa)
        writer.field(rx.check_s)
        writer.field(rx.link_timeout_s)
    else:
        index = line - 2
        if index < rx.n_rungs:
            writer.field(rx.rate_ul_h[index])
            writer.field(rx.dwell_s[index])
