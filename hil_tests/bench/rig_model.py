"""The rig's protocol over a world that is not soldered: the simulated board's or the
emulated chip's.  The same bytes as the rig's firmware takes and gives; see docs/hil.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hil_tests.bench import channels
from hil_tests.bench.rig_lines import EDGES_A_LINE, answer, refusal, request_of

RAMP_STEP_US = 1000


class World(Protocol):
    """The pins of a device that runs in a time of its own."""

    def now_us(self) -> int: ...

    def at(self, us: int, action: Callable[[], None]) -> None: ...

    def drive(self, name: str, value: int | None) -> None:
        """A level, or microvolts; ``None`` leaves it to the plant, if there is one."""
        ...

    def events(self) -> list[tuple[int, str, int]]:
        """(us, channel, level) since the last look, in the order of time."""
        ...

    def levels(self) -> dict[str, int]: ...

    def reset(self) -> None:
        """The RUN pin has been low."""
        ...

    def wait_s(self, seconds: float) -> None: ...


class RigModel:
    """A rig's end of its line, as a link for `rig.Rig`.  Answers take no time."""

    def __init__(self, world: World):
        self._world = world
        self._buffer = b""
        self._out = bytearray()
        self._mask = 0
        self._word = 0
        self._edges: list[tuple[int, int]] = []
        self._verbs = {
            "RIG?": self._about,
            "SELFCHECK": lambda: "PASS",
            "TIME?": lambda: str(self._world.now_us()),
            "SET": self._set,
            "AT": self._at,
            "RAMP": self._ramp,
            "REST": self._rest,
            "ARM": self._arm,
            "EDGES?": self._edges_from,
            "LEVELS?": lambda: f"{self._levels():04X}",
            "RESET_DUT": self._reset,
        }

    # --- a link ------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            if line:
                self._out += self._reply(line)

    def read(self, timeout_s: float) -> bytes:
        if not self._out and timeout_s > 0:
            self._world.wait_s(timeout_s)
        data = bytes(self._out)
        self._out.clear()
        return data

    def now(self) -> float:
        return self._world.now_us() / 1e6

    def close(self) -> None:
        """Nothing to release."""

    # --- verbs -------------------------------------------------------------------------

    def _reply(self, line: bytes) -> bytes:
        words = request_of(line)
        if words is None:
            return refusal("BAD_CRC", "say it again")
        verb, *arguments = words
        if verb not in self._verbs:
            return refusal("UNKNOWN_VERB", verb)
        try:
            return answer(verb, self._verbs[verb](*arguments))
        except (KeyError, TypeError, ValueError) as error:
            return refusal("BAD_ARGUMENT", str(error).replace("\n", " ")[:40])

    def _about(self) -> str:
        return f"titra-rig,{channels.VERSION},model,1"

    def _channel(self, name: str) -> channels.Channel:
        channel = channels.BY_NAME[name]
        if channel.kind == channels.SENSED:
            raise ValueError(f"{name} is not driven")
        return channel

    def _put(self, channel: channels.Channel, value: int) -> None:
        if channel.name == "RUN":
            if value == 0:
                self._world.reset()
            return
        # At rest the plant decides, which a rig without one stands in for.
        self._world.drive(channel.name, None if value == channel.rest else value)

    def _set(self, name: str, value: str) -> str:
        self._put(self._channel(name), int(value))
        return str(self._world.now_us())

    def _at(self, us: str, name: str, value: str) -> str:
        channel, level, due_us = self._channel(name), int(value), int(us)
        if due_us <= self._world.now_us():
            raise ValueError("that time has passed")
        self._world.at(due_us, lambda: self._put(channel, level))
        return us

    def _ramp(self, us: str, name: str, first: str, last: str, length: str) -> str:
        channel, begin, end, lasts = self._channel(name), int(first), int(last), int(length)
        if channel.kind != channels.ANALOG or not 0 < lasts <= 10_000_000:
            raise ValueError("RAMP us analog-channel uV uV us")
        start_us = int(us)
        if start_us <= self._world.now_us():
            raise ValueError("that time has passed")
        for passed in range(0, lasts, RAMP_STEP_US):
            value = begin + (end - begin) * (passed + RAMP_STEP_US) // lasts
            self._world.at(start_us + passed, lambda v=value: self._put(channel, v))
        return us

    def _rest(self) -> str:
        for channel in channels.CHANNELS:
            if channel.kind != channels.SENSED and channel.name != "RUN":
                self._put(channel, channel.rest)
        return str(self._world.now_us())

    def _levels(self) -> int:
        word = 0
        for name, level in self._world.levels().items():
            word |= level << channels.BIT[name]
        return word

    def _arm(self, mask: str) -> str:
        self._mask = int(mask, 16)
        self._world.events()
        self._edges.clear()
        self._word = self._levels()
        return f"{self._world.now_us()},{self._word:04X}"

    def _edges_from(self, first: str) -> str:
        for us, name, level in self._world.events():
            bit = 1 << channels.BIT[name]
            word = self._word | bit if level else self._word & ~bit
            if word != self._word:
                self._word = word
                if bit & self._mask:
                    self._edges.append((us, word))
        begin = int(first)
        some = self._edges[begin : begin + EDGES_A_LINE]
        pairs = "".join(f",{us}:{word:04X}" for us, word in some)
        return f"{begin},{len(self._edges)},0{pairs}"

    def _reset(self, ms: str) -> str:
        us = self._world.now_us()
        self._world.reset()
        return str(us)
