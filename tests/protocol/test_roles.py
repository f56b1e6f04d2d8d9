"""Who may do what: on the line every verb with every role, and STOP from anyone."""

from __future__ import annotations

from os import urandom
from types import SimpleNamespace

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from wire import Wire, crc, feed, framed, hello_line

from host_sim.board import BY_FORCE
from host_sim.client import Client, Refused, response
from host_sim.links import VirtualLink
from host_sim.simulator_key import SIMULATOR_KEY
from pump.app.calibrator import MISSING, Calibrator
from pump.app.host_link import HostLink
from pump.app.screen import Screen
from pump.core import infusion_state as st
from pump.core import roles
from pump.core.controller import Controller
from pump.core.outputs import Outputs
from pump.core.readings import Inputs
from pump.hal import pinout
from pump.hal.oled import Oled
from pump.protocol import messages
from pump.protocol.authentication import Authentication
from pump.protocol.framing import LineReader


def nobody_there(address: int, data) -> None:
    """A bus without a display."""
    raise OSError(5, "EIO")


OBSERVERS_MAY = {
    "STOP", "*IDN?", "HELP?", "STATUS?", "MOTION?", "LINK?", "ALARMS?", "QUESTION?", "RX?",
    "ORDER?", "POST?", "FITTED?", "ROLE?", "DATE?", "LOG?", "LOG_ENDS?", "HELLO", "CHALLENGE",
    "LOGIN", "LOGOUT", "!BUSY", "TABLE?", "CAL?", "RAW?", "STAMPS?", "LOAD?",
    "SCREEN?",
}  # fmt: skip
MAINTENANCE_ALONE_MAY = {"DATE", "KEY", "KEY_COMMIT", "REPL", "CALIBRATE", "CAL_COMMIT", "UNLATCH"}
FRAMED = [row for row in messages.MESSAGES if row[messages.COL_KIND] != messages.NOTICE]
SERIAL = "E661541A00000000"


def verb_of(row) -> str:
    return row[messages.COL_VERB].decode()


def body_of(row) -> str:
    """A verb with arguments in their ranges."""
    words = [verb_of(row)]
    for _, least, most, _ in row[messages.COL_ARGUMENTS]:
        words.append("0" * least if most == messages.HEX else str(least))
    return " ".join(words)


def code(answer: bytes) -> str:
    """``OK``, or the reason of a refusal."""
    word = answer.decode().split(" ")
    return "OK" if word[1] == "OK" else word[2]


@pytest.fixture
def booted() -> Wire:
    wire = Wire()
    wire.listen(50)
    return wire


# --- the table ------------------------------------------------------------------------------


def test_the_table_gives_each_verb_the_role_that_was_agreed():
    for row in messages.MESSAGES:
        verb, role = verb_of(row), row[messages.COL_ROLE]
        if verb in OBSERVERS_MAY:
            assert role == roles.OBSERVER, verb
        elif verb in MAINTENANCE_ALONE_MAY:
            assert role == roles.MAINTENANCE, verb
        else:
            assert role == roles.OPERATOR, verb


@pytest.mark.parametrize("role", range(len(roles.ROLE_NAMES)), ids=roles.ROLE_NAMES)
@pytest.mark.parametrize("row", FRAMED, ids=verb_of)
def test_every_verb_is_allowed_from_its_role_on_and_to_no_lesser_one(booted, row, role):
    wire = booted
    last = wire.open()
    if role != roles.OBSERVER:
        last = wire.login(last, roles.ROLE_NAMES[role])
    before = wire.link()
    answer = wire.send(framed(f"{last + 1} {body_of(row)}"), ms=300)[-1]
    may = role >= row[messages.COL_ROLE]
    assert (code(answer) != "NOT_ALLOWED") == may
    after = wire.link()
    assert int(after["role"]) - int(before["role"]) == (0 if may else 1)
    if not may:
        assert wire.status()["last_seq"] == str(last)
        assert code(wire.ask(framed(f"{last + 1} STATUS?"))) == "OK"


