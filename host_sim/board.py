"""A simulated Pico on its bench: virtual clock, pins, plant, and the firmware.

The firmware's own loop drives time: when it sleeps until its next tick, the
world goes on for as long.  Nothing here decides anything about an infusion.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable
from itertools import count, cycle
from random import Random

from host_sim import fakes
from host_sim.fakes.registers import FrequencyCounter
from host_sim.plant.line import Line
from host_sim.simulator_key import SIMULATOR_KEY
from host_sim.usb import UsbSerial
from pump.hal import pinout
from pump.hal.pinout import ENABLE, ENCODER, FLUID, STEP
from pump.hal.pressure_scale import COUNTS_AT_AMBIENT, PA_PER_COUNT

PLANT_US = 10_000
NEVER_US = 1 << 62
N_GPIO = 30
POWER_ON = 1
WATCHDOG_RESET = 3
OUTPUTS = {
    pinout.ENABLE: "ENABLE",
    pinout.DIRECTION: "DIRECTION",
    pinout.LAMP_RED: "LAMP_RED",
    pinout.LAMP_YELLOW: "LAMP_YELLOW",
    pinout.LAMP_GREEN: "LAMP_GREEN",
}


class Board:
    """One board.

    ``now_us``      true time since power-on
    ``levels``      level of each GPIO
    ``step_edges``  rising STEP edges since power-on
    ``usb``         the serial line
    ``files``       in the root of its flash, by name
    """

    def __init__(self, seed: int = 0, bag_ul: float = 500_000.0):
        self.now_us = 0
        self.ticks_offset_us = 0  # a jump of the processor's counter, by fault
        self.usb = UsbSerial()
        self.line = Line(seed, bag_ul)
        self.unique_id = bytes([0xE6, 0x61, 0x54, 0x1A]) + (seed & 0xFFFFFFFF).to_bytes(4, "big")
        self.files = {"key": SIMULATOR_KEY}  # of the flash file system
        self.random = Random(f"{seed} nonces")
        self.reset_cause = POWER_ON
        self.resets = 0
        self.watchdog_us = NEVER_US
        self.levels = [0] * N_GPIO
        self.pio_pins: set[int] = set()  # whose level PIO decides
        self.driven_inputs = {pinout.FLUID, pinout.DOOR, pinout.ENCODER}
        self.edge_totals = {pinout.STEP: 0, pinout.ENCODER: 0}
        # A converter that shows a fixed count, by fault.
        self.stuck_counts: dict[int, int | None] = {}
        self.sound_hz = 0
        self.step_edges = 0
        self.last_edge_us = 0
        self._edges: list[tuple[int, int, int]] = []  # not yet in the digest or the log
        self._edge_digest = 0
        self._edge_log: list[tuple[int, int, int]] | None = None
        self.on_pin: list[Callable[[str, int], None]] = []
        self.on_boot: list[Callable[[], None]] = []
        self.first_enable_us: int | None = None
        self.on_first_enable: list[Callable[[], None]] = []
        self.is_hung = False
        self.stall_us = 0
        self.is_flooded = False
        self.sounder_dead = False
        self.boot_us = 0
        self.irqs_off = False  # the processor runs, or hangs, without interrupts
        self.scratch = [0] * 8  # the watchdog's registers, lost only with the power
        self.osc_permille = 1000  # ring oscillator, as counted against the crystal
        self.frequency_counter = FrequencyCounter()
        self._stepper = None
        self._steps_to_turn = 0
        rng = Random(seed)
        # What a converter adds: ambient, and up to two counts of noise.
        self._noise = cycle([COUNTS_AT_AMBIENT + rng.randrange(-1, 3) for _ in range(4093)])
        self._plant_us = 0
        self._order = count()
        # A last event that never comes saves looking whether there is one.
        self._events = [(NEVER_US, next(self._order), lambda: None)]
        self._application = None
        self.levels[pinout.FLUID] = 1
        self.power_on()

    # --- life --------------------------------------------------------------------

    def power_on(self) -> None:
        """Reset: pins float, PIO stops, the firmware starts from nothing."""
        fakes.hub.board = self
        self.boot_us = self.now_us
        self._stepper = None
        self.pio_pins.clear()
        for gpio in OUTPUTS:
            self.set_pin(gpio, 0)
        self.set_sound(0)
        self.watchdog_us = NEVER_US
        self.usb.clear()
        self.is_hung = False
        self.irqs_off = False
        self.stall_us = 0
        for listener in self.on_boot:
            listener()
        self._application = fakes.load_application().Application()

    def reset(self, cause: int) -> None:
        """The watchdog, or somebody, resets the processor."""
        self.resets += 1
        self.reset_cause = cause
        if cause == POWER_ON:
            self.scratch = [0] * 8
        self.power_on()

    def run_tick(self) -> None:
        """One turn of the firmware's loop, the wait for the next included."""
        fakes.hub.board = self
        if self.is_hung:
            self.advance(PLANT_US)
            return
        if self.stall_us:
            stall_us, self.stall_us = self.stall_us, 0
            self.advance(stall_us)
        self._application.run_once()

    def run_until(self, us: int) -> None:
        """Turns of the loop until ``now_us`` is at least ``us``."""
        while self.now_us < us:
            self.run_tick()

    # --- time ----------------------------------------------------------------------

    def at(self, us: int, action: Callable[[], None]) -> None:
        """Do ``action`` when ``now_us`` is ``us``."""
        heapq.heappush(self._events, (us, next(self._order), action))

    def advance(self, us: int) -> None:
        """The processor sleeps (or hangs) for ``us``; the world does not."""
        until = self.now_us + us
        events = self._events
        while events[0][0] <= until:
            at_us, _, action = heapq.heappop(events)
            if at_us > self.now_us:
                self._pass(at_us)
            action()
        self._pass(until)

    def _pass(self, until: int) -> None:
        plant_us = self._plant_us + PLANT_US
        line = self.line
        while plant_us <= until:
            self.now_us = plant_us
            self._plant_us = plant_us
            if self._stepper is not None:
                self.take_edges()
            line.step(0.01, self._steps_to_turn)
            self._steps_to_turn = 0
            self.edge_totals[ENCODER] = line.encoder_edges
            self.levels[FLUID] = 0 if line.air_present else 1
            if plant_us >= self.watchdog_us:
                self.reset(WATCHDOG_RESET)
            plant_us += PLANT_US
        if until > self.now_us:
            self.now_us = until
            self.take_edges()

    def take_edges(self) -> None:
        """Let the step train run up to now."""
        if self._stepper is None:
            return
        edges = self._stepper.run(self.now_us)
        if edges and STEP in self.pio_pins:
            self.step_edges += edges
            self.edge_totals[STEP] += edges
            if self.levels[ENABLE]:
                self._steps_to_turn += edges

    def add_state_machine(self, sm_id: int, model) -> None:
        """The firmware made a state machine; that of the stepper is kept at hand."""
        if sm_id == pinout.SM_STEPPER:
            self._stepper = model

    # --- pins ------------------------------------------------------------------------

    def set_pin(self, gpio: int, level: int) -> None:
        """The processor drives a pin."""
        if self.levels[gpio] == level:
            return
        if gpio == pinout.ENABLE:
            self.take_edges()
        self.levels[gpio] = level
        name = OUTPUTS.get(gpio)
        if name:
            for listener in self.on_pin:
                listener(name, level)
        if gpio == pinout.ENABLE and self.first_enable_us is None:
            self.first_enable_us = self.now_us
            for action in self.on_first_enable:
                action()

    def set_sound(self, frequency_hz: int) -> None:
        """The sounder, 0 for silence; a dead one stays silent."""
        if self.sounder_dead:
            frequency_hz = 0
        if frequency_hz == self.sound_hz:
            return
        self.sound_hz = frequency_hz
        for listener in self.on_pin:
            listener("SOUND", frequency_hz)

    def open_door(self, is_open: bool) -> None:
        """The door switch: closed pulls its pin to ground."""
        self.levels[pinout.DOOR] = 1 if is_open else 0

    def adc_reader(self, gpio: int) -> Callable[[], int]:
        """What ``ADC.read_u16`` of a pressure input is."""
        line = self.line
        stuck = self.stuck_counts
        noise = self._noise

        def read_down() -> int:
            fixed = stuck[gpio]
            if fixed is not None:
                return fixed << 4
            counts = int(line.down_pa / PA_PER_COUNT) + next(noise)
            return (0 if counts < 0 else 4095 if counts > 4095 else counts) << 4

        def read_up() -> int:
            fixed = stuck[gpio]
            if fixed is not None:
                return fixed << 4
            counts = int(line.up_pa / PA_PER_COUNT) + next(noise)
            return (0 if counts < 0 else 4095 if counts > 4095 else counts) << 4

        stuck.setdefault(gpio, None)
        return read_down if gpio == pinout.PRESSURE_DOWN else read_up

    def log_edges(self, first_us: int, n: int, period_us: int) -> None:
        """``n`` rising STEP edges from ``first_us`` on, ``period_us`` apart."""
        if STEP not in self.pio_pins:
            return  # what the program does no longer reaches the pin
        self.last_edge_us = first_us + (n - 1) * period_us
        self._edges.append((first_us, n, period_us))

    def _settle_edges(self) -> None:
        """Take the edges since the last look into digest and log."""
        if self._edges:
            # Without its brackets, so that it does not matter when somebody looks.
            text = repr(self._edges)[1:-1] + ", "
            self._edge_digest = zlib.crc32(text.encode(), self._edge_digest)
            if self._edge_log is not None:
                self._edge_log += self._edges
            self._edges.clear()

    @property
    def edge_digest(self) -> int:
        """CRC-32 over the times of all STEP edges so far."""
        self._settle_edges()
        return self._edge_digest

    @property
    def edge_log(self) -> list[tuple[int, int, int]] | None:
        """(first us, edges, us apart) of every run of STEP edges since it was set
        to a list; ``None`` when nobody keeps them."""
        self._settle_edges()
        return self._edge_log

    @edge_log.setter
    def edge_log(self, log: list[tuple[int, int, int]] | None) -> None:
        self._settle_edges()
        self._edge_log = log
