"""Frames in their order: the last SEQ + 1, repeats answered and not executed again."""

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from wire import Wire, crc, feed, framed, hello_line, table

from pump.core import roles
from pump.protocol.authentication import Authentication
from pump.protocol.framing import Crc16, LineReader
from pump.protocol.session import EXECUTE, REFUSE, REPEAT, Session

ACK = "ACK"  # changes nothing while there is no alarm, and takes a SEQ


def is_ok(answer: bytes) -> bool:
    return answer.split(b" ")[1] == b"OK"


def refusal(answer: bytes) -> str:
    seq, status, code, *_ = answer.decode().split(" ")
    assert status == "ERR", answer
    return code


# --- frames that are none ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"3 ACK*0000", "BAD_CRC"),
        (b"3 ACK*%04x" % crc(b"3 ACK"), "BAD_FRAME"),
        (b"3 ACK%04X" % crc(b"3 ACK"), "BAD_FRAME"),
        (b"3 ACK*%03X" % (crc(b"3 ACK") & 0xFFF), "BAD_FRAME"),
        (b"3 ACK*0%04X" % crc(b"3 ACK"), "BAD_FRAME"),
        (b"3 ACK*", "BAD_FRAME"),
        (b"3*0000", "BAD_FRAME"),
        (b"3", "BAD_FRAME"),
        (framed("3").strip(), "BAD_FRAME"),
        (framed("3ACK").strip(), "BAD_FRAME"),
        (framed("3\tACK").strip(), "BAD_FRAME"),
        (framed("65536 ACK").strip(), "BAD_FRAME"),
        (framed("9999999999 ACK").strip(), "BAD_FRAME"),
        (framed("3.0 ACK").strip(), "BAD_FRAME"),
        (framed("3e0 ACK").strip(), "BAD_FRAME"),
        (framed("3 ").strip(), "BAD_FRAME"),
        (framed("3  ACK").strip(), "UNKNOWN_VERB"),
        (framed("3 ack").strip(), "UNKNOWN_VERB"),
        (framed("3 ACKN").strip(), "UNKNOWN_VERB"),
        (framed("3 AC").strip(), "UNKNOWN_VERB"),
        (framed("3 !BUSY").strip(), "UNKNOWN_VERB"),
        (framed(b"3 AC\x00").strip(), "UNKNOWN_VERB"),
        (framed(b"3 \xc1CK").strip(), "UNKNOWN_VERB"),
        (framed("3 ACK 1").strip(), "BAD_ARGUMENT"),
        (b"ACK", "BAD_FRAME"),
        (framed("ACK").strip(), "UNKNOWN_VERB"),
        (framed("-1 ACK").strip(), "UNKNOWN_VERB"),
        (framed("+1 ACK").strip(), "UNKNOWN_VERB"),
        (framed(" 1 ACK")[:-1], "UNKNOWN_VERB"),
        (b"\x03" + framed("3 ACK").strip(), "UNKNOWN_VERB"),
        (b"\x00" * 20, "UNKNOWN_VERB"),
        (b"\xfe\xff", "UNKNOWN_VERB"),
        (framed("3 ACK" + " " * 90).strip(b"\n"), "TOO_LONG"),
        (b"9" * 10_000, "TOO_LONG"),
    ],
)
def test_a_line_that_is_no_frame_is_refused_counted_and_takes_no_seq(wire, line, code):
    wire.hello()
    before = int(wire.status()["refused"])
    (answer,) = wire.send(line + b"\n", ms=1000)
    assert refusal(answer) == code
    status = wire.status()
    assert int(status["refused"]) == before + 1
    assert status["last_seq"] == "2"
    assert is_ok(wire.ask(framed("3 ACK")))


@pytest.mark.parametrize("line", [b"", b"\r"])
def test_an_empty_line_is_neither_answered_nor_counted(wire, line):
    before = wire.link()
    assert wire.send(line + b"\n") == []
    after = wire.link()
    assert int(after["lines"]) == int(before["lines"]) + 1  # the query itself


def test_a_frame_of_96_bytes_is_read():
    """The longest frame that says something has its CRC judged, not its length."""
    wire = Wire()
    wire.listen(50)
    wire.hello()
    body = b"3 ACK" + b" " * 86
    assert len(framed(body)) == 97
    assert refusal(wire.ask(framed(body))) == "BAD_ARGUMENT"


# --- order ---------------------------------------------------------------------------------