@pytest.mark.parametrize("role", range(len(roles.ROLE_NAMES)), ids=roles.ROLE_NAMES)
@pytest.mark.parametrize("row", FRAMED, ids=verb_of)
def test_by_hand_there_is_no_role(booted, row, role):
    """Whoever is logged in: what is typed may be anybody's."""
    wire = booted
    last = wire.open()
    if role != roles.OBSERVER:
        wire.login(last, roles.ROLE_NAMES[role])
    if row[messages.COL_KIND] in (messages.QUERY, messages.STOP):
        return
    assert code(wire.ask(body_of(row).encode() + b"\n")) == "BAD_FRAME"


@pytest.mark.parametrize("row", FRAMED, ids=verb_of)
def test_before_hello_nobody_may_change_anything(booted, row):
    if row[messages.COL_KIND] in (messages.QUERY, messages.STOP, messages.LINK):
        return
    assert code(booted.ask(framed(f"1 {body_of(row)}"))) == "HELLO_FIRST"


# --- STOP -----------------------------------------------------------------------------------


@pytest.mark.req("L3")
@pytest.mark.parametrize("who", ["nobody", "typed", "an observer", "locked out", "after time-out"])
def test_stop_is_free(booted, who):
    wire = booted
    seq = wire.start()
    wire.listen(3000)
    line = b"STOP\n"
    if who == "an observer":
        line = framed(f"{wire.open() + 1} STOP")
    elif who == "nobody":
        line = framed("40000 STOP")
    elif who == "locked out":
        for _ in range(5):
            wire.challenge(seq, roles.OPERATOR)
            wire.ask(framed(f"{seq + 1} LOGIN 1 {'0' * 32}"))
            seq += 2
        assert wire._fields("ROLE?")["locked_s"] != "0"
        line = framed(f"{wire.open() + 1} STOP")
    elif who == "after time-out":
        wire.board.advance(0)
        wire.board.application.link.authentication.step(900_000, True)
        line = framed(f"{seq} STOP")
    assert wire.board.levels[4] == 1
    assert code(wire.ask(line)) == "OK"
    assert wire.state() == "STOPPED"
    assert wire.board.levels[4] == 0


# --- log-in over the line -------------------------------------------------------------------


def test_a_recorded_conversation_played_again_gets_no_role(booted):
    """All the bytes that an operator ever sent, on a board that was reset."""
    wire = booted
    last = wire.open()
    nonce = wire.challenge(last + 1, roles.OPERATOR)
    login = wire.login_line(last + 2, roles.OPERATOR, nonce)
    recorded = [hello_line(), framed(f"{last + 1} CHALLENGE 1"), login, framed(f"{last + 3} ACK")]
    assert code(wire.ask(login)) == "OK"
    assert code(wire.ask(recorded[-1])) == "OK"
    wire.board.reset(3)
    wire.listen(50)
    codes = [code(wire.ask(line)) for line in recorded]
    assert codes == ["OK", "OK", "BAD_RESPONSE", "NOT_ALLOWED"]


def test_a_log_in_played_again_with_the_next_seq_gets_no_role(booted):
    wire = booted
    last = wire.open()
    nonce = wire.challenge(last + 1, roles.OPERATOR)
    assert code(wire.ask(wire.login_line(last + 2, roles.OPERATOR, nonce))) == "OK"
    assert wire.open() == last + 2
    again = wire.login_line(last + 3, roles.OPERATOR, nonce)
    assert code(wire.ask(again)) == "NO_CHALLENGE"
    wire.challenge(last + 4, roles.OPERATOR)
    assert code(wire.ask(wire.login_line(last + 5, roles.OPERATOR, nonce))) == "BAD_RESPONSE"
    assert code(wire.ask(framed(f"{last + 6} ACK"))) == "NOT_ALLOWED"


