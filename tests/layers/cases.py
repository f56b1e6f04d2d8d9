"""Which layer is left out under which fault, and what is left of the motion.

Bounds are those of what still stands, each with its reason; ``docs/layers.md``
shows them beside what was measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import run_on
from run_on import only, slot_ul

from host_sim.board import LAYERS

# L6, everything in place: ms and uL.
L6_MS = 60.0
L6_UL = 20.0
# 33 ms of the last word, fed up to 10 ms before; none is fed while nothing runs.
DEAD_MAN_MS = 40.0
# Four checks of 8 ms without a beat, from the next check on.
GUARD_MS = 45.0
# A second from the last time that it was fed, and the tick in which that was.
WATCHDOG_MS = 1010.0
STALL_MS = 425.0  # the stall itself, and what the first tick after it decides
# More than 50 ms without a beat of the guard, one tick to see it, and the queue of a
# stop in that tick.
GUARD_DEAD_MS = 80.0
NO_BOUND = 1e9


@dataclass(frozen=True)
class Case:
    """``excess`` bounds what is above the cap, else all that is delivered is bounded."""

    fault: Callable
    without: frozenset[str]
    bound_ms: float
    bound_ul: Callable[[int], float]
    reason: str
    excess: bool = False

    @property
    def name(self) -> str:
        if not self.without:
            left_out = "nothing left out"
        elif len(self.without) >= len(LAYERS) - 2:
            left_out = f"only {' and '.join(sorted(LAYERS - self.without))}"
        else:
            left_out = f"without {', '.join(sorted(self.without))}"
        return f"{self.fault.__name__.replace('_', ' ')}: {left_out}"


def _case(fault, without, bound_ms, reason, bound_ul=None, excess=False) -> Case:
    def of_a_slot(rate_ul_h: int) -> float:
        # Without credit the last word comes again and again, and that of a slow
        # rate has its one step early or late in its slot: as at full rate.
        repeats = "credit" in without and fault is not run_on.reset
        return slot_ul(run_on.RATES[-1] if repeats else rate_ul_h, bound_ms)

    return Case(fault, frozenset(without), bound_ms, bound_ul or of_a_slot, reason, excess)


def _l6(rate_ul_h: int) -> float:
    return L6_UL


def _flow_check(rate_ul_h: int) -> float:
    """The encoder is off by more than 20 % over 2 s or 50 steps; no more than the
    bolus that L10 allows."""
    return 200.0


CREDIT = "the queue: 12 ms of lead and one slot"
DEAD_MAN = "the dead-man's word: 33 ms"
GUARD = "the guard: no beat for 30 ms, by checks of 8 ms"
WATCHDOG = "the watchdog: 1 s"
INTERLOCK = "the interlock cuts it to the cap in the same tick"

hang, hang_irq_off = run_on.hang, run_on.hang_irq_off
CASES = (
    _case(hang, (), L6_MS, CREDIT, _l6),
    _case(hang, ("credit",), DEAD_MAN_MS, DEAD_MAN),
    _case(hang, ("dead-man",), L6_MS, CREDIT, _l6),
    _case(hang, ("guard",), L6_MS, CREDIT, _l6),
    _case(hang, ("interlock",), L6_MS, CREDIT, _l6),
    _case(hang, ("watchdog",), L6_MS, CREDIT, _l6),
    _case(hang, ("pull-resistors",), L6_MS, CREDIT, _l6),
    _case(hang, ("credit", "dead-man"), GUARD_MS, GUARD),
    _case(hang, ("credit", "dead-man", "guard"), WATCHDOG_MS, WATCHDOG),
    _case(hang, only("credit"), L6_MS, CREDIT, _l6),
    _case(hang, only("dead-man"), DEAD_MAN_MS, DEAD_MAN),
    _case(hang, only("guard"), GUARD_MS, GUARD),
    _case(hang, only("watchdog"), WATCHDOG_MS, WATCHDOG),
    _case(hang_irq_off, (), L6_MS, CREDIT, _l6),
    _case(hang_irq_off, ("credit",), DEAD_MAN_MS, DEAD_MAN),
    _case(hang_irq_off, ("dead-man",), L6_MS, CREDIT, _l6),
    _case(hang_irq_off, ("credit", "dead-man"), WATCHDOG_MS, WATCHDOG),
    _case(hang_irq_off, only("credit"), L6_MS, CREDIT, _l6),
    _case(hang_irq_off, only("dead-man"), DEAD_MAN_MS, DEAD_MAN),
    _case(hang_irq_off, only("watchdog"), WATCHDOG_MS, WATCHDOG),
    _case(run_on.stall_irq_off, (), L6_MS, CREDIT, _l6),
    _case(run_on.stall_irq_off, ("credit",), DEAD_MAN_MS, DEAD_MAN),
    _case(
        run_on.stall_irq_off, ("credit", "dead-man"), STALL_MS, "the guard, once the stall is over"
    ),
    _case(run_on.shorted_hang, (), L6_MS, CREDIT, _l6),
    _case(run_on.shorted_hang, ("credit",), WATCHDOG_MS, WATCHDOG),
    _case(run_on.wrong_rate, (), L6_MS, INTERLOCK, _l6),
    _case(run_on.wrong_rate, ("guard",), L6_MS, INTERLOCK, _l6),
    _case(
        run_on.wrong_rate,
        ("interlock",),
        NO_BOUND,
        "the guard: three steps and 20 ms above its cap",
        _l6,
        True,
    ),
    _case(
        run_on.wrong_words,
        (),
        NO_BOUND,
        "more steps counted than granted: the core, a tick later, or the guard",
        _l6,
        True,
    ),
    _case(
        run_on.wrong_words,
        ("guard",),
        NO_BOUND,
        "more steps counted than granted: the core, a tick later",
        _l6,
        True,
    ),
    _case(
        run_on.wrong_words_unseen,
        ("interlock",),
        NO_BOUND,
        "the guard: three steps and 20 ms above its cap",
        _l6,
        True,
    ),
    _case(
        run_on.wrong_words_unseen,
        ("interlock", "guard"),
        NO_BOUND,
        "the flow check against the encoder: 20 % over 2 s or 50 steps",
        _flow_check,
        True,
    ),
    _case(
        run_on.dead_timer,
        (),
        GUARD_DEAD_MS,
        "a guard without a beat for 50 ms is a fault",
    ),
    _case(run_on.reset, (), 5.0, "PIO stops and ENABLE is pulled low"),
    _case(run_on.reset, ("pull-resistors",), 5.0, "PIO stops: ENABLE floats, nothing steps"),
    _case(
        run_on.reset,
        ("pull-resistors", "credit", "dead-man", "guard"),
        5.0,
        "PIO stops: ENABLE floats, nothing steps",
    ),
)

# Where the last layer that the fault leaves is taken away too, nothing ends it: what shows
# that a row above is the doing of the layer that it names.
NOTHING_LEFT = (
    (hang, only("interlock", "pull-resistors")),
    (hang_irq_off, only("guard", "interlock", "pull-resistors")),
    (run_on.shorted_hang, frozenset(("credit", "watchdog"))),
    (run_on.dead_timer, frozenset(("guard",))),
)
