"""One unit per quantity, all integers.

=============  =========================  =============================
quantity       unit                       largest value used
=============  =========================  =============================
rate           uL/h   (``_ul_h``)         1_200_000 (1200 mL/h)
volume         uL     (``_ul``)           2_000_000 (2 L)
motor travel   steps  (``_steps``)        12_800_000
time           ms     (``_ms``)           86_400_000 x n, see below
pressure       Pa     (``_pa``)           200_000
mass           mg     (``_mg``)           200_000
body mass      g      (``_g``)            200_000
=============  =========================  =============================

MicroPython keeps integers up to +-2**30 without touching the heap.  Every
product in the core stays below that; the largest is rate x time in one tick,
1_200_000 uL/h x 20 ms = 24_000_000.  Clocks that may run for days count whole
seconds beside milliseconds.

The unit in which volume is accumulated is uL/h x ms, because a rate times a
tick is then exact: one microlitre is 3_600_000 of it.
"""

from micropython import const

MS_PER_S = const(1000)
S_PER_H = const(3600)
MS_PER_MIN = const(60_000)
MS_PER_H = const(3_600_000)

# 1 uL in uL/h x ms: the number of milliseconds in an hour.
UL_IN_ULH_MS = const(3_600_000)

# The pump mechanism: 200 full steps x 16 microsteps a turn and two turns a
# millilitre give 6400 steps per mL, so a step is 0.15625 uL = 562_500
# uL/h x ms, exactly.
STEPS_PER_ML = const(6400)
STEP_ULH_MS = const(562_500)


def steps_for_volume(volume_ul: int, step_ulh_ms: int = STEP_ULH_MS) -> int:
    """Whole motor steps of ``step_ulh_ms`` that fit into ``volume_ul`` (0 to
    2_000_000 uL).

    Rounds down: the pump never owes more than was ordered.  6400 steps/mL is
    6.4 steps/uL, hence 64/10; the product stays below 2**30.  For a step that was
    measured it is a long division, bit by bit, as exact and as small.
    """
    if step_ulh_ms == STEP_ULH_MS:
        return volume_ul * 64 // 10
    steps = 0
    rest = 0
    bit = 1 << 20
    while bit:
        steps <<= 1
        rest <<= 1
        if volume_ul & bit:
            rest += UL_IN_ULH_MS
        steps += rest // step_ulh_ms
        rest %= step_ulh_ms
        bit >>= 1
    return steps


def volume_for_steps(steps: int, step_ulh_ms: int = STEP_ULH_MS) -> int:
    """Volume in uL of ``steps`` (0 to 14_300_000) of ``step_ulh_ms``, rounded down.

    0.15625 uL a step is 5/32; the product stays below 2**30.
    """
    if step_ulh_ms == STEP_ULH_MS:
        return steps * 5 // 32
    volume_ul = 0
    rest = 0
    bit = 1 << 23
    while bit:
        volume_ul <<= 1
        rest <<= 1
        if steps & bit:
            rest += step_ulh_ms
        volume_ul += rest // UL_IN_ULH_MS
        rest %= UL_IN_ULH_MS
        bit >>= 1
    return volume_ul


def nominal_for(amount: int, step_ulh_ms: int) -> int:
    """``amount`` (a rate in uL/h or a volume in uL, to 2_000_000) of fluid as who
    takes each step for a nominal one must call it, rounded up."""
    if step_ulh_ms == STEP_ULH_MS:
        return amount
    nominal = 0
    rest = 0
    bit = 1 << 20
    while bit:
        nominal <<= 1
        rest <<= 1
        if amount & bit:
            rest += STEP_ULH_MS
        nominal += rest // step_ulh_ms
        rest %= step_ulh_ms
        bit >>= 1
    return nominal + 1 if rest else nominal
