"""The host's end of the serial line, shared by tools and HIL suite.

Knows the grammar, the sequence numbers and how to program a pump; knows
nothing of what the pump decides.  CRC and HMAC are computed by the standard
library and not by the firmware's code, so that the two check each other.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections import deque
from dataclasses import dataclass

from host_sim.links import Link, LinkError
from host_sim.simulator_key import SIMULATOR_KEY
from pump.core import roles
from pump.protocol import messages
from pump.protocol.framing import Crc16

REPLY_TIMEOUT_S = 1.0
TRIES = 3
SELF_TEST_TIMEOUT_S = 15.0  # it ends within 10 s
_TYPED = "-"  # what stands in the place of SEQ in an answer to a line without one
PUSHED_FIELDS = {mark.decode(): fields for mark, fields, _ in messages.PUSHED}
ROLES = {name.lower(): number for number, name in enumerate(roles.ROLE_NAMES)}
# A role ends 900 s after the last frame that was executed; a client that waited
# for nearly as long takes it anew.
ROLE_HOLDS_S = 840.0
_NEEDED = {row[messages.COL_VERB].decode(): row[messages.COL_ROLE] for row in messages.MESSAGES}
_REPLY_FIELDS = {verb.decode(): fields for verb, fields in messages.REPLIES}


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE."""
    return binascii.crc_hqx(data, 0xFFFF)


def frame(body: str) -> bytes:
    """``body`` with its CRC and a line feed."""
    data = body.encode("ascii")
    return b"%s*%04X\n" % (data, crc16(data))


def unframe(line: bytes) -> str | None:
    """The body of a line whose CRC is right, else ``None``."""
    body, star, crc = line.rstrip(b"\r").rpartition(b"*")
    if star and crc == b"%04X" % crc16(body):
        return body.decode("ascii", "replace")
    return None


def response(key: bytes, nonce: bytes, serial: str, role: str) -> bytes:
    """What answers the challenge ``nonce`` of the board ``serial``: 16 bytes."""

    def hmac_sha256(secret: bytes, data: bytes) -> bytes:
        return hmac.new(secret, data, hashlib.sha256).digest()

    name = role.upper().encode("ascii")
    return hmac_sha256(hmac_sha256(key, name), nonce + serial.encode("ascii") + name)[:16]


class Refused(Exception):
    """The device answered ERR: ``code`` is its reason code's name."""

    def __init__(self, verb: str, code: str, text: str):
        super().__init__(f"{verb}: {code}: {text}")
        self.verb = verb
        self.code = code
        self.text = text


class ReadBackError(Exception):
    """What the device read back is not what was sent."""


@dataclass(frozen=True)
class Pushed:
    """A line that the device sent by itself.

    ``time_us`` is device time since its boot; ``fields`` are by name, as
    ``messages.PUSHED`` lists them.
    """

    mark: str
    time_us: int
    fields: dict[str, str]


@dataclass(frozen=True)
class Program:
    """A day's prescription as it goes over the line; see ``pump.core.prescription``."""

    vtbi_ul: int
    dose_mg: int
    concentration_mg_ml: int
    weight_g: int
    cap_ul_h: int
    rungs: tuple[tuple[int, int], ...]  # (rate uL/h, dwell s)
    slew_ul_h_s: int = 1000
    kvo_ul_h: int = 0
    occlusion_pa: int = 60_000
    check_s: int = 1800
    link_timeout_s: int = 0

    def lines(self) -> list[str]:
        """Verbs that stage it, in order."""
        return [
            f"PROGRAM {self.vtbi_ul} {self.dose_mg} {self.concentration_mg_ml} "
            f"{self.weight_g} {self.cap_ul_h} {len(self.rungs)}",
            f"SETTINGS {self.slew_ul_h_s} {self.kvo_ul_h} {self.occlusion_pa} "
            f"{self.check_s} {self.link_timeout_s}",
            *(f"RUNG {i} {rate} {dwell}" for i, (rate, dwell) in enumerate(self.rungs)),
        ]

    def read_back(self) -> list[str]:
        """What RX? must say, line by line."""
        return [
            f"0,{self.vtbi_ul},{self.dose_mg},{self.concentration_mg_ml},"
            f"{self.weight_g},{self.cap_ul_h},{len(self.rungs)}",
            f"1,{self.slew_ul_h_s},{self.kvo_ul_h},{self.occlusion_pa},"
            f"{self.check_s},{self.link_timeout_s}",
            *(f"{i + 2},{rate},{dwell}" for i, (rate, dwell) in enumerate(self.rungs)),
        ]


