"""A Pico with nothing attached but USB, and jumpers that can be put in and pulled.

An open input is at the level of its own pull resistor, an open converter's
input follows it too, and floats without one.
"""

from __future__ import annotations

from collections.abc import Callable

from host_sim.board import POWER_ON, Board
from host_sim.display import DISPLAY_ADDRESS
from host_sim.i2c_devices import CLOCK_ADDRESS, FRAM_ADDRESS
from pump.hal import pinout

USB_POWER = 24  # inside the Pico
# A jumper is named by the pin at its first end; at the other is a rail or a pin.
RAILS = {
    pinout.DOOR: 0,
    pinout.STOP_KEY: 0,
    pinout.FLUID: 1,
    pinout.SUPPLY_GOOD: 1,
    pinout.PRESSURE_DOWN: 1,
    pinout.PRESSURE_UP: 1,
}
LINKS = {pinout.SOUNDER: pinout.SOUND_SENSE, pinout.STEP: pinout.ENCODER}
# Those of the bench configuration; the others are pulled in or out by hand.
BENCH_JUMPERS = (
    pinout.DOOR, pinout.STOP_KEY, pinout.FLUID, pinout.SUPPLY_GOOD, pinout.SOUNDER, pinout.STEP,
)  # fmt: skip
_DEVICES = {"fram": FRAM_ADDRESS, "clock": CLOCK_ADDRESS, "display": DISPLAY_ADDRESS}
_SENSORS = {
    "down": pinout.PRESSURE_DOWN,
    "up": pinout.PRESSURE_UP,
    "thermistor": pinout.DRIVER_TEMPERATURE,
}
_CONVERTERS = (pinout.PRESSURE_DOWN, pinout.PRESSURE_UP, pinout.DRIVER_TEMPERATURE)
# What an open input may have been left at: an ambient pressure, as it happens.
_FLOATING = 1400
BENCH_FILE = ("bench", b"bench\n")


class BareBoard(Board):
    """``jumpers``  those that are in
    ``pulls``    where the processor's own resistors pull its inputs
    ``lit``      level of the board's own LED
    """

    def __init__(self, seed: int = 0, jumpers: tuple[int, ...] = (), is_bench: bool = False):
        self.jumpers = set(jumpers)
        self._is_new = True
        self._is_bench = is_bench
        self.pulls: dict[int, int] = {}  # the processor's own resistors, of inputs
        self.has_usb_power = True
        self._fitted: set[int] = set()
        self._turns = 0
        self._steps_seen = 0
        super().__init__(seed)

    def _boot(self) -> None:
        if self._is_new:
            self._is_new = False
            for device in self.i2c_devices.values():
                device.is_present = False
            self.drop_sensor_dead = True
            if self._is_bench:
                with self.flash.open(BENCH_FILE[0], "wb") as file:
                    file.write(BENCH_FILE[1])
        self.driven_inputs = {USB_POWER}
        self.levels[USB_POWER] = self.has_usb_power * 1
        for gpio in self.jumpers:
            self.driven_inputs.add(LINKS.get(gpio, gpio))
        for gpio in RAILS:
            self._settle(gpio)
        super()._boot()

    def put_in(self, gpio: int) -> None:
        """A jumper from ``gpio`` to where it belongs."""
        self.jumpers.add(gpio)
        self.driven_inputs.add(LINKS.get(gpio, gpio))
        self._settle(gpio)

    def pull_out(self, gpio: int) -> None:
        """The jumper from ``gpio``."""
        self.jumpers.discard(gpio)
        self.driven_inputs.discard(LINKS.get(gpio, gpio))
        self._settle(gpio)

    def fit(self, part: str) -> None:
        """``fram``, ``clock``, ``down``, ``up`` or ``thermistor``, as a pump has it; or
        ``no-usb``: power from elsewhere."""
        if part in _DEVICES:
            self.i2c_devices[_DEVICES[part]].is_present = True
        elif part == "no-usb":
            self.has_usb_power = False
        else:
            self._fitted.add(_SENSORS[part])

    def plug_in(self) -> None:
        """USB out and in again."""
        self.reset(POWER_ON)

    @property
    def lit(self) -> bool:
        return self.levels[25] == 1

    def _settle(self, gpio: int) -> None:
        if gpio in RAILS:
            level = RAILS[gpio] if gpio in self.jumpers else self.pulls.get(gpio, 0)
            self.levels[gpio] = level
            if gpio == pinout.FLUID:
                self.fluid_stuck = level
                self._fluid = [level, level]
            elif gpio == pinout.SUPPLY_GOOD:
                self.supply_good_stuck = level
        elif gpio == pinout.SOUNDER:
            self.set_sound(self._pwm_hz)

    def pull_input(self, gpio: int, level: int) -> None:
        self.pulls[gpio] = level
        super().pull_input(gpio, level)
        if gpio not in self.driven_inputs:
            self._settle(gpio)

    def set_sound(self, frequency_hz: int) -> None:
        super().set_sound(frequency_hz)
        if pinout.SOUNDER not in self.jumpers:
            self.levels[pinout.SOUND_SENSE] = self.pulls.get(pinout.SOUND_SENSE, 0)

    def take_edges(self) -> None:
        super().take_edges()
        self._steps_to_turn = 0  # there is no motor
        total = self.edge_totals[pinout.STEP]
        if pinout.STEP in self.jumpers:
            self._turns += total - self._steps_seen
        self._steps_seen = total
        self.line.encoder_edges = self._turns
        self.edge_totals[pinout.ENCODER] = self._turns

    def adc_reader(self, gpio: int) -> Callable[[], int]:
        if gpio not in _CONVERTERS or gpio in self._fitted:
            return super().adc_reader(gpio)
        self.pulls.pop(gpio, None)  # making it a converter's input takes it away

        def read() -> int:
            if gpio in self.jumpers:
                return 65535
            pull = self.pulls.get(gpio)
            return _FLOATING << 4 if pull is None else 65535 * pull

        return read
