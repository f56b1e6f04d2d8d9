"""Noise on the line: nothing raises, nothing changes without a right CRC, nothing moves."""

import gc
import os
import re
import tracemalloc
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pump_bench import Bedside, program
from wire import Wire, crc, feed, framed, hello_line

from pump.core import limits, roles
from pump.protocol import messages
from pump.protocol.authentication import Authentication
from pump.protocol.framing import Crc16, LineReader
from pump.protocol.session import EXECUTE, HALT, IGNORE, REFUSE, REPEAT, Session
from titra.event_log import HEAD, read_log

VERBS = [row[messages.COL_VERB] for row in messages.MESSAGES]
CHANGING = {messages.STAGE, messages.EVENT, messages.LINK, messages.ACCESS, messages.CARE}


class Ear:
    """A session and its reader; the CRC judged a second time, by the standard library."""

    def __init__(self):
        self.access = Authentication("", None, bytes)
        self.session = Session(Crc16(), self.access)
        self.reader = LineReader()
        self.executed = 0

    def hello(self) -> None:
        """A conversation in which everything is allowed."""
        self.hear(hello_line())
        self.access.role = roles.MAINTENANCE

    def hear(self, data: bytes) -> None:
        for _ in feed(self.reader, data):
            self._judge()

    def _judge(self) -> None:
        session, reader = self.session, self.reader
        before = session.last_seq
        verdict = session.accept(reader)
        assert verdict in (EXECUTE, HALT, IGNORE, REFUSE, REPEAT)
        if verdict == EXECUTE:
            line = bytes(reader.data[: reader.length])
            row = messages.MESSAGES[session.message]
            body, _, check = line.rpartition(b"*")
            if row[messages.COL_KIND] in CHANGING:
                assert check == b"%04X" % crc(body)
                assert body.split(b" ")[1] == row[messages.COL_VERB]
                words = body.split(b" ")[2:]
                for i, (_, least, most, _) in enumerate(row[messages.COL_ARGUMENTS]):
                    if most == messages.HEX:
                        assert words[i] == session.hex.hex().upper().encode()[:least]
                    else:
                        assert least <= int(words[i]) <= most
                        assert session.arguments[i] == int(words[i])
                assert len(words) == len(row[messages.COL_ARGUMENTS])
            if row[messages.COL_KIND] in CHANGING - {messages.LINK}:
                assert session.seq == (before + 1) & 0xFFFF
                self.executed += 1
            session.executed(reader)


@given(some.binary(max_size=400))
def test_random_bytes_never_raise_and_never_change_anything(data):
    ear = Ear()
    ear.hello()
    ear.hear(data + b"\n")
    assert ear.session.is_open or b"HELLO" in data
    assert ear.executed == 0


frames = some.builds(
    lambda seq, verb, arguments: b" ".join([b"%d" % seq, verb, *arguments]),
    some.integers(0, 4),
    some.sampled_from(VERBS),
    some.lists(some.integers(0, 2_000_000).map(lambda n: b"%d" % n), max_size=6),
)
positions, bytes_ = some.integers(0, 100), some.integers(0, 255)


def mutate(line: bytes, how: str, at: int, byte: int) -> bytes:
    at %= len(line)
    if how == "flip":
        return line[:at] + bytes([line[at] ^ 1 << byte % 8]) + line[at + 1 :]
    if how == "lose":
        return line[:at] + line[at + 1 :]
    if how == "double":
        return line[:at] + line[at : at + 1] + line[at:]
    if how == "insert":
        return line[:at] + bytes([byte]) + line[at:]
    if how == "cut":
        return line[:at]
    return line


hows = some.sampled_from(["keep", "flip", "lose", "double", "insert", "cut"])


@settings(max_examples=400)
@given(some.lists(some.tuples(frames, hows, positions, bytes_), max_size=12))
def test_mutated_frames_are_executed_only_with_a_right_crc_and_in_order(script):
    ear = Ear()
    ear.hello()
    for body, how, at, byte in script:
        ear.hear(mutate(framed(body), how, at, byte))


