"""The ring oscillator's frequency, counted by the chip: a clock beside the crystal.  (L20)

Ticks, PIO and timers all hang on one crystal.  Without a clock chip the ring
oscillator is the only other clock there is; it drifts by some percent with
temperature and supply, so only its frequency at boot is compared with.
The counter works by itself for 32 ms; nobody waits for it.
"""

from machine import mem32
from micropython import const

# Frequency counter 0 (RP2040 datasheet, 2.15.7).
_REF_KHZ = const(0x40008080)
_MIN_KHZ = const(0x40008084)
_MAX_KHZ = const(0x40008088)
_INTERVAL = const(0x40008090)
_SRC = const(0x40008094)
_STATUS = const(0x40008098)
_RESULT = const(0x4000809C)

_CRYSTAL_KHZ = const(12_000)
_MAX = const(0x1FFFFFF)
_INTERVAL_32_MS = const(15)  # 0.98 us x 2**15
_ROSC = const(3)
_DONE = const(1 << 4)
# Beyond this a count, in 1/32 kHz, times 100 would leave the small integers.
_RESULT_MAX = const(10_000_000)
# Looked at every eighth tick; without a result for 1 s there is no oscillator.
_POLL_MASK = const(7)
_POLLS_MAX = const(104)


class RingOscillator:
    """``percent`` of the frequency at boot; 100 until it is known, 0: it is dead."""

    def __init__(self):
        self.percent = 100
        self._at_boot = 0
        self._polls = 0
        mem32[_REF_KHZ] = _CRYSTAL_KHZ
        mem32[_MIN_KHZ] = 0
        mem32[_MAX_KHZ] = _MAX
        mem32[_INTERVAL] = _INTERVAL_32_MS
        self._start()

    def poll(self) -> None:
        """Once a tick: take a result that is there, and start the next count."""
        self._polls += 1
        if self._polls & _POLL_MASK:
            return
        if not mem32[_STATUS] & _DONE:
            if self._polls >= _POLLS_MAX:
                self.percent = 0
                self._start()
            return
        count = mem32[_RESULT]
        if count > _RESULT_MAX:
            count = _RESULT_MAX
        if self._at_boot == 0:
            self._at_boot = count
        self.percent = count * 100 // self._at_boot if count else 0
        self._start()

    def _start(self) -> None:
        self._polls = 0
        mem32[_SRC] = _ROSC  # writing the source starts the count
