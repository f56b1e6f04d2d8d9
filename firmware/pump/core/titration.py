"""Which rung: dwell, the question to a person, and the answer.  (L12, M15)

A rung is left upwards only when its dwell has passed at its own rate without
a stop, a person was then asked, and answered that very question within its
window.  Falling off the ladder is always allowed.
"""

from micropython import const

from pump.core import limits, reasons

QUESTION_NONE = const(0)
QUESTION_STEP_UP = const(1)
QUESTION_CHECK = const(2)
QUESTION_NAMES = ("NONE", "STEP_UP", "CHECK")


class Titration:
    """The rung and everything that gates the next one.

    ``rung``             index of the current rung
    ``dwell_ms``         delivery at this rung's rate without a stop
    ``question``         what is being asked, or ``QUESTION_NONE``
    ``question_id``      number of the question asked last, 1 to 65535
    ``asked_ms``         time since it was asked
    ``unanswered_ms``    time since the first of a series of unanswered ones
    """

    def __init__(self):
        self.rung = 0
        self.dwell_ms = 0
        self.check_ms = 0
        self.question = QUESTION_NONE
        self.question_id = 0
        self.asked_ms = 0
        self.unanswered_ms = 0
        self.due = QUESTION_NONE

    def begin(self) -> None:
        """A new session: rung 0, nothing asked.  Question numbers go on, so
        that an answer meant for the session before fits nothing."""
        self.rung = 0
        self.interrupt()

    def interrupt(self) -> None:
        """A stop, pause, hold, alarm or reset: the dwell starts again and any
        open question is void."""
        self.dwell_ms = 0
        self.check_ms = 0
        self._close()

    def void_question(self) -> None:
        """An alarm or a reset: no answer to what was asked before counts any
        more.  The dwell stays, so it is asked again, under a new number; the time
        for which nobody has answered goes on."""
        self.question = QUESTION_NONE
        self.due = QUESTION_NONE
        self.asked_ms = 0

    def restart_ladder(self) -> None:
        """Half an hour without delivery: back to rung 0.  (L13)"""
        self.rung = 0
        self.interrupt()

    def _close(self) -> None:
        self.question = QUESTION_NONE
        self.due = QUESTION_NONE
        self.asked_ms = 0
        self.unanswered_ms = 0

    def _ask(self, kind: int) -> None:
        # 0 is never a question, so that a blank answer fits nothing.
        self.question_id = self.question_id % 65535 + 1
        self.question = kind
        self.due = kind
        self.asked_ms = 0

    def advance(self, rx, at_rung_rate: bool, may_climb: bool, dt_ms: int) -> bool:
        """Let ``dt_ms`` of delivery pass; returns whether a person has left the
        questions unanswered for too long.

        ``at_rung_rate``: the commanded rate is the rung's, so the dwell counts.
        ``may_climb``: false while the rung is held.
        """
        if at_rung_rate:
            self.dwell_ms += dt_ms
        climbing = may_climb and self.rung < rx.n_rungs - 1
        if not climbing:
            self.check_ms += dt_ms
        if self.due != QUESTION_NONE:
            self.asked_ms += dt_ms
            self.unanswered_ms += dt_ms
            if self.asked_ms >= limits.QUESTION_REPEAT_MS:
                self._ask(self.due)
            elif self.asked_ms >= limits.QUESTION_WINDOW_MS:
                self.question = QUESTION_NONE
            return self.unanswered_ms >= limits.QUESTION_UNANSWERED_MS
        if climbing:
            if self.dwell_ms >= rx.dwell_s[self.rung] * 1000:
                self._ask(QUESTION_STEP_UP)
        elif self.check_ms >= rx.check_s * 1000:
            self._ask(QUESTION_CHECK)
        return False

    def confirm(self, question_id: int) -> int:
        """A person answers question ``question_id``; returns a reason code."""
        if self.due == QUESTION_NONE:
            return reasons.NO_OPEN_QUESTION
        if question_id != self.question_id:
            return reasons.WRONG_QUESTION
        if self.question == QUESTION_NONE:
            return reasons.WINDOW_CLOSED
        if self.question == QUESTION_STEP_UP:
            self.rung += 1
            self.dwell_ms = 0
        self.check_ms = 0
        self._close()
        return reasons.OK

    def stay(self) -> None:
        """A person wants to stay on this rung: nothing is asked any more until
        the next check; the dwell goes on."""
        self.check_ms = 0
        self._close()

    def down(self) -> int:
        """One rung lower, its dwell from the start; returns a reason code."""
        if self.rung == 0:
            return reasons.LOWEST_RUNG
        self.rung -= 1
        self.interrupt()
        return reasons.OK