def test_a_challenge_and_a_log_in_are_repeated_like_any_line(booted):
    """An answer may be lost; the second time is no second attempt."""
    wire = booted
    last = wire.open()
    nonce = wire.challenge(last + 1, roles.OPERATOR)
    assert wire.challenge(last + 1, roles.OPERATOR) == nonce
    login = wire.login_line(last + 2, roles.OPERATOR, nonce)
    first = wire.ask(login)
    assert wire.ask(login) == first == b"%d OK LOGIN,OPERATOR" % (last + 2)
    assert code(wire.ask(framed(f"{last + 3} LOGOUT"))) == "OK"
    assert code(wire.ask(framed(f"{last + 3} LOGOUT"))) == "OK"
    assert code(wire.ask(framed(f"{last + 4} ACK"))) == "NOT_ALLOWED"


@pytest.mark.req("F22")
def test_whoever_says_hello_is_an_observer(booted):
    """A second client, also one that speaks another table."""
    wire = booted
    last = wire.hello("SUPERVISOR")
    assert wire._fields("ROLE?")["role"] == "SUPERVISOR"
    wire.ask(framed("0 HELLO 1 1"))
    assert wire._fields("ROLE?")["role"] == "OBSERVER"
    wire.open()
    assert code(wire.ask(framed(f"{last + 1} ACK"))) == "NOT_ALLOWED"


def test_a_log_in_changes_nothing_else(booted):
    wire = booted
    last = wire.start() - 1
    wire.listen(2000)
    lines = [b"ALARMS?\n", b"QUESTION?\n", *(b"ORDER? %d\n" % i for i in range(3))]
    before = [wire.ask(line) for line in lines]
    wire.login(last, "SUPERVISOR")
    assert [wire.ask(line) for line in lines] == before
    assert wire.state() == "INFUSING"


@pytest.mark.parametrize(("waits_ms", "expected"), [(899_500, "OK"), (900_500, "NOT_ALLOWED")])
def test_a_role_ends_15_min_after_the_last_frame(booted, waits_ms, expected):
    wire = booted
    last = wire.hello()
    wire.listen(waits_ms - 400_000)
    wire.send(b"STATUS?\nRX? 1\nnoise\n")  # by hand, which keeps nothing
    wire.send(framed("77 ACK"))  # refused, which neither does
    wire.listen(400_000 - 300)
    assert code(wire.ask(framed(f"{last + 1} ACK"))) == expected


def test_a_framed_query_keeps_the_role(booted):
    wire = booted
    last = wire.hello()
    for _ in range(2):
        wire.listen(500_000)
        last += 1
        wire.ask(framed(f"{last} STATUS?"))
    assert code(wire.ask(framed(f"{last + 1} ACK"))) == "OK"


@pytest.mark.req("L23")
def test_who_tries_32_times_during_an_infusion_must_stop_it_to_try_again(booted):
    wire = booted
    seq = wire.start()
    tries = 0
    while code(wire.ask(framed(f"{seq} CHALLENGE 1"))) == "OK":
        seq, tries = seq + 1, tries + 1
    # The log-in before START was with no session open.
    assert tries == 32
    assert code(wire.ask(framed(f"{seq + 1} PAUSE"))) == "OK"
    assert code(wire.ask(framed(f"{seq + 2} CHALLENGE 1"))) == "TOO_MANY_ATTEMPTS"
    assert code(wire.ask(b"STOP\n")) == "OK"
    assert code(wire.ask(framed(f"{seq + 3} CHALLENGE 1"))) == "OK"


def test_without_a_key_on_the_board_one_can_look_and_stop(booted):
    wire = booted
    wire.board.flash.remove("key")
    wire.board.reset(1)
    wire.board.run_self_test()
    wire.listen(50)
    last = wire.open()
    assert wire._fields("FITTED?")["key"] == "0"
    assert code(wire.ask(framed(f"{last + 1} CHALLENGE 1"))) == "NO_KEY"
    assert code(wire.ask(framed(f"{last + 2} LOGIN 1 {'0' * 32}"))) == "NO_KEY"
    assert code(wire.ask(framed(f"{last + 3} ACK"))) == "NOT_ALLOWED"
    assert code(wire.ask(b"STOP\n")) == "OK"


