"""Counts rising edges of a pin in PIO, independently of who makes them.

Two programs: all edges, or only those at which a second pin is high, which
for the encoder are the backward ones.
"""

import rp2
from machine import Pin
from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:  # the assembler's names, for the type checker alone
    from rp2.asm_pio import *

_FREQUENCY_HZ = const(1_000_000)  # sees pulses of 2 us and more; STEP lasts 4
_MASK = const(0x3FFFFFFF)
# Encoded by hand: assembling the text takes 4 ms each time, on the board.
_COUNT_FROM_ZERO = const(0xA02B)  # mov(x, invert(null))
_COUNT_TO_ISR = const(0xA0C9)  # mov(isr, invert(x))
_PUSH = const(0x8000)  # push(noblock)


@rp2.asm_pio()
def edge_counter():
    wrap_target()
    label("again")  # not after the last instruction: that assembles wrongly
    wait(0, pin, 0)
    wait(1, pin, 0)
    jmp(x_dec, "again")
    wrap()


@rp2.asm_pio()
def reverse_counter():
    wrap_target()
    label("again")
    wait(0, pin, 0)
    wait(1, pin, 0)
    jmp(pin, "backward")
    jmp("again")
    label("backward")
    jmp(x_dec, "again")
    wrap()


class EdgeCounter:
    """Edges on ``gpio``, counted by state machine ``sm_id``.

    ``is_input`` is false for a pin that another state machine drives: making
    it an input would take it away from there.  With ``while_high``, a second
    pin, only the edges at which that one is high are counted.
    """

    def __init__(self, sm_id: int, gpio: int, is_input: bool, while_high: int = -1):
        pin = Pin(gpio, Pin.IN) if is_input else Pin(gpio)
        if while_high < 0:
            self._sm = rp2.StateMachine(sm_id, edge_counter, freq=_FREQUENCY_HZ, in_base=pin)
        else:
            self._sm = rp2.StateMachine(
                sm_id,
                reverse_counter,
                freq=_FREQUENCY_HZ,
                in_base=pin,
                jmp_pin=Pin(while_high, Pin.IN),
            )
        # X counts down from all ones, so its complement counts up from 0 and
        # stays a small integer for 2**30 edges.
        self._sm.exec(_COUNT_FROM_ZERO)
        self._sm.active(1)
        self.new_edges = _reader(self._sm)


def _reader(sm):
    """A function with what it needs in variables of its own: attributes would cost
    it half of its 30 us."""
    execute = sm.exec
    get = sm.get
    last = 0

    def new_edges() -> int:
        nonlocal last
        execute(_COUNT_TO_ISR)
        execute(_PUSH)
        count = get() & _MASK
        edges = count - last & _MASK
        last = count
        return edges

    return new_edges
