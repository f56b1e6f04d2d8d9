"""Edges with their times, from PIO by DMA into memory; Python only reads it."""

from array import array

import rig_programs
import uctypes
from machine import Pin, mem32
from rp2 import DMA, StateMachine

_SM = 0
_HZ = 25_000_000
# 8 cycles of 40 ns: a look each 0.32 us.
_US_NUMERATOR = rig_programs.LOOK
_US_DENOMINATOR = 25
_RX_DREQ = 4  # of state machine 0 of block 0
_WORDS = 4096
_RING_BITS = 14  # bytes of the ring, as a power of two
_TRANSFERS = 0x3FFF_FFFF
# Block 0: a push that had to wait, one bit a state machine.
_FDEBUG = 0x5020_0008
_RX_STALL = 1 << _SM
_ALL = 0xFFFF_FFFF


class Sampler:
    """``edges`` holds us and word of each, one after the other; ``lost`` counts times that
    the memory was full."""

    def __init__(self, clock):
        self._clock = clock
        self._room = bytearray(2 * 4 * _WORDS)
        address = uctypes.addressof(self._room)
        aligned = (address + 4 * _WORDS - 1) & ~(4 * _WORDS - 1)
        self._ring = uctypes.bytearray_at(aligned, 4 * _WORDS)
        self._at = aligned
        self._dma = DMA()
        self._sm = None
        self._read = 0
        self._changes = 0
        self._start_us = 0
        self._count = _ALL
        self._looks = 0
        self._mask = 0
        self._word = 0
        self.lost = 0
        self.edges = array("L")

    def arm(self, mask):
        """Forget what was; watch the pins of ``mask`` from now on.  (us, word)"""
        if self._sm is not None:
            self._sm.active(0)
        self._dma.active(0)
        self.edges = array("Q")
        self._read = 0
        self._changes = 0
        self._looks = 0
        self._count = _ALL
        self._mask = mask
        self.lost = 0
        sm = StateMachine(_SM, rig_programs.sampler, freq=_HZ, in_base=Pin(0))
        sm.restart()
        while sm.rx_fifo():
            sm.get()
        sm.exec("mov(osr, invert(null))")
        # No word of sixteen pins is this one, so that the first look is a change.
        sm.exec("mov(y, invert(null))")
        mem32[_FDEBUG] = _RX_STALL
        self._sm = sm
        control = self._dma.pack_ctrl(
            size=2, inc_read=False, inc_write=True, ring_size=_RING_BITS, ring_sel=True,
            treq_sel=_RX_DREQ,
        )  # fmt: skip
        self._dma.config(read=sm, write=self._at, count=_TRANSFERS, ctrl=control, trigger=True)
        self._start_us = self._clock.now_us()
        sm.active(1)
        while not self.drain():
            pass
        return self._start_us, self._word

    def drain(self):
        """Take what has come; how many changes."""
        # The stub knows less of it than the board.
        written = _TRANSFERS - self._dma.count  # pyright: ignore[reportAttributeAccessIssue]
        if written - self._read > _WORDS or mem32[_FDEBUG] & _RX_STALL:
            self.lost += 1
            mem32[_FDEBUG] = _RX_STALL
            self._read = written & ~1
            return 0
        n = 0
        while written - self._read >= 2:
            word = self._get(self._read) & 0xFFFF
            count = self._get(self._read + 1)
            self._read += 2
            n += 1
            # Counts go down and wrap; looks since the change before.
            self._looks += (self._count - count) & _ALL
            self._count = count
            us = self._start_us + (self._looks + self._changes) * _US_NUMERATOR // _US_DENOMINATOR
            self._changes += 1
            changed = word ^ self._word
            first = self._changes == 1
            self._word = word
            if changed & self._mask and not first:
                self.edges.append(us)
                self.edges.append(word)
        return n

    def _get(self, number):
        at = (number % _WORDS) * 4
        ring = self._ring
        return ring[at] | ring[at + 1] << 8 | ring[at + 2] << 16 | ring[at + 3] << 24

    def words(self):
        """Pairs of (us, word) kept so far."""
        return len(self.edges) // 2
