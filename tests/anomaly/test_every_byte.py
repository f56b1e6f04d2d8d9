"""One byte of the conversation is lost, doubled or flipped, for every byte of it.

From HELLO to START: the infusion then either runs exactly as it was
programmed, or does not start; and nothing happens that nobody said.
"""

from collections.abc import Callable
from functools import cache

import pytest
from pump_bench import Bedside, program
from what_if import what_if

from host_sim.client import Client, ReadBackError, Refused
from host_sim.links import LinkError, VirtualLink

LADDER = program((60_000, 600), (120_000, 700), ml=20, kvo_ul_h=500, link_timeout_s=60)
CHANGES: dict[str, Callable[[int], bytes]] = {
    "lost": lambda byte: b"",
    "doubled": lambda byte: bytes([byte, byte]),
    **{f"bit {bit}": lambda byte, bit=bit: bytes([byte ^ 1 << bit]) for bit in range(8)},
}
WATCHED_S = 2.0
PATIENCE_S = 0.3  # an answer takes a few ticks; this one is lost


class FaultyLink(VirtualLink):
    """Changes the ``n``-th byte that passes, in one direction."""

    def __init__(self, board, to_device: bool, n: int, change: Callable[[int], bytes]):
        super().__init__(board)
        self._to_device = to_device
        self._n = n
        self._change = change
        self.passed = 0

    def _spoil(self, data: bytes) -> bytes:
        at = self._n - self.passed
        self.passed += len(data)
        if 0 <= at < len(data):
            return data[:at] + self._change(data[at]) + data[at + 1 :]
        return data

    def write(self, data: bytes) -> None:
        super().write(self._spoil(data) if self._to_device else data)

    def read(self, timeout_s: float) -> bytes:
        data = super().read(min(max(timeout_s, 0.01), PATIENCE_S))
        return data if self._to_device else self._spoil(data)


@cache
def self_tested() -> Bedside:
    """One board for all: conversations with it are held in copies of the process."""
    return Bedside(seed=3)


def conversation(to_device: bool, n: int, change: Callable[[int], bytes]) -> tuple[Bedside, int]:
    """HELLO to START over a faulty line, then a few seconds; the bytes that passed."""
    bed = self_tested()
    link = FaultyLink(bed.board, to_device, n, change)
    client = Client(link)
    try:
        client.hello()
        client.load(LADDER)
        client.request("START")
    except (LinkError, Refused, ReadBackError):
        pass
    passed = link.passed
    bed.listen(WATCHED_S)
    return bed, passed


def motion(bed: Bedside) -> list[int]:
    """Edges since the driver was enabled; empty if it never was."""
    enabled_us = bed.board.first_enable_us
    if enabled_us is None:
        assert bed.edges() == []
        return []
    return [us - enabled_us for us in bed.edges() if us <= enabled_us + WATCHED_S * 900_000]


def nothing(byte: int) -> bytes:
    return bytes([byte])


@pytest.fixture(scope="module")
def as_programmed() -> list[int]:
    edges = what_if(lambda: motion(conversation(True, -1, nothing)[0]))
    assert len(edges) > 20
    return edges


def judge(bed: Bedside, as_programmed: list[int], what: tuple) -> bool:
    """Whether it runs; fails if it runs otherwise, or anything else happened."""
    edges = motion(bed)
    bed.client.hello()
    state = bed.client.status()["state"]
    if not edges:
        assert state in ("IDLE", "READY"), what
        assert not bed.is_enabled(), what
        return False
    assert edges == as_programmed, what
    assert state == "INFUSING", what
    ordered = [",".join(bed.client.query("ORDER?", i)) for i in range(4)]
    assert ordered == LADDER.read_back(), what
    return True


def all_bytes(to_device: bool, names: Callable[[int], list[str]], as_programmed) -> list[bool]:
    self_tested()
    length = what_if(lambda: conversation(to_device, -1, nothing)[1])
    ran = []
    for n in range(length):
        for name in names(n):

            def happens(n: int = n, name: str = name) -> bool:
                bed, _ = conversation(to_device, n, CHANGES[name])
                return judge(bed, as_programmed, (n, name))

            ran.append(what_if(happens))
    assert len(ran) >= length > 200
    return ran


@pytest.mark.req("F1")
@pytest.mark.req("F19")
@pytest.mark.parametrize("kind", ["lost", "doubled", "flipped"])
def test_any_byte_to_the_device_may_be_spoiled(as_programmed, kind):
    """The client says the same again, so that most of them do not matter at all."""
    ran = all_bytes(True, lambda n: [f"bit {n % 8}" if kind == "flipped" else kind], as_programmed)
    assert sum(ran) >= 0.5 * len(ran)


@pytest.mark.req("F19")
def test_any_byte_from_the_device_may_be_spoiled(as_programmed):
    names = list(CHANGES)
    ran = all_bytes(False, lambda n: [names[n % len(names)]], as_programmed)
    assert sum(ran) >= 0.9 * len(ran)


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.req("F1")
@pytest.mark.parametrize("to_device", [True, False])
def test_any_byte_may_be_spoiled_in_any_way(as_programmed, to_device):
    all_bytes(to_device, lambda n: list(CHANGES), as_programmed)


@pytest.mark.req("F1")
def test_any_byte_of_a_conversation_in_mid_infusion_may_be_spoiled():
    """PAUSE is the only verb that is sent: it is executed, or nothing is."""
    from host_sim.client import frame

    bed = Bedside(seed=3).start(LADDER).listen(5)
    seq = int(bed.client.status()["last_seq"]) + 1
    for change in CHANGES.values():
        line = frame(f"{seq} PAUSE")
        for n in range(len(line)):
            bed.board.usb.host_write(line[:n] + change(line[n]) + line[n + 1 :] + b"\n")
            bed.listen(0.1)
            state = bed.state()
            assert state in ("INFUSING", "PAUSED")
            if state == "PAUSED":
                # Only a change that leaves the line what it was: at its very end.
                assert n == len(line) - 1
                bed.client.hello()
                bed.client.request("RESUME")
                seq += 2
                line = frame(f"{seq} PAUSE")