def test_a_key_file_that_is_not_whole_is_no_key(booted):
    for key in (b"", SIMULATOR_KEY[:31], SIMULATOR_KEY + b"\n", bytes(32)):
        with booted.board.flash.open("key", "wb") as file:
            file.write(key)
        booted.board.reset(1)
        booted.board.run_self_test()
        booted.listen(50)
        assert booted._fields("FITTED?")["key"] == "0"


# --- the client -----------------------------------------------------------------------------


def client_of(wire: Wire, **kind) -> Client:
    return Client(VirtualLink(wire.board), **kind)


@pytest.mark.parametrize("wait_ms", [850_000, pytest.param(1_000_000, marks=pytest.mark.nightly)])
def test_the_client_logs_in_with_hello_and_again_when_its_role_ends(booted, wait_ms):
    client = client_of(booted)
    client.hello()
    assert client.query_fields("ROLE?")["role"] == "OPERATOR"
    booted.listen(wait_ms)
    assert client.request("ACK") == [""]
    assert client.query_fields("LINK?")["role"] == "0"


def test_the_client_logs_in_once_when_it_is_not_allowed(booted):
    client = client_of(booted)
    client.hello()
    booted.board.application.link.authentication.logout()
    assert client.request("ACK") == [""]
    assert client.query_fields("LINK?")["role"] == "1"


def test_the_client_does_not_log_in_for_what_its_role_may_not_do(booted):
    client = client_of(booted)
    client.hello()
    with pytest.raises(Refused, match="NOT_ALLOWED"):
        client.request("DATE", 1, 1)
    seq = int(client.status()["last_seq"])
    client.login("maintenance")
    assert int(client.status()["last_seq"]) == seq + 2
    assert client.request("DATE", 9820, 1) == [""]
    client.logout()
    with pytest.raises(Refused, match="NOT_ALLOWED"):
        client.request("ACK")
    assert client.query_fields("DATE?")["day"] == "9820"


def test_a_client_with_another_key_is_refused_and_then_locked_out(booted):
    client = client_of(booted, key=bytes(range(32)))
    for _ in range(5):
        with pytest.raises(Refused, match="BAD_RESPONSE"):
            client.hello()
    right = client_of(booted)
    with pytest.raises(Refused, match="LOCKED"):
        right.hello()
    assert int(right.query_fields("ROLE?")["locked_s"]) in (59, 60)
    booted.board.run_until(booted.board.now_us + 60_000_000)
    right.hello()


def test_a_client_without_a_key_watches(booted):
    client = client_of(booted, key=None)
    client.hello()
    assert client.status()["state"] == "IDLE"
    assert client.request("STATUS?")[0] == "IDLE"
    with pytest.raises(Refused, match="NOT_ALLOWED"):
        client.request("ACK")
    client.stop()


# --- maintenance ----------------------------------------------------------------------------


class Drawer:
    """Keeps a key, unless it is full."""

    def __init__(self):
        self.key = b""
        self.takes = True

    def set_key(self, key: bytearray) -> bool:
        if self.takes:
            self.key = bytes(key)
        return self.takes


class Diary:
    """In place of the journal: a date, and three records."""

    def __init__(self):
        self.day, self.ms, self.date_known = 0, 0, False
        self.fram_fitted = self.clock_fitted = self.ok = True
        self.on_bench = 0
        self.log = SimpleNamespace(first_seq=5, next_seq=8, broken_seq=6)
        self._seq = 0

    def set_date(self, day: int, second: int, role: int) -> bool:
        self.day, self.ms, self.date_known = day, second * 1000, True
        return True

    def read_record(self, seq: int) -> bool:
        self._seq = seq
        return 5 <= seq < 8

    def write_log_line(self, writer) -> None:
        for value in (self._seq, 9000, 1, 2, 3, 4, 5, 6, 7):
            writer.field(value)


NEW_KEY = bytes(range(100, 132))


def key_lines(key: bytes = NEW_KEY) -> list[str]:
    lines = [f"KEY {i} {key[8 * i : 8 * i + 8].hex().upper()}" for i in range(4)]
    return [*lines, f"KEY_COMMIT {crc(key)}"]


