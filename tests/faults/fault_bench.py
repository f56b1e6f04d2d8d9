"""One pump, disturbed in copies, and what its boundary shows then.

The infusion is lived once; each fault is put to a copy of it.  Everything that
is judged is a pin, a sound, a lamp or a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pump_bench import Bedside, PinChange, edge_times, program, steps_above
from what_if import what_if

from host_sim.client import Program, Refused, crc16
from pump.hal import pinout

CAP_UL_H = 120_000
ML_STEPS = 6400
# The limits that the faults share.  (L3, L4, L6)
STOP_MS = 50
SIGNAL_MS = 500
DEAD_MS = 60
DEAD_STEPS = 128
NEVER = 1 << 40
ENABLE, DIRECTION = "ENABLE", "DIRECTION"


def infusing(rate_ul_h: int = CAP_UL_H, ml: int = 40, seed: int = 3, **settings: int) -> Bedside:
    """A pump that has reached its rate, which is its cap."""
    order = program((rate_ul_h, 600), ml=ml, **settings)
    return Bedside(seed).start(order).listen(rate_ul_h / 10_000 + 3)


@dataclass(frozen=True)
class Seen:
    """What was seen at the boundary since the fault began; times in ms from then.

    ``last_ms``    last STEP edge that turned the motor forwards, 0 if none did
    ``off_ms``     ENABLE fell and stayed low, ``NEVER`` if it is high
    ``steps``      edges that turned it forwards
    ``above``      by how many steps the fullest window of them was above the cap
    ``sound_ms``, ``red_ms``, ``yellow_ms``  first of each
    ``alarms``     (ms, condition) as the serial line said them
    ``state``      what STATUS? says at the end; empty if nothing answers
    """

    last_ms: float
    off_ms: float
    is_enabled: bool
    steps: int
    above: float
    sound_ms: float
    red_ms: float
    yellow_ms: float
    alarms: tuple[tuple[float, str], ...]
    state: str
    resets: int
    crashes: tuple[str, ...]

    def names(self) -> list[str]:
        """Conditions in the order in which they were told."""
        return [name for _, name in self.alarms]

    def told_ms(self, condition: str) -> float:
        """When the line told of ``condition``, ``NEVER`` if it did not."""
        return next((ms for ms, name in self.alarms if name == condition), NEVER)


def levels(bed: Bedside, name: str, gpio: int) -> tuple[list[PinChange], int]:
    """Changes of a pin, and its level before the first of them."""
    changes = [change for change in bed.pins if change.name == name]
    return changes, 1 - changes[0].level if changes else bed.board.levels[gpio]


def while_high(edges: Iterable[int], changes: list[PinChange], before: int) -> list[int]:
    """Those of ``edges``, in order, at which the pin was high."""
    found = []
    level, at = before, 0
    for us in edges:
        while at < len(changes) and changes[at].us <= us:
            level = changes[at].level
            at += 1
        if level:
            found.append(us)
    return found


def forward_edges(bed: Bedside, since_us: int = 0) -> list[int]:
    """STEP edges that turned the motor forwards: the driver on, DIRECTION high.
    The self-test's pulses after a reset are none, and a back-off's are none."""
    edges = sorted(us for us in edge_times(bed.board) if us > since_us)
    edges = while_high(edges, *levels(bed, ENABLE, pinout.ENABLE))
    return while_high(edges, *levels(bed, DIRECTION, pinout.DIRECTION))


def listen(bed: Bedside, seconds: float) -> tuple[tuple[int, str], ...]:
    """Let time pass; (us of arrival, condition) of the alarms that were told."""
    told = []
    end_us = bed.board.now_us + int(seconds * 1_000_000)
    known = len(bed.heard)
    while bed.board.now_us < end_us:
        count = len(bed.heard)
        bed.listen((end_us - bed.board.now_us) / 1e6, until=lambda n=count: len(bed.heard) > n)
        for line in bed.heard[known:]:
            if line.mark == "!A" and line.fields["change"] == "RAISED":
                told.append((bed.board.now_us, line.fields["condition"]))
        known = len(bed.heard)
    return tuple(told)


def watch(
    bed: Bedside,
    seconds: float,
    begin: Callable[[], object],
    since: Callable[[], bool] = lambda: True,
    cap_ul_h: int = CAP_UL_H,
) -> Seen:
    """``begin()``, then ``seconds`` of it, counted from when ``since()`` is true."""
    board = bed.board
    bed.board.edge_log = []
    bed.pins.clear()
    resets, crashes = board.resets, len(board.crashes)
    began_us = board.now_us
    begin()
    zero_us = bed.wait_for(since, 120)
    told = listen(bed, seconds - (board.now_us - zero_us) / 1e6)
    edges = forward_edges(bed, began_us)

    def ms(us: int) -> float:
        return (us - zero_us) / 1000

    def first(name: str) -> float:
        changes = bed.changes(name, began_us)
        return next((ms(pin.us) for pin in changes if pin.level), NEVER)

    falls = [pin.us for pin in bed.changes(ENABLE, began_us) if not pin.level]
    is_enabled = bed.is_enabled()
    off_us = falls[0] if falls else began_us
    answers = not bed.link.is_silent and bed.board.usb.host_reads and not bed.board.is_hung
    return Seen(
        ms(edges[-1]) if edges else ms(began_us),
        NEVER if is_enabled else ms(off_us),
        is_enabled,
        len(edges),
        steps_above(edges, cap_ul_h),
        first("SOUND"),
        first("LAMP_RED"),
        first("LAMP_YELLOW"),
        tuple((ms(us), name) for us, name in told),
        bed.state() if answers else "",
        board.resets - resets,
        tuple(text for _, text in board.crashes[crashes:]),
    )


class Pump:
    """A pump shortly before its fault.  Every question is put to a copy."""

    def __init__(self, bed: Bedside):
        self.bed = bed

    def after(
        self,
        fault: str,
        seconds: float,
        value: int = 0,
        since: Callable[[Bedside], bool] = lambda bed: True,
        phase_us: int = 0,
    ) -> Seen:
        """What is seen for ``seconds`` of ``fault``, which begins ``phase_us``
        into a tick; counted from when ``since`` is true."""

        def begin(bed: Bedside) -> None:
            if phase_us:
                bed.fault_at(bed.board.now_us + phase_us, fault, value)
            else:
                bed.fault(fault, value)

        return self.when(begin, seconds, since)

    def when(
        self,
        begin: Callable[[Bedside], object],
        seconds: float,
        since: Callable[[Bedside], bool] = lambda bed: True,
    ) -> Seen:
        """The same for anything that somebody may do to it."""
        bed = self.bed
        return what_if(lambda: watch(bed, seconds, lambda: begin(bed), lambda: since(bed)))

    def ask(self, question: Callable[[Bedside], object]) -> Any:
        """``question`` as a copy answers it."""
        return what_if(lambda: question(self.bed))


def refusal(bed: Bedside, verb: str, *arguments: int | str) -> str:
    """The reason code with which a verb is refused; empty if it is not."""
    try:
        bed.client.request(verb, *arguments)
    except Refused as refused:
        return refused.code
    return ""


def delivered_steps(bed: Bedside) -> int:
    """What the pump says that it has delivered, in steps."""
    fields = bed.client.query_fields("MOTION?")
    return int(fields["counted_steps"]) + int(fields["missing_steps"])


def sag(bed: Bedside, mv: float | None) -> None:
    """The supply is at ``mv`` from now on; ``None`` gives it back."""
    bed.board.supply.forced_mv = mv
    bed.board.look_at_supply()


def stage(bed: Bedside, order: Program) -> str:
    """Program ``order`` and commit what is read back, as somebody who looks at
    nothing does; the first refusal."""
    for line in order.lines():
        verb, *arguments = line.split()
        code = refusal(bed, verb, *arguments)
        if code:
            return code
    read = ""
    for i in range(2 + len(order.rungs)):
        read += ",".join(bed.client.query("RX?", i)) + "\n"
    return refusal(bed, "COMMIT", crc16(read.encode("ascii")))
