"""PIO programs of the rig."""

from rp2 import PIO, asm_pio

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from rp2.asm_pio import *

# Cycles of a look at the pins without a change, and of one with a change.
LOOK = 8
CHANGED = 16


@asm_pio(in_shiftdir=PIO.SHIFT_LEFT, fifo_join=PIO.JOIN_RX)
def sampler():
    """Sixteen pins, again and again; at a change two words: the pins, and what is left of
    a count that goes down by one with each look.

    OSR holds the count, Y the pins as they were.  A change takes as long as two looks, so
    that time is (count at start - count) looks and one more per change before it.  The
    second push waits: a half of a pair would shift all that follow, and a full FIFO shows
    in FDEBUG.
    """
    wrap_target()
    label("look")
    mov(x, osr)
    jmp(x_dec, "counted")
    label("counted")
    mov(osr, x)
    mov(isr, null)
    in_(pins, 16)
    mov(x, isr)
    jmp(x_not_y, "changed")
    jmp("look")
    label("changed")
    mov(y, x)
    push(block)
    mov(isr, osr)
    push(block)[4]
    wrap()


@asm_pio(out_init=PIO.OUT_LOW)
def divider():
    """The pin changes at every n-th STEP edge with ENABLE high; the word that is put
    first is n - 1.  STEP is the first input pin, ENABLE the one to jump on."""
    pull(block)
    mov(x, osr)
    wrap_target()
    label("again")
    wait(1, pin, 0)
    wait(0, pin, 0)
    jmp(pin, "enabled")
    jmp("again")
    label("enabled")
    jmp(x_dec, "again")
    mov(x, osr)
    mov(y, invert(y))
    mov(pins, y)
    wrap()


@asm_pio(set_init=PIO.OUT_LOW)
def heard():
    """High while the pin to jump on has edges, and for 64 cycles longer."""
    wait(1, pin, 0)
    wrap_target()
    label("high")
    set(pins, 1)
    set(x, 31)
    label("low")
    jmp(pin, "high")
    jmp(x_dec, "low")
    set(pins, 0)
    wait(1, pin, 0)
    wrap()


@asm_pio(set_init=PIO.OUT_HIGH)
def fluid():
    """Low while the air detector's emitter is off: what it then sees is air."""
    wrap_target()
    wait(1, pin, 0)
    set(pins, 0)
    wait(0, pin, 0)
    set(pins, 1)
    wrap()
