"""Stand-ins for parts that a bare board on a bench does not have.

With the file ``bench`` on the board, which ``titra flash --bench`` writes and
the manifest covers, a Pico with six jumpers runs the whole program and makes
steps.  Door, STOP key, fluid, supply, sounder and STEP remain real pins, so
that pulling a jumper raises the real alarm.  Stood in for are the pressures,
the driver's temperature, the encoder (STEP itself, jumpered to ENCODER), the
drops, and what the air detector says with its emitter off.

A pump must never run on these: they are refused if any part answers that a
pump has, or if the board is not powered by USB.  What runs on them says so.
"""

import io

from machine import Pin
from micropython import const

from pump.hal import pinout

_FILE = "bench"
_CONTENT = b"bench\n"

# What ``find`` says, and ``FITTED?`` after it.
NOT_ASKED = const(0)
IN_USE = const(1)
REFUSED = const(2)  # asked for, and there are parts

_USB_POWER = const(24)  # high with 5 V at VBUS; inside the Pico
_LED = const(25)  # inside the Pico
_QUIET_PA = const(5000)
_NOISE_PA = const(73)
_OCCLUDED_PA = const(150_000)
_DRIVER_C = const(25)
_STEPS_A_DROP = const(320)
_COUNT_SHIFT = const(2)  # limits.ENCODER_STEPS_PER_COUNT
_COUNT_MASK = const(3)
_LED_MASK = const(64)  # steps


def find(has_parts: bool) -> int:
    """Whether the stand-ins are to be used.  ``has_parts``: FRAM, clock chip, a
    pressure sensor or the thermistor is there."""
    try:
        with io.open(_FILE, "rb") as file:  # noqa: UP020  (the module is the seam)
            content = file.read()
    except OSError:
        return NOT_ASKED
    if content != _CONTENT:
        return NOT_ASKED
    if has_parts or not Pin(_USB_POWER, Pin.IN).value():
        return REFUSED
    return IN_USE


class LoopBack:
    """Encoder counts out of STEP edges at the encoder's pin, while ENABLE is high."""

    def __init__(self, new_edges):
        self._new_edges = new_edges
        self._enable = Pin(pinout.ENABLE).value
        self._odd = 0

    def new_edges(self) -> int:
        """Counts since the call before; safe in an interrupt."""
        edges = self._new_edges()
        if not self._enable():
            return 0
        edges += self._odd
        self._odd = edges & _COUNT_MASK
        return edges >> _COUNT_SHIFT


class BenchParts:
    """``read`` after every other part has been read.

    GP26 or GP27 at 3V3 is an occlusion at that sensor.  The LED of the board
    is lit, and goes off and on with every 64 steps.
    """

    def __init__(self, stepper):
        self._stepper = stepper
        self._probe = Pin(pinout.AIR_PROBE).value
        self._led = Pin(_LED, Pin.OUT, value=1).value
        self._odd = 0
        self._to_drop = 0
        self._lit = 0
        self._noise = 0

    def read(self, inputs) -> None:
        """Put the stand-ins' readings into ``inputs``."""
        self._noise ^= _NOISE_PA
        if not inputs.down_ok:
            inputs.down_ok = True
            inputs.down_pa = _OCCLUDED_PA if inputs.down_pa > 0 else _QUIET_PA + self._noise
        if not inputs.up_ok:
            inputs.up_ok = True
            inputs.up_pa = -_OCCLUDED_PA if inputs.up_pa > 0 else _QUIET_PA + self._noise
        if self._probe():
            inputs.air = True
        self._turn(inputs)

    def read_board(self, inputs) -> None:
        """The same for what is read in every fourth tick."""
        inputs.driver_ok = True
        inputs.driver_c = _DRIVER_C

    def _turn(self, inputs) -> None:
        edges = inputs.encoder_edges
        inputs.encoder_edges = 0
        inputs.reverse_edges = 0
        inputs.drop = False
        if not edges or not inputs.enable_level:
            return
        edges += self._odd
        self._odd = edges & _COUNT_MASK
        inputs.encoder_edges = edges >> _COUNT_SHIFT
        if self._stepper.is_reverse:
            inputs.reverse_edges = inputs.encoder_edges
            return
        self._lit += edges - self._odd
        self._led(0 if self._lit & _LED_MASK else 1)
        self._lit &= 2 * _LED_MASK - 1
        self._to_drop += edges - self._odd
        if self._to_drop >= _STEPS_A_DROP:
            self._to_drop -= _STEPS_A_DROP
            inputs.drop = True
