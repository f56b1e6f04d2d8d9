"""What the motor still does after something has failed, with layers left out.

A step counts where the motor would turn: a STEP edge while ENABLE is high.
Each question is put to a copy of a pump that has reached its rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import count

from pump_bench import STEP_ULH_US, STEPS_PER_UL, TICK_US, Bedside, program
from what_if import what_if

from host_sim.board import LAYERS

RATES = (1000, 120_000, 1_200_000)
# Of a tick; where less than one step falls into a tick, before the next one is due.
PHASES_US = (137, 2931, 5077, 7411, 9907)
BEFORE_STEP_US = (1300, 7100, 12_700, 18_300, 21_900)
WINDOW_US = 1_500_000
ALL = frozenset(LAYERS)
_BEATS = count()


@dataclass(frozen=True)
class RunOn:
    """``ms`` to the last step, ``ul`` in all, ``excess_ul`` above what the cap allows
    in that time; ``resets`` of the processor; ``trip`` of the guard."""

    ms: float
    ul: float
    excess_ul: float
    resets: int
    trip: int


@cache
def at_rate(rate_ul_h: int) -> Bedside:
    """A pump that has reached its rate, which is its cap; never run any further."""
    bed = Bedside().start(program((rate_ul_h, 600), ml=max(1, rate_ul_h // 20_000)))
    return bed.listen(rate_ul_h / 10_000 + 2 + STEP_ULH_US / rate_ul_h / 1e6)


# --- what fails ---------------------------------------------------------------------------


def hang(bed: Bedside) -> None:
    """The loop stops; interrupts go on."""
    bed.fault("cpu-hang")


def hang_irq_off(bed: Bedside) -> None:
    """The processor stops, with interrupts off."""
    bed.fault("cpu-hang-irq-off")


def stall_irq_off(bed: Bedside) -> None:
    """As while flash is erased: 400 ms without loop and interrupts."""
    bed.fault("flash-stall", 400)


def wrong_rate(bed: Bedside) -> None:
    """The ramp's sum comes out eight times too high; what is sealed agrees with it."""
    ramp = bed.board.application.controller.ramp
    right = ramp.step

    def step(target: int, slew: int, dt_ms: int) -> int:
        return min(8 * right(target, slew, dt_ms), 5_000_000)

    ramp.step = step


def wrong_words(bed: Bedside) -> None:
    """Every word that is put into the step train says four times the steps."""
    stepper = bed.board.application.stepper
    right = stepper._put

    def put(word: int) -> None:
        steps = word & 0xFF
        right(min(4 * steps, 255) | (word >> 8) // 4 << 8 if steps else word)

    stepper._put = put


def _quarter_blind(inputs) -> type:
    """Sees one STEP edge in four."""
    edges = {"seen": 0}
    seen = property(lambda self: edges["seen"], lambda self, n: edges.update(seen=n // 4))
    return type("QuarterBlind", (type(inputs),), {"step_edges": seen})


def wrong_words_unseen(bed: Bedside) -> None:
    """And the loop's own counter of steps shows what was ordered."""
    wrong_words(bed)
    application = bed.board.application
    inputs = application.inputs
    inputs.__class__ = _quarter_blind(inputs)


def dead_timer(bed: Bedside) -> None:
    """The guard's timer calls no more."""
    bed.fault("timer-dead")


def reset(bed: Bedside) -> None:
    """Half a second in which the processor drives no pin."""
    bed.board.boot_takes_us = 500_000
    bed.fault("reset")


def shorted_hang(bed: Bedside) -> None:
    """ENABLE shorted high, and the processor stops with interrupts off."""
    bed.fault("enable-stuck-high")
    bed.fault("cpu-hang-irq-off")


# --- measuring ------------------------------------------------------------------------------


def measure(
    rate_ul_h: int,
    fail: Callable[[Bedside], None],
    without: frozenset[str],
    window_us: int = WINDOW_US,
) -> RunOn:
    """The worst of ``PHASES_US``, in every figure."""
    board = at_rate(rate_ul_h).board
    period_us = STEP_ULH_US // rate_ul_h
    times_us = [board.now_us + phase_us for phase_us in PHASES_US]
    if period_us > TICK_US:
        due_us = board.last_edge_us + period_us
        while due_us - board.now_us < BEFORE_STEP_US[-1]:
            due_us += period_us
        times_us = [due_us - before_us for before_us in BEFORE_STEP_US]
    runs = [
        what_if(lambda at_us=at_us: _one(rate_ul_h, fail, without, at_us, window_us))
        for at_us in times_us
    ]
    return RunOn(*(max(getattr(run, name) for run in runs) for name in RunOn.__annotations__))


def _living(guard_timer) -> type:
    """One that beats without ever looking; a dead one would be noticed."""
    beats = property(lambda self: next(_BEATS), lambda self, beats: None)
    return type("Living", (type(guard_timer),), {"beats": beats})


def _one(rate_ul_h: int, fail, without: frozenset[str], at_us: int, window_us: int) -> RunOn:
    bed = at_rate(rate_ul_h)
    board = bed.board
    board.without = without
    if "guard" in without:
        guard_timer = board.application.guard_timer
        guard_timer.__class__ = _living(guard_timer)
    board.at(at_us, lambda: fail(bed))
    board.run_until(at_us)
    resets = board.resets
    trip = 0
    while board.now_us < at_us + window_us:
        board.run_tick()
        if board.application is not None and board.resets == resets:
            trip = board.application.guard_timer.trip or trip
    turned = turning_edges(bed, at_us)
    last_us = turned[-1] if turned else at_us
    allowed = rate_ul_h * (last_us - at_us) / STEP_ULH_US
    return RunOn(
        ms=(last_us - at_us) / 1000,
        ul=len(turned) / STEPS_PER_UL,
        excess_ul=max(0.0, len(turned) - allowed) / STEPS_PER_UL,
        resets=board.resets - resets,
        trip=trip,
    )


def turning_edges(bed: Bedside, since_us: int) -> list[int]:
    """Times of the STEP edges after ``since_us`` at which ENABLE was high."""
    levels = [(pin.us, pin.level) for pin in bed.changes("ENABLE")]
    turned = []
    level, n = 0, 0
    for us in bed.edges():
        while n < len(levels) and levels[n][0] <= us:
            level = levels[n][1]
            n += 1
        if us > since_us and level:
            turned.append(us)
    return turned


def only(*layers: str) -> frozenset[str]:
    """Everything left out but these."""
    return ALL - set(layers)


def slot_ul(rate_ul_h: int, ms: float) -> float:
    """What a rate delivers in ``ms``, and a step."""
    return rate_ul_h * ms / 3_600_000 + 1 / STEPS_PER_UL
