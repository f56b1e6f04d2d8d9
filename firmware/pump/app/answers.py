"""What a query is answered with: figures taken all at once, and written one by one."""

from array import array

from micropython import const

from pump import VERSION
from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import reasons, roles, titration
from pump.core.self_test_items import ITEM_NAMES, RESULT_NAMES
from pump.protocol import messages, session

# Of LINK?, which has most.
_FIELDS_MAX = const(13)


class Answers:
    """``take`` keeps what a query asks for as it is now; ``write_part`` appends it to
    the answer over the ticks that follow.  ``has_read_log``: in this tick."""

    def __init__(
        self,
        usb,
        controller,
        serial: str,
        access,
        journal,
        post,
        calibrator,
        clock,
        conversation,
        screen,
    ):
        self._usb = usb
        self._controller = controller
        self._serial = serial
        self._access = access
        self.journal = journal
        self._post = post
        self._calibrator = calibrator
        self._clock = clock
        self._session = conversation
        self._screen = screen
        self._values = array("i", [0] * _FIELDS_MAX)
        self._texts: list = [None] * _FIELDS_MAX  # where a field is no number
        self._n = 0
        self._is_numbered = False
        self._is_nonce = False
        self._is_record = False
        self._row = 0  # of what has several lines
        self.has_read_log = False

    def clear(self) -> None:
        """An answer that is its verb alone."""
        self._n = 0
        self._is_numbered = False
        self._is_nonce = False
        self._is_record = False

    # --- writing -------------------------------------------------------------------

    def has_more(self) -> bool:
        """Whether anything follows the verb."""
        return self._n > 0

    def write_part(self, line, part: int) -> bool:
        """Append field ``part`` to ``line``; whether more follow."""
        if self._is_record:
            self.clear()
            self.journal.write_log_line(self)
        text = self._texts[part]
        if text is not None:
            if self._is_nonce:
                line.field_hex(text)
            else:
                line.field_text(text)
        elif part == 0 and self._is_numbered:
            line.text(b" ")
            line.number(self._values[0])
        else:
            line.field(self._values[part])
        return part + 1 < self._n

    # --- who has something to say says it as to a LineWriter -----------------------

    def number(self, value: int) -> None:
        """Take the number of a line, which stands first and without a comma."""
        self._is_numbered = True
        self.field(value)

    def field(self, value: int) -> None:
        """Take a number."""
        n = self._n
        self._values[n] = value
        self._texts[n] = None
        self._n = n + 1

    def field_text(self, text) -> None:
        """Take a text, bytes or str."""
        n = self._n
        self._texts[n] = text
        self._n = n + 1

    def _flag(self, flag: bool) -> None:
        self.field(1 if flag else 0)

    # --- taking --------------------------------------------------------------------

    def take(self, message: int) -> int:
        """Keep what query ``message`` of the conversation is to be answered with; a
        reason, if there is nothing."""
        self.clear()
        self._row = self._session.arguments[0]
        if message < messages.M_POST:
            self._take_infusion(message)
            return reasons.OK
        if message == messages.M_LOG:
            # It takes 0.8 ms of the bus: one a tick.
            if self.has_read_log:
                return reasons.BUSY
            self.has_read_log = True
            if not self.journal.read_record(self._row):
                return reasons.NO_SUCH_RECORD
            # It stays as it was read until the next is: taken when its turn comes.
            self._is_record = True
            self._n = 1
            return reasons.OK
        self._take_board(message)
        return reasons.OK

    def take_hello(self) -> None:
        """What HELLO is answered with."""
        self.clear()
        self.field(messages.PROTOCOL_VERSION)
        self.field(self._session.table)
        self.field(self._session.last_seq)

    def take_nonce(self) -> None:
        """What CHALLENGE is answered with."""
        self.clear()
        self._is_nonce = True
        self.field_text(self._access.nonce)

    def take_role(self) -> None:
        """What LOGIN is answered with."""
        self.clear()
        self.field_text(roles.ROLE_NAMES[self._access.role])

    def take_help(self, line: int) -> None:
        """Line ``line`` of HELP?: its number, and verbs; none beyond the last."""
        self.clear()
        self.field(line)
        at = line * messages.HELP_VERBS
        for i in range(at, min(at + messages.HELP_VERBS, len(messages.MESSAGES))):
            if messages.MESSAGES[i][messages.COL_KIND] != messages.NOTICE:
                self.field_text(messages.MESSAGES[i][messages.COL_VERB])

    def _take_infusion(self, message: int) -> None:
        controller = self._controller
        if message == messages.M_STATUS:
            self._take_status(controller)
        elif message == messages.M_MOTION:
            volume = controller.volume
            self.field(controller.session)
            self.field(volume.vtbi_steps)
            self.field(volume.granted_steps)
            self.field(volume.counted_steps)
            self.field(volume.missing_steps)
            self.field(controller.late_ms)
        elif message == messages.M_LINK:
            for i in range(session.C_DROPPED):
                self.field(self._session.counters[i])
            self.field(min(self._usb.dropped, session.COUNT_MAX))
        elif message == messages.M_ALARMS:
            alarms = controller.alarms
            self.field(alarms.active)
            self.field(alarms.acknowledged)
            first = alarms.first()
            if first >= 0:
                self.field_text(ac.ALARM_CONDITIONS[first][ac.COL_NAME])
            else:
                self.field_text(ac.SEVERE_NAME if alarms.severe else "NONE")
            self._flag(alarms.needs_supervisor())
            self.field((alarms.audio_paused_ms + 999) // 1000)
        elif message == messages.M_QUESTION:
            asked = controller.titration
            self.field(asked.question_id)
            self.field_text(titration.QUESTION_NAMES[asked.due])
            self._flag(asked.question)
            self.field(asked.rung)
            self.field(asked.asked_ms // 1000)
        elif message == messages.M_RX:
            write_rx_line(self, controller.staged, self._row)
        elif message == messages.M_HELP:
            self.take_help(self._row)
        elif message == messages.M_ORDER:
            write_rx_line(self, controller.rx, self._row)
        else:
            self.field_text("Titra")
            self.field_text("RP2040")
            self.field_text(self._serial)
            self.field_text(VERSION)

    def _take_status(self, controller) -> None:
        self.field_text(st.STATE_NAMES[controller.state])
        self.field(controller.titration.rung)
        self.field(controller.rx.n_rungs)
        self.field(controller.ramp.rate_ul_h)
        self.field(controller.volume.delivered_ul())
        self.field(controller.rx.vtbi_ul)
        self.field(controller.alarms.active)
        self.field(controller.open_question())
        self.field(self._session.last_seq)
        self.field(self._session.refused())

    def _take_board(self, message: int) -> None:
        """What the board is and has, beside the infusion."""
        journal = self.journal
        if message == messages.M_POST:
            post = self._post
            self.field_text(RESULT_NAMES[post.result])
            self.field_text(ITEM_NAMES[post.item])
            self.field(post.absent_mask)
        elif message == messages.M_FITTED:
            self._flag(journal.fram_fitted)
            self._flag(journal.clock_fitted)
            self._flag(journal.date_known)
            self._flag(journal.ok)
            self._flag(self._access.has_key)
            self.field(journal.on_bench)
        elif message == messages.M_ROLE:
            self.field_text(roles.ROLE_NAMES[self._access.role])
            self.field(self._access.locked_s())
            self.field(self._access.attempts_left())
        elif message == messages.M_READ_DATE:
            self.field(journal.day)
            self.field(journal.ms // 1000)
            self._flag(journal.date_known)
        elif message == messages.M_LOG:
            journal.write_log_line(self)
        elif message == messages.M_TABLE:
            self.field(messages.PROTOCOL_VERSION)
            self.field(self._session.table)
        elif message == messages.M_CAL:
            self._calibrator.write_line(self, self._row)
        elif message == messages.M_RAW:
            self._calibrator.write_raw(self)
        elif message == messages.M_STAMPS:
            for stamp in self._clock.stamps:
                self.field(stamp)
        elif message == messages.M_LOAD:
            self._take_load(self._clock)
        elif message == messages.M_SCREEN:
            self._take_screen(self._screen)
        else:
            log = journal.log
            self.field(log.first_seq)
            self.field(log.next_seq)
            self.field(log.broken_seq)
            self._flag(journal.fram_fitted)
            self._flag(journal.date_known)

    def _take_load(self, clock) -> None:
        self.field(clock.ticks)
        self.field(clock.busy_us // clock.ticks if clock.ticks else 0)
        self.field(clock.busy_max_us)
        self.field(clock.late_max_us)
        clock.count_anew()

    def _take_screen(self, screen) -> None:
        screen.take_rows()
        self._flag(screen.fitted)
        for row in screen.rows:
            self.field_text(row)


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