def test_hello_gives_the_last_seq_and_may_be_said_again(wire):
    assert wire.hello() == 2
    assert is_ok(wire.ask(framed("3 ACK")))
    assert is_ok(wire.ask(framed("4 ACK")))
    assert wire.open() == 4
    assert wire.open() == 4
    assert wire.login(4) == 6
    assert is_ok(wire.ask(framed("7 ACK")))


@pytest.mark.parametrize("seq", [0, 1, 4, 5, 65535, 32768])
def test_a_seq_that_is_not_the_last_one_plus_one_is_refused(wire, seq):
    wire.hello()
    assert refusal(wire.ask(framed(f"{seq} ACK"))) == "SEQ_ORDER"
    assert is_ok(wire.ask(framed("3 ACK")))


@pytest.mark.req("F1")
def test_a_repeat_is_answered_with_the_same_bytes_and_not_executed_again():
    """DOWN from the lowest rung would be refused."""
    wire = Wire()
    wire.listen(50)
    wire.hello()
    rungs = [
        "PROGRAM 200000 20000 100 70000 60000 2",
        "SETTINGS 10000 0 60000 1800 0",
        *(f"RUNG {i} {rate} 600" for i, rate in enumerate((30_000, 60_000))),
    ]
    for seq, line in enumerate(rungs, 3):
        wire.ask(framed(f"{seq} {line}"))
    wire.ask(framed(f"7 COMMIT {wire.checksum(2)}"))
    wire.ask(framed("8 START"))
    wire.listen(650_000)
    assert is_ok(wire.ask(framed("9 CONFIRM 1")))
    assert wire.status()["rung"] == "1"
    first = wire.ask(framed("10 DOWN"))
    assert is_ok(first)
    for again in range(1, 4):
        assert wire.ask(framed("10 DOWN")) == first
        assert wire.status()["rung"] == "0"
        assert wire.link()["repeated"] == str(again)


def test_a_repeat_of_a_line_that_was_refused_by_the_pump_gets_the_same_refusal(wire):
    wire.hello()
    first = wire.ask(framed("3 RESUME"))
    assert refusal(first) == "NOT_IN_THIS_STATE"
    assert wire.ask(framed("3 RESUME")) == first
    assert wire.status()["last_seq"] == "3"


def test_a_repeat_is_answered_as_before_although_the_state_has_changed(wire):
    seq = wire.prescribe(wire.hello() + 1)
    commit = framed(f"{seq} COMMIT {wire.checksum()}")
    first = wire.ask(commit)
    assert is_ok(first)
    wire.send(b"STATUS?\nHELP?\nRX? 0\nnonsense\n")
    wire.send(framed(f"{seq + 7} START"))
    assert wire.ask(commit) == first


def test_a_stop_typed_by_hand_does_not_change_what_a_repeat_is_sent(wire):
    wire.hello()
    first = wire.ask(framed("3 ACK"))
    wire.ask(b"STOP\n")
    assert wire.ask(framed("3 ACK")) == first


def test_the_same_seq_with_other_bytes_is_an_error_and_is_not_executed(wire):
    seq = wire.start() - 1
    assert refusal(wire.ask(framed(f"{seq} PAUSE"))) == "SEQ_REUSED"
    assert wire.state() == "INFUSING"
    assert is_ok(wire.ask(framed(f"{seq} START")))


@pytest.mark.req("F2")
@pytest.mark.parametrize("seq", ["03", "0003", "000000003"])
def test_a_seq_with_leading_zeros_is_its_number_with_other_bytes(wire, seq):
    wire.hello()
    assert is_ok(wire.ask(framed("3 ACK")))
    assert refusal(wire.ask(framed(f"{seq} ACK"))) == "SEQ_REUSED"


def test_seq_goes_on_with_0_after_65535():
    access = Authentication("", None, bytes)
    session, reader = Session(Crc16(), access), LineReader()

    def accept(line: bytes) -> int:
        assert len(list(feed(reader, line))) == 1
        return session.accept(reader)

    assert accept(hello_line()) == EXECUTE
    access.role = roles.OPERATOR
    for number in range(1, 65_600):
        seq = number % 65_536
        assert accept(framed(f"{seq} ACK")) == EXECUTE
        session.executed(reader)
        if seq in (0, 1, 65_535):
            assert accept(framed(f"{seq} ACK")) == REPEAT
            assert accept(framed(f"{(seq + 2) % 65_536} ACK")) == REFUSE
    assert session.last_seq == 65_599 - 65_536


