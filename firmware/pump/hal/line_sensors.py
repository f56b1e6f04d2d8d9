"""Pressures, air and door: everything that watches the fluid line."""

from machine import ADC, Pin

from pump.hal import pinout
from pump.hal.pressure_scale import COUNT_MAX, COUNT_MIN, COUNTS_AT_AMBIENT, PA_PER_COUNT


class LineSensors:
    """Reads every sensor of the line into the inputs of a step."""

    def __init__(self):
        self._read_down = ADC(Pin(pinout.PRESSURE_DOWN)).read_u16
        self._read_up = ADC(Pin(pinout.PRESSURE_UP)).read_u16
        self._fluid = Pin(pinout.FLUID, Pin.IN, Pin.PULL_DOWN).value
        self._door = Pin(pinout.DOOR, Pin.IN, Pin.PULL_UP).value

    def read(self, inputs) -> None:
        """One reading of each: four conversions and pins, 150 us on an RP2040."""
        count = self._read_down() >> 4
        inputs.down_ok = COUNT_MIN <= count <= COUNT_MAX
        inputs.down_pa = (count - COUNTS_AT_AMBIENT) * PA_PER_COUNT
        count = self._read_up() >> 4
        inputs.up_ok = COUNT_MIN <= count <= COUNT_MAX
        inputs.up_pa = (count - COUNTS_AT_AMBIENT) * PA_PER_COUNT
        inputs.air = not self._fluid()
        inputs.door_open = self._door() != 0
