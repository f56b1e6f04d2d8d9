"""The supply's voltage, by two paths, and the temperature of the motor's driver.

Slow quantities, asked for every 40 ms: one conversion every other time, each channel
every 160 ms.
"""

from machine import ADC, Pin
from micropython import const

from pump.hal import pinout, thermistor_scale
from pump.hal.analog_input import AnalogInput

_GOOD = 1 << pinout.SUPPLY_GOOD
_CYCLE_MASK = const(3)  # calls
_DRIVER_AT = const(2)
# The pin sees a third of VSYS: 12 bits of 3.3 V, times three.
_MV_FULL_SCALE = const(9900)
_COUNT_SHIFT = const(4)  # read_u16 stretches 12 bits to 16


class Supply:
    """``read`` fills ``supply_mv``, ``supply_good``, ``driver_c`` and ``driver_ok``.

    ``has_thermistor``  it was there at boot
    """

    def __init__(self):
        self._supply = ADC(Pin(pinout.SUPPLY)).read_u16
        driver = AnalogInput(pinout.DRIVER_TEMPERATURE)
        self.has_thermistor = driver.is_connected
        self._driver = driver.read_u16
        Pin(pinout.SUPPLY_GOOD, Pin.IN, Pin.PULL_DOWN)
        self._tick = 0
        self._is_first = True

    def read(self, inputs, levels: int) -> None:
        """What ``levels`` of the pins say, and a conversion every other time."""
        inputs.supply_good = levels & _GOOD != 0
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
