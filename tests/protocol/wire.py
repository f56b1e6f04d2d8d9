"""A host that sends bytes as they are, and checks every line that comes back.

No retries, no sequence numbers of its own: the tests say each byte.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator

from host_sim.board import Board
from host_sim.client import response
from host_sim.simulator_key import SIMULATOR_KEY
from pump.core import roles
from pump.protocol import framing, messages

LINE_MAX = 96


def crc(body: bytes) -> int:
    """CRC-16/CCITT-FALSE by the standard library."""
    return binascii.crc_hqx(body, 0xFFFF)


def framed(body: str | bytes) -> bytes:
    """``body*CRC`` and a line feed."""
    body = body.encode("ascii") if isinstance(body, str) else body
    return b"%s*%04X\n" % (body, crc(body))


def table() -> int:
    """Checksum of the message table, as both ends compute it."""
    return messages.table_checksum(framing.Crc16())


def hello_line() -> bytes:
    """HELLO as this table wants it."""
    return framed(f"0 HELLO {messages.PROTOCOL_VERSION} {table()}")


def feed(reader: framing.LineReader, data: bytes, piece: int = 256) -> Iterator[int]:
    """Hand ``data`` to ``reader``, ``piece`` bytes at a time; for each complete line, how
    many have been taken."""
    rests = [memoryview(data)[i:] for i in range(len(data))]
    at = 0
    while at < len(data):
        end = min(len(data), (at // piece + 1) * piece)
        line_feed = data.find(b"\n", at, end)
        to = end if line_feed < 0 else line_feed
        if to > at:
            reader.add(rests, at, to)
        at = to
        if line_feed >= 0:
            at += 1
            reader.end()
            yield at


class Wire:
    """A board that has passed its self-test, and its bytes.  ``lines`` holds
    everything that it has said since it booted."""

    def __init__(self, seed: int = 0):
        self.board = Board(seed)
        self.board.edge_log = []
        self.lines: list[bytes] = []
        self._rest = b""
        self.board.run_self_test()

    def listen(self, ms: int) -> list[bytes]:
        """What the device says within ``ms``, without CRC; each line checked."""
        said = []
        end_us = self.board.now_us + ms * 1000
        while self.board.now_us < end_us:
            self.board.run_tick()
            *lines, self._rest = (self._rest + self.board.usb.host_read()).split(b"\n")
            for line in filter(None, lines):  # a boot begins with a line feed
                body, star, check = line.rpartition(b"*")
                assert star, line
                assert check == b"%04X" % crc(body), line
                assert len(line) <= LINE_MAX, line
                self.lines.append(line)
                said.append(body)
        return said

    def send(self, data: bytes, ms: int = 150) -> list[bytes]:
        """``data`` as it is; the answers to it, pushed lines left out."""
        self.board.usb.host_write(data)
        return [line for line in self.listen(ms) if not line.startswith(b"!")]

    def ask(self, data: bytes, ms: int = 150) -> bytes:
        """``data``; the one answer to it."""
        (answer,) = self.send(data, ms)
        return answer

    def open(self) -> int:
        """HELLO alone, which makes an observer; the last SEQ executed."""
        return int(self.ask(hello_line()).rpartition(b",")[2])

    def hello(self, role: str = "OPERATOR") -> int:
        """Open the conversation and log in; the last SEQ executed."""
        return self.login(self.open(), role)

    def login(self, last: int, role: str = "OPERATOR", key: bytes = SIMULATOR_KEY) -> int:
        """Take ``role`` after SEQ ``last``; the last SEQ executed."""
        number, last = roles.ROLE_NAMES.index(role), last + 1
        nonce = self.challenge(last, number)
        answer = self.ask(self.login_line(last + 1, number, nonce, key))
        assert answer == b"%d OK LOGIN,%s" % (last + 1, role.encode()), answer
        return last + 1

    def challenge(self, seq: int, role: int) -> bytes:
        """The nonce that the device gives."""
        answer = self.ask(framed(f"{seq} CHALLENGE {role}"))
        assert answer.startswith(b"%d OK CHALLENGE," % seq), answer
        return bytes.fromhex(answer.rpartition(b",")[2].decode())

    def login_line(self, seq: int, role: int, nonce: bytes, key: bytes = SIMULATOR_KEY) -> bytes:
        """The frame that answers ``nonce``."""
        serial = self.board.unique_id.hex().upper()
        right = response(key, nonce, serial, roles.ROLE_NAMES[role]).hex().upper()
        return framed(f"{seq} LOGIN {role} {right}")

    def status(self) -> dict[str, str]:
        return self._fields("STATUS?")

    def link(self) -> dict[str, str]:
        return self._fields("LINK?")

    def _fields(self, verb: str) -> dict[str, str]:
        names = dict(messages.REPLIES)[verb.split()[0].encode()]
        values = self.ask(verb.encode() + b"\n").decode().split(",")[1:]
        return dict(zip(names, values, strict=True))

    def state(self) -> str:
        return self.status()["state"]

    def prescribe(self, seq: int = 1, rate_ul_h: int = 60_000) -> int:
        """Stage, commit and start an order of 2 mL; the next free SEQ."""
        lines = [f"PROGRAM 2000 200 100 70000 {rate_ul_h} 1", "SETTINGS 10000 0 60000 1800 0"]
        lines.append(f"RUNG 0 {rate_ul_h} 600")
        for line in lines:
            answer = self.ask(framed(f"{seq} {line}"))
            assert answer.startswith(b"%d OK" % seq), answer
            seq += 1
        return seq

    def checksum(self, n_rungs: int = 1) -> int:
        """Of what RX? reads back now."""
        lines = []
        for i in range(n_rungs + 2):
            _, _, text = self.ask(b"RX? %d\n" % i).partition(b"RX? ")
            lines.append(text + b"\n")
        return crc(b"".join(lines))

    def start(self) -> int:
        """An infusion that runs; the next free SEQ."""
        seq = self.prescribe(self.hello() + 1)
        for line in (f"COMMIT {self.checksum()}", "START"):
            answer = self.ask(framed(f"{seq} {line}"))
            assert b" OK " in answer, answer
            seq += 1
        return seq
