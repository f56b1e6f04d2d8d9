"""A mark that outlives a reset: tells a planned one from any other.  (L7)

``machine.reset()`` and the watchdog report the same cause.  Scratch register 0
of the watchdog keeps its value through both and is 0 after power-on; the boot
ROM and the SDK use only 4 to 7 (RP2040 datasheet, 4.7).
"""

from machine import mem32, reset
from micropython import const

_SCRATCH_0 = const(0x4005800C)
# Marks; far from what stray memory holds.
MAINTENANCE = const(0x2D17_A001)  # the REPL was asked for
RESTART = const(0x1B4E_5F02)  # the same program, from its beginning


def leave(mark: int) -> None:
    """Right before a planned ``machine.reset()``."""
    mem32[_SCRATCH_0] = mark


def restart(mark: int) -> None:
    """A planned reset, now; does not come back."""
    leave(mark)
    reset()


def is_left(mark: int) -> bool:
    """Whether the reset before this start was planned as ``mark``."""
    return mem32[_SCRATCH_0] == mark


def clear() -> None:
    """Once a start has looked: a mark counts for one start only."""
    mem32[_SCRATCH_0] = 0
