"""Faults by name: what happens to the board, the line or the host, and when.

A fault acts on the world (a clamp, a pin, a wire, the processor), never on
what the firmware decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from host_sim.board import POWER_ON, WATCHDOG_RESET, Board
from host_sim.links import VirtualLink
from pump.hal import pinout


class UnknownFault(Exception):
    """No fault of that name, or a value where none belongs."""


@dataclass(frozen=True)
class FaultSpec:
    """``name`` at ``at_ms`` after the first START, for ``duration_ms`` (0: for good)."""

    name: str
    at_ms: int
    duration_ms: int = 0
    value: int | None = None

    def text(self) -> str:
        """As it is written on the command line, in seconds."""
        value = "" if self.value is None else f"={self.value}"
        duration = f"+{self.duration_ms / 1000:g}s" if self.duration_ms else ""
        return f"{self.name}{value}@{self.at_ms / 1000:g}s{duration}"


@dataclass
class Bench:
    """What faults can reach."""

    board: Board
    link: VirtualLink
    person_confirms: bool = True


@dataclass(frozen=True)
class Fault:
    """``value_unit`` is empty where the fault takes no value; ``end`` may be
    ``None`` where there is nothing to undo."""

    name: str
    text: str
    begin: Callable[[Bench, int], None]
    end: Callable[[Bench], None] | None = None
    value_unit: str = ""
    value_min: int = 0
    value_max: int = 0


def _set_line(attribute: str, value: bool) -> Callable[..., None]:
    return lambda bench, *_: setattr(bench.board.line, attribute, value)


def _line_fault(name: str, attribute: str, text: str) -> Fault:
    return Fault(name, text, _set_line(attribute, True), _set_line(attribute, False))


def _stick(bench: Bench, _value: int) -> None:
    read = bench.board.adc_reader(pinout.PRESSURE_DOWN)
    bench.board.stuck_counts[pinout.PRESSURE_DOWN] = read() >> 4


def _unstick(bench: Bench) -> None:
    bench.board.stuck_counts[pinout.PRESSURE_DOWN] = None


def _lose_sensor(bench: Bench, _value: int) -> None:
    bench.board.stuck_counts[pinout.PRESSURE_DOWN] = 0


def _empty_bag(bench: Bench, _value: int) -> None:
    bench.board.line.bag_ul = 1e-6


def _hang(bench: Bench, _value: int) -> None:
    bench.board.is_hung = True


def _stall(bench: Bench, value: int) -> None:
    bench.board.stall_us += value * 1000


def _jump(bench: Bench, value: int) -> None:
    bench.board.ticks_offset_us += value * 1000


def _set(attribute: str, value: bool) -> Callable[..., None]:
    def act(bench: Bench, *_: int) -> None:
        if attribute == "host_reads":
            bench.board.usb.host_reads = value
        elif attribute == "is_silent":
            bench.link.is_silent = value
        elif attribute == "sounder_dead":
            bench.board.sounder_dead = value
        else:
            setattr(bench, attribute, value)

    return act


FLOOD_BYTES_A_TICK = 10_000  # 1 MB/s


def _flood(bench: Bench, _value: int) -> None:
    """1 MB of noise in a second, or for as long as the fault lasts."""
    board = bench.board
    rng = Random(board.now_us)
    board.is_flooded = True
    left = 100

    def burst() -> None:
        nonlocal left
        if left > 0 and board.is_flooded:
            left -= 1
            board.usb.host_write(rng.randbytes(FLOOD_BYTES_A_TICK))
            board.at(board.now_us + 10_000, burst)

    burst()


def _end_flood(bench: Bench) -> None:
    bench.board.is_flooded = False


FAULTS = (
    _line_fault("downstream-occlusion", "down_occluded", "a clamp closes below the pump"),
    _line_fault("upstream-occlusion", "up_occluded", "a clamp closes between bag and pump"),
    Fault(
        "air-bubble",
        "a bubble of UL microlitres reaches the air detector",
        lambda bench, value: bench.board.line.add_air(value),
        value_unit="UL",
        value_min=1,
        value_max=100_000,
    ),
    Fault(
        "door-open",
        "the door is opened",
        lambda bench, _value: bench.board.open_door(True),
        lambda bench: bench.board.open_door(False),
    ),
    Fault("bag-empty", "the bag runs dry", _empty_bag),
    _line_fault("free-flow", "free_flow", "the tubing slips out of the mechanism"),
    _line_fault("motor-stall", "stalled", "the motor does not turn although it is stepped"),
    Fault(
        "pressure-sensor-stuck",
        "the downstream sensor keeps saying what it said",
        _stick,
        _unstick,
    ),
    Fault(
        "pressure-sensor-absent",
        "the wire of the downstream sensor breaks",
        _lose_sensor,
        _unstick,
    ),
    _line_fault("encoder-dead", "encoder_dead", "the encoder stops counting"),
    Fault("cpu-hang", "the processor stops executing until the watchdog bites", _hang),
    Fault(
        "reset",
        "the processor is reset",
        lambda bench, _value: bench.board.reset(WATCHDOG_RESET),
    ),
    Fault(
        "power-cut",
        "power goes and comes back",
        lambda bench, _value: bench.board.reset(POWER_ON),
    ),
    Fault(
        "link-silent",
        "nothing that the host sends arrives",
        _set("is_silent", True),
        _set("is_silent", False),
    ),
    Fault("host-flood", "the host sends 1 MB of noise in a second", _flood, _end_flood),
    Fault(
        "host-stops-reading",
        "the host keeps the port open and does not read",
        _set("host_reads", False),
        _set("host_reads", True),
    ),
    Fault(
        "clock-jump",
        "the processor's microsecond counter jumps by MS milliseconds",
        _jump,
        value_unit="MS",
        value_min=-500_000,
        value_max=500_000,
    ),
    Fault(
        "no-confirmation",
        "nobody answers any more",
        _set("person_confirms", False),
        _set("person_confirms", True),
    ),
    Fault(
        "sounder-dead",
        "the sounder makes no sound",
        _set("sounder_dead", True),
        _set("sounder_dead", False),
    ),
    Fault(
        "flash-stall",
        "the processor stands still for MS milliseconds, as while flash is erased",
        _stall,
        value_unit="MS",
        value_min=1,
        value_max=60_000,
    ),
)
BY_NAME = {fault.name: fault for fault in FAULTS}


def check(spec: FaultSpec) -> None:
    """Raises ``UnknownFault`` unless ``spec`` names a fault and fits it."""
    fault = BY_NAME.get(spec.name)
    if fault is None:
        raise UnknownFault(f"no fault {spec.name!r}; `titra simulate --list-faults` lists them")
    if fault.value_unit and spec.value is None:
        raise UnknownFault(f"{spec.name}: needs a value, {spec.name}={fault.value_unit}")
    if not fault.value_unit and spec.value is not None:
        raise UnknownFault(f"{spec.name}: takes no value")
    if spec.value is not None and not fault.value_min <= spec.value <= fault.value_max:
        raise UnknownFault(
            f"{spec.name}={spec.value}: expected {fault.value_min} to {fault.value_max}"
        )


def schedule(specs: tuple[FaultSpec, ...], bench: Bench, note: Callable[[str, str], None]) -> None:
    """Let each of ``specs`` happen, counted from the first time that the motor
    is enabled; ``note`` is told the fault and ``begins`` or ``ends``."""
    board = bench.board

    def begin(spec: FaultSpec) -> None:
        note(spec.text(), "begins")
        BY_NAME[spec.name].begin(bench, spec.value or 0)

    def end(spec: FaultSpec) -> None:
        note(spec.text(), "ends")
        undo = BY_NAME[spec.name].end
        if undo:
            undo(bench)

    def arm() -> None:
        start_us = board.now_us
        for spec in specs:
            at_us = start_us + spec.at_ms * 1000
            board.at(at_us, lambda spec=spec: begin(spec))
            if spec.duration_ms:
                board.at(at_us + spec.duration_ms * 1000, lambda spec=spec: end(spec))

    for spec in specs:
        check(spec)
    board.on_first_enable.append(arm)