@settings(max_examples=200)
@given(hows.filter(lambda how: how != "keep"), positions, bytes_)
def test_no_single_change_of_a_frame_is_executed_as_another(how, at, byte):
    """CRC-16 finds every burst of up to 16 bits; a lost or doubled byte moves it."""
    line = framed("1 RUNG 3 45600 600")
    changed = mutate(line, how, at, byte)
    ear = Ear()
    ear.hello()
    ear.hear(changed + b"\n")
    if changed.rstrip(b"\n\r") != line.rstrip(b"\n"):
        assert ear.executed == 0


# --- through the board ------------------------------------------------------------------------


def fuzz(random: Random, n_bytes: int) -> list[bytes]:
    """Noise of every kind, in pieces; none is a STOP, none a frame in good order."""
    pieces, made = [], 0
    while made < n_bytes:
        kind = random.randrange(5)
        if kind == 0:
            piece = random.randbytes(random.randrange(1, 300))
        elif kind == 1:
            piece = random.choice(VERBS) + b" %d\n" % random.randrange(1 << 31)
        elif kind == 2:
            body = b"%d %s %d" % (
                random.randrange(1000, 60_000), random.choice(VERBS), random.randrange(70_000)
            )  # fmt: skip
            piece = framed(body)
        elif kind == 3:
            piece = bytes([random.choice(b"\n\r\x03\x00* 0123456789AFSTOP")]) * random.randrange(
                200
            )
        else:
            body = framed(b"6 RUNG 0 30000 600")
            piece = mutate(body, "flip", random.randrange(100), random.randrange(8))
        piece = piece.replace(b"STOP", b"STAP").replace(b"HELLO", b"HALLO")
        pieces.append(piece)
        made += len(piece)
    return pieces


@pytest.mark.req("L22")
def test_100_kb_of_noise_leaves_the_motion_of_an_infusion_as_it_is():
    """Alone and in noise: the same edges to the microsecond, over a rung change."""

    def run(noise: list[bytes]) -> Bedside:
        bed = Bedside(seed=2).start(program((60_000, 600), (120_000, 600), ml=20))
        for i, piece in enumerate(noise):
            bed.send_at(bed.board.now_us + 1_000_000 + i * 173_003, piece)
        bed.listen(590)
        return bed

    alone, noisy = run([]), run(fuzz(Random(11), 100_000))
    assert noisy.board.usb.waiting() == 0
    assert noisy.board.edge_digest == alone.board.edge_digest
    assert noisy.edges() == alone.edges()
    assert noisy.is_enabled()
    noisy.client.hello()
    assert int(noisy.client.status()["refused"]) > 400
    noisy.confirm(within_s=60)
    assert noisy.listen(10).client.status()["rung"] == "1"


# --- near-valid lines, in states that matter -----------------------------------------------------

MANY = int(os.environ.get("FUZZ_BYTES", "10_000_000"))
BYTES_A_TICK = 400  # below what the pump reads in one, so that what follows enters at once
PROGRAM = program((60_000, 600), (120_000, 600), ml=200)
# What a person could have said to this pump, in good order but for SEQ, CRC or role.
SAID = [line.encode() for line in PROGRAM.lines()] + [
    b"COMMIT 4242", b"START", b"CONFIRM 1", b"STAY", b"CLIMB", b"DOWN", b"HOLD", b"RELEASE",
    b"PAUSE", b"RESUME", b"KVO", b"ACK", b"RESET", b"END", b"CANCEL", b"LOGOUT", b"REPL",
    b"SETDATE 9999 1", b"LOGIN 1 " + b"00" * 16, b"CHALLENGE 3",
]  # fmt: skip


FOR_ANYBODY = {
    row[messages.COL_VERB] for row in messages.MESSAGES if row[messages.COL_ROLE] == roles.OBSERVER
}


def is_stop(line: bytes) -> bool:
    """As the contract says: the last word is STOP, a CRC behind it aside."""
    return re.sub(rb"\*.{0,4}$", b"", line, flags=re.S).rstrip(b" \t\r").upper().endswith(b"STOP")


