"""A STOP behind more lines than may wait, of which most are left out a piece at a time.

Such lines are looked at only for whether they may be a STOP: none may be missed, wherever
a piece of USB ends, and no other line may become one.
"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from wire import Wire

from pump.protocol.session import C_BUSY, C_LINES

# What the simulator's USB gives in the pieces of a flood: 32, 64, 128, 256 and 256 bytes.
PIECES = (32, 64, 128, 256, 256)


def is_stop(line: bytes) -> bool:
    """As docs/protocol.md says it."""
    line = line.removesuffix(b"\r")
    return re.sub(rb"\*[^*]{0,4}$", b"", line, flags=re.S).rstrip(b" \t").upper().endswith(b"STOP")


class Listener:
    """A board, and whether a STOP has acted."""

    def __init__(self):
        self.board = Wire().board
        self.link = self.board.application.link
        self.has_stopped = False
        self._answer = self.link.answer
        self.link.answer = self._watch

    def _watch(self, outputs) -> None:
        self.has_stopped |= self.link._stopping
        self._answer(outputs)

    def read(self, data: bytes) -> bool:
        """One tick with ``data``; whether a STOP acts in it."""
        self.has_stopped = False
        self.board.usb.host_write(data)
        self.board.run_tick()
        assert not self.board.usb.waiting()
        return self.has_stopped


@pytest.fixture(scope="module")
def listener():
    return Listener()


@pytest.fixture(scope="module")
def flooded():
    """A board of which the queue is full and stays so."""
    listener = Listener()
    listener.link._has_piece = lambda: False
    listener.read(b"?\n" * 11)
    assert listener.link._queue.waiting == 11
    return listener


@pytest.mark.req("L3")
@pytest.mark.req("L22")
@pytest.mark.parametrize("stop", [b"STOP", b"x sToP *1234", b"stop\t \r", b"9 STOP*"])
@pytest.mark.parametrize("noise", [b"STATUS?\n", b"a\n", b"to\n", b"\n", b"x" * 199 + b"\n"])
def test_a_stop_that_lies_across_two_pieces_is_found_at_every_split(flooded, stop, noise):
    line = b"\n" + stop + b"\n"
    at = 0
    for size in PIECES:
        at += size
        for split in range(len(line) + 1):
            before = (noise * at)[: at - split]
            assert flooded.read(before + line + noise * 9), (size, split)
            assert not flooded.read(noise * 40)


@pytest.mark.req("L3")
@pytest.mark.req("L22")
def test_lines_for_which_there_is_no_room_are_counted_one_by_one(flooded):
    for lines in ([b"STATUS?"] * 100, [b"to a", b"*", b"x" * 300] * 20, [b"a"] * 9):
        counters = flooded.link.session.counters
        counters[C_LINES] = counters[C_BUSY] = 0
        flooded.read(b"".join(line + b"\n" for line in lines))
        assert counters[C_LINES] == counters[C_BUSY] == len(lines)


PART = some.sampled_from(
    [b"STOP", b"stop", b"sTOp", b"STO", b"TOP", b"OP", b"P", b"S", b"*", b"*12", b"*1234"]
    + [b"*12345", b" ", b"\t", b"\r", b"\x00", b"\xff", b"\x80", b"x", b"STATUS?", b"x" * 97]
    + [b"x" * 250]
)  # fmt: skip
LINE = some.lists(PART, max_size=5).map(b"".join)


LINES = some.lists(some.one_of(LINE, some.just(b"a")), min_size=1, max_size=80)


def reads_as_the_rule_says(listener: Listener, lines: list[bytes]) -> bool:
    data = b"".join(line + b"\n" for line in lines)
    return listener.read(data) == any(map(is_stop, data.split(b"\n")[:-1]))


@pytest.mark.req("L3")
@pytest.mark.req("L22")
@settings(max_examples=400, deadline=None)
@given(LINES)
def test_only_a_stop_stops_when_no_line_can_be_kept(flooded, lines):
    assert reads_as_the_rule_says(flooded, lines)


@pytest.mark.req("L3")
@settings(max_examples=200, deadline=None)
@given(LINES)
def test_only_a_stop_stops_while_there_is_room_for_some(listener, lines):
    assert reads_as_the_rule_says(listener, lines)
    for _ in range(200):
        listener.board.run_tick()


@pytest.mark.req("L3")
@pytest.mark.req("L22")
@pytest.mark.parametrize("stop", [b"STOP", b"7 stop*0000", b"x*sTop \t"])
def test_a_stop_is_found_at_each_place_of_a_piece(flooded, stop):
    """Of each size that a piece can have, behind short lines and in a long one."""
    for at in range(PIECES[0] + PIECES[1] + PIECES[2] + PIECES[3] + 1):
        assert flooded.read(b"x" * at + stop + b"\n"), at
        assert flooded.read((b"ab\n" * at)[:at] + b"\n" + stop + b"\n" + b"STATUS?\n" * 9), at
        assert not flooded.read((b"ab\n" * at)[:at] + b"STO P\n")


@pytest.mark.req("L22")
def test_link_tells_how_many_lines_of_a_flood_were_left_out():
    wire = Wire()
    before = wire.link()
    flood = [b"NOISE", b"a*", b"to", b"y" * 120] * 50
    wire.send(b"".join(line + b"\n" for line in flood), 2000)
    after = wire.link()
    more = {name: int(after[name]) - int(before[name]) for name in after}
    assert more["lines"] == len(flood) + 1  # and the question itself
    refused = more["verb"] + more["crc"] + more["frame"] + more["long"]
    assert refused == 11  # places of the queue
    assert more["busy"] == len(flood) - refused


@pytest.mark.req("L22", "L3")
@pytest.mark.parametrize("empty", [b"\n", b"\r\n", b"\n\r\r\n"])
def test_empty_lines_before_a_stop_are_passed_by_and_not_ended_one_by_one(empty):
    """Each costs the board 60 us, and a piece holds up to 256 of them: 100 ms until STOP."""
    listener = Listener()
    line = listener.link._queue.incoming
    end = line.end
    ended = 0

    def counted() -> None:
        nonlocal ended
        ended += 1
        end()

    line.end = counted
    assert listener.read(empty * (500 // len(empty)) + b"STOP\n")
    assert 1 < ended <= 40
