"""A simulated Pico on its bench: virtual clock, pins, plant, and the firmware.

The firmware's own loop drives time: when it sleeps until its next tick, the
world goes on for as long.  Nothing here decides anything about an infusion.
"""

from __future__ import annotations

import heapq
import traceback
import zlib
from collections.abc import Callable, Iterable
from itertools import count, cycle
from random import Random

from host_sim import fakes
from host_sim.display import DISPLAY_ADDRESS, Ssd1306
from host_sim.fakes.registers import FrequencyCounter
from host_sim.flash import Flash
from host_sim.i2c_devices import CLOCK_ADDRESS, FRAM_ADDRESS, Ds3231, Fram
from host_sim.plant.drip_chamber import LEAST_APART_US, PULSE_US
from host_sim.plant.driver import Driver
from host_sim.plant.line import Line
from host_sim.plant.supply import COMPARATOR_MV, CUT_OFF_MV, RESTART_MV, Supply
from host_sim.power import PowerCut
from host_sim.power import Supply as MemorySupply
from host_sim.shipped import shipped_blocks
from host_sim.usb import UsbSerial
from pump.hal import pinout
from pump.hal.pinout import DIRECTION, ENABLE, ENCODER, ENCODER_B, FLUID, STEP
from pump.hal.pressure_scale import COUNTS_AT_AMBIENT, PA_PER_COUNT

PLANT_US = 10_000
SECOND_US = 1_000_000
NEVER_US = 1 << 62
N_GPIO = 30
# What `machine.reset_cause` says, and what register 0x40058008 does: the
# watchdog's own time-out, or a reset that the firmware asked for.
POWER_ON = 1
WATCHDOG_RESET = 3
NOT_WATCHDOG = 0
BY_TIMER = 1
BY_FORCE = 2
POWER_CUT_US = 2_000_000
# From an exception in the firmware's start to its next one: reset, boot ROM,
# boot.py and the import of main.py.
CRASH_TO_BOOT_US = 500_000
# The self-test pulses ENABLE for a few ms; START keeps it high for longer.
FIRST_ENABLE_US = 40_000
# Parts of the protection that a test build can go without.
LAYERS = frozenset(("interlock", "guard", "credit", "dead-man", "watchdog", "pull-resistors"))
OUTPUTS = {
    pinout.ENABLE: "ENABLE",
    pinout.DIRECTION: "DIRECTION",
    pinout.LAMP_RED: "LAMP_RED",
    pinout.LAMP_YELLOW: "LAMP_YELLOW",
    pinout.LAMP_GREEN: "LAMP_GREEN",
}
# Levels that the bench's wiring gives, whatever pull the processor sets.
AT_REST = {
    pinout.FLUID: 1,
    pinout.DOOR: 0,
    pinout.ENCODER: 0,
    pinout.ENCODER_B: 0,
    pinout.STOP_KEY: 0,
    pinout.OK_KEY: 1,
    pinout.SOUND_SENSE: 0,
    pinout.RTC_SECOND: 0,
    pinout.SUPPLY_GOOD: 1,
    pinout.MAINTENANCE: 1,
    pinout.DROP: 0,
}


def _with_error(pa: float, error: tuple[float, float] | None) -> float:
    return pa if error is None else pa * error[1] + error[0]


class Rebooted(BaseException):
    """The processor lost its program in the middle of it; no firmware catches this."""