class Client:
    """One conversation with one device.

    ``key``     its device key; with None only queries and STOP are of use
    ``reply_timeout_s``  how long each of three tries waits for an answer
    ``role``    operator, supervisor or maintenance: what HELLO is followed by
    ``pushed``  lines that the device sent by itself, oldest first; take them out
    ``bad``     lines that were not valid
    """

    def __init__(
        self,
        link: Link,
        key: bytes | None = SIMULATOR_KEY,
        role: str = "operator",
        reply_timeout_s: float = REPLY_TIMEOUT_S,
    ):
        self.link = link
        self.reply_timeout_s = reply_timeout_s
        self.key = key
        self.role = role
        self.pushed: deque[Pushed] = deque()
        self.bad = 0
        self._replies: deque[str] = deque()
        self._buffer = b""
        self._seq = 0
        self._used_s = 0.0  # when a frame was executed last
        self._serial: str | None = None
        self._is_known = False  # a log-in succeeded since HELLO

    # --- lines ---------------------------------------------------------------------

    def receive(self, timeout_s: float) -> None:
        """Wait for bytes for ``timeout_s`` at most and sort the lines in them."""
        data = self.link.read(timeout_s)
        if not data:
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            if not line:
                continue
            body = unframe(line)
            if body is None:
                if line.startswith(b"busy: "):
                    raise LinkError(line.decode("ascii", "replace"))
                self.bad += 1
            elif body.startswith("!"):
                self._sort_pushed(body)
            else:
                self._replies.append(body)

    def _sort_pushed(self, body: str) -> None:
        mark, *values = body.split(",")
        names = PUSHED_FIELDS.get(mark)
        if names is None or len(values) != len(names):
            self.bad += 1
            return
        fields = dict(zip(names, values, strict=True))
        seconds, _, micros = fields["time"].partition(".")
        self.pushed.append(Pushed(mark, int(seconds) * 1_000_000 + int(micros), fields))

    def _exchange(
        self, line: bytes, seq: str, verb: str, timeout_s: float | None = None
    ) -> list[str]:
        """Send ``line`` until something answers ``seq``; the same bytes each
        time, so that the device executes them once."""
        if timeout_s is None:
            timeout_s = self.reply_timeout_s
        refusal = None
        for _ in range(TRIES):
            self._replies.clear()
            self.link.write(line)
            deadline = self.link.now() + timeout_s
            while (left := deadline - self.link.now()) > 0:
                self.receive(left)
                while self._replies:
                    word, _, rest = self._replies.popleft().partition(" ")
                    if word != seq:
                        continue
                    status, _, rest = rest.partition(" ")
                    if status == "OK" and rest.startswith(verb):
                        return rest[len(verb) :].lstrip(", ").split(",")
                    if status == "ERR":
                        code, _, text = rest.partition(" ")
                        refusal = Refused(verb, code, text)
                        if seq != _TYPED:
                            raise refusal
                        # By hand there is no telling whose answer it is.
        if refusal:
            raise refusal
        raise LinkError(f"no answer to {verb} within {TRIES} x {timeout_s:g} s")

    # --- verbs ---------------------------------------------------------------------

    def query(self, verb: str, *arguments: int, timeout_s: float | None = None) -> list[str]:
        """Ask, as one would by hand; the fields of the answer."""
        body = " ".join([verb, *map(str, arguments)])
        return self._exchange(body.encode("ascii") + b"\n", _TYPED, verb, timeout_s)

    def query_fields(self, verb: str, timeout_s: float | None = None) -> dict[str, str]:
        """Ask; the fields of the answer by name."""
        return dict(zip(_REPLY_FIELDS[verb], self.query(verb, timeout_s=timeout_s), strict=False))

    def status(self) -> dict[str, str]:
        """STATUS? by name."""
        return self.query_fields("STATUS?")

    def hello(self, version: int | None = None, table: int | None = None) -> None:
        """Open the conversation, log in if there is a key, and wait for the
        device's self-test to end.  ``version`` and ``table`` are what a device of
        another version wants to hear, from TABLE?.

        Raises ``Refused`` if the device speaks another protocol version, has
        another message table or does not take the key, ``LinkError`` if nothing
        answers or the self-test does not end.
        """
        self._is_known = False
        self._serial = None
        self.link.write(b"\n")  # ends whatever half line was in the way
        if version is None or table is None:
            version, table = messages.PROTOCOL_VERSION, messages.table_checksum(Crc16())
        body = f"0 HELLO {version} {table}"
        answer = self._exchange(frame(body), "0", "HELLO")
        self._seq = int(answer[2])
        if self.key is not None:
            self.login(self.role)
        deadline = self.link.now() + SELF_TEST_TIMEOUT_S
        while self.query("POST?")[0] == "RUNNING":
            if self.link.now() >= deadline:
                raise LinkError(f"the self-test has not ended within {SELF_TEST_TIMEOUT_S:g} s")
            self.receive(0.2)

    def login(self, role: str) -> None:
        """Take ``role`` by answering its challenge.

        Raises ``Refused`` with the device's reason, ``LinkError`` if nothing
        answers, ``ValueError`` without a key.
        """
        if self.key is None:
            raise ValueError("no device key to log in with")
        if self._serial is None:
            self._serial = self.query("*IDN?")[2]
        (nonce,) = self._request("CHALLENGE", ROLES[role])
        answer = response(self.key, bytes.fromhex(nonce), self._serial, role)
        self._request("LOGIN", ROLES[role], answer.hex().upper())
        self.role = role
        self._is_known = True

    def logout(self) -> None:
        """Give the role back."""
        self._is_known = False
        self._request("LOGOUT")

    def request(
        self, verb: str, *arguments: int | str, timeout_s: float | None = None
    ) -> list[str]:
        """Have something done: a frame with the next SEQ.  A role that has ended
        meanwhile is taken again, once.

        Raises ``Refused`` with the device's reason, ``LinkError`` if nothing
        answers.
        """
        needed = _NEEDED.get(verb, roles.OBSERVER)
        may_be_had = self._is_known and roles.OBSERVER < needed <= ROLES[self.role]
        if may_be_had and self.link.now() - self._used_s > ROLE_HOLDS_S:
            self.login(self.role)
        try:
            return self._request(verb, *arguments, timeout_s=timeout_s)
        except Refused as refusal:
            if refusal.code != "NOT_ALLOWED" or not may_be_had:
                raise
        self.login(self.role)
        return self._request(verb, *arguments, timeout_s=timeout_s)

    def _request(
        self, verb: str, *arguments: int | str, timeout_s: float | None = None
    ) -> list[str]:
        seq = (self._seq + 1) & 0xFFFF
        body = " ".join([str(seq), verb, *map(str, arguments)])
        try:
            fields = self._exchange(frame(body), str(seq), verb, timeout_s)
        except Refused as refusal:
            if refusal.code not in _SEQ_KEPT:
                self._seq = seq
                self._used_s = self.link.now()
            raise
        self._seq = seq
        self._used_s = self.link.now()
        return fields

    def stop(self) -> None:
        """STOP, the way that always works."""
        self._exchange(b"\nSTOP\n", _TYPED, "STOP")

    def report_severe(self) -> None:
        """SEVERE: off, ended and latched; said again while the board says that it
        was overtaken by a STOP, or that the latch could not be stored yet.

        Raises ``Refused`` and ``LinkError`` as ``request`` does.
        """
        for left in reversed(range(TRIES)):
            try:
                self.request("SEVERE")
                return
            except Refused as refusal:
                if refusal.code not in ("OVERTAKEN", "BUSY", "STORAGE") or not left:
                    raise

    # --- programming ------------------------------------------------------------------

    def load(self, program: Program) -> None:
        """Set, read back, compare, and commit with a checksum of what was read.

        Raises ``Refused`` with the board's own reason, ``ReadBackError`` if
        the board understood something else.
        """
        for line in program.lines():
            verb, *arguments = line.split()
            self.request(verb, *map(int, arguments))
        read = []
        for i, expected in enumerate(program.read_back()):
            line = ",".join(self.query("RX?", i))
            if line != expected:
                raise ReadBackError(f"sent {expected!r}, read back {line!r}")
            read.append(line + "\n")
        self.request("COMMIT", crc16("".join(read).encode("ascii")))


# Refusals that leave the sequence where it was: the line was not executed.
_SEQ_KEPT = {
    "BAD_CRC", "BAD_FRAME", "UNKNOWN_VERB", "BAD_ARGUMENT", "OUT_OF_RANGE", "SEQ_ORDER",
    "SEQ_REUSED", "HELLO_FIRST", "TABLE_MISMATCH", "TOO_LONG", "BUSY", "NOT_ALLOWED",
}  # fmt: skip
