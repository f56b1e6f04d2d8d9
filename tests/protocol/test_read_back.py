"""A dose is set, read back, and confirmed with a checksum of what was read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from wire import Wire, crc, framed

from host_sim.client import Client, Program, ReadBackError, Refused
from host_sim.links import VirtualLink
from pump.core import limits

LADDER = Program(
    vtbi_ul=40_000,
    dose_mg=4000,
    concentration_mg_ml=100,
    weight_g=70_000,
    cap_ul_h=120_000,
    rungs=((30_000, 600), (60_000, 700), (120_000, 800)),
    slew_ul_h_s=2000,
    kvo_ul_h=500,
    occlusion_pa=50_000,
    check_s=900,
    link_timeout_s=60,
)


def staged(program: Program = LADDER) -> tuple[Wire, int]:
    """A device that has been told ``program``; the next SEQ."""
    wire = Wire()
    wire.listen(50)
    seq = wire.hello() + 1
    for line in program.lines():
        assert b" OK " in wire.ask(framed(f"{seq} {line}"))
        seq += 1
    return wire, seq


def read_back(wire: Wire, n_rungs: int) -> list[bytes]:
    return [wire.ask(b"RX? %d\n" % i).removeprefix(b"- OK RX? ") for i in range(n_rungs + 2)]


programs = some.builds(
    lambda rates, dwells, **fields: Program(
        rungs=tuple(zip(rates, dwells, strict=False)), **fields
    ),
    some.lists(some.integers(100, 1_200_000), min_size=1, max_size=12),
    some.lists(some.integers(600, 7200), min_size=12, max_size=12),
    vtbi_ul=some.integers(0, limits.VTBI_MAX_UL),
    dose_mg=some.integers(0, 200_000),
    concentration_mg_ml=some.integers(0, 120),
    weight_g=some.integers(0, 200_000),
    cap_ul_h=some.integers(0, 1_200_000),
    slew_ul_h_s=some.integers(1000, 10_000),
    kvo_ul_h=some.integers(0, 1000),
    occlusion_pa=some.integers(20_000, 130_000),
    check_s=some.integers(900, 1800),
    link_timeout_s=some.integers(0, 300),
)


@settings(max_examples=20, deadline=None)
@given(programs)
def test_what_is_read_back_is_what_was_understood_digit_by_digit(program):
    wire, _ = staged(program)
    read = [line.decode() for line in read_back(wire, len(program.rungs))]
    assert read == program.read_back()


def test_a_line_beyond_the_last_rung_reads_back_empty():
    wire, _ = staged()
    assert wire.ask(b"RX? 5\n") == b"- OK RX? 5"


@pytest.mark.req("F19")
def test_commit_needs_the_checksum_of_all_lines_that_were_read_back():
    wire, seq = staged()
    whole = b"".join(line + b"\n" for line in read_back(wire, 3))
    for wrong in (0, crc(whole) ^ 1, crc(whole[:-1]), crc(b""), 65_535):
        answer = wire.ask(framed(f"{seq} COMMIT {wrong}"))
        assert answer.startswith(b"%d ERR RX_CHECKSUM" % seq)
        assert wire.state() == "IDLE"
        seq += 1
    assert wire.ask(framed(f"{seq} COMMIT {crc(whole)}")) == b"%d OK COMMIT" % seq
    assert wire.state() == "READY"


@pytest.mark.req("F19")
@pytest.mark.parametrize(
    "change",
    [
        "RUNG 0 30100 600",
        "RUNG 2 120000 900",
        "SETTINGS 2001 500 50000 900 60",
        "SETTINGS 2000 500 50000 900 61",
        "PROGRAM 40000 4000 100 70000 120000 3",
    ],
)
def test_what_is_changed_after_it_was_read_back_cannot_be_committed(change):
    wire, seq = staged()
    checksum = wire.checksum(3)
    assert b" OK " in wire.ask(framed(f"{seq} {change}"))
    assert b"ERR RX_" in wire.ask(framed(f"{seq + 1} COMMIT {checksum}"))
    assert wire.state() == "IDLE"


@pytest.mark.req("F1")
def test_every_single_changed_byte_of_what_was_read_changes_the_checksum():
    wire, _ = staged()
    whole = b"".join(line + b"\n" for line in read_back(wire, 3))
    right = crc(whole)
    for i in range(len(whole)):
        for bit in range(8):
            changed = bytes([*whole[:i], whole[i] ^ 1 << bit, *whole[i + 1 :]])
            assert crc(changed) != right


def test_staging_does_not_touch_what_is_committed():
    wire, seq = staged()
    wire.ask(framed(f"{seq} COMMIT {wire.checksum(3)}"))
    ordered = [wire.ask(b"ORDER? %d\n" % i) for i in range(5)]
    assert [line.partition(b"ORDER? ")[2].decode() for line in ordered] == LADDER.read_back()
    wire.ask(framed(f"{seq + 1} PROGRAM 1000 100 100 70000 60000 1"))
    wire.ask(framed(f"{seq + 2} RUNG 0 60000 600"))
    assert [wire.ask(b"ORDER? %d\n" % i) for i in range(5)] == ordered


@pytest.mark.req("F8")
def test_a_prescription_that_is_incomplete_is_refused_although_the_checksum_is_right():
    for left_out in range(5):
        wire = Wire()
        wire.listen(50)
        seq = wire.hello() + 1
        for i, line in enumerate(LADDER.lines()):
            if i != left_out:
                wire.ask(framed(f"{seq} {line}"))
                seq += 1
        n_rungs = 0 if left_out == 0 else 3
        answer = wire.ask(framed(f"{seq} COMMIT {wire.checksum(n_rungs)}"))
        assert b"ERR RX_INCOMPLETE" in answer
        assert wire.state() == "IDLE"


class ChangingLink(VirtualLink):
    """A line that changes one number on its way to the device, CRC made right."""

    def write(self, data: bytes) -> None:
        if b" RUNG 1 60000" in data:
            body = data.rpartition(b"*")[0].replace(b"60000", b"66000")
            data = framed(body)
        super().write(data)


@pytest.mark.req("F1")
@pytest.mark.req("F19")
def test_the_client_does_not_commit_what_it_did_not_send():
    """4.8 becomes 44.8 somewhere in between: reading back shows it."""
    wire = Wire()
    client = Client(ChangingLink(wire.board))
    client.hello()
    with pytest.raises(ReadBackError, match="60000"):
        client.load(LADDER)
    with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
        client.request("START")
