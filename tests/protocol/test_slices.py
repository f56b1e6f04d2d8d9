"""A board that has time for one piece of work a tick says and does the same as one that
has time for all of it; only later.  STOP is never later."""

import pytest
from wire import Wire, framed, hello_line

LATE_US = 1_000_000
STAGED = (
    "PROGRAM 2000 200 100 70000 70000 2",
    "SETTINGS 1000 0 60000 1800 60",
    "RUNG 0 35000 600",
    "RUNG 1 60000 600",
)
# All that say the same on two boards; RAW? is noise.
QUERIES = (
    "*IDN?", "STATUS?", "MOTION?", "LINK?", "ALARMS?", "QUESTION?", "RX? 0", "RX? 1", "RX? 3",
    "RX? 13", "ORDER? 0", "POST?", "FITTED?", "ROLE?", "LOG? 0", "LOG? 1", "LOG? 99999",
    "LOG_ENDS?", "TABLE?", "CAL? 0", "CAL? 1", *(f"HELP? {line}" for line in range(10)),
)  # fmt: skip
REFUSED = (
    b"nonsense\n", b"7 PAUSE*0000\n", b"PAUSE\n", framed("9 PAUSE"), b"x" * 97 + b"\n",
    framed("1 RX? 14"), framed("1 COMMIT 1"), b"RX? x\n", b"12 PAU\n",
)  # fmt: skip


def one_piece_a_tick(wire: Wire) -> Wire:
    """From now on every tick of this board is late already when it is asked."""
    application = wire.board.application

    def spent_us() -> int:
        return LATE_US

    application.link._spent_us = application.talk._spent_us = spent_us
    return wire


def slow() -> Wire:
    return one_piece_a_tick(Wire())


def commit_line(wire: Wire, seq: int) -> bytes:
    """With the checksum of what is staged."""
    staging = wire.board.application.link._staging
    staging.begin_sum()
    while not staging.sum_up():
        pass
    return framed(f"{seq} COMMIT {staging.checksum}")


def dialogue(wire: Wire) -> list[bytes]:
    """Every kind of line once, each after the answer to the one before."""
    said = []

    def say(data: bytes) -> None:
        said.extend(wire.send(data, ms=1500))

    for data in REFUSED:
        say(data)
    say(hello_line())
    seq = wire.login(0) + 1
    for body in (*QUERIES, *STAGED, *QUERIES, "COMMIT 1", "START", "LOGOUT", "LOGIN 1 " + 32 * "0"):
        say(framed(f"{seq} {body}"))
        say(framed(f"{seq} {body}"))  # a repeat
        seq += 1
    for body in QUERIES:
        say(body.encode() + b"\n")
    return said + wire.send(b"HELP?\n", ms=15_000)


@pytest.fixture
def unhurried(monkeypatch):
    """``Wire.ask`` waits long enough for a board of one piece a tick."""
    monkeypatch.setattr(Wire, "ask", lambda wire, data, ms=1500: wire.send(data, ms)[0])


@pytest.mark.req("L24")
@pytest.mark.usefixtures("unhurried")
def test_an_answer_that_is_spread_over_ticks_has_the_same_bytes():
    at_once, spread = dialogue(Wire()), dialogue(slow())
    assert len(at_once) > 2 * len(QUERIES)
    assert spread == at_once


@pytest.mark.req("L24")
@pytest.mark.usefixtures("unhurried")
def test_lines_that_come_while_one_is_answered_wait_and_are_answered_in_order():
    wire = slow()
    wire.send(hello_line(), ms=1500)
    burst = [framed(f"{seq} STATUS?") for seq in range(1, 11)]
    answers = wire.send(b"".join(burst), ms=15_000)
    assert [line.split()[0] for line in answers] == [b"%d" % seq for seq in range(1, 11)]
    assert all(b" OK STATUS?," in line for line in answers)


