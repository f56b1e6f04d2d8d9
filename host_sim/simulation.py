"""A whole infusion in virtual time, through the serial line only.

The host programs, reads back, commits and starts; a simulated person answers
what the pump asks; faults happen; what passes at the boundary is recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pump
from host_sim.board import Board
from host_sim.client import Client, Program, Pushed, Refused
from host_sim.faults import Bench, FaultSpec, schedule
from host_sim.links import LinkError, VirtualLink
from host_sim.trace import FORMAT, Recorder
from pump.core import infusion_state as st

HEARTBEAT_S = 10.0
# The run ends when nothing has moved for this long and nothing is to come.
QUIET_US = 60_000_000
# And when it is reset again and again without a step of its motor in between.
BOOTS_MOST = 5
LIMIT_US = 14 * 3600 * 1_000_000
_DELIVERING = {st.STATE_NAMES[s] for s in range(st.N_STATES) if st.DELIVERING_STATES >> s & 1}

# What a person can do, by the word in an order's [person] table.
VERBS = {
    "pause": "PAUSE",
    "resume": "RESUME",
    "stop": "STOP",
    "hold": "HOLD",
    "release": "RELEASE",
    "stay": "STAY",
    "climb": "CLIMB",
    "down": "DOWN",
    "ack": "ACK",
    "reset": "RESET",
    "kvo": "KVO",
    "end": "END",
}


@dataclass(frozen=True)
class Person:
    """Who sits beside the pump.  ``actions`` are (ms after START, word of ``VERBS``)."""

    confirms: bool = True
    confirm_after_s: float = 0.0
    actions: tuple[tuple[int, str], ...] = ()


class NotWhole(Exception):
    """A number in a trace's header is not a whole one; the message names it."""


def _whole(name: str, value: object) -> int:
    if type(value) is not int:
        raise NotWhole(f"{name}: {value!r}, expected a whole number")
    return value


@dataclass(frozen=True)
class RunSpec:
    """Everything that a run is made from; the same spec gives the same trace.

    ``about`` is carried into the trace for the report and has no influence.
    """

    program: Program
    person: Person = Person()
    faults: tuple[FaultSpec, ...] = ()
    seed: int = 0
    bag_ul: int = 500_000
    about: dict = field(default_factory=dict)

    def header(self) -> dict:
        """First line of the trace."""
        return {
            "format": FORMAT,
            "firmware": {"version": pump.VERSION, "sha256": firmware_digest()},
            "seed": self.seed,
            "bag_ul": self.bag_ul,
            "program": asdict(self.program),
            "person": asdict(self.person),
            "faults": [asdict(spec) for spec in self.faults],
            "about": self.about,
        }

    @classmethod
    def from_header(cls, header: dict) -> RunSpec:
        """The spec that a trace was made from.

        Raises ``KeyError``, ``TypeError`` or ``ValueError`` if the header is not
        whole, ``NotWhole`` for a number in it that is none.
        """
        program = dict(header["program"])
        rungs = tuple(
            (_whole("rate", rate), _whole("dwell", dwell)) for rate, dwell in program.pop("rungs")
        )
        program = {name: _whole(name, value) for name, value in program.items()}
        person = dict(header["person"])
        person["actions"] = tuple((_whole("at", at), str(do)) for at, do in person["actions"])
        for _, do in person["actions"]:
            VERBS[do]
        return cls(
            Program(rungs=rungs, **program),
            Person(**person),
            tuple(
                FaultSpec(
                    str(spec["name"]),
                    _whole("at_ms", spec["at_ms"]),
                    _whole("duration_ms", spec["duration_ms"]),
                    None if spec["value"] is None else _whole("value", spec["value"]),
                )
                for spec in header["faults"]
            ),
            _whole("seed", header["seed"]),
            _whole("bag_ul", header["bag_ul"]),
            header["about"],
        )