class Workshop:
    """A board with everything fitted, and its maintenance."""

    def __init__(self):
        self.wire = Wire()
        self.wire.listen(50)
        self.link = self.wire.board.application.link
        self.drawer = self.link.maintenance.key_store = Drawer()
        self.diary = self.link.maintenance.journal = self.link.answers.journal = Diary()
        self.last = self.wire.hello("MAINTENANCE")

    def say(self, body: str) -> str:
        answer = self.wire.ask(framed(f"{self.last + 1} {body}"))
        self.last = int(self.wire.status()["last_seq"])
        return code(answer)


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


def test_a_new_key_is_taken_in_four_parts_and_the_old_one_is_worth_nothing(workshop):
    assert [workshop.say(line) for line in key_lines()] == ["OK"] * 5
    assert workshop.drawer.key == NEW_KEY
    assert workshop.wire._fields("ROLE?")["role"] == "OBSERVER"
    with pytest.raises(AssertionError, match="BAD_RESPONSE"):
        workshop.wire.login(workshop.last)
    last = int(workshop.wire.status()["last_seq"])
    workshop.wire.login(last, "SUPERVISOR", NEW_KEY)


@pytest.mark.parametrize("left_out", range(4))
def test_a_key_of_three_parts_is_none(workshop, left_out):
    for i, line in enumerate(key_lines()[:4]):
        if i != left_out:
            assert workshop.say(line) == "OK"
    assert workshop.say(key_lines()[4]) == "KEY_MISMATCH"
    assert workshop.drawer.key == b""
    assert workshop.wire._fields("ROLE?")["role"] == "MAINTENANCE"


def test_a_key_that_was_heard_wrongly_is_not_taken(workshop):
    lines = key_lines()
    for line in [*lines[:3], "KEY 3 0000000000000000"]:
        assert workshop.say(line) == "OK"
    assert workshop.say(lines[4]) == "KEY_MISMATCH"
    assert workshop.say(lines[3]) == "OK"
    assert workshop.say(lines[4]) == "KEY_MISMATCH"  # the other parts are forgotten
    assert [workshop.say(line) for line in key_lines(b"\xff" * 32)][-1] == "KEY_MISMATCH"
    assert workshop.drawer.key == b""


def test_parts_of_a_key_are_forgotten_with_the_role(workshop):
    for line in key_lines()[:3]:
        workshop.say(line)
    workshop.last = workshop.wire.hello("MAINTENANCE")
    assert workshop.say(key_lines()[3]) == "OK"
    assert workshop.say(key_lines()[4]) == "KEY_MISMATCH"


def test_a_key_that_cannot_be_stored_is_not_taken(workshop):
    workshop.drawer.takes = False
    assert [workshop.say(line) for line in key_lines()] == ["OK"] * 4 + ["STORAGE"]
    workshop.last = workshop.wire.hello("MAINTENANCE")


def test_no_query_reads_a_key_back(workshop):
    for line in key_lines():
        workshop.say(line)
    workshop.wire.lines.clear()
    for row in FRAMED:
        if row[messages.COL_KIND] == messages.QUERY:
            workshop.wire.send(body_of(row).encode() + b"\n", ms=300)
    said = b"".join(workshop.wire.lines)
    for key in (NEW_KEY, SIMULATOR_KEY):
        for i in range(4):
            part = key[8 * i : 8 * i + 8]
            assert part not in said
            assert part.hex().upper().encode() not in said


def test_the_date_is_set_and_read(workshop):
    assert workshop.wire._fields("DATE?")["valid"] == "0"
    assert workshop.say("DATE 9820 86399") == "OK"
    assert workshop.wire.ask(b"DATE?\n") == b"- OK DATE?,9820,86399,1"
    assert workshop.wire._fields("FITTED?")["date_valid"] == "1"


def test_the_prompt_is_asked_for_with_no_session_open(workshop):
    board = workshop.wire.board
    assert code(workshop.wire.ask(framed(f"{workshop.last + 1} REPL"))) == "OK"
    assert board.resets == 0  # its answer goes out first
    workshop.wire.listen(200)
    assert (board.resets, board.watchdog_reason) == (1, BY_FORCE)


