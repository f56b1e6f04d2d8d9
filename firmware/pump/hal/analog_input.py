"""A converter's input, and whether anything is connected to it.

An open input floats to whatever its neighbours left in the converter, and may
look like a pressure.  One that follows the chip's own pull resistors (50 to
80 kOhm, RP2040 datasheet 5.5.3) up and down has no part, and keeps the
pull-down: it then reads zero, which no sensor's scale contains.
"""

from time import sleep_us

from machine import ADC, Pin
from micropython import const

# A pin and 20 cm of wire, 50 pF, through 80 kOhm: five time constants and to spare.
_SETTLE_US = const(100)
# Of full scale: what a part drives moves less between the two.
_FOLLOWS = const(32768)


class AnalogInput:
    """``read_u16``      as that of ``machine.ADC``
    ``is_connected``  something drove the pin at boot
    """

    def __init__(self, gpio: int):
        adc = ADC(Pin(gpio))
        Pin(gpio, Pin.IN, Pin.PULL_UP)
        sleep_us(_SETTLE_US)
        high = adc.read_u16()
        Pin(gpio, Pin.IN, Pin.PULL_DOWN)
        sleep_us(_SETTLE_US)
        self.is_connected = high - adc.read_u16() < _FOLLOWS
        if self.is_connected:
            adc = ADC(Pin(gpio))  # which takes the pull away again
        self.read_u16 = adc.read_u16
