"""Lines from the host into events and answers; one place for both directions.

Whatever it does is done a piece at a time, each of at most 0.8 ms on the board, and as
many in a tick as its time allows (L24): read a line, judge it, carry it out, answer it;
the line after it waits.  At most one line a tick becomes an event of the controller; it
is answered after the step, with what the controller made of it.

STOP waits for nothing: it acts in the tick in which its line feed is read, and is
answered in its turn.  The events that wait before it are no longer executed.
"""

from micropython import const, heap_lock, heap_unlock

from pump.app.answers import Answers
from pump.app.log_in import LogIn
from pump.app.maintenance import Maintenance
from pump.app.replies import Replies
from pump.app.staging import Staging
from pump.core import infusion_state as st
from pump.core import reasons, roles
from pump.protocol import authentication as auth
from pump.protocol import framing, line_queue, messages, session

# Bytes waiting to be sent beyond which lines without a SEQ get no ERR.
_NOISE_QUEUE = const(256)
# A session that was not stopped: what is left of it may be delivered yet.
_DELIVERY_OPEN = st.SESSION_STATES & ~(1 << st.STOPPED | 1 << st.ALARM_STOPPED)
# A tick that has read for as long as this has no time for journal and talk.
_READ_MUCH_US = const(1000)
# Before the step, a piece is begun only while the tick is younger than this: the step
# and what follows it take up to 3 ms.  (L24)
_BEFORE_STEP_US = const(900)
# Once it is known what the step decided, while it is younger than this.
_DECIDED_US = const(2000)

# What is left to do for the line at hand.
_NOTHING = const(0)
_JUDGE = const(1)
_EXECUTE = const(2)
_LOGIN = const(3)
_CHECK_STAGED = const(4)
_HELP = const(5)


