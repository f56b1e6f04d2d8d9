"""Faults by name: what happens to the board, the line or the host, and when.

A fault acts on the world (a clamp, a pin, a wire, the processor), never on
what the firmware decides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from host_sim import memory_faults
from host_sim.board import WATCHDOG_RESET, Board
from host_sim.client import frame
from host_sim.links import Tapped
from host_sim.plant import supply
from pump.hal import pinout
from pump.hal.pressure_scale import PA_PER_COUNT


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
    """What faults can reach.

    ``reaction``    ``mild`` or ``severe`` while the patient has one
    ``active``      names of the faults that go on by themselves until they end
    ``converters``  what disturbs each converter, by fault
    ``say``         told what a fault has chosen, in a line
    """

    board: Board
    link: Tapped
    person_confirms: bool = True
    reaction: str = ""
    active: set[str] = field(default_factory=set)
    converters: dict[int, dict[str, Callable[[int], int]]] = field(default_factory=dict)
    say: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class Fault:
    """``value_unit`` is empty where the fault takes no value; ``end`` may be
    ``None`` where there is nothing to undo."""

    name: str
    text: str
    begin: Callable[[Bench, int], object]
    end: Callable[[Bench], object] | None = None
    value_unit: str = ""
    value_min: int = 0
    value_max: int = 0
    value_optional: bool = False

    def usage(self) -> str:
        """As it is written on the command line."""
        if not self.value_unit:
            return self.name
        return f"{self.name}[={self.value_unit}]" if self.value_optional else (
            f"{self.name}={self.value_unit}"
        )  # fmt: skip

    def explanation(self) -> str:
        """What happens, with the range of the value."""
        if not self.value_unit:
            return self.text
        return f"{self.text} ({self.value_unit} {self.value_min} to {self.value_max})"


NO_VALUE = -1  # what ``begin`` is given where a value that may be left out was

# --- ways to act ----------------------------------------------------------------------


def _sensor_error(bench: Bench, offset_pa: float | None = None, gain: float | None = None) -> None:
    errors = bench.board.sensor_errors
    for gpio in (pinout.PRESSURE_DOWN, pinout.PRESSURE_UP):
        before = errors.get(gpio, (0.0, 1.0))
        errors[gpio] = (
            before[0] if offset_pa is None else offset_pa,
            before[1] if gain is None else gain,
        )


def _line_fault(name: str, attribute: str, text: str) -> Fault:
    return Fault(
        name,
        text,
        lambda bench, _value: setattr(bench.board.line, attribute, True),
        lambda bench: setattr(bench.board.line, attribute, False),
    )


def _board_fault(name: str, attribute: str, text: str, after: str = "") -> Fault:
    """``attribute`` of the board is true meanwhile; ``after`` each change a
    method of the board is called."""

    def put(bench: Bench, value: bool) -> None:
        setattr(bench.board, attribute, value)
        if after:
            getattr(bench.board, after)()

    return Fault(name, text, lambda bench, _value: put(bench, True), lambda b: put(b, False))


def _pin_fault(name: str, gpio: int, level: int, text: str) -> Fault:
    return Fault(
        name,
        text,
        lambda bench, _value: bench.board.hold_pin(gpio, level),
        lambda bench: bench.board.hold_pin(gpio, None),
    )


def _going_on(
    name: str,
    text: str,
    period_us: int,
    again: Callable[[Bench, int, int], object],
    done: Callable[[Bench], object] = lambda bench: None,
    **value,
) -> Fault:
    """``again(bench, value, turn)`` every ``period_us`` until the fault ends."""

    def begin(bench: Bench, value: int) -> None:
        board = bench.board
        bench.active.add(name)
        turn = 0

        def act() -> None:
            nonlocal turn
            if name in bench.active:
                board.at(board.now_us + period_us, act)
                again(bench, value, turn)
                turn += 1

        act()

    def end(bench: Bench) -> None:
        bench.active.discard(name)
        done(bench)

    return Fault(name, text, begin, end, **value)


# --- converters --------------------------------------------------------------------------

NOISE_COUNTS = 200  # 15 kPa either way
DRIFT_PA_S = 100
ADC_MAX = 4095


def _converter_fault(name: str, gpio: int, text: str, make: Callable, **value) -> Fault:
    """``make(bench, value)`` gives a function of the count that the converter
    would show to the one that it does; several faults follow on each other."""

    def begin(bench: Bench, value: int) -> None:
        changes = bench.converters.setdefault(gpio, {})
        changes[name] = make(bench, value)
        board = bench.board

        def read() -> int:
            counts = board.sound_counts(gpio)
            for change in changes.values():
                counts = change(counts)
            return counts

        board.stuck_counts[gpio] = read

    def end(bench: Bench) -> None:
        changes = bench.converters.get(gpio, {})
        changes.pop(name, None)
        if not changes:
            bench.board.stuck_counts[gpio] = None

    return Fault(name, text, begin, end, **value)


def _always(counts: int) -> Callable:
    return lambda _bench, _value: lambda _counts: counts


def _pressure_faults(prefix: str, gpio: int, where: str) -> tuple[Fault, ...]:
    def stuck(bench: Bench, _value: int) -> Callable[[int], int]:
        shown = bench.board.adc_reader(gpio)() >> 4
        return lambda _counts: shown

    def noisy(bench: Bench, _value: int) -> Callable[[int], int]:
        rng = Random(bench.board.seed ^ bench.board.now_us)
        return lambda counts: counts + rng.randrange(-NOISE_COUNTS, NOISE_COUNTS + 1)

    def late(bench: Bench, value: int) -> Callable[[int], int]:
        board = bench.board
        shown = board.adc_reader(gpio)() >> 4
        readings: deque[tuple[int, int]] = deque([(board.now_us, shown)])

        def change(counts: int) -> int:
            readings.append((board.now_us, counts))
            while len(readings) > 1 and readings[1][0] <= board.now_us - value * 1000:
                readings.popleft()
            return readings[0][1]

        return change

    def drift(bench: Bench, _value: int) -> Callable[[int], int]:
        board = bench.board
        began_us = board.now_us

        def change(counts: int) -> int:
            return counts + (board.now_us - began_us) * DRIFT_PA_S // 1_000_000 // PA_PER_COUNT

        return change

    name = f"{prefix}pressure-sensor"
    sensor = f"the {where} sensor"
    return (
        _converter_fault(f"{name}-stuck", gpio, f"{sensor} keeps saying what it said", stuck),
        _converter_fault(f"{name}-absent", gpio, f"the wire of {sensor} breaks", _always(0)),
        _converter_fault(f"{name}-noisy", gpio, f"{sensor} is off by up to 15 kPa", noisy),
        _converter_fault(
            f"{name}-late",
            gpio,
            f"{sensor} says what was true MS milliseconds ago",
            late,
            value_unit="MS",
            value_min=1,
            value_max=60_000,
        ),
        _converter_fault(f"{name}-drift", gpio, f"{sensor} drifts up by 100 Pa a second", drift),
    )


# --- line and motor ------------------------------------------------------------------------

BETWEEN_BUBBLES_UL = 60
CREEP_BUBBLE_UL = 5
# The train is kept this far ahead of the detector.
TRAIN_AHEAD_UL = 400.0
CREEP_STEPS_S = 30  # 17 mL/h


def _add_train(bench: Bench, bubble_ul: int, _turn: int) -> None:
    line = bench.board.line
    end_ul = line.air_ends_ul()
    while end_ul < TRAIN_AHEAD_UL:
        end_ul += BETWEEN_BUBBLES_UL
        line.add_air(bubble_ul, end_ul)
        end_ul += bubble_ul


def _end_train(bench: Bench) -> None:
    bench.board.line.clear_air(all_of_it=False)


def _creep(bench: Bench, _value: int, turn: int) -> None:
    board = bench.board
    if not board.levels[pinout.ENABLE]:
        done = turn * CREEP_STEPS_S // 100
        board.turn_motor((turn + 1) * CREEP_STEPS_S // 100 - done)


def _release(bench: Bench, _value: int) -> None:
    bench.board.line.down_occluded = False
    bench.board.line.up_occluded = False


def _empty_bag(bench: Bench, _value: int) -> None:
    bench.board.line.bag_ul = min(bench.board.line.bag_ul, 1e-6)


def _stick_fluid(bench: Bench, level: int | None) -> None:
    bench.board.fluid_stuck = level
    bench.board.set_fluid()


def _flicker(bench: Bench, _value: int, turn: int) -> None:
    bench.board.open_door(turn % 2 == 0)


# --- power ---------------------------------------------------------------------------------

BROWN_OUT_MV = 2800.0
SAG_MV = 3400.0
SAG_US = 20_000


def _unplug(bench: Bench, _value: int) -> None:
    bench.board.supply.on_battery = True
    bench.board.look_at_supply()


def _run_down(bench: Bench, _value: int) -> None:
    bench.board.supply.battery_min = min(bench.board.supply.battery_min, supply.LOW_MIN)
    _unplug(bench, 0)


def _plug_in(bench: Bench) -> None:
    bench.board.supply.on_battery = False
    bench.board.supply.battery_min = supply.FULL_MIN
    bench.board.look_at_supply()


def _force(bench: Bench, mv: float | None) -> None:
    bench.board.supply.forced_mv = mv
    bench.board.look_at_supply()


def _brown_out(bench: Bench, _value: int) -> None:
    board = bench.board

    def fall() -> None:
        if bench.board.supply.forced_mv == SAG_MV:
            _force(bench, BROWN_OUT_MV)

    board.at(board.now_us + SAG_US, fall)
    board.at(board.now_us + 1_000_000, lambda: _force(bench, None))
    _force(bench, SAG_MV)


def _stick_comparator(bench: Bench, level: int | None) -> None:
    bench.board.supply_good_stuck = level
    bench.board.look_at_supply()


def _overheat(bench: Bench, is_overheated: bool) -> None:
    bench.board.driver.is_overheated = is_overheated


# --- keys ------------------------------------------------------------------------------------

PRESS_US = 200_000


def _press(bench: Bench, gpio: int) -> None:
    board = bench.board
    board.press(gpio, True)
    board.at(board.now_us + PRESS_US, lambda: board.press(gpio, False))


def _key_faults(name: str, gpio: int) -> tuple[Fault, ...]:
    return (
        Fault(
            f"{name}-key",
            f"the {name.upper()} key is pressed for 200 ms",
            lambda bench, _value: _press(bench, gpio),
            lambda bench: bench.board.press(gpio, False),
        ),
        Fault(
            f"{name}-key-stuck",
            f"the {name.upper()} key stays pressed",
            lambda bench, _value: bench.board.press(gpio, True),
            lambda bench: bench.board.press(gpio, False),
        ),
    )


# --- processor and clocks ----------------------------------------------------------------------

USB_STALL_US = 500_000


def _hang(bench: Bench, irqs_off: bool) -> None:
    bench.board.is_hung = True
    bench.board.irqs_off = irqs_off


def _wake(bench: Bench) -> None:
    bench.board.is_hung = False
    bench.board.irqs_off = False


def _jump(bench: Bench, value: int) -> None:
    bench.board.ticks_offset_us += value * 1000


def _drift(bench: Bench, percent: int, _turn: int) -> None:
    bench.board.ticks_offset_us += percent * 10


# --- I2C ---------------------------------------------------------------------------------------

FRAM_ADDRESS = 0x50


def _fram_fault(name: str, text: str, attribute: str, value: bool) -> Fault:
    """``attribute`` of the part on the bus is ``value`` meanwhile."""

    def put(bench: Bench, value: bool) -> None:
        fram = bench.board.i2c_devices.get(FRAM_ADDRESS)
        if fram is None:
            bench.say(f"{name}: no FRAM is fitted, nothing happens")
        else:
            setattr(fram, attribute, value)

    return Fault(
        name, text, lambda bench, _value: put(bench, value), lambda bench: put(bench, not value)
    )


def _cut_at_byte(bench: Bench, value: int) -> None:
    bench.board.memory_supply.cut_after(value)


def _flip_ram(bench: Bench, value: int) -> None:
    bench.say(memory_faults.flip_ram(bench.board, None if value == NO_VALUE else value))


def _flip_flash(bench: Bench, _value: int) -> None:
    bench.say(memory_faults.flip_flash(bench.board))


# --- host and people -----------------------------------------------------------------------------

FLOOD_BYTES_A_TICK = 10_000  # 1 MB/s
HALF_A_FRAME = frame("1 CONFIRM 1")[:7]


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


def _send_half(bench: Bench, _value: int) -> None:
    bench.board.usb.host_write(HALF_A_FRAME)
    bench.link.is_silent = True


def _set_silent(bench: Bench, is_silent: bool) -> None:
    bench.link.is_silent = is_silent


def _set_reading(bench: Bench, reads: bool) -> None:
    bench.board.usb.host_reads = reads


def _converse(bench: Bench, _value: int, turn: int) -> None:
    """A client that counts its own SEQ, asks, and would like to change things."""
    body = ("STATUS?", "CONFIRM 1", "RESUME")[turn % 3]
    bench.board.usb.host_write(frame(f"{40_000 + turn % 20_000} {body}"))


def _react(bench: Bench, reaction: str) -> None:
    bench.reaction = reaction


def _set_answers(bench: Bench, confirms: bool) -> None:
    bench.person_confirms = confirms


FAULTS = (
    # The fluid line.
    _line_fault("downstream-occlusion", "down_occluded", "a clamp closes below the pump"),
    _line_fault("upstream-occlusion", "up_occluded", "a clamp closes between bag and pump"),
    Fault("occlusion-release", "every clamp is opened", _release),
    Fault(
        "air-bubble",
        "a bubble of UL microlitres reaches the air detector",
        lambda bench, value: bench.board.line.add_air(value),
        value_unit="UL",
        value_min=1,
        value_max=100_000,
    ),
    _going_on(
        "air-bubbles",
        "bubbles of UL microlitres with 60 uL of fluid between them, until the fault ends",
        100_000,
        _add_train,
        _end_train,
        value_unit="UL",
        value_min=1,
        value_max=100_000,
    ),
    _going_on(
        "air-creep",
        "bubbles of 5 uL with 60 uL of fluid between them, until the fault ends",
        100_000,
        lambda bench, _value, turn: _add_train(bench, CREEP_BUBBLE_UL, turn),
        _end_train,
    ),
    Fault(
        "air-sensor-stuck",
        "the air detector says fluid, whatever is before it",
        lambda bench, _value: _stick_fluid(bench, 1),
        lambda bench: _stick_fluid(bench, None),
    ),
    Fault(
        "door-open",
        "the door is opened",
        lambda bench, _value: bench.board.open_door(True),
        lambda bench: bench.board.open_door(False),
    ),
    _going_on(
        "door-flicker",
        "the door's switch opens and closes every 20 ms",
        20_000,
        _flicker,
        lambda bench: bench.board.open_door(False),
    ),
    Fault("bag-empty", "the bag runs dry; 5 mL stand in drip chamber and tube", _empty_bag),
    _line_fault("free-flow", "free_flow", "the tubing slips out of the mechanism"),
    _board_fault("drop-sensor-dead", "drop_sensor_dead", "the drop detector sees no drop"),
    *_pressure_faults("", pinout.PRESSURE_DOWN, "downstream"),
    *_pressure_faults("up-", pinout.PRESSURE_UP, "upstream"),
    # Motor and driver.
    _line_fault("motor-stall", "stalled", "the motor does not turn although it is stepped"),
    _line_fault("motor-missed-steps", "misses_steps", "the motor loses every tenth step"),
    _line_fault("motor-reversed", "is_reversed", "the motor turns the wrong way"),
    _going_on(
        "motor-creep",
        "the motor turns forwards by 30 steps a second while it is disabled",
        10_000,
        _creep,
    ),
    _pin_fault("enable-stuck-high", pinout.ENABLE, 1, "a short holds ENABLE high"),
    _pin_fault("enable-stuck-low", pinout.ENABLE, 0, "a short holds ENABLE low"),
    _line_fault("encoder-dead", "encoder_dead", "the encoder stops counting"),
    Fault(
        "temperature-high",
        "the driver loses its cooling: 95 C and more within a minute or two",
        lambda bench, _value: _overheat(bench, True),
        lambda bench: _overheat(bench, False),
    ),
    _converter_fault(
        "temperature-sensor-absent",
        pinout.DRIVER_TEMPERATURE,
        "the wire of the driver's thermistor breaks",
        _always(ADC_MAX),
    ),
    # Keys, lamps, sounder.
    *_key_faults("stop", pinout.STOP_KEY),
    *_key_faults("ok", pinout.OK_KEY),
    _board_fault("sounder-dead", "sounder_dead", "the sounder makes no sound", "mend_sounder"),
    _board_fault("sounder-stuck-on", "sounder_stuck_on", "the sounder never stops", "mend_sounder"),
    # Power.
    Fault("battery", "the adapter is unplugged; the battery is full", _unplug, _plug_in),
    Fault(
        "battery-low",
        "the adapter is unplugged and the battery has 20 minutes left",
        _run_down,
        _plug_in,
    ),
    _converter_fault(
        "battery-estimate-lies",
        pinout.SUPPLY,
        "the converter shows 5 V, whatever the supply is",
        _always(int(supply.EXTERNAL_MV * supply.COUNTS_PER_MV)),
    ),
    Fault(
        "supply-comparator-dead",
        "the supply's comparator says good, whatever the supply is",
        lambda bench, _value: _stick_comparator(bench, 1),
        lambda bench: _stick_comparator(bench, None),
    ),
    Fault(
        "brown-out",
        "the supply sags to 3.4 V and 20 ms later to 2.8 V, for a second at most",
        _brown_out,
        lambda bench: _force(bench, None),
    ),
    Fault(
        "power-cut",
        "power goes, and comes back after 2 s",
        lambda bench, _value: bench.board.power_cut(),
    ),
    Fault(
        "power-cut-at-byte",
        "power goes at the Nth byte that is written to FRAM or flash from now on",
        _cut_at_byte,
        value_unit="N",
        value_min=1,
        value_max=1_000_000,
    ),
    # Processor, clocks, memory.
    Fault(
        "cpu-hang",
        "the loop stops until the watchdog bites; interrupts go on",
        lambda bench, _value: _hang(bench, False),
        _wake,
    ),
    Fault(
        "cpu-hang-irq-off",
        "the processor stops with interrupts off until the watchdog bites",
        lambda bench, _value: _hang(bench, True),
        _wake,
    ),
    Fault(
        "reset",
        "the processor is reset, as by its watchdog",
        lambda bench, _value: bench.board.reset(WATCHDOG_RESET),
    ),
    Fault(
        "step-volume",
        "a step of the motor moves PERMILLE of its nominal volume: another set",
        lambda bench, value: bench.board.line.set_gain(value / 1000),
        value_unit="PERMILLE",
        value_min=800,
        value_max=1200,
    ),
    Fault(
        "pressure-offset",
        "both pressure sensors read PA too much",
        lambda bench, value: _sensor_error(bench, offset_pa=value),
        value_unit="PA",
        value_min=-20_000,
        value_max=20_000,
    ),
    Fault(
        "pressure-gain",
        "both pressure sensors read PERMILLE of the pressure",
        lambda bench, value: _sensor_error(bench, gain=value / 1000),
        value_unit="PERMILLE",
        value_min=800,
        value_max=1200,
    ),
    Fault(
        "flash-stall",
        "the processor stands still for MS milliseconds with interrupts off, as while flash "
        "is erased",
        lambda bench, value: bench.board.stall(value * 1000, irqs_off=True),
        value_unit="MS",
        value_min=1,
        value_max=60_000,
    ),
    Fault(
        "usb-stall",
        "the processor waits 500 ms for a host that does not read",
        lambda bench, _value: bench.board.stall(USB_STALL_US, irqs_off=False),
    ),
    _board_fault("timer-exception", "timer_raises", "what the guard's timer calls raises"),
    _board_fault("timer-dead", "timer_is_dead", "no timer calls back any more"),
    Fault(
        "clock-jump",
        "the processor's microsecond counter jumps by MS milliseconds",
        _jump,
        value_unit="MS",
        value_min=-500_000,
        value_max=500_000,
    ),
    _going_on(
        "clock-drift",
        "the processor's microsecond counter is fast by PERCENT, against true time and PIO",
        1000,
        _drift,
        value_unit="PERCENT",
        value_min=-50,
        value_max=100,
    ),
    _board_fault("rtc-dead", "rtc_dead", "the clock chip's second stops"),
    _fram_fault(
        "fram-absent",
        "the FRAM is unplugged: nothing answers at its address",
        "is_present",
        False,
    ),
    _fram_fault("fram-dead", "the FRAM acknowledges nothing from now on", "is_deaf", True),
    _board_fault("i2c-stuck", "i2c_is_stuck", "SDA is held low: no transfer ends"),
    Fault(
        "bit-flip",
        "a bit flips in one of the controller's variables: number N of their list, round and "
        "round, else by seed",
        _flip_ram,
        value_unit="N",
        value_min=0,
        value_max=99_999,
        value_optional=True,
    ),
    Fault("flash-bit-flip", "a bit flips in a firmware file in flash, by seed", _flip_flash),
    # Host and people.
    Fault(
        "link-silent",
        "nothing that the host sends arrives",
        lambda bench, _value: _set_silent(bench, True),
        lambda bench: _set_silent(bench, False),
    ),
    Fault("host-flood", "the host sends 1 MB of noise in a second", _flood, _end_flood),
    Fault(
        "half-frame",
        "the host sends half a line and nothing more",
        _send_half,
        lambda bench: _set_silent(bench, False),
    ),
    Fault(
        "host-stops-reading",
        "the host keeps the port open and does not read",
        lambda bench, _value: _set_reading(bench, False),
        lambda bench: _set_reading(bench, True),
    ),
    _going_on(
        "second-client",
        "a second program sends frames of its own on the same line, two a second",
        500_000,
        _converse,
    ),
    Fault(
        "no-confirmation",
        "nobody answers any more",
        lambda bench, _value: _set_answers(bench, False),
        lambda bench: _set_answers(bench, True),
    ),
    Fault(
        "reaction-mild",
        "a mild reaction: the person goes a rung down and confirms no step up meanwhile",
        lambda bench, _value: _react(bench, "mild"),
        lambda bench: _react(bench, ""),
    ),
    Fault(
        "reaction-severe",
        "a severe reaction: the person says STOP and does not resume",
        lambda bench, _value: _react(bench, "severe"),
        lambda bench: _react(bench, ""),
    ),
)
BY_NAME = {fault.name: fault for fault in FAULTS}


def check(spec: FaultSpec) -> None:
    """Raises ``UnknownFault`` unless ``spec`` names a fault and fits it."""
    fault = BY_NAME.get(spec.name)
    if fault is None:
        raise UnknownFault(f"no fault {spec.name!r}; `titra simulate --list-faults` lists them")
    if fault.value_unit and spec.value is None and not fault.value_optional:
        raise UnknownFault(f"{spec.name}: needs a value, {fault.usage()}")
    if not fault.value_unit and spec.value is not None:
        raise UnknownFault(f"{spec.name}: takes no value")
    if spec.value is not None and not fault.value_min <= spec.value <= fault.value_max:
        raise UnknownFault(
            f"{spec.name}={spec.value}: expected {fault.value_min} to {fault.value_max}"
        )


def schedule(specs: tuple[FaultSpec, ...], bench: Bench, note: Callable[[str, str], None]) -> None:
    """Let each of ``specs`` happen, counted from the rise of ENABLE at the first
    START; ``note`` is told the fault and ``begins`` or ``ends``.

    That it was START shows only once ENABLE has stayed high for 40 ms: what is
    due before happens then.
    """
    board = bench.board

    def begin(spec: FaultSpec) -> None:
        note(spec.text(), "begins")
        fault = BY_NAME[spec.name]
        value = NO_VALUE if spec.value is None and fault.value_optional else spec.value or 0
        fault.begin(bench, value)

    def end(spec: FaultSpec) -> None:
        note(spec.text(), "ends")
        undo = BY_NAME[spec.name].end
        if undo:
            undo(bench)

    def arm() -> None:
        assert board.first_enable_us is not None
        for spec in specs:
            at_us = board.first_enable_us + spec.at_ms * 1000
            board.at(at_us, lambda spec=spec: begin(spec))
            if spec.duration_ms:
                board.at(at_us + spec.duration_ms * 1000, lambda spec=spec: end(spec))

    for spec in specs:
        check(spec)
    board.on_first_enable.append(arm)