@pytest.mark.parametrize("body", ["DATE 1 1", *key_lines(), "REPL"])
def test_maintenance_waits_until_the_motor_is_off(workshop, body):
    workshop.wire.start()
    workshop.wire.listen(2000)
    workshop.last = workshop.wire.hello("MAINTENANCE")
    assert workshop.say(body) == "MOTOR_ON"
    assert workshop.say("HOLD") == "OK"  # zero rate, driver enabled
    assert workshop.say(body) == "MOTOR_ON"
    assert workshop.diary.day == 0
    assert workshop.drawer.key == b""
    assert workshop.say("PAUSE") == "OK"
    assert workshop.say("REPL") == "NOT_IN_THIS_STATE"
    assert not workshop.link.maintenance.repl_asked
    assert workshop.wire.state() == "PAUSED"


def test_maintenance_waits_for_the_pin_too(workshop):
    """Whatever the state says."""
    workshop.wire.board.hold_pin(pinout.ENABLE, 1)
    assert workshop.say("DATE 1 1") == "MOTOR_ON"


def test_the_log_is_read_record_by_record(workshop):
    assert workshop.wire.ask(b"LOG_ENDS?\n") == b"- OK LOG_ENDS?,5,8,6,1,0"
    assert workshop.wire.ask(b"LOG? 7\n") == b"- OK LOG?,7,9000,1,2,3,4,5,6,7"
    assert code(workshop.wire.ask(b"LOG? 8\n")) == "NO_SUCH_RECORD"
    assert workshop.say("LOG? 4") == "NO_SUCH_RECORD"


@pytest.mark.req("L19")
def test_a_board_without_fram_and_clock_chip_says_so_and_has_a_log_yet(booted):
    """Its log is in RAM, and its date is 0."""
    for device in booted.board.i2c_devices.values():
        device.is_present = False
    booted.board.reset(1)
    booted.board.run_self_test()
    booted.listen(50)
    fitted = booted._fields("FITTED?")
    assert [fitted[name] for name in ("fram", "clock_chip", "date_valid")] == ["0", "0", "0"]
    assert booted._fields("LOG_ENDS?")["fram"] == "0"
    assert booted._fields("LOG? 0")["day"] == booted._fields("DATE?")["day"] == "0"


# --- STOP in the same tick as a frame -------------------------------------------------------


@pytest.mark.req("L3")
@pytest.mark.parametrize("is_framed", [True, False])
def test_a_line_that_a_stop_overtook_is_told_so_each_time_that_it_is_repeated(booted, is_framed):
    wire = booted
    seq = wire.start()
    wire.listen(2000)
    pause = framed(f"{seq} PAUSE")
    stop = framed(f"{seq + 1} STOP") if is_framed else b"STOP\n"
    answers = wire.send(pause + stop)
    overtaken, stopped = answers
    assert overtaken.startswith(b"%d ERR OVERTAKEN" % seq)
    assert stopped == (b"%d" % (seq + 1) if is_framed else b"-") + b" OK STOP"
    assert wire.state() == "STOPPED"
    assert wire.ask(pause) == overtaken
    if is_framed:
        assert wire.ask(stop) == stopped
        assert wire.ask(pause) == overtaken
        assert code(wire.ask(framed(f"{seq} RESUME"))) == "SEQ_REUSED"
    last = seq + is_framed
    assert code(wire.ask(framed(f"{last + 1} ACK"))) == "OK"
    assert code(wire.ask(pause)) == "SEQ_ORDER"


@pytest.mark.req("L3")
def test_a_repeat_in_the_same_tick_as_the_stop_gets_that_answer_too(booted):
    wire = booted
    seq = wire.start()
    wire.listen(2000)
    pause = framed(f"{seq} PAUSE")
    overtaken, again, stopped = wire.send(pause + b"STOP\n" + pause)
    assert overtaken == again
    assert overtaken.startswith(b"%d ERR OVERTAKEN" % seq)
    assert stopped == b"- OK STOP"


