"""What the display says, and a little of it at a time.

From the top: the rate in letters of 21 dots, with the rung beside it; two lines of
letters of 14 dots for the volume and what comes next, or for the question that is open,
or for the alarm; the state in small letters.  On a panel of 0.96" these are 4.1 and 2.4 mm,
on the usual 1.3" 4.9 and 3.3: 16 minutes of arc, what legible text needs at least
(ISO 9241-303), at 0.5 and 0.7 m.

Once a second the lines are composed, and when something has happened, a third of them a
tick; a letter that differs from what is shown is sent.  Nothing here takes memory, and
nothing waits for a display.
"""

from micropython import const

from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import titration
from pump.hal import oled

# Rows: first page, first column, scale, letters; in this order in the cells.
ROWS = (
    (7, 1, 1, 21),
    (0, 0, 3, 5),
    (0, 96, 1, 5),
    (1, 96, 1, 5),
    (2, 96, 1, 5),
    (3, 4, 2, 10),
    (5, 4, 2, 10),
)
_N_CELLS = const(61)
_RATE_END = const(25)
_RUNG_WORD = const(27)
_RUNG_END = const(35)
_UNIT = const(37)
_UPPER = const(41)
_LOWER = const(51)
_LARGE = const(10)  # letters of a large line
# The rate first, then the large lines, then what is beside them.
_ORDER = bytes(range(21, 26)) + bytes(range(41, 61)) + bytes(range(21)) + bytes(range(26, 41))
_PARTS = const(3)
# `step` is called 12.5 times a second if nothing is due: composed once a second, and when
# state, alarms or question have changed; each second line shown for 6 s, all sent anew
# once a minute, an absent display looked for every 9 s.
_COMPOSE_CALLS = const(9)
_TURN_COMPOSED = const(8)
_RENEW_COMPOSED = const(80)
_LOOK_COMPOSED = const(12)
_SPACE = const(32)
_ZERO = const(48)
_SLASH = const(47)
_UNDERLINE = const(95)
_BAR = const(124)
_SMALL_H = const(104)
_POINT = const(46)
_NOTICE = b"NOT FOR USE ON PEOPLE"
_UNIT_TEXT = b"mL/h"
# A state in letters of the large lines, while nothing is delivered.
_WORDS = (
    b"SELF-TEST",
    b"NO ORDER",
    b"READY",
    b"",
    b"",
    b"HOLD",
    b"PAUSED",
    b"",
    b"STOPPED",
    b"STOPPED",
    b"COMPLETE",
    b"FAULT",
    b"TURNS BACK",
    b"",
)
_STATES = tuple(name.encode() for name in st.STATE_NAMES)
_PRIORITIES = tuple(name.encode() for name in ac.PRIORITY_NAMES)
_BEFORE_ORDER = 1 << st.SELF_TEST | 1 << st.IDLE