class HostLink:
    """The board's end of the conversation.

    What it executes by asking somebody else:

    ``authentication``  ``protocol.authentication.Authentication``
    ``journal``         ``app.journal.Journal``
    ``post``            ``app.self_test.SelfTest``
    ``key_store``       ``hal.device_key.DeviceKey``
    ``calibrator``      ``app.calibrator.Calibrator``
    ``clock``           ``hal.clock.Clock``: how long this tick has lasted

    What it says:

    ``silent_ms``       time since the last line that was not refused
    ``answer_is_due``   the step has an event from here: tell ``answer`` what became of it
    ``has_read_much``   in this ``poll``: a tick that goes on for as long as it can has no
                        time for journal and talk
    ``is_busy``         ``poll`` and ``work_on`` in every tick, also when nothing comes
    ``maintenance``     ``app.maintenance.Maintenance``, and what it wants done
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
        clock,
        screen,
    ):
        crc = framing.Crc16()
        self._usb = usb
        self._controller = controller
        self._spent_us = clock.spent_us
        self._queue = line_queue.LineQueue()
        self.authentication = authentication
        self.session = session.Session(crc, authentication)
        self.answers = Answers(
            usb,
            controller,
            serial,
            authentication,
            journal,
            post,
            calibrator,
            clock,
            self.session,
            screen,
        )
        self.replies = Replies(usb, crc, self.answers)
        self._log_in = LogIn(authentication, self.answers)
        aside = self.replies.aside
        self._staging = Staging(controller, crc, aside)
        self.maintenance = Maintenance(
            controller, crc, aside, authentication, journal, key_store, calibrator
        )
        self._motor_is_on = False
        self.silent_ms = 0
        self.has_read_much = False
        self.is_busy = False
        self._left_out = 0  # lines of this tick for which there was no room
        self._work = _NOTHING
        self._help_line = 0
        # An event: had from a line, given to the step, decided.
        self._is_event_ready = False
        self.answer_is_due = False
        self._awaits_step = False  # a line is answered with what the step decides
        self._is_decided = False  # and this is known
        self._result = reasons.OK
        self._event_seq = session.NO_SEQ
        self._event_message = messages.M_STOP
        self._event_argument = 0
        self._event_role = roles.OBSERVER
        self._stopping = False  # the event of this tick is a STOP
        self._stops = 0  # of those that have acted, how many wait for their turn
        self._stop_result = reasons.OK
        self._overtaken_due = False  # an event was overtaken, and that is not said yet
        self._last_overtaken = False  # the line executed last was

    # --- before the step -------------------------------------------------------

    def poll(self, inputs, dt_ms: int, until_us: int) -> None:
        """Read what has come in the last ``dt_ms`` while the tick is younger than
        ``until_us``; leaves the event of this tick in ``inputs``."""
        inputs.event = st.NO_EVENT
        self._motor_is_on = inputs.enable_level
        self.answers.has_read_log = False
        state_bit = 1 << self._controller.state
        self.authentication.step(dt_ms, state_bit & _DELIVERY_OPEN != 0)
        inputs.role = self.authentication.role
        if self.maintenance.key_parts and inputs.role != roles.MAINTENANCE:
            self.maintenance.forget_key()
        if self.silent_ms < 1_000_000:
            self.silent_ms += dt_ms
        was_ready = self._is_event_ready
        spent_us = self._spent_us
        usb = self._usb
        began_us = spent_us()
        usb.begin_reading(until_us)
        # All of it before anything is done about it: a STOP may be the last.
        while usb.read_into(self._queue.incoming, spent_us):
            self._take_in()
        self.has_read_much = spent_us() - began_us > _READ_MUCH_US
        if self._left_out:
            self.session.count(session.C_LINES, self._left_out)
            self.session.count(session.C_BUSY, self._left_out)
            self._left_out = 0
        while self._has_piece() and spent_us() < _BEFORE_STEP_US:
            self._do_piece()
        if self._stopping:
            inputs.event = st.EV_STOP
            self.answer_is_due = True
        elif self._is_event_ready and (was_ready or spent_us() < _BEFORE_STEP_US):
            # A tick with an event has more to do than others.
            self._is_event_ready = False
            inputs.event = messages.MESSAGES[self._event_message][messages.COL_EVENT]
            inputs.argument = self._event_argument
            inputs.role = self._event_role
            self.answer_is_due = True
        inputs.host_silent_ms = self.silent_ms
        self.is_busy = self.answer_is_due or self._is_event_ready or self._has_piece()

    def _take_in(self) -> None:
        """A line has come: STOP acts, and every line waits for its turn."""
        queue = self._queue
        line = queue.incoming
        is_stop = line.is_stop()
        is_kept = queue.keep(is_stop)
        if is_stop:
            self.silent_ms = 0
            self._stopping = True
            if self._is_event_ready:
                self._is_event_ready = False
                self._awaits_step = False
                self._overtaken_due = True
                self._last_overtaken = True
                self.session.count(session.C_BUSY)
        if not is_kept:
            self._left_out += 1 + self._usb.skip_lines(self._spent_us)
        elif is_stop:
            self._stops += 1

    # --- after the step ----------------------------------------------------------

    def answer(self, outputs) -> None:
        """What became of the event of this tick; call when ``answer_is_due``."""
        self.answer_is_due = False
        if self._stopping:
            self._stopping = False
            self._stop_result = outputs.event_result
        if self._awaits_step:
            self._awaits_step = False
            self._is_decided = True
            self._result = outputs.event_result
        self._work_while(_DECIDED_US)

    def work_on(self) -> bool:
        """At the end of the tick: a piece of work; false if an event waits for the step."""
        if self._is_event_ready:
            return False
        if self._has_piece():
            self._do_piece()
        self.is_busy = self._is_event_ready or self._has_piece()
        return True

    def _work_while(self, until_us: int) -> None:
        spent_us = self._spent_us
        while self._has_piece() and not self._is_event_ready and spent_us() < until_us:
            self._do_piece()

    # --- one piece after the other -----------------------------------------------

    def _has_piece(self) -> bool:
        return (
            self._queue.waiting > 0
            or self.replies.is_writing
            or self._is_decided
            or self._overtaken_due
        )

    def _do_piece(self) -> None:
        if self.replies.is_writing:
            self.replies.write_on()
        elif self._overtaken_due:
            self._overtaken_due = False
            self.replies.say(self._event_seq, reasons.OVERTAKEN, b"")
        elif self._is_decided:
            self._is_decided = False
            self.answers.clear()
            verb = messages.MESSAGES[self._event_message][messages.COL_VERB]
            self.replies.say(self._event_seq, self._result, verb)
        elif self._work == _NOTHING:
            queue = self._queue
            self._work = _JUDGE
            self._judged(self.session.begin(queue.first(), queue.is_stop()))
        elif self._work == _JUDGE:
            self._judged(self.session.go_on())
        else:
            self._execute()

    def _judged(self, verdict: int) -> None:
        conversation = self.session
        if verdict == session.JUDGING:
            return
        if verdict == session.EXECUTE:
            if conversation.seq != session.NO_SEQ:
                # Only who takes part in the conversation keeps it alive, not
                # somebody who looks on.
                self.silent_ms = 0
            self._work = _EXECUTE
            return
        if verdict == session.HALT:
            self._stops -= 1
            self._keep_for_answer(messages.M_STOP, self._last_overtaken)
            if self._stopping:
                self._awaits_step = True
            else:
                self._is_decided = True
                self._result = self._stop_result
        elif verdict == session.REPEAT:
            self.silent_ms = 0
            if (
                conversation.is_overtaken
                or not self._awaits_step
                or self._event_seq != conversation.seq
            ):
                self.replies.repeat(conversation.is_overtaken)
        elif verdict == session.REFUSE:
            self._refuse(conversation.reason)
        self._done()

    def _done(self) -> None:
        self._work = _NOTHING
        self._queue.release()

    def _execute(self) -> None:
        conversation = self.session
        work = self._work
        message = conversation.message
        row = messages.MESSAGES[message]
        kind = row[messages.COL_KIND]
        if work == _LOGIN:
            self._answer_access(self._log_in.go_on(conversation.arguments[0], conversation.hex))
        elif work == _CHECK_STAGED:
            if self._staging.sum_up():
                self._commit()
        elif work == _HELP:
            self._help_on()
        elif conversation.seq != session.NO_SEQ and (
            self._awaits_step or (self._stops and self._last_overtaken)
        ):
            conversation.count(session.C_BUSY)
            self._refuse(reasons.BUSY)
            self._done()
        elif kind == messages.QUERY:
            self._query(message)
        elif kind == messages.LINK:
            # HELLO is outside of the sequence: a repeat of the line executed last
            # must still get that line's answer.
            self.answers.take_hello()
            self.replies.say_aside(conversation.seq, reasons.OK, row[messages.COL_VERB])
            self._done()
        elif kind == messages.STAGE:
            self._staging.stage(message, conversation.arguments)
            self._answer_now(reasons.OK)
        elif kind == messages.ACCESS:
            self._answer_access(self._log_in.begin(message, conversation.arguments[0]))
        elif kind == messages.CARE:
            heap_unlock()  # the motor is off
            reason = self.maintenance.care(
                message, conversation.arguments, conversation.hex, self._motor_is_on
            )
            heap_lock()
            self._answer_now(reason)
        elif message == messages.M_COMMIT:
            self._staging.begin_sum()
            self._work = _CHECK_STAGED
        else:
            self._make_event()

    def _commit(self) -> None:
        if self.session.arguments[0] != self._staging.checksum:
            self._answer_now(reasons.RX_CHECKSUM)
        else:
            self._make_event()

    def _make_event(self) -> None:
        """The line at hand becomes an event, unless a STOP has come after it."""
        conversation = self.session
        if self._stops:
            conversation.count(session.C_BUSY)
            self._answer_now(reasons.OVERTAKEN)
            self._last_overtaken = True
            return
        self._keep_for_answer(conversation.message, False)
        self._event_argument = conversation.arguments[0]
        self._event_role = self.authentication.role  # whatever the lines after it say
        self._is_event_ready = True
        self._awaits_step = True
        self._done()

    def _keep_for_answer(self, message: int, overtakes: bool) -> None:
        """Remember the line at hand until the step has decided."""
        if overtakes and self.session.seq != session.NO_SEQ:
            # Its answer takes the place of that to the line that it overtook.
            self.replies.overtake()
        self._event_seq = self.session.seq
        self._event_message = message
        self.session.executed(self._queue.first(), overtakes)
        self._last_overtaken = False

    # --- queries -------------------------------------------------------------------

    def _query(self, message: int) -> None:
        conversation = self.session
        if conversation.seq != session.NO_SEQ:
            conversation.executed(self._queue.first())
            self._last_overtaken = False
        verb = messages.MESSAGES[message][messages.COL_VERB]
        if message == messages.M_HELP and conversation.arguments[0] == messages.HELP_ALL:
            self._help_line = 0
            self._work = _HELP
            return
        self.replies.say(conversation.seq, self.answers.take(message), verb)
        self._done()

    def _help_on(self) -> None:
        line = self._help_line
        if line * messages.HELP_VERBS < len(messages.MESSAGES):
            self._help_line = line + 1
            self.answers.take_help(line)
            verb = messages.MESSAGES[messages.M_HELP][messages.COL_VERB]
            self.replies.say(session.NO_SEQ, reasons.OK, verb)
        else:
            self._done()

    # --- replies -------------------------------------------------------------------

    def _answer_now(self, reason: int) -> None:
        """The line at hand is carried out, or refused for its meaning."""
        self.answers.clear()
        self._answer_with(reason)

    def _answer_with(self, reason: int) -> None:
        """The same, with what ``answers`` has to say."""
        conversation = self.session
        conversation.executed(self._queue.first())
        self._last_overtaken = False
        verb = messages.MESSAGES[conversation.message][messages.COL_VERB]
        self.replies.say(conversation.seq, reason, verb)
        self._done()

    def _answer_access(self, reason: int) -> None:
        self._work = _LOGIN
        if reason != auth.JUDGING:
            self._answer_with(reason)

    def _refuse(self, reason: int) -> None:
        """Answer a line that was not executed.  The stored reply must stay the
        one of the line executed last, so this one is built apart from it.

        Noise is answered only while few bytes wait to be sent: its answers
        must not stand in the way of those that somebody waits for.
        """
        if self.session.seq == session.NO_SEQ and self._usb.queued > _NOISE_QUEUE:
            self._usb.dropped += 1
            return
        self.replies.say_aside(self.session.seq, reason, b"")
