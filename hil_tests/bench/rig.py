"""The rig's client: stimuli with a time, edges with a time, all on the rig's clock."""

from __future__ import annotations

import bisect

from hil_tests.bench import channels
from hil_tests.bench.errors import BenchError, NoDevice
from host_sim.client import frame, unframe
from host_sim.links import Link, LinkError

TRIES = 3
REPLY_S = 1.0
# Between two edges of a tone; a longer silence ends it.  880 Hz has 1.1 ms.
TONE_GAP_US = 3000


class RigRefused(Exception):
    """The rig answered ERR."""


class Watch:
    """What the rig saw since it was armed: per channel (us, level)."""

    def __init__(self, armed_us: int, word: int, names: tuple[str, ...]):
        self.armed_us = armed_us
        self.first_word = word
        self.names = names
        self.lost = 0
        self._changes: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
        self._word = word
        self.seen = 0

    def add(self, us: int, word: int) -> None:
        changed = word ^ self._word
        self._word = word
        self.seen += 1
        for name in self.names:
            bit = channels.BIT[name]
            if changed >> bit & 1:
                self._changes[name].append((us, word >> bit & 1))

    def changes(self, name: str, since_us: int = 0) -> list[tuple[int, int]]:
        rows = self._changes[name]
        if name == "SOUNDER":
            rows = _tones(rows)
        return rows[bisect.bisect_left(rows, (since_us, -1)) :]

    def rising(self, name: str, since_us: int = 0) -> list[int]:
        return [us for us, level in self.changes(name, since_us) if level]

    def falling(self, name: str, since_us: int = 0) -> list[int]:
        return [us for us, level in self.changes(name, since_us) if not level]

    def level(self, name: str) -> int:
        """At the last edge that was read."""
        return self._word >> channels.BIT[name] & 1

    def steps_between(self, from_us: int, to_us: int) -> int:
        """STEP edges in [from, to]."""
        edges = self.rising("STEP", from_us)
        return bisect.bisect_right(edges, to_us)

    def steps_while_enabled(self, since_us: int) -> int:
        """STEP edges that would have turned the motor."""
        bit = channels.BIT["ENABLE"]
        level = self.first_word >> bit & 1
        changes = self.changes("ENABLE")
        at = 0
        n = 0
        for us in self.rising("STEP"):
            while at < len(changes) and changes[at][0] <= us:
                level = changes[at][1]
                at += 1
            n += level if us >= since_us else 0
        return n

    def last_step_us(self, forward_only: bool = False) -> int:
        """The last STEP edge; 0 if there was none."""
        edges = self.rising("STEP")
        if forward_only:
            turned = self.falling("DIRECTION")
            if turned:
                edges = [us for us in edges if us < turned[0]]
        return edges[-1] if edges else 0


def _tones(rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """A tone is one level from its first edge to its last."""
    out: list[tuple[int, int]] = []
    for us, level in rows:
        if level and out and not out[-1][1] and us - out[-1][0] < TONE_GAP_US:
            out.pop()
        else:
            out.append((us, level))
    return out


class Rig:
    """``uncertainty_us``: how far a time of an edge may be off."""

    def __init__(self, link: Link, uncertainty_us: int, name: str = "rig"):
        self._link = link
        self.uncertainty_us = uncertainty_us
        self._name = name
        self._buffer = b""

    # --- lines -------------------------------------------------------------------------

    def ask(self, verb: str, *arguments: object, timeout_s: float = REPLY_S) -> list[str]:
        """Raises ``RigRefused``; ``NoDevice`` if it does not answer."""
        line = frame(" ".join([verb, *map(str, arguments)]))
        for _ in range(TRIES):
            self._send(line)
            deadline = self._link.now() + timeout_s
            while True:
                body = self._line(deadline)
                if body is None:
                    break
                if body.startswith(f"OK {verb}"):
                    return body[len(verb) + 4 :].split(",")
                if body.startswith("ERR BAD_CRC"):
                    break
                if body.startswith("ERR"):
                    raise RigRefused(f"{verb}: {body[4:]}")
        raise NoDevice(f"{self._name}: no answer to {verb}; is the rig's firmware on it?")

    def _send(self, line: bytes) -> None:
        try:
            self._link.write(line)
        except LinkError as error:
            raise NoDevice(f"rig lost: {error}") from None

    def _line(self, deadline: float) -> str | None:
        """The next whole line, ``None`` when it is too late."""
        while True:
            line, feed, rest = self._buffer.partition(b"\n")
            if feed:
                self._buffer = rest
                body = unframe(line)
                if body is not None:
                    return body
                continue
            left = deadline - self._link.now()
            if left <= 0:
                return None
            try:
                self._buffer += self._link.read(left)
            except LinkError as error:
                raise NoDevice(f"rig lost: {error}") from None

    # --- verbs -------------------------------------------------------------------------

    def identify(self) -> dict[str, str]:
        """Checks that it is one of this version, and itself by loop-back."""
        name, version, serial, *_ = self.ask("RIG?")
        if name != "titra-rig" or version != channels.VERSION:
            raise BenchError(
                f"{self._name}: rig speaks version {version}, this suite {channels.VERSION}; "
                "copy hil_tests/rig to it again (docs/hil.md)"
            )
        verdict = self.ask("SELFCHECK", timeout_s=10.0)
        if verdict[0] != "PASS":
            raise BenchError(f"{self._name}: the rig's self-check failed: {','.join(verdict)}")
        return {"version": version, "serial": serial, "self_check": "PASS"}

    def time_us(self) -> int:
        return int(self.ask("TIME?")[0])

    def set(self, name: str, value: int) -> int:
        return int(self.ask("SET", name, value)[0])

    def at(self, us: int, name: str, value: int) -> None:
        self.ask("AT", us, name, value)

    def rest(self) -> None:
        """Everything that is driven, to where nothing is wrong."""
        self.ask("REST")

    def ramp_pressure(self, at_us: int, name: str, first_pa: int, last_pa: int, us: int) -> None:
        """From ``at_us`` on the pressure changes evenly for so long."""
        first, last = channels.pressure_uv(first_pa), channels.pressure_uv(last_pa)
        self.ask("RAMP", at_us, name, first, last, us)

    def set_pressure(self, name: str, pa: int) -> int:
        return self.set(name, channels.pressure_uv(pa))

    def reset_dut(self, ms: int = 10) -> int:
        """RUN low for so long; when it fell."""
        return int(self.ask("RESET_DUT", ms)[0])

    def levels(self) -> dict[str, int]:
        word = int(self.ask("LEVELS?")[0], 16)
        return {name: word >> bit & 1 for name, bit in channels.BIT.items()}

    def arm(self, *names: str) -> Watch:
        """Forget what was; watch these channels from now on."""
        mask = 0
        for name in names:
            mask |= 1 << channels.BIT[name]
        us, word = self.ask("ARM", f"{mask:04X}")
        return Watch(int(us), int(word, 16), names)

    def read(self, watch: Watch) -> Watch:
        """All edges until now."""
        while True:
            begin, total, lost, *pairs = self.ask("EDGES?", watch.seen)
            if int(lost):
                raise BenchError(f"{self._name}: {lost} edges lost, watch fewer channels")
            if int(begin) != watch.seen:
                raise BenchError(f"{self._name}: edges from {begin} on, asked from {watch.seen}")
            for pair in pairs:
                us, _, word = pair.partition(":")
                watch.add(int(us), int(word, 16))
            if watch.seen >= int(total):
                return watch