class Noise:
    """Whole lines of noise; none of them is allowed to change anything.

    ``last``     SEQ executed last
    ``knows``    frames that the pump executed, each in its own time
    ``may_act``  a person is logged in: no frame is given the next SEQ
    """

    def __init__(self, seed: int, last: int, knows: list[bytes], may_act: bool):
        self.random = Random(seed)
        self.last = last
        self.knows = knows
        self.may_act = may_act

    def lines(self, n_bytes: int) -> bytes:
        """At least so many bytes of it."""
        made = bytearray()
        makers = (self._random, self._flipped, self._cut, self._spliced, self._replayed)
        makers += (self._wrong_seq, self._verb)
        if not self.may_act:
            makers += (self._no_role,)
        while len(made) < n_bytes:
            piece = self.random.choice(makers)()
            for line in piece.split(b"\n"):
                if not self._changes(line):
                    made += line + b"\n"
        return bytes(made)

    def _changes(self, line: bytes) -> bool:
        """Whether the pump would be right to do something about ``line``."""
        if is_stop(line):
            return True
        body, star, check = line.rstrip(b"\r").rpartition(b"*")
        if not star or check != b"%04X" % crc(body):
            return False
        seq, _, rest = body.partition(b" ")
        verb = rest.partition(b" ")[0]
        if verb == b"HELLO":
            return True  # anybody may; it ends the role of who is logged in
        if not seq.isdigit() or int(seq) != self.next_seq:
            return False
        # Questions, log-in and log-out need no role, and use up their SEQ.
        return self.may_act or verb in FOR_ANYBODY

    @property
    def next_seq(self) -> int:
        return self.last + 1 & 0xFFFF

    def _said(self, seq: int) -> bytes:
        return framed(b"%d %s" % (seq, self.random.choice(SAID)))

    def _random(self) -> bytes:
        return self.random.randbytes(self.random.randrange(1, 120))

    def _flipped(self) -> bytes:
        """One to three bits of a line in perfect order."""
        line = bytearray(self._said(self.next_seq))
        for _ in range(self.random.randrange(1, 4)):
            line[self.random.randrange(len(line))] ^= 1 << self.random.randrange(8)
        return bytes(line)

    def _cut(self) -> bytes:
        """Without its beginning, its end or something in between."""
        line = self._said(self.next_seq)
        at, to = sorted(self.random.sample(range(len(line) + 1), 2))
        return self.random.choice((line[:at], line[to:], line[:at] + line[to:], line[:at] + line))

    def _spliced(self) -> bytes:
        """Two lines that were never one."""
        one, other = self._said(self.next_seq), self._said(self.next_seq)
        return one[: self.random.randrange(len(one))] + other[self.random.randrange(len(other)) :]

    def _replayed(self) -> bytes:
        """What was right once: log-ins, COMMIT, START."""
        return self.random.choice(self.knows) if self.knows else b""

    def _wrong_seq(self) -> bytes:
        """Right in everything but its number."""
        seq = self.random.choice(
            (self.last, self.next_seq + 1, self.last - 1, self.random.randrange(1 << 17))
        )
        return self._said(seq if seq >= 0 else 65535)

    def _no_role(self) -> bytes:
        """Right in everything, and nobody is logged in."""
        return self._said(self.next_seq)

    def _verb(self) -> bytes:
        verb = self.random.choice(VERBS)
        return verb + b" %d" % self.random.randrange(1 << 31) * self.random.randrange(3)


def remembered(bed: Bedside) -> tuple:
    """What no noise may change, as the pump itself says it."""
    client = bed.client
    status = client.status()
    return (
        *(status[name] for name in ("state", "rung", "rungs", "vtbi_ul", "alarms", "last_seq")),
        *(tuple(client.query(f"{verb}?", i)) for verb in ("RX", "ORDER") for i in range(4)),
        tuple(client.query("ROLE?")[:1]),
    )


def make_noise(bed: Bedside, noise: Noise, n_bytes: int) -> None:
    """Send it at 40 kB/s, and read what the pump says."""
    board = bed.board
    data = noise.lines(n_bytes)
    for at in range(0, len(data), BYTES_A_TICK):
        board.usb.host_write(data[at : at + BYTES_A_TICK])
        board.run_tick()
        board.usb.host_read()
    while board.usb.waiting():
        board.run_tick()
        board.usb.host_read()


def records_since(bed: Bedside, seq: int) -> set[str]:
    """Kinds of the log's records from ``seq`` on."""
    until = int(bed.client.query(HEAD)[1])
    if until == seq:
        return set()
    return {record.name for record in read_log(bed.client, until - seq).records}


