"""Lines from the host into events and answers; one place for both directions.

At most one line a tick becomes an event of the controller; it is answered
after the step, with what the controller made of it.  STOP overtakes it.
"""

from micropython import const, heap_lock, heap_unlock

from pump import VERSION
from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import reasons, roles, titration
from pump.core.self_test_items import ITEM_NAMES, RESULT_NAMES
from pump.protocol import framing, messages, session
from pump.protocol.authentication import is_key

# What an unframed line is answered with in the place of its SEQ.
_NO_SEQ = b"-"
# Bytes waiting to be sent beyond which lines without a SEQ get no ERR.
_NOISE_QUEUE = const(256)
# A session that was not stopped: what is left of it may be delivered yet.
_DELIVERY_OPEN = st.SESSION_STATES & ~(1 << st.STOPPED | 1 << st.ALARM_STOPPED)

_MAY_CALIBRATE = 1 << st.IDLE | 1 << st.FAULT


class HostLink:
    """The board's end of the conversation.

    What it executes by asking somebody else:

    ``authentication``  ``protocol.authentication.Authentication``
    ``journal``         ``app.journal.Journal``: event log, date, what is fitted
    ``post``            ``app.self_test.SelfTest``
    ``key_store``       ``hal.device_key.DeviceKey``
    ``calibrator``      ``app.calibrator.Calibrator``

    What it says:

    ``silent_ms``       time since the last line that was not refused
    ``repl_asked``      maintenance wants MicroPython's prompt
    ``restart_asked``   it has stored what takes effect with a restart
    """

    def __init__(
        self,
        usb,
        controller,
        serial: str,
        authentication,
        journal,
        post,
        key_store,
        calibrator,
    ):
        crc = framing.Crc16()
        self._crc = crc
        self._usb = usb
        self._controller = controller
        self._serial = serial
        self._line = framing.LineReader()
        self._reply = framing.LineWriter(crc)
        self._overtaken = framing.LineWriter(crc)
        self._readback = framing.LineWriter(crc)
        self.authentication = authentication
        self._journal = journal
        self._post = post
        self._has_read_log = False  # in this tick
        self._key_store = key_store
        self._calibrator = calibrator
        self.restart_asked = False
        self._key = bytearray(messages.KEY_PARTS * messages.KEY_PART_BYTES)
        self._key_parts = 0  # those received, one bit each
        self.repl_asked = False
        self.session = session.Session(crc, authentication)
        self.silent_ms = 0
        self.answer_is_due = False  # an event was handed to the step, answer due
        self._stopping = False  # that event is a STOP
        self._event_seq = session.NO_SEQ
        self._event_message = messages.M_STOP

    # --- before the step -------------------------------------------------------

    def poll(self, inputs, dt_ms: int) -> None:
        """Read what has come in the last ``dt_ms``; leaves the event of this tick in
        ``inputs``."""
        inputs.event = st.NO_EVENT
        self._has_read_log = False
        state_bit = 1 << self._controller.state
        self.authentication.step(dt_ms, state_bit & _DELIVERY_OPEN != 0)
        inputs.role = self.authentication.role
        if self._key_parts and inputs.role != roles.MAINTENANCE:
            self._forget_key()
        if self.silent_ms < 1_000_000:
            self.silent_ms += dt_ms
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
            overtakes = self.answer_is_due and not self._stopping
            if overtakes:
                self._say_overtaken()
            self.answer_is_due = True
            self._stopping = True
            inputs.event = st.EV_STOP
            self._keep_for_answer(overtakes)
        elif verdict == session.EXECUTE:
            if conversation.seq != session.NO_SEQ:
                # Only who takes part in the conversation keeps it alive, not
                # somebody who looks on.
                self.silent_ms = 0
            self._execute(inputs)
        elif verdict == session.REPEAT:
            self.silent_ms = 0
            if conversation.is_overtaken:
                self._usb.send(self._overtaken.data, self._overtaken.length)
            elif not self.answer_is_due or self._event_seq != conversation.seq:
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
        elif kind == messages.ACCESS:
            self._answer_access(self._access())
        elif kind == messages.CARE:
            heap_unlock()  # the motor is off
            reason = self._care(inputs)
            heap_lock()
            self._answer_now(reason)
        elif conversation.message == messages.M_COMMIT and (
            conversation.arguments[0] != self._staged_checksum()
        ):
            self._answer_now(reasons.RX_CHECKSUM)
        else:
            inputs.event = row[messages.COL_EVENT]
            inputs.argument = conversation.arguments[0]
            # That of the line, whatever the lines after it in this tick say.
            inputs.role = self.authentication.role
            self.answer_is_due = True
            self._stopping = False
            self._keep_for_answer()

    def _keep_for_answer(self, overtakes: bool = False) -> None:
        """Remember the line at hand until the step has decided."""
        if overtakes and self.session.seq != session.NO_SEQ:
            # Its answer takes the place of that to the line that it overtook.
            said = self._reply
            self._reply = self._overtaken
            self._overtaken = said
        self._event_seq = self.session.seq
        self._event_message = self.session.message
        self.session.executed(self._line, overtakes)

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

    def _answer_access(self, reason: int) -> None:
        conversation = self.session
        conversation.executed(self._line)
        self._write_answer(reason)
        if reason == reasons.OK and conversation.message == messages.M_CHALLENGE:
            self._reply.field_hex(self.authentication.nonce)
        elif reason == reasons.OK and conversation.message == messages.M_LOGIN:
            self._reply.field_text(roles.ROLE_NAMES[self.authentication.role])
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

    # --- roles and maintenance -------------------------------------------------------

    def _access(self) -> int:
        heap_unlock()  # up to 1 KiB for the digests  (L23)
        reason = self._log_in_or_out()
        heap_lock()
        return reason

    def _log_in_or_out(self) -> int:
        conversation = self.session
        if conversation.message == messages.M_CHALLENGE:
            return self.authentication.challenge(conversation.arguments[0])
        if conversation.message == messages.M_LOGIN:
            return self.authentication.login(conversation.arguments[0], conversation.hex)
        self.authentication.logout()
        return reasons.OK

    def _care(self, inputs) -> int:
        """Maintenance verbs; all need the motor off."""
        state_bit = 1 << self._controller.state
        if state_bit & st.ENABLED_STATES or inputs.enable_level:
            return reasons.MOTOR_ON
        a = self.session.arguments
        message = self.session.message
        if message == messages.M_DATE:
            if not self._journal.set_date(a[0], a[1], self.authentication.role):
                return reasons.STORAGE
        elif message == messages.M_KEY:
            at = a[0] * messages.KEY_PART_BYTES
            for i in range(messages.KEY_PART_BYTES):
                self._key[at + i] = self.session.hex[i]
            self._key_parts |= 1 << a[0]
        elif message == messages.M_KEY_COMMIT:
            reason = self._commit_key(a[0])
            self._forget_key()
            return reason
        elif message == messages.M_CALIBRATE or message == messages.M_CAL_COMMIT:
            return self._calibrate(message, a, state_bit)
        elif state_bit & st.SESSION_STATES:
            return reasons.NOT_IN_THIS_STATE
        else:
            self.repl_asked = True
        return reasons.OK

    def _calibrate(self, message: int, a, state_bit: int) -> int:
        """Between two infusions, or where a damaged record lets none begin."""
        if not state_bit & _MAY_CALIBRATE:
            return reasons.NOT_IN_THIS_STATE
        if message == messages.M_CALIBRATE:
            return self._calibrator.stage(a[0], a[1], a[2])
        reason = self._calibrator.commit(a[0], self._readback, self.authentication.role)
        self.restart_asked = reason == reasons.OK
        return reason

    def _forget_key(self) -> None:
        self._key_parts = 0
        for i in range(len(self._key)):
            self._key[i] = 0

    def _commit_key(self, checksum: int) -> int:
        key = self._key
        if self._key_parts != (1 << messages.KEY_PARTS) - 1:
            return reasons.KEY_MISMATCH
        if self._crc.of(key, len(key)) != checksum or not is_key(key):
            return reasons.KEY_MISMATCH
        if not self._key_store.set_key(key):
            return reasons.STORAGE
        self.authentication.set_key(key)
        return reasons.OK

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
        reason = self._why_not(message)
        if reason != reasons.OK:
            self._begin_error(reason)
            self._send_reply()
        elif message == messages.M_HELP and conversation.arguments[0] == messages.HELP_ALL:
            line = 0
            while line * messages.HELP_VERBS < len(messages.MESSAGES):
                self._begin_ok(messages.MESSAGES[message])
                self._write_help(line)
                self._send_reply()
                line += 1
        else:
            self._begin_ok(messages.MESSAGES[message])
            if message < messages.M_POST:
                self._write_query(message)
            else:
                self._write_board_query(message)
            self._send_reply()
        self._reply = kept

    def _why_not(self, message: int) -> int:
        """Why a query has no answer, or OK; finds the record that is asked for.

        Reading one takes 0.8 ms of the bus: one a tick.
        """
        if message == messages.M_LOG:
            if self._has_read_log:
                return reasons.BUSY
            self._has_read_log = True
            if not self._journal.read_record(self.session.arguments[0]):
                return reasons.NO_SUCH_RECORD
        return reasons.OK

    def _write_help(self, line: int) -> None:
        """Line ``line`` of HELP?: its number, and verbs; none beyond the last."""
        self._reply.field(line)
        at = line * messages.HELP_VERBS
        for i in range(at, min(at + messages.HELP_VERBS, len(messages.MESSAGES))):
            if messages.MESSAGES[i][messages.COL_KIND] != messages.NOTICE:
                self._reply.field_text(messages.MESSAGES[i][messages.COL_VERB])

    def _write_board_query(self, message: int) -> None:
        """What the board is and has, beside the infusion."""
        reply = self._reply
        journal = self._journal
        if message == messages.M_POST:
            post = self._post
            reply.field_text(RESULT_NAMES[post.result])
            reply.field_text(ITEM_NAMES[post.item])
            reply.field(post.absent_mask)
        elif message == messages.M_FITTED:
            reply.field(1 if journal.fram_fitted else 0)
            reply.field(1 if journal.clock_fitted else 0)
            reply.field(1 if journal.date_known else 0)
            reply.field(1 if journal.ok else 0)
            reply.field(1 if self.authentication.has_key else 0)
            reply.field(journal.on_bench)
        elif message == messages.M_ROLE:
            reply.field_text(roles.ROLE_NAMES[self.authentication.role])
            reply.field(self.authentication.locked_s())
            reply.field(self.authentication.attempts_left())
        elif message == messages.M_READ_DATE:
            reply.field(journal.day)
            reply.field(journal.ms // 1000)
            reply.field(1 if journal.date_known else 0)
        elif message == messages.M_LOG:
            journal.write_log_line(reply)
        elif message == messages.M_TABLE:
            reply.field(messages.PROTOCOL_VERSION)
            reply.field(self.session.table)
        elif message == messages.M_CAL:
            reply.text(b" ")
            self._calibrator.write_line(reply, self.session.arguments[0])
        elif message == messages.M_RAW:
            self._calibrator.write_raw(reply)
        else:
            log = journal.log
            reply.field(log.first_seq)
            reply.field(log.next_seq)
            reply.field(log.broken_seq)
            reply.field(1 if journal.fram_fitted else 0)
            reply.field(1 if journal.date_known else 0)

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
            reply.field(min(self._usb.dropped, session.COUNT_MAX))
        elif message == messages.M_ALARMS:
            reply.field(controller.alarms.active)
            reply.field(controller.alarms.acknowledged)
            first = controller.alarms.first()
            reply.field_text("NONE" if first < 0 else ac.ALARM_CONDITIONS[first][ac.COL_NAME])
            reply.field(1 if controller.alarms.needs_supervisor() else 0)
            reply.field((controller.alarms.audio_paused_ms + 999) // 1000)
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
        elif message == messages.M_HELP:
            self._write_help(conversation.arguments[0])
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