def infusing(wire: Wire) -> int:
    """A board that delivers; the next free SEQ."""
    seq = wire.start()
    wire.listen(3000)
    assert wire.board.application.outputs.enable
    return seq


def ticks_to_standstill(wire: Wire) -> int:
    """With STOP on its way: from the tick on in which its line feed is read.  A board that
    is always late reads a line or 32 bytes a tick."""
    board = wire.board
    application = board.application
    board.usb.host_write(b"STOP\n")
    ticks = 0
    for _ in range(100):
        board.run_tick()
        line = application.usb
        if ticks or (line._at == line._end and not board.usb.waiting()):
            ticks += 1
        if not application.outputs.enable:
            return ticks
    raise AssertionError("it does not stop")


@pytest.fixture(scope="module")
def undisturbed():
    wire = Wire()
    infusing(wire)
    return ticks_to_standstill(wire)


@pytest.mark.req("L3")
@pytest.mark.req("L24")
@pytest.mark.parametrize("line", ["STATUS?", "HELP?", "LOGIN", "CHALLENGE", "COMMIT"])
@pytest.mark.parametrize("ticks_before", [1, 2, 5, 9])
def test_stop_in_the_middle_of_an_answer_is_as_quick_as_ever(undisturbed, line, ticks_before):
    wire = Wire()
    seq = infusing(wire)
    data = line.encode() + b"\n"
    if line == "LOGIN":
        nonce = wire.challenge(seq, 1)
        data = wire.login_line(seq + 1, 1, nonce)
    elif line == "CHALLENGE":
        data = framed(f"{seq} CHALLENGE 1")
    elif line == "COMMIT":
        data = commit_line(wire, seq)
    one_piece_a_tick(wire)
    wire.board.usb.host_write(data)
    for _ in range(ticks_before):
        wire.board.run_tick()
    application = wire.board.application
    assert application.link.is_busy or application.usb.has_more
    assert ticks_to_standstill(wire) == undisturbed


@pytest.mark.req("L3")
@pytest.mark.parametrize("wire_of", [Wire, slow], ids=["at once", "a piece a tick"])
@pytest.mark.usefixtures("unhurried")
def test_what_waits_before_a_stop_does_not_start_the_motor_after_it(wire_of):
    wire = Wire()
    seq = infusing(wire)
    assert b" OK PAUSE" in wire.ask(framed(f"{seq} PAUSE"))
    if wire_of is slow:
        one_piece_a_tick(wire)
    resume, stop = framed(f"{seq + 1} RESUME"), framed(f"{seq + 2} STOP")
    enabled = False
    wire.board.usb.host_write(b"STATUS?\n" + resume + stop)
    said = []
    for _ in range(300):
        said += [line for line in wire.listen(10) if not line.startswith(b"!")]
        enabled |= wire.board.application.outputs.enable
    assert not enabled
    assert [line.partition(b",")[0] for line in said] == [
        b"- OK STATUS?",
        b"%d ERR OVERTAKEN not executed: a STOP came in the same tick" % (seq + 1),
        b"%d OK STOP" % (seq + 2),
    ]
    assert wire.ask(resume) == said[1]
    assert wire.ask(stop) == said[2]


@pytest.mark.req("L3")
@pytest.mark.req("L22")
def test_a_stop_behind_more_lines_than_may_wait_acts_in_its_tick_and_they_are_counted(undisturbed):
    wire = Wire()
    infusing(wire)
    before = int(wire.link()["busy"])
    one_piece_a_tick(wire)
    wire.board.usb.host_write(b"STATUS?\n" * 40)
    assert ticks_to_standstill(wire) == undisturbed
    wire.listen(60_000)
    answers = [line for line in wire.lines if line.startswith(b"- OK STATUS?")]
    counters = wire.board.application.link.session.counters
    # One for each of LINK? and those that waited; the rest, and STOP, are counted.
    assert 10 <= len(answers) <= 12
    assert counters[9] - before == 41 - len(answers)
