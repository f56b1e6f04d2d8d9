"""The supply's voltage, by two paths, and the temperature of the motor's driver.

Slow quantities: one conversion every eighth tick, each channel every 16th.
"""

from machine import ADC, Pin
from micropython import const

from pump.hal import pinout, thermistor_scale

_CYCLE_MASK = const(15)  # ticks
_DRIVER_AT = const(8)
# The pin sees a third of VSYS: 12 bits of 3.3 V, times three.
_MV_FULL_SCALE = const(9900)
_COUNT_SHIFT = const(4)  # read_u16 stretches 12 bits to 16


class Supply:
    """``read`` fills ``supply_mv``, ``supply_good``, ``driver_c`` and ``driver_ok``."""

    def __init__(self):
        self._supply = ADC(Pin(pinout.SUPPLY)).read_u16
        self._driver = ADC(Pin(pinout.DRIVER_TEMPERATURE)).read_u16
        self._good = Pin(pinout.SUPPLY_GOOD, Pin.IN, Pin.PULL_DOWN).value
        self._tick = 0
        self._is_first = True

    def read(self, inputs) -> None:
        """30 us, and a conversion every eighth tick."""
        inputs.supply_good = self._good() != 0
        tick = self._tick + 1 & _CYCLE_MASK
        self._tick = tick
        if self._is_first:
            self._is_first = False
            self._read_supply(inputs)
            self._read_driver(inputs)
        elif tick == 0:
            self._read_supply(inputs)
        elif tick == _DRIVER_AT:
            self._read_driver(inputs)

    def _read_supply(self, inputs) -> None:
        inputs.supply_mv = (self._supply() >> _COUNT_SHIFT) * _MV_FULL_SCALE >> 12

    def _read_driver(self, inputs) -> None:
        count = self._driver() >> _COUNT_SHIFT
        counts = thermistor_scale.COUNTS
        inputs.driver_ok = counts[-1] <= count <= counts[0]
        if inputs.driver_ok:
            inputs.driver_c = thermistor_scale.celsius(count)
