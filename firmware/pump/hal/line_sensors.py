"""Pressures, air, drops and door: everything that watches the fluid line."""

from machine import Pin

from pump.core.calibration import DOWN, UP, Calibration
from pump.hal import pinout
from pump.hal.analog_input import AnalogInput
from pump.hal.pressure_scale import COUNT_MAX, COUNT_MIN

_FLUID = 1 << pinout.FLUID
_DOOR = 1 << pinout.DOOR
_DROP = 1 << pinout.DROP


class LineSensors:
    """Every sensor of the line, for the inputs of a step.

    ``has_pressures``  either pressure sensor was there at boot

    A drop's pulse lasts 20 ms or more, two ticks: looking once a tick sees it.

    ``is_probing``  the air detector's emitter is off
    ``down_counts``, ``up_counts``  the last readings as the converter gave them
    """

    def __init__(self):
        self.down_counts = 0
        self.up_counts = 0
        self.calibrate(Calibration())
        down = AnalogInput(pinout.PRESSURE_DOWN)
        up = AnalogInput(pinout.PRESSURE_UP)
        self.has_pressures = down.is_connected or up.is_connected
        self._read_down = down.read_u16
        self._read_up = up.read_u16
        Pin(pinout.FLUID, Pin.IN, Pin.PULL_DOWN)
        Pin(pinout.DOOR, Pin.IN, Pin.PULL_UP)
        Pin(pinout.DROP, Pin.IN, Pin.PULL_DOWN)
        self._was_drop = True  # one that is falling already is not counted
        self._air_probe = Pin(pinout.AIR_PROBE, Pin.OUT, value=0).value
        self.is_probing = False

    def calibrate(self, calibration) -> None:
        """Read by ``calibration`` from now on."""
        self._down_zero = calibration.zero[DOWN]
        self._down_gain = calibration.gain[DOWN]
        self._up_zero = calibration.zero[UP]
        self._up_gain = calibration.gain[UP]

    def probe(self, outputs) -> None:
        """Switch the air detector's emitter off or on, as ``air_probe`` says."""
        self.is_probing = outputs.air_probe
        self._air_probe(1 if outputs.air_probe else 0)

    def read_pressures(self, inputs) -> None:
        """Two conversions."""
        count = self._read_down() >> 4
        inputs.down_ok = COUNT_MIN <= count <= COUNT_MAX
        self.down_counts = count
        inputs.down_pa = ((count << 4) - self._down_zero) * self._down_gain >> 10
        count = self._read_up() >> 4
        inputs.up_ok = COUNT_MIN <= count <= COUNT_MAX
        self.up_counts = count
        inputs.up_pa = ((count << 4) - self._up_zero) * self._up_gain >> 10

    def read_levels(self, inputs, levels: int) -> None:
        """What ``levels`` of the pins say; wanted when they have changed, and in the
        tick after a drop."""
        inputs.air = levels & _FLUID == 0
        inputs.door_open = levels & _DOOR != 0
        is_drop = levels & _DROP != 0
        inputs.drop = is_drop and not self._was_drop
        self._was_drop = is_drop
