"""F19: the answer to a line is lost, late, or another's."""

import pytest
from pump_bench import Bedside, program, steps_above
from what_if import what_if

from host_sim.client import ReadBackError, Refused, frame, unframe
from host_sim.links import LinkError

ORDER = program((20_000, 600), (40_000, 600), ml=5)
# Exchanges of hello, log-in and programming, one answer each.
EXCHANGES = range(16)


@pytest.fixture(scope="module")
def board_alone() -> Bedside:
    return Bedside(seed=3)


class Echo:
    """The host's end of a line that loses, delays or swaps one answer."""

    def __init__(self, bed: Bedside, number: int, how: str):
        self.link = bed.link
        self.number = number
        self.how = how
        self.seen = 0
        self.kept = b""
        self.hit = False
        self._part = b""
        self._read = bed.link.read
        bed.link.read = self.read

    def read(self, timeout_s: float) -> bytes:
        data = self._read(timeout_s)
        if not data:
            return data
        out = b""
        *lines, self._part = (self._part + data).split(b"\n")
        for bare in lines:
            body, line = unframe(bare), bare + b"\n"
            if body is None or body.startswith("!"):
                out += line
                continue
            self.seen += 1
            if self.seen - 1 != self.number:
                out += line + (self.kept if self.how == "late" else b"")
                self.kept = b"" if self.how == "late" else line
                continue
            self.hit = True
            if self.how == "late":
                self.kept = line
            elif self.how == "another's":
                out += self.kept
            elif self.how == "other numbers":
                words = body.replace("20000", "80000").replace("5000,", "9000,")
                out += frame(words)
        return out


@pytest.mark.req("F19", "L22")
@pytest.mark.parametrize("how", ("lost", "late", "another's", "other numbers"))
def test_nothing_is_committed_but_what_was_read_back(board_alone, how):
    def converse(number: int) -> tuple[bool, str, list[str], int]:
        bed = board_alone
        echo = Echo(bed, number, how)
        said = ""
        try:
            bed.client.hello()
            bed.client.load(ORDER)
        except (LinkError, ReadBackError, Refused) as failed:
            said = type(failed).__name__
        bed.link.read = echo._read
        order = [",".join(bed.client.query("ORDER?", line)) for line in range(4)]
        bed.listen(2)
        return echo.hit, said, order, bed.board.step_edges

    hits = 0
    for number in EXCHANGES:
        hit, said, order, edges = what_if(lambda n=number: converse(n))
        hits += hit
        assert edges == 0
        if order[0] != "0,0,0,0,0,0,0":
            assert order == ORDER.read_back(), (number, said)
        else:
            assert said, number
    assert hits >= 12


@pytest.mark.req("F19")
def test_a_start_whose_answer_was_lost_is_answered_again_and_begun_once():
    bed = Bedside(seed=3)
    bed.client.hello()
    bed.client.load(ORDER)
    Echo(bed, 0, "lost")
    bed.client.request("START")  # the second answer is the repeated one
    start_us = bed.board.now_us
    bed.listen(10)
    assert bed.client.query_fields("LINK?")["repeated"] == "1"
    assert int(bed.client.query_fields("MOTION?")["session"]) == 1
    assert steps_above(bed.edges(), 20_000) < 1
    assert bed.edges()[0] < start_us + 10_000_000


@pytest.mark.req("F19", "L12")
def test_a_confirmation_whose_answer_was_lost_steps_up_once():
    bed = Bedside(seed=3)
    bed.start(program((20_000, 600), (30_000, 600), (40_000, 600), ml=20))
    bed.listen(650, until=lambda: bool(bed.questions()))
    Echo(bed, 0, "lost")
    bed.client.request("CONFIRM", int(bed.questions()[-1].fields["question"]))
    bed.listen(20)
    status = bed.client.status()
    assert (status["rung"], status["rate_ul_h"]) == ("1", "30000")