# --- what the core is told ------------------------------------------------------------------


def test_the_core_is_told_the_role_of_the_line_and_not_of_a_later_one(booted):
    """START of an operator, and a HELLO in the same tick."""
    application = booted.board.application
    told = []
    step = application.controller.step

    def listen(inputs, outputs):
        if inputs.event != st.NO_EVENT:
            told.append((inputs.event, inputs.role))
        step(inputs, outputs)

    application.controller.step = listen
    application.bind_parts()
    last = booted.hello("SUPERVISOR")
    booted.send(framed(f"{last + 1} RESET") + hello_line())
    booted.send(b"STOP\n")
    assert told == [(st.EV_RESET, roles.SUPERVISOR), (st.EV_STOP, roles.OBSERVER)]
    told.clear()
    nonce = booted.challenge(last + 2, roles.SUPERVISOR)
    login = booted.login_line(last + 3, roles.SUPERVISOR, nonce)
    booted.send(login + framed(f"{last + 4} RESET"))
    assert told == [(st.EV_RESET, roles.SUPERVISOR)]


# --- anything in any order ------------------------------------------------------------------


class Bytes:
    """In place of the USB line."""

    queued = 0
    dropped = 0

    def __init__(self):
        self.pending = b""
        self.said: list[bytes] = []

    def begin_reading(self, until_us: int) -> None:
        pass

    def read_into(self, line: LineReader, spent_us) -> bool:
        data, self.pending = self.pending, b""
        for taken in feed(line, data):
            self.pending = data[taken:]
            return True
        return False

    def skip_lines(self, spent_us) -> int:
        return 0

    def send(self, data: bytearray, length: int) -> bool:
        self.said.append(bytes(data[: length - 6]))
        return True


CHANGING = [
    row for row in FRAMED if row[messages.COL_ROLE] > roles.OBSERVER
]  # fmt: skip
DAMAGE = some.sampled_from(["none", "none", "none", "crc", "seq", "typed", "cut", "lower"])


