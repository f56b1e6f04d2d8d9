"""All pins in one look.

The register holds the level at every pad, whoever drives it: inputs, and what PIO
has put out.  Bits 30 and 31 are always 0, so that it is a small integer; a call of
``Pin.value`` for each of nine pins would take five times as long, and each would
look at another moment.
"""

from machine import mem32
from micropython import const

_GPIO_IN = const(0xD0000004)  # RP2040 data sheet, 2.3.1.7, SIO


def pin_levels() -> int:
    """Bit ``n`` is the level of GP``n``, 0 to 29."""
    return mem32[_GPIO_IN]