class Board:
    """One board.

    ``now_us``        true time since power-on
    ``levels``        level of each GPIO
    ``step_edges``    rising STEP edges since power-on, or since ``run_self_test``
    ``forward_edges``, ``backward_edges``  those with the driver enabled, by DIRECTION
    ``edge_totals``   rising edges of a pin; of ENCODER_B, edges of ENCODER with
                      ENCODER_B high
    ``usb``           the serial line
    ``line``, ``supply``, ``driver``  the plant
    ``without``       layers of ``LAYERS`` that this build goes without
    ``life``          counts resets: what belongs to an older life is dead
    ``crashes``       (us, traceback) of what escaped from the firmware

    ``memory_supply`` feeds FRAM and flash; it can fail at a byte
    ``i2c_devices``   by address; they keep what they hold without power
    ``display``       the one of them that a person looks at
    ``sensor_errors`` offset in Pa and gain of a pressure sensor, by its pin
    ``i2c_is_stuck``  SDA is held low: no transfer comes to an end
    ``flash``         a littlefs with the firmware's files and the device key
    ``scratch``       watchdog scratch registers, cleared by power-on alone
    ``osc_permille``  ring oscillator against its frequency at 25 C
    ``irqs_off``      no interrupt is served, so no Timer calls back
    ``timer_is_dead`` no Timer calls back any more; ``timer_raises``: what it
                      calls raises
    """

    def __init__(self, seed: int = 0, bag_ul: float = 500_000.0):
        self.now_us = 0
        self.ticks_offset_us = 0  # a jump of the processor's counter, by fault
        self.usb = UsbSerial()
        self.line = Line(seed, bag_ul)
        self.line.chamber.on_drop = self._drop
        self.supply = Supply()
        self.driver = Driver()
        self.unique_id = bytes([0xE6, 0x61, 0x54, 0x1A]) + (seed & 0xFFFFFFFF).to_bytes(4, "big")
        self.seed = seed
        self.reset_cause = POWER_ON
        self.watchdog_reason = NOT_WATCHDOG
        self.resets = 0
        self.life = 0
        self.crashes: list[tuple[int, str]] = []
        self.watchdog_us = NEVER_US
        self.boot_takes_us = 0  # from a reset to the firmware's start
        self.levels = [0] * N_GPIO
        for gpio, level in AT_REST.items():
            self.levels[gpio] = level
        self._driven = [0] * N_GPIO  # by the processor or PIO
        self._held: dict[int, int] = {}  # shorted to a level, by fault
        self.pio_pins: set[int] = set()  # whose level PIO decides
        self.driven_inputs = set(AT_REST)
        self.edge_totals = {pinout.STEP: 0, ENCODER: 0, ENCODER_B: 0}
        self.edge_totals[pinout.DROP] = 0
        self.edge_totals[pinout.RTC_SECOND] = 0
        # A converter that shows a fixed count, or what a function says, by fault.
        self.stuck_counts: dict[int, int | Callable[[], int] | None] = {}
        self.memory_supply = MemorySupply()
        self.display = Ssd1306(seed)
        self.i2c_devices = {
            FRAM_ADDRESS: Fram(self.memory_supply),
            CLOCK_ADDRESS: Ds3231(lambda: self.now_us),
            DISPLAY_ADDRESS: self.display,
        }
        # Of each pressure sensor: what it adds, in Pa, and by how much it multiplies.
        self.sensor_errors: dict[int, tuple[float, float]] = {}
        self.i2c_is_stuck = False
        self.flash = Flash(self.memory_supply, shipped_blocks())
        self.random = Random(f"{seed} nonces")
        self.timer_is_dead = False
        self.timer_raises = False
        self.sound_hz = 0
        self._pwm_hz = 0
        self.step_edges = 0
        self.last_edge_us = 0
        self.forward_edges = 0
        self.backward_edges = 0
        self.last_forward_us = 0
        self._edges: list[tuple[int, int, int]] = []  # not yet in the digest or the log
        self._edge_digest = 0
        self._edge_log: list[tuple[int, int, int]] | None = None
        self.on_pin: list[Callable[[str, int], None]] = []
        self.on_boot: list[Callable[[], None]] = []
        self.on_power: list[Callable[[bool], None]] = []
        self.on_crash: list[Callable[[str], None]] = []
        self.first_enable_us: int | None = None
        self._enable_rose_us = NEVER_US
        self.on_first_enable: list[Callable[[], None]] = []
        self.is_hung = False
        self.stall_us = 0
        self._stall_irqs_off = False
        self.is_flooded = False
        self.sounder_dead = False
        self.sounder_stuck_on = False
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
        # FLUID by whether air is before the detector; its emitter off reads as air.
        self._fluid = [1, 0]
        self.fluid_stuck: int | None = None
        self.supply_good_stuck: int | None = None
        self.drop_sensor_dead = False
        self.rtc_dead = False
        self.rtc_ppm = 0  # by which the clock chip's crystal is fast
        self._rtc_owed = 0
        self._plant_us = 0
        self._order = count()
        # A last event that never comes saves looking whether there is one.
        self._events = [(NEVER_US, next(self._order), lambda: None)]
        self._without: frozenset[str] = frozenset()
        self.application = None
        self.is_powered = True
        self._supply_gone = False
        self._boot_due_us = 0
        self._is_running = False  # inside run_tick: a reset must unwind it
        self._world_failed: Exception | None = None
        self.at(SECOND_US, self._second)
        self.at(rng.randrange(1, SECOND_US // 1000) * 1000, self._rtc_rises)
        self._boot()

    # --- life --------------------------------------------------------------------

    def _boot(self) -> None:
        """The firmware starts from nothing."""
        fakes.hub.board = self
        self.boot_us = self.now_us
        if not self.is_powered:
            self.is_powered = True
            self.display.power_on()
            for listener in self.on_power:
                listener(True)
            self.set_sound(0)
        self.usb.clear()
        self.memory_supply.restore()
        self.flash.power_on()
        for gpio in self._held:
            self.set_pin(gpio, self._driven[gpio])
        for listener in self.on_boot:
            listener()
        self.application = fakes.load_application().Application()
        self._leave_out_interlock()

    def _stop_running(self, cut_power: bool) -> None:
        """Pins float, PIO stops, RAM is gone."""
        self.life += 1
        self.boot_us = -1  # what was begun after a boot belongs to no life now
        self.application = None
        self._stepper = None
        self.pio_pins.clear()
        for gpio in OUTPUTS:
            if cut_power or gpio != ENABLE or "pull-resistors" not in self._without:
                self.set_pin(gpio, 0)
        self.set_pin(pinout.AIR_PROBE, 0)
        self.set_sound(0)
        self.watchdog_us = NEVER_US
        self.usb.clear()
        self.is_hung = False
        self.irqs_off = False
        self.stall_us = 0
        self.irqs_off = False
        if cut_power:
            self.scratch[:] = [0] * 8
            self.is_powered = False
            self._change_pin(ENABLE, 0)  # a short to a supply that is not there
            self.set_sound(0)
            for listener in self.on_power:
                listener(False)

    def reset(self, cause: int, reason: int = BY_TIMER, off_us: int = 0) -> None:
        """The processor is reset; at power-on, after ``off_us`` without power.

        ``cause`` is what ``machine.reset_cause`` will say, ``reason`` what the
        watchdog's register will.  The firmware starts in the next turn.
        """
        is_power_on = cause == POWER_ON
        self.resets += 1
        self.reset_cause = cause
        self.watchdog_reason = NOT_WATCHDOG if is_power_on else reason
        self._boot_due_us = self.now_us + off_us + self.boot_takes_us
        self._stop_running(is_power_on)
        if self._is_running:
            raise Rebooted

    def halt(self) -> None:
        """The processor does nothing from now on: pins and plant alone."""
        self._boot_due_us = NEVER_US
        self._stop_running(False)

    def planned_reset(self) -> None:
        """What `machine.reset` does: the same cause as the watchdog's, another reason."""
        self.reset(WATCHDOG_RESET, BY_FORCE)

    def power_cut(self, off_us: int = POWER_CUT_US) -> None:
        """No power for ``off_us``: RAM, pins and PIO are gone, then the board boots.
        The plant and what is on ``i2c_devices`` and ``flash`` stay."""
        self.reset(POWER_ON, off_us=off_us)

    def _crash(self) -> None:
        """An exception came out of the firmware: main.py puts ENABLE low and resets."""
        text = traceback.format_exc()
        self.crashes.append((self.now_us, text))
        for listener in self.on_crash:
            listener(text)
        self.set_pin(ENABLE, 0)
        self.resets += 1
        self.reset_cause = WATCHDOG_RESET
        self.watchdog_reason = BY_FORCE
        self._boot_due_us = self.now_us + max(self.boot_takes_us, CRASH_TO_BOOT_US)
        self._stop_running(False)

    @property
    def without(self) -> frozenset[str]:
        """Layers of protection that this build goes without, out of ``LAYERS``."""
        return self._without

    @without.setter
    def without(self, layers: Iterable[str]) -> None:
        layers = frozenset(layers)
        if layers - LAYERS:
            raise ValueError(f"no such layer: {', '.join(sorted(layers - LAYERS))}")
        self._without = layers
        if self._stepper is not None:
            self._stepper.repeats = "credit" in layers
        self._leave_out_interlock()

    def _leave_out_interlock(self) -> None:
        if self.application is None:
            return
        interlock = self.application.controller.interlock
        if "interlock" in self._without:
            interlock.apply = lambda *_arguments: False
        else:
            vars(interlock).pop("apply", None)

    def timers_run(self) -> bool:
        """Whether a Timer that is due calls back now."""
        return not (self.timer_is_dead or self.irqs_off or "guard" in self._without)

    def stall(self, us: int, irqs_off: bool) -> None:
        """The processor stands still for ``us`` before its next tick."""
        self.stall_us += us
        self._stall_irqs_off = irqs_off

    def run_tick(self) -> None:
        """One turn of the firmware's loop, the wait for the next included."""
        fakes.hub.board = self
        self._is_running = True
        try:
            if self.application is None:
                self._start_up()
            if self.is_hung:
                self.advance(PLANT_US)
                return
            if self.stall_us:
                stall_us, self.stall_us = self.stall_us, 0
                self.irqs_off = self._stall_irqs_off
                self.advance(stall_us)
                self.irqs_off = False
            if self.application is not None:
                self.application.run_once()
        except Rebooted:
            pass
        except PowerCut:
            self._is_running = False
            self.power_cut()
        except (NotImplementedError, AssertionError):
            raise  # of the bench, not of the firmware
        except Exception as error:
            if error is self._world_failed or (self.application is None and not self.resets):
                raise
            self._crash()
        finally:
            self._is_running = False

    def _start_up(self) -> None:
        """Without a program: time passes until one starts."""
        due_us = NEVER_US if self._supply_gone else self._boot_due_us
        if self.now_us < due_us:
            self.advance(min(PLANT_US, due_us - self.now_us))
        if not self._supply_gone and self.now_us >= self._boot_due_us:
            self._boot()

    def run_until(self, us: int) -> None:
        """Turns of the loop until ``now_us`` is at least ``us``."""
        while self.now_us < us:
            self.run_tick()

    def run_self_test(self, limit_us: int = 12 * SECOND_US) -> None:
        """Turns of the loop until the firmware's self-test has ended, one way or the
        other; ``limit_us`` bounds a firmware that does not get there.  Its own
        pulses, with the driver off, are then forgotten."""
        until_us = self.now_us + limit_us
        while self.now_us < until_us:
            self.run_tick()
            if self.application is not None and self.application.self_test.result:
                break
        self._settle_edges()
        self.step_edges = 0
        self._edge_digest = 0

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
            try:
                action()
            except Exception as error:
                self._world_failed = error  # the bench's own, not the firmware's
                raise
        self._pass(until)

    def _pass(self, until: int) -> None:
        plant_us = self._plant_us + PLANT_US
        line = self.line
        levels = self.levels
        totals = self.edge_totals
        while plant_us <= until:
            self.now_us = plant_us
            self._plant_us = plant_us
            if self._stepper is not None:
                self.take_edges()
            line.step(0.01, self._steps_to_turn)
            self._steps_to_turn = 0
            totals[ENCODER] = line.encoder_edges
            totals[ENCODER_B] = line.reverse_edges
            levels[ENCODER_B] = line.encoder_b
            levels[FLUID] = self._fluid[line.air_present]
            if plant_us >= self.watchdog_us:
                self._bite()
            plant_us += PLANT_US
        if until > self.now_us:
            self.now_us = until
            self.take_edges()

    def _bite(self) -> None:
        self.watchdog_us = NEVER_US
        if "watchdog" not in self._without:
            self.reset(WATCHDOG_RESET)

    def _second(self) -> None:
        """What changes slowly: supply and temperature."""
        self.at(self.now_us + SECOND_US, self._second)
        self.supply.step(1.0)
        self.driver.step(1.0, self.is_powered and self.levels[ENABLE] == 1)
        self.look_at_supply()

    def look_at_supply(self) -> None:
        """The comparator's verdict, and whether there is power at all."""
        self.supply.look()
        mv = self.supply.mv
        is_good = mv >= COMPARATOR_MV
        stuck = self.supply_good_stuck
        self.levels[pinout.SUPPLY_GOOD] = stuck if stuck is not None else is_good * 1
        if mv < CUT_OFF_MV and not self._supply_gone:
            self._supply_gone = True
            self.reset(POWER_ON)
        elif mv >= RESTART_MV and self._supply_gone:
            self._supply_gone = False
            self._boot_due_us = self.now_us + self.boot_takes_us

    def _rtc_rises(self) -> None:
        chip = self.i2c_devices[CLOCK_ADDRESS]
        # Half a period, of a crystal that is fast by so many millionths.
        ppm = self.rtc_ppm
        self._rtc_owed += SECOND_US * SECOND_US // (SECOND_US + ppm)
        half_us = self._rtc_owed // 2
        self._rtc_owed -= 2 * half_us
        if not self.rtc_dead and chip.is_present and chip.has_square_wave:
            self.levels[pinout.RTC_SECOND] = 1
            self.edge_totals[pinout.RTC_SECOND] += 1
        self.at(self.now_us + half_us, self._rtc_falls)
        self.at(self.now_us + 2 * half_us, self._rtc_rises)

    def _rtc_falls(self) -> None:
        self.levels[pinout.RTC_SECOND] = 0

    def _drop(self) -> None:
        """A drop begins to fall past its detector."""

        def end_of_pulse() -> None:
            self.levels[pinout.DROP] = 0

        def next_may_fall() -> None:
            self.line.chamber.is_free = True

        if not self.drop_sensor_dead:
            self.levels[pinout.DROP] = 1
            self.edge_totals[pinout.DROP] += 1
            self.at(self.now_us + PULSE_US, end_of_pulse)
        # Just before the plant's step of that time.
        self.at(self.now_us + LEAST_APART_US - 1, next_may_fall)

    def take_edges(self) -> None:
        """Let the step train run up to now."""
        if self._stepper is None:
            return
        edges = self._stepper.run(self.now_us)
        if edges and STEP in self.pio_pins:
            self.step_edges += edges
            self.edge_totals[STEP] += edges
            if self.levels[ENABLE]:
                self._steps_to_turn += edges if self.levels[DIRECTION] else -edges

    def turn_motor(self, steps: int) -> None:
        """Something else than STEP turns the motor."""
        self._steps_to_turn += steps

    def add_state_machine(self, sm_id: int, model) -> None:
        """The firmware made a state machine; that of the stepper is kept at hand."""
        if sm_id == pinout.SM_STEPPER:
            self._stepper = model
            model.repeats = "credit" in self._without

    # --- pins ------------------------------------------------------------------------

    def set_pin(self, gpio: int, level: int) -> None:
        """The processor or PIO drives a pin; a short decides against it."""
        self._driven[gpio] = level
        self._change_pin(gpio, self._held.get(gpio, level) if self.is_powered else level)

    def pull_input(self, gpio: int, level: int) -> None:
        """The processor makes a pin an input and pulls it to ``level``."""
        if gpio not in self.driven_inputs:
            self.levels[gpio] = level

    def hold_pin(self, gpio: int, level: int | None) -> None:
        """Short a pin to a level, or take the short away."""
        if level is None:
            self._held.pop(gpio, None)
        else:
            self._held[gpio] = level
        self.set_pin(gpio, self._driven[gpio])

    def _change_pin(self, gpio: int, level: int) -> None:
        if self.levels[gpio] == level:
            return
        if gpio in (ENABLE, DIRECTION):
            self.take_edges()
        self.levels[gpio] = level
        name = OUTPUTS.get(gpio)
        if name:
            for listener in self.on_pin:
                listener(name, level)
        if gpio == ENABLE and self.first_enable_us is None:
            self._watch_enable(level)
        elif gpio == pinout.AIR_PROBE:
            self.set_fluid()

    def _watch_enable(self, level: int) -> None:
        rose_us = self._enable_rose_us = self.now_us if level else NEVER_US

        def look() -> None:
            if self._enable_rose_us == rose_us and self.first_enable_us is None:
                self.first_enable_us = rose_us
                for action in self.on_first_enable:
                    action()

        if level:
            self.at(rose_us + FIRST_ENABLE_US + 1, look)

    def set_fluid(self) -> None:
        """FLUID from what is before the air detector, its emitter and its faults."""
        if self.fluid_stuck is not None:
            self._fluid = [self.fluid_stuck, self.fluid_stuck]
        elif self.levels[pinout.AIR_PROBE]:
            self._fluid = [0, 0]
        else:
            self._fluid = [1, 0]
        self.levels[FLUID] = self._fluid[self.line.air_present]

    def set_sound(self, frequency_hz: int) -> None:
        """The sounder is driven, 0 for silence; the loop-back hears what it does."""
        self._pwm_hz = frequency_hz
        if self.sounder_stuck_on and self.is_powered:
            frequency_hz = 1000
        if self.sounder_dead:
            frequency_hz = 0
        self.levels[pinout.SOUND_SENSE] = 1 if frequency_hz else 0
        if frequency_hz == self.sound_hz:
            return
        self.sound_hz = frequency_hz
        for listener in self.on_pin:
            listener("SOUND", frequency_hz)

    def mend_sounder(self) -> None:
        """Let a change of the sounder's faults be heard now."""
        self.set_sound(self._pwm_hz)

    def open_door(self, is_open: bool) -> None:
        """The door switch: closed pulls its pin to ground."""
        self.levels[pinout.DOOR] = 1 if is_open else 0

    def press(self, gpio: int, is_pressed: bool) -> None:
        """STOP_KEY opens when it is pressed, OK_KEY closes."""
        self.levels[gpio] = 1 if is_pressed == (gpio == pinout.STOP_KEY) else 0

    def sound_counts(self, gpio: int) -> int:
        """What a sound sensor on this converter shows now, 0 to 4095."""
        noise = next(self._noise)
        if gpio == pinout.PRESSURE_DOWN:
            counts = int(self.line.down_pa / PA_PER_COUNT) + noise
        elif gpio == pinout.PRESSURE_UP:
            counts = int(self.line.up_pa / PA_PER_COUNT) + noise
        elif gpio == pinout.SUPPLY:
            counts = self.supply.counts + noise - COUNTS_AT_AMBIENT
        else:
            counts = self.driver.counts + noise - COUNTS_AT_AMBIENT
        return 0 if counts < 0 else 4095 if counts > 4095 else counts

    def adc_reader(self, gpio: int) -> Callable[[], int]:
        """What ``ADC.read_u16`` of an input is."""
        line = self.line
        stuck = self.stuck_counts
        noise = self._noise
        errors = self.sensor_errors

        def read_down() -> int:
            if stuck[gpio] is not None:
                return disturbed()
            pa = line.down_pa
            if errors:
                pa = _with_error(pa, errors.get(gpio))
            counts = int(pa / PA_PER_COUNT) + next(noise)
            return (0 if counts < 0 else 4095 if counts > 4095 else counts) << 4

        def read_up() -> int:
            if stuck[gpio] is not None:
                return disturbed()
            pa = line.up_pa
            if errors:
                pa = _with_error(pa, errors.get(gpio))
            counts = int(pa / PA_PER_COUNT) + next(noise)
            return (0 if counts < 0 else 4095 if counts > 4095 else counts) << 4

        def read_other() -> int:
            if stuck[gpio] is not None:
                return disturbed()
            return self.sound_counts(gpio) << 4

        def disturbed() -> int:
            shown = stuck[gpio]
            counts = shown() if callable(shown) else shown or 0
            return (0 if counts < 0 else 4095 if counts > 4095 else counts) << 4

        stuck.setdefault(gpio, None)
        if gpio == pinout.PRESSURE_DOWN:
            return read_down
        return read_up if gpio == pinout.PRESSURE_UP else read_other

    def log_edges(self, first_us: int, n: int, period_us: int) -> None:
        """``n`` rising STEP edges from ``first_us`` on, ``period_us`` apart."""
        if STEP not in self.pio_pins:
            return  # what the program does no longer reaches the pin
        self.last_edge_us = first_us + (n - 1) * period_us
        if self.levels[ENABLE]:
            if self.levels[DIRECTION]:
                self.forward_edges += n
                self.last_forward_us = self.last_edge_us
            else:
                self.backward_edges += n
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