class Desk(RuleBasedStateMachine):
    """Lines of every kind to a board, and a book of what they may have done.

    The book knows the rules from the document alone: who was logged in when.
    """

    @initialize(key=some.booleans())
    def begin(self, key):
        self.usb = Bytes()
        self.controller = Controller()
        self.access = Authentication(SERIAL, SIMULATOR_KEY if key else None, urandom)
        self.drawer = Drawer()
        self.diary = Diary()
        self.link = HostLink(
            self.usb, self.controller, SERIAL, self.access, self.diary,
            SimpleNamespace(result=1, item=0, absent_mask=0), self.drawer,
            Calibrator(
                SimpleNamespace(read=lambda name, buffer: MISSING, write=lambda *record: True),
                self.diary,
                SimpleNamespace(down_counts=0, up_counts=0),
            ),
            SimpleNamespace(spent_us=lambda: 0),
            Screen(Oled(SimpleNamespace(writeto=nobody_there)), self.controller),
        )  # fmt: skip
        self.inputs, self.outputs = Inputs(), Outputs()
        self.inputs.event = st.EV_POST_PASSED
        self.inputs.dt_ms = 10
        self.controller.step(self.inputs, self.outputs)
        self.key = SIMULATOR_KEY if key else None
        self.role = 0
        self.left_ms = 0
        self.is_open = False
        self.last = 0
        self.nonce = b""
        self.nonce_role = 0
        self.tick(b"", 10)

    def world(self):
        staged = self.controller.staged
        return (
            self.controller.state,
            [getattr(staged, name) for name in sorted(vars(staged)) if name != "age_ms"],
            list(staged.rate_ul_h), list(staged.dwell_s), staged.vtbi_ul,
            self.controller.rx.vtbi_ul, self.controller.alarms.acknowledged,
            self.diary.day, self.diary.ms, self.drawer.key, self.link.maintenance.repl_asked,
            bytes(self.link.maintenance.key),
        )  # fmt: skip

    def tick(self, data: bytes, ms: int = 10) -> list[bytes]:
        self.usb.pending += data
        self.usb.said.clear()
        self.left_ms -= ms
        if self.left_ms <= 0:
            self.role = 0
        self.inputs.dt_ms = ms
        self.link.poll(self.inputs, self.inputs.dt_ms, 2000)
        self.controller.step(self.inputs, self.outputs)
        if self.link.answer_is_due:
            self.link.answer(self.outputs)
        return list(self.usb.said)

    def frame(self, body: str) -> bytes:
        """The next frame is said; its answer.  Takes its SEQ as the device says."""
        answer = self.tick(framed(f"{self.last + 1} {body}"))[-1]
        if self.link.session.last_seq == self.last + 1:
            self.last += 1
            self.left_ms = 900_000
        return answer

    @rule(ms=some.sampled_from([10, 20, 1000, 29_990, 60_000, 899_990, 900_000]))
    def time_passes(self, ms):
        left = ms
        while left > 0:
            self.tick(b"", min(left, 10_000))
            left -= 10_000
        if ms >= 29_990:
            self.nonce = b""

    @rule()
    def hello(self):
        before = self.world()
        self.tick(hello_line())
        self.is_open, self.role, self.nonce = True, 0, b""
        assert self.world() == before

    @rule(role=some.integers(1, 3))
    def challenge(self, role):
        answer = self.frame(f"CHALLENGE {role}")
        self.nonce = b""
        if b" OK CHALLENGE," in answer:
            assert self.is_open
            assert self.key is not None
            self.nonce = bytes.fromhex(answer.rpartition(b",")[2].decode())
            self.nonce_role = role

    @precondition(lambda self: self.nonce)
    @rule(how=some.sampled_from(["right", "right", "wrong", "other role", "wrong key"]))
    def answers(self, how):
        role = self.nonce_role % 3 + 1 if how == "other role" else self.nonce_role
        key = NEW_KEY if how == "wrong key" else self.key
        right = response(key, self.nonce, SERIAL, roles.ROLE_NAMES[role])
        if how == "wrong":
            right = bytes([right[0] ^ 1]) + right[1:]
        answer = self.frame(f"LOGIN {role} {right.hex().upper()}")
        self.nonce = b""
        if how == "right":
            assert b" OK LOGIN," in answer
            self.role, self.left_ms = role, 900_000
            self.played = right
        else:
            assert b" ERR " in answer

    played = b""

    @rule(role=some.integers(1, 3))
    def plays_an_answer_again(self, role):
        if self.played:
            answer = self.frame(f"LOGIN {role} {self.played.hex().upper()}")
            self.nonce = b""
            assert b" ERR " in answer

    @rule()
    def logout(self):
        if b" OK " in self.frame("LOGOUT"):
            self.role, self.nonce = 0, b""

    @rule(row=some.sampled_from(CHANGING), damage=DAMAGE)
    def says(self, row, damage):
        body = body_of(row)
        line = framed(f"{self.last + 1} {body}")
        if damage == "crc":
            line = b"%s%04X\n" % (line[:-5], crc(line[:-6]) ^ 0x10)
        elif damage == "seq":
            line = framed(f"{self.last + 9} {body}")
        elif damage == "typed":
            line = body.encode() + b"\n"
        elif damage == "cut":
            line = line[:-3] + b"\n"
        elif damage == "lower":
            line = framed(f"{self.last + 1} {body.lower()}")
        before = self.world()
        seq_before = self.link.session.last_seq
        role_before = self.role
        answer = self.tick(line)[-1]
        allowed = damage == "none" and self.is_open and self.role >= row[messages.COL_ROLE]
        # The tick itself may have ended the role.
        assert role_before >= self.role
        if allowed:
            assert self.link.session.last_seq == seq_before + 1, answer
            self.last += 1
            self.left_ms = 900_000
        else:
            assert self.link.session.last_seq == seq_before, answer
            assert b" ERR " in answer
            assert self.world() == before

    @invariant()
    def the_book_and_the_board_agree(self):
        if hasattr(self, "access"):
            assert self.access.role == self.role


TestAnythingInAnyOrder = Desk.TestCase
TestAnythingInAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