def next_record(bed: Bedside) -> int:
    bed.board.run_until(bed.board.now_us + 2_000_000)  # all is written
    return int(bed.client.query(HEAD)[1])


STATES = ("INFUSING", "INFUSING", "PAUSED", "READY", "IDLE")


def bring_to(bed: Bedside, state: str) -> None:
    client = bed.client
    client.hello()
    if state == "IDLE":
        return
    client.load(PROGRAM)
    if state == "READY":
        return
    client.request("START")
    bed.listen(12)
    if state == "PAUSED":
        client.request("PAUSE")


def fuzz_in(state: str, may_act: bool, seed: int, n_bytes: int) -> None:
    """``n_bytes`` of noise in ``state``; then STOP in the middle of more of it."""
    bed = Bedside(seed)
    said: list[bytes] = []
    bed.link.on_write = lambda data: said.extend(
        line + b"\n" for line in data.split(b"\n") if b"*" in line
    )
    bring_to(bed, state)
    if not may_act:
        bed.client.logout()
    knows = [line for line in said if b" HELLO " not in line]
    seq = next_record(bed)
    before = remembered(bed)
    last = int(before[5])
    noise = Noise(seed, last, knows, may_act)
    chunk = 20_000
    turned = bed.board.line.motor_steps
    make_noise(bed, noise, min(chunk, n_bytes))
    gc.collect()
    tracemalloc.start()
    make_noise(bed, noise, 10_000)  # with the tracing's own
    gc.collect()
    warm, _ = tracemalloc.get_traced_memory()
    make_noise(bed, noise, chunk)
    bed.board.edge_log = []
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - warm
    tracemalloc.stop()
    assert grown < 48_000, grown
    made = chunk * 2 + 10_000
    while made < n_bytes:
        make_noise(bed, noise, min(chunk, n_bytes - made))
        made += chunk
        bed.board.edge_log = []
        # Nobody answers questions here; half an hour would be a reason to stop.
        assert bed.board.now_us < 1_500_000_000
    bed.link.write(b"\n")
    bed.board.run_until(bed.board.now_us + 200_000)
    after = remembered(bed)
    if state == "INFUSING":
        assert bed.board.line.motor_steps > turned
    else:
        assert bed.board.line.motor_steps == turned
    assert after == before
    assert records_since(bed, seq) <= {"KEPT_BACK"}
    assert bed.board.crashes == []
    if state == "INFUSING":
        stops_within_50_ms(bed, noise)


def stops_within_50_ms(bed: Bedside, noise: Noise) -> None:
    """STOP among noise, at any place of a tick."""
    board = bed.board
    data = noise.lines(4000)
    at_us = board.now_us + 40_000 + noise.random.randrange(10_000)
    for n, at in enumerate(range(0, len(data), BYTES_A_TICK)):
        bed.send_at(board.now_us + n * 10_000, data[at : at + BYTES_A_TICK])
    # A person's line feed first: half a line of noise may stand before it.
    bed.send_at(at_us, b"\nSTOP\n")
    board.run_until(at_us + 1_000_000)
    assert board.last_edge_us <= at_us + 50_000
    assert not bed.is_enabled()


@pytest.mark.req("L22", "L3")
@pytest.mark.parametrize(("state", "may_act"), [(state, n != 1) for n, state in enumerate(STATES)])
def test_near_valid_lines_change_nothing_grow_nothing_and_let_stop_through(state, may_act):
    """250 kB over all states."""
    fuzz_in(state, may_act, seed=len(state) + may_act, n_bytes=20_000)


@pytest.mark.nightly
@pytest.mark.req("L22", "L3")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("may_act", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_ten_million_near_valid_bytes_change_nothing(seed, may_act):
    fuzz_in("INFUSING" if seed != 4 else "READY", may_act, 100 + seed, MANY // 10)


@pytest.mark.nightly
@pytest.mark.req("L22")
@pytest.mark.timeout(600)
def test_ten_megabytes_of_noise_in_every_state_never_raise():
    wire = Wire()
    wire.start()
    random = Random(5)
    for _ in range(100):
        for piece in fuzz(random, 100_000):
            wire.board.usb.host_write(piece)
            wire.listen(10)
    wire.listen(60_000)
    wire.send(b"\nSTOP\n", ms=1000)
    assert wire.board.step_edges <= limits.VTBI_MAX_UL * 6.4
