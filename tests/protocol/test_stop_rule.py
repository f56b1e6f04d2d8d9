"""A line that ends in STOP stops, whatever stands before it; no other line does.

Not only as a word of its own: the half line of a host that died may stand
right before it.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from wire import feed, framed

from pump.protocol import messages
from pump.protocol.authentication import Authentication
from pump.protocol.framing import Crc16, LineReader
from pump.protocol.session import HALT, Session

STOPS = [
    b"STOP",
    b"stop",
    b"Stop",
    b"sToP",
    b" STOP",
    b"\tSTOP",
    b"STOP ",
    b"STOP\t \t",
    b"please STOP",
    b"NOT STOP",
    b"12 PAUSE STOP",
    b"\x00\xff\x03 STOP",
    b"STOP STOP",
    b"7 STOP*0000",
    b"7 STOP*",
    b"7 STOP*FF",
    b"7 STOP *1234",
    b"STOP*zzzz",
    b"99999 STOP*ABCD",
    b"x" * 91 + b" STOP",
    b"x" * 92 + b" STOP",
    b"x" * 10_000 + b" STOP",
    b"x" * 10_000 + b" stop*1234",
    b" " * 200 + b"STOP",
    framed("7 STOP").strip(),
    framed("70000 STOP").strip(),
    b"12 PAUSTOP",
    b"NONSTOP",
    b"STOPSTOP",
    b"x" * 124 + b"STOP",
    b"x" * 125 + b"STOP",
    b"x" * 10_000 + b"STOP",
]
OTHERS = [
    b"STOPX",
    b"STOP X",
    b"STOP 1",
    b"STO",
    b"TOP",
    b"S TOP",
    b"STOP.",
    b"STOP?",
    b"ST\x00P",
    b"STOP*STOPX*1234",
    b"x" * 10_000,
    b"",
]


def verdict(line: bytes) -> int:
    """What a session that is closed, and has heard nothing, says to ``line``."""
    reader, session = LineReader(), Session(Crc16(), Authentication("", None, bytes))
    assert list(feed(reader, line)) == []
    assert list(feed(reader, b"\n")) == [1]
    return session.accept(reader)


@pytest.mark.req("L3")
@pytest.mark.parametrize("line", STOPS)
@pytest.mark.parametrize("end", [b"", b"\r"])
def test_it_stops(line, end):
    assert verdict(line + end) == HALT


@pytest.mark.parametrize("line", OTHERS)
@pytest.mark.parametrize("end", [b"", b"\r"])
def test_it_does_not_stop(line, end):
    assert verdict(line + end) != HALT


without_line_feed = some.binary(max_size=300).map(lambda data: data.replace(b"\n", b"."))


@pytest.mark.req("L3")
@given(without_line_feed, some.sampled_from([b"STOP", b"stop", b"Stop", b" STOP"]))
def test_whatever_stands_before_it(before, word):
    assert verdict(before + word) == HALT


@given(without_line_feed)
def test_no_line_without_the_word_stops(line):
    if b"STOP" not in line.upper():
        assert verdict(line) != HALT


def test_no_other_verb_ends_like_it():
    ends = [row[messages.COL_VERB] for row in messages.MESSAGES]
    assert [verb for verb in ends if verb.endswith(b"STOP")] == [b"STOP"]


@pytest.mark.req("L3")
@pytest.mark.parametrize("line", [b"STOP", b"noise stop", b"9 STOP*0000", b"x" * 500 + b" STOP"])
def test_the_device_answers_each_stop(wire, line):
    assert wire.ask(line + b"\n") == b"- OK STOP"


@pytest.mark.req("L3")
def test_a_framed_stop_in_good_order_takes_its_place_in_the_sequence(wire):
    assert wire.hello() == 2
    assert wire.ask(framed("3 STOP")) == b"3 OK STOP"
    assert wire.status()["last_seq"] == "3"
    assert wire.ask(framed("4 ACK")).startswith(b"4 OK")


@pytest.mark.req("L3")
def test_a_framed_stop_needs_no_hello(wire):
    assert wire.ask(framed("1 STOP")) == b"1 OK STOP"


@pytest.mark.req("L3")
@pytest.mark.parametrize("seq", [3, 65535, 70_000])
def test_a_framed_stop_out_of_order_stops_and_leaves_the_sequence_alone(wire, seq):
    seq_next = wire.start()
    wire.listen(3000)
    assert wire.ask(framed(f"{seq} STOP")) == b"- OK STOP"
    assert wire.state() == "STOPPED"
    assert wire.ask(framed(f"{seq_next} RESET")) == b"%d OK RESET" % seq_next


@pytest.mark.req("L3")
def test_two_stops_in_one_tick_are_one_stop(wire):
    wire.start()
    wire.listen(3000)
    assert b"- OK STOP" in wire.send(b"STOP\nSTOP\nSTOP\n")
    assert wire.state() == "STOPPED"