def firmware_digest() -> str:
    """SHA-256 over every file of the firmware, names included."""
    root = Path(pump.__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


class Simulation:
    """One run.  ``state`` is the device's, as it said last.

    ``disturb`` is called with the bench once the board has booted, for tests
    that put more clients or other trouble on the line.
    """

    def __init__(
        self,
        spec: RunSpec,
        progress: Callable[[int], None] | None = None,
        disturb: Callable[[Bench], None] | None = None,
    ):
        self.spec = spec
        self.board = Board(spec.seed, float(spec.bag_ul))
        self.link = VirtualLink(self.board)
        self.recorder = Recorder(self.board, self.link, spec.header())
        self.client = Client(self.link)
        self.bench = Bench(self.board, self.link, say=lambda text: self.recorder.add(note=text))
        self._progress = progress
        self._disturb = disturb
        self.state = "SELF_TEST"
        self._quiet_since_us = 0
        self._actions = sorted(spec.person.actions)
        self._answer: tuple[int, int] | None = None  # (due us, question)
        self._start_us = 0
        self._heard_us = 0
        self._boots = 0
        self._last_forward_us = 0
        self._reacted_to = ""

    def run(self) -> list[str]:
        """Run to the end; the lines of the trace.

        Raises ``Refused`` if the board does not accept the program, and
        ``LinkError`` if it does not answer before the start.
        """
        spec = self.spec
        schedule(
            spec.faults, self.bench, lambda text, what: self.recorder.add(fault=text, what=what)
        )
        if self._disturb:
            self._disturb(self.bench)
        self.board.run_self_test()
        client = self.client
        client.hello()
        client.load(spec.program)
        client.pushed.clear()
        client.request("START")
        self._start_us = self._quiet_since_us = self.board.now_us
        heartbeat_us = self._start_us
        while not self._is_over():
            client.receive(self._patience_s())
            while client.pushed and not self._is_over():
                self._hear(client.pushed.popleft())
            self._act()
            if spec.program.link_timeout_s and self.board.now_us >= heartbeat_us:
                heartbeat_us = self.board.now_us + int(HEARTBEAT_S * 1_000_000)
                self._try(lambda: client.request("STATUS?", timeout_s=0.5))
        self._try(client.status)
        self._try(lambda: client.query("MOTION?"))
        self.recorder.sample()
        return self.recorder.lines

    # --- the person ----------------------------------------------------------------

    def _patience_s(self) -> float:
        """Until the next thing to do, a second at most."""
        due_us = self.board.now_us + 1_000_000
        if self._answer:
            due_us = min(due_us, self._answer[0])
        if self._actions:
            due_us = min(due_us, self._start_us + self._actions[0][0] * 1000)
        return max(0.01, (due_us - self.board.now_us) / 1_000_000)

    def _hear(self, pushed: Pushed) -> None:
        self._heard_us = self.board.now_us
        fields = pushed.fields
        if pushed.mark == "!Q":
            if self.spec.person.confirms and self._will_confirm():
                delay_us = int(self.spec.person.confirm_after_s * 1_000_000)
                self._answer = (self.board.now_us + delay_us, int(fields["question"]))
        elif pushed.mark == "!S":
            self._enter(fields["to"])
        elif pushed.mark == "!B":
            # Booted again: the conversation is a new one, the infusion is not
            # taken up by itself.
            self._enter("SELF_TEST")
            self._answer = None
            if self.board.last_forward_us != self._last_forward_us:
                self._last_forward_us = self.board.last_forward_us
                self._boots = 0
            self._boots += 1
            if not any(later.mark == "!B" for later in self.client.pushed):
                self._try(self.client.hello)
        elif pushed.mark == "!T":
            self._enter(fields["state"])
            if self._progress:
                self._progress(int(fields["delivered_ul"]))

    def _enter(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._quiet_since_us = self.board.now_us

    def _will_confirm(self) -> bool:
        return self.bench.person_confirms and not self.bench.reaction

    def _react(self) -> None:
        """What an operator does who sees a reaction: mild, a rung down; severe,
        STOP, and nothing that was planned for later."""
        reaction = self._reacted_to = self.bench.reaction
        if reaction == "mild":
            self._try(lambda: self.client.request("DOWN"))
        elif reaction == "severe":
            self._actions.clear()
            self._answer = None
            self._try(self.client.stop)
        self._quiet_since_us = self.board.now_us

    def _act(self) -> None:
        if self.bench.reaction != self._reacted_to:
            self._react()
        now_us = self.board.now_us
        if self._answer and now_us >= self._answer[0]:
            question = self._answer[1]
            self._answer = None
            if self._will_confirm():
                self._try(lambda: self.client.request("CONFIRM", question))
        while self._actions and now_us >= self._start_us + self._actions[0][0] * 1000:
            verb = VERBS[self._actions.pop(0)[1]]
            if verb == "STOP":
                self._try(self.client.stop)
            else:
                self._try(lambda verb=verb: self.client.request(verb))
            self._quiet_since_us = now_us

    def _try(self, action: Callable[[], object]) -> None:
        """What a person tries; that it was refused, or got no answer, stands
        in the trace as the device said it, and the run goes on."""
        try:
            action()
        except Refused:
            return
        except LinkError as error:
            self.recorder.add(host_gave_up=str(error))

    def _is_over(self) -> bool:
        now_us = self.board.now_us
        if now_us >= LIMIT_US or self._boots >= BOOTS_MOST:
            return True
        if now_us >= self._heard_us + QUIET_US and not self._actions:
            # The device says nothing any more; it is over when nothing moves.
            return now_us >= max(self.board.last_edge_us, self._start_us) + 2 * QUIET_US
        if self.state == "KVO":
            return not self._actions and now_us >= self._quiet_since_us + 10 * QUIET_US
        if self.state in _DELIVERING or self._actions:
            return False
        return now_us >= self._quiet_since_us + QUIET_US