class Screen:
    """``is_due``  something is to be composed or sent: ``step``, as soon as a tick
    has time for it
    ``rows``       of ``ROWS``, what was said when ``take_rows`` was called
    """

    def __init__(self, display, controller):
        self._oled = display
        self._controller = controller
        self._wanted = bytearray(b" " * _N_CELLS)
        self._shown = bytearray(_N_CELLS)
        place = bytearray(3 * _N_CELLS)
        cell = 0
        rows = []
        for page, x, scale, n in ROWS:
            rows.append(bytearray(n))
            for i in range(n):
                place[3 * cell] = page
                place[3 * cell + 1] = x + i * oled.CELL * scale
                place[3 * cell + 2] = scale
                cell += 1
        self.rows = tuple(rows)
        self._place = place
        self._part = 0  # of what is composed
        self._at = 0  # in _ORDER
        self._slice = 0  # of the letter there
        self._piece = 0  # to be cleared next
        self._calls = 0
        self._composed = 0
        # When it was composed last.
        self._state = -1
        self._active = 0
        self._question = 0
        self._rate_said = -1
        self._head_said = -1
        self.is_due = False

    @property
    def fitted(self) -> bool:
        """A display takes what is sent."""
        return self._oled.fitted

    def take_rows(self) -> None:
        """Keep in ``rows`` what is said now."""
        cell = 0
        for row in self.rows:
            for i in range(len(row)):
                row[i] = self._wanted[cell]
                cell += 1

    def begin(self) -> None:
        """Look for a display and clear it: 40 ms, before anything runs."""
        if self._oled.set_up():
            while self._piece < oled.PIECES and self._clear():
                pass
            self._begin()

    def step(self) -> None:
        """A little of what is due: 0.9 ms at most."""
        if self.is_due:
            if self._piece < oled.PIECES:
                self._clear()
            elif self._part < _PARTS:
                self._compose(self._part)
                self._part += 1
            else:
                self.is_due = self._send()
            return
        controller = self._controller
        self._calls += 1
        if self._calls >= _COMPOSE_CALLS:
            self._calls = 0
            self._second()
        elif (
            controller.alarms.active != self._active
            or controller.state != self._state
            or controller.titration.question != self._question
        ):
            self._begin()

    def _second(self) -> None:
        """Every 0.7 s, if nothing is due."""
        self._composed += 1
        if not self._oled.fitted:
            if self._composed % _LOOK_COMPOSED == 0 and self._oled.set_up():
                self._piece = 0
                self._forget()
                self._begin()
            return
        if self._composed % _RENEW_COMPOSED == 0 and self._oled.set_up():
            self._forget()
        self._begin()

    def _begin(self) -> None:
        """Compose everything."""
        self._part = 0
        self._at = 0
        self.is_due = self._oled.fitted

    # --- sending ---------------------------------------------------------------------

    def _clear(self) -> bool:
        self._piece += 1
        return self._oled.clear(self._piece - 1)

    def _forget(self) -> None:
        """All is sent again: what interference has done to it lasts for a minute."""
        shown = self._shown
        for cell in range(_N_CELLS):
            shown[cell] = 0
        self._at = 0
        self._slice = 0

    def _send(self) -> bool:
        """One piece of the next letter that differs; whether there was one."""
        wanted = self._wanted
        shown = self._shown
        if wanted == shown:
            return False
        at = self._at
        while at < _N_CELLS:
            cell = _ORDER[at]
            code = wanted[cell]
            if code != shown[cell]:
                if not self._oled.fitted:
                    return False  # it was pulled
                place = self._place
                scale = place[3 * cell + 2]
                part = self._slice
                self._oled.show(code, place[3 * cell], place[3 * cell + 1], scale, part)
                if part + 1 < scale:
                    self._slice = part + 1
                else:
                    self._slice = 0
                    shown[cell] = code
                    at += 1
                self._at = at
                return True
            at += 1
        self._at = at
        return False

    # --- composing -------------------------------------------------------------------

    def _compose(self, part: int) -> None:
        controller = self._controller
        if part == 0:
            self._state = controller.state
            self._active = controller.alarms.active
            self._question = controller.titration.question
            self._compose_rate(controller)
        elif part == 1:
            self._compose_lines(controller)
        else:
            self._compose_head(controller)

    def _compose_rate(self, controller) -> None:
        state = controller.state
        rate = (controller.ramp.rate_ul_h + 50) // 100
        rung = controller.titration.rung
        n = controller.rx.n_rungs
        said = ((rate << 4 | rung) << 4 | n) << 4 | state
        if said == self._rate_said:
            return
        self._rate_said = said
        self._blank(_RATE_END - 4, 20)
        if 1 << state & _BEFORE_ORDER:
            self._text(_RATE_END - 4, b"TITRA")
            return
        if rate < 10_000:
            self._tenths(_RATE_END, rate)
        else:
            self._number(_RATE_END, rate // 10)
        self._text(_UNIT, _UNIT_TEXT)
        self._text(_RUNG_WORD, b"RUNG")
        at = self._number(_RUNG_END, n)
        self._wanted[at] = _SLASH
        self._number(at - 1, rung + 1)

    def _compose_lines(self, controller) -> None:
        self._blank(_UPPER, 2 * _LARGE)
        if controller.state == st.SEVERE:
            self._text(_UPPER, b"SEVERE|REACTION")
            return
        alarms = controller.alarms
        first = alarms.first()
        turn = self._composed // _TURN_COMPOSED
        if first >= 0 and (alarms.highest() > ac.LOW or turn & 1):
            self._text(_UPPER, ac.ALARM_CONDITIONS[first][ac.COL_SCREEN])
            return
        asked = controller.titration
        if asked.question:
            self._text(
                _UPPER,
                b"STEP UP?" if asked.question == titration.QUESTION_STEP_UP else b"ALL WELL?",
            )
            self._text(_LOWER, b"PRESS OK")
            return
        state = controller.state
        if 1 << state & st.DELIVERING_STATES:
            self._volume(_UPPER, controller.volume.delivered_ul())
            if turn % 3 == 0:
                self._time_left(controller)
            elif turn % 3 == 1:
                self._next_question(controller)
            else:
                self._text(_LOWER, b"OF")
                self._text(_LOWER + 8, b"mL")
                self._tenths(_LOWER + 7, controller.rx.vtbi_ul // 100)
            return
        self._text(_UPPER, _WORDS[state])
        if state == st.READY:
            self._volume(_LOWER, controller.rx.vtbi_ul)
        elif 1 << state & ~_BEFORE_ORDER:
            self._volume(_LOWER, controller.volume.delivered_ul())

    def _compose_head(self, controller) -> None:
        state = controller.state
        highest = controller.alarms.highest()
        said = state << 2 | highest + 1
        if said == self._head_said:
            return
        self._head_said = said
        self._blank(0, 21)
        if 1 << state & _BEFORE_ORDER:
            self._text(0, _NOTICE)
            return
        self._text(0, _STATES[state])
        if highest >= 0:
            name = _PRIORITIES[highest]
            self._text(21 - len(name), name)

    def _time_left(self, controller) -> None:
        """At the rate as it is now; unknown above 99 h."""
        self._text(_LOWER, b"LEFT")
        rate = controller.ramp.rate_ul_h
        left = controller.rx.vtbi_ul - controller.volume.delivered_ul()
        # 2 L x 60 is far below 2**30.
        minutes = (left * 60 + rate - 1) // rate if rate else 6000
        if minutes >= 6000:
            self._text(_LOWER + 6, b">99h")
            return
        self._duration(minutes)

    def _next_question(self, controller) -> None:
        asked = controller.titration
        rx = controller.rx
        if controller.state == st.INFUSING and asked.rung < rx.n_rungs - 1:
            ms = rx.dwell_s[asked.rung] * 1000 - asked.dwell_ms
        else:
            ms = rx.check_s * 1000 - asked.check_ms
        self._text(_LOWER, b"ASK")
        self._duration((max(ms, 0) + 59_999) // 60_000)

    def _duration(self, minutes: int) -> None:
        """Right in the lower line: ``1h23`` or ``23MIN``."""
        end = _LOWER + _LARGE - 1
        if minutes < 60:
            self._text(end - 2, b"MIN")
            self._number(end - 3, minutes)
            return
        at = self._number(end, minutes % 60 + 100) + 1
        self._wanted[at] = _SMALL_H  # where the hundred stood
        self._number(at - 1, minutes // 60)

    def _volume(self, at: int, ul: int) -> None:
        """Right in a large line, rounded down to tenths of a millilitre."""
        self._text(at + 8, b"mL")
        self._tenths(at + 6, ul // 100)

    # --- letters -----------------------------------------------------------------------

    def _blank(self, at: int, n: int) -> None:
        wanted = self._wanted
        for i in range(at, at + n):
            wanted[i] = _SPACE

    def _text(self, at: int, text) -> None:
        """A bar goes on in the lower line, an underline is a space."""
        wanted = self._wanted
        for code in text:
            if code == _BAR:
                at = _LOWER
                continue
            wanted[at] = _SPACE if code == _UNDERLINE else code
            at += 1

    def _number(self, end: int, value: int) -> int:
        """``value`` >= 0, its last digit at ``end``; the place left of its first."""
        wanted = self._wanted
        while True:
            wanted[end] = _ZERO + value % 10
            end -= 1
            value //= 10
            if not value:
                return end

    def _tenths(self, end: int, value: int) -> None:
        self._number(end, value % 10)
        self._wanted[end - 1] = _POINT
        self._number(end - 2, value // 10)
