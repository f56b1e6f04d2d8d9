"""Lamps and sounder, and the loop-back that hears it."""

from machine import PWM, Pin
from micropython import const

from pump.hal import pinout

# Within the 150-1000 Hz that IEC 60601-1-8 asks of a fundamental.
_SOUND_HZ = const(880)
_DUTY_ON = const(32768)


class Signals:
    """Follows the outputs of a step; touches a pin only when it changes.

    ``is_fitted``  a loop-back drives its pin; one that follows the processor's own
                   pull resistors, up and down, has no wire
    """

    def __init__(self):
        self._red = Pin(pinout.LAMP_RED, Pin.OUT, value=0)
        self._yellow = Pin(pinout.LAMP_YELLOW, Pin.OUT, value=0)
        self._green = Pin(pinout.LAMP_GREEN, Pin.OUT, value=0)
        self._sounder = PWM(Pin(pinout.SOUNDER), freq=_SOUND_HZ, duty_u16=0)
        floats_up = Pin(pinout.SOUND_SENSE, Pin.IN, Pin.PULL_UP).value() != 0
        floats_down = Pin(pinout.SOUND_SENSE, Pin.IN, Pin.PULL_DOWN).value() == 0
        self.is_fitted = not (floats_up and floats_down)
        self._shown = 0

    def apply(self, outputs) -> None:
        """Show ``sound`` and the three lamps."""
        wanted = 0
        if outputs.sound:
            wanted = 1
        if outputs.lamp_red:
            wanted |= 2
        if outputs.lamp_yellow:
            wanted |= 4
        if outputs.lamp_green:
            wanted |= 8
        changed = wanted ^ self._shown
        if changed == 0:
            return
        self._shown = wanted
        if changed & 1:
            self._sounder.duty_u16(_DUTY_ON if wanted & 1 else 0)
        if changed & 2:
            self._red.value(wanted >> 1 & 1)
        if changed & 4:
            self._yellow.value(wanted >> 2 & 1)
        if changed & 8:
            self._green.value(wanted >> 3 & 1)
