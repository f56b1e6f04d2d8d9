"""Noise on the line: nothing raises, nothing changes without a right CRC, nothing moves."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pump_bench import Bedside, program
from wire import Wire, crc, framed, hello_line

from pump.core import limits, roles
from pump.protocol import messages
from pump.protocol.authentication import Authentication
from pump.protocol.framing import Crc16, LineReader
from pump.protocol.session import EXECUTE, HALT, IGNORE, REFUSE, REPEAT, Session

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
        for byte in data:
            if self.reader.feed(byte):
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