def test_a_framed_query_takes_its_place_in_the_sequence_and_a_typed_one_does_not(wire):
    wire.hello()
    assert wire.ask(framed("3 STATUS?")).startswith(b"3 OK STATUS?,IDLE")
    assert wire.ask(b"STATUS?\n").startswith(b"- OK STATUS?,IDLE")
    assert is_ok(wire.ask(framed("4 ACK")))


# --- HELLO -----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["PROGRAM 1000 100 100 70000 1000 1", "START", "ACK", "RESET"])
def test_before_hello_nothing_that_changes_something_is_accepted(wire, verb):
    assert refusal(wire.ask(framed(f"1 {verb}"))) == "HELLO_FIRST"
    assert wire.status()["last_seq"] == "0"


@pytest.mark.parametrize("arguments", ["2 0", "1 {table}", "3 {table}", "2 {other}"])
def test_a_mismatch_refuses_all_but_stop_and_queries(wire, arguments):
    hello = arguments.format(table=table(), other=table() ^ 1)
    wire.hello()
    assert refusal(wire.ask(framed(f"0 HELLO {hello}"))) == "TABLE_MISMATCH"
    assert refusal(wire.ask(framed("3 ACK"))) == "HELLO_FIRST"
    assert wire.ask(framed("3 STATUS?")).startswith(b"3 OK STATUS?")
    assert wire.ask(b"*IDN?\n").startswith(b"- OK *IDN?,Titra,RP2040,")
    assert wire.ask(framed("4 STOP")) == b"4 OK STOP"


def test_the_boot_line_names_the_table_that_hello_compares():
    wire = Wire()
    (boot,) = [line for line in wire.listen(100) if line.startswith(b"!B")]
    assert int(boot.split(b",")[5]) == table()


def test_the_checksum_covers_every_verb_role_range_and_field(monkeypatch):
    from pump.protocol import messages

    right = table()
    for at, row in enumerate(messages.MESSAGES):
        verb, kind, role, event, arguments, text = row
        changed = [
            (b"X" + verb[1:], kind, role, event, arguments, text),
            (verb, kind + 9, role, event, arguments, text),
            (verb, kind, role + 7, event, arguments, text),
        ]
        for i, (name, least, most, unit) in enumerate(arguments):
            for argument in (("x" + name, least, most, unit), (name, least + 1, most, unit),
                             (name, least, most + 1, unit)):  # fmt: skip
                others = (*arguments[:i], argument, *arguments[i + 1 :])
                changed.append((verb, kind, role, event, others, text))
        for other in changed:
            rows = (*messages.MESSAGES[:at], other, *messages.MESSAGES[at + 1 :])
            with monkeypatch.context() as patch:
                patch.setattr(messages, "MESSAGES", rows)
                assert table() != right, other


class Conversation(RuleBasedStateMachine):
    """Any order of frames against a host's own book-keeping of the sequence."""

    @initialize()
    def begin(self):
        self.wire = Wire()
        self.wire.listen(50)
        self.last = self.wire.hello()
        self.line: bytes | None = None
        self.answer: bytes | None = None

    @rule(verb=some.sampled_from(["ACK", "RESUME", "STATUS?", "COMMIT 1", "RX? 0"]))
    def the_next(self, verb):
        self.last += 1
        self.line = framed(f"{self.last} {verb}")
        self.answer = self.wire.ask(self.line)
        assert self.answer.startswith(b"%d " % self.last)

    @rule()
    def the_last_again(self):
        if self.line:
            assert self.wire.ask(self.line) == self.answer

    @rule(by=some.integers(2, 65_000), verb=some.sampled_from(["ACK", "STATUS?"]))
    def a_gap(self, by, verb):
        assert refusal(self.wire.ask(framed(f"{(self.last + by) & 0xFFFF} {verb}"))) == "SEQ_ORDER"

    @rule(verb=some.sampled_from(["END", "KVO"]))
    def the_last_seq_with_other_bytes(self, verb):
        if self.line:
            assert refusal(self.wire.ask(framed(f"{self.last} {verb}"))) == "SEQ_REUSED"

    @rule(line=some.sampled_from([b"STATUS?\n", b"x\n", b"\n", b"7 ACK*0000\n"]))
    def something_else(self, line):
        self.wire.send(line)

    @rule()
    def hello(self):
        assert self.wire.open() == self.last
        self.line = None
        self.last = self.wire.login(self.last)


TestAnyConversation = Conversation.TestCase
TestAnyConversation.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
