"""The dead-man: a PIO program that owns ENABLE and drops it by itself.  (L6)

Each word keeps ENABLE high for a bounded time, whatever the processor does.
When no word follows, the pin falls and stays low until the state machine is
begun anew.  A word has 14 bits, so not even a wrong one lasts more than 49 ms.
"""

import rp2
from machine import Pin
from micropython import const

from pump.hal import pinout

TYPE_CHECKING = False
if TYPE_CHECKING:  # the assembler's names, for the type checker alone
    from rp2.asm_pio import *

_FREQUENCY_HZ = const(1_000_000)  # one cycle is 1 us
# Loops of 3 cycles that one word lasts: 33 ms, the tick's 10 and the 20 that
# one may come late, and 3 for where in the tick it is fed.
_LOOPS = const(11_000)
_FIFO_ENDED = const(3)  # words left over; one less than fit
# Encoded by hand: assembling the text takes 4 ms each time, on the board.
_PULL = const(0x8080)  # pull(noblock)
_ENABLE_LOW = const(0xE000)  # set(pins, 0)


# A pull that finds the FIFO empty copies X, so that X simply goes on counting
# down; a word that is there takes its place.
@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW, out_shiftdir=rp2.PIO.SHIFT_RIGHT)
def dead_man():
    pull(block)
    out(x, 14)
    set(pins, 1)
    label("alive")
    pull(noblock)
    out(x, 14)
    jmp(x_dec, "alive")
    set(pins, 0)
    label("dead")
    jmp("dead")


class DeadMan:
    """``is_armed``: ENABLE is high as far as this side knows; ``level`` looks.

    ``expired``    it fell by itself; armed again only after ``follow(False)``
    ``is_locked``  for good, until reset
    """

    def __init__(self):
        self._sm = rp2.StateMachine(
            pinout.SM_DEAD_MAN, dead_man, freq=_FREQUENCY_HZ, set_base=Pin(pinout.ENABLE)
        )
        self._put = self._sm.put
        self._fifo = self._sm.tx_fifo
        self._level = Pin(pinout.ENABLE).value
        self._feed = self.feed
        self.is_armed = False
        self.expired = False
        self.is_locked = False

    def level(self) -> bool:
        """Of the pin itself."""
        return self._level() != 0

    def follow(self, enable: bool) -> None:
        """Do once a tick what it takes to have ENABLE as wanted."""
        if not enable:
            self.expired = False
            if self.is_armed:
                self.drop()
        elif self.is_armed:
            self._feed()
        elif not self.expired:
            self.arm()

    def arm(self) -> bool:
        """ENABLE high, for 33 ms.  False if it is locked."""
        if self.is_locked:
            return False
        self.drop()
        self._put(_LOOPS)
        self._sm.active(1)
        self.is_armed = True
        return True

    def feed(self) -> bool:
        """33 ms from now.  False once it is found to have fallen by itself; it
        stays so."""
        if self._fifo() >= _FIFO_ENDED:
            # A running program takes each word within 3 us; this one has ended.
            # ``put`` must never wait for it.
            self.drop()
            self.expired = True
            return False
        self._put(_LOOPS)
        return True

    def drop(self) -> None:
        """ENABLE low, at once."""
        sm = self._sm
        sm.active(0)
        sm.exec(_ENABLE_LOW)
        while sm.tx_fifo():
            sm.exec(_PULL)
        sm.restart()
        self.is_armed = False

    def lock(self) -> None:
        """ENABLE low and taken away from PIO, until reset.  Safe in an interrupt."""
        self.is_locked = True
        self.drop()
        Pin(pinout.ENABLE, Pin.OUT, value=0)
