"""Caps, rungs and times of one infusion, computed exactly.

Every rate is rounded down to 100 uL/h.  Everything here is monotone: one more cap, or one
more ladder to take the slowest of, never raises the rate at any instant.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil
from typing import Protocol

from pump.core.limits import HARDWARE_CAP_UL_H, RATE_RESOLUTION_UL_H
from pump.core.units import UL_IN_ULH_MS
from titra.library import Figure, Indication, LadderStep, Limit, Source
from titra.planning.wording import decimal_text

# Practice holds a first infusion to 0.08 mL/kg/min.  It was seen with 10 % solutions, where
# that is 8 mg/kg/min; for every solution the lower of the two holds.
FIRST_DOSE_LIMIT = Limit(
    (Figure("0.08", "mL/kg/min"), Figure("8", "mg/kg/min")),
    Source(
        key="first-dose",
        text="a hospital's ladder that ends a first infusion at 0.08 mL/kg/min",
        date=date(2026, 11, 20),
        checked=False,
        own_choice=True,
        reason="labels print no rate for a first infusion, and it must never be the faster one",
    ),
)
# At home nobody with more means than a phone call is near, so nothing goes faster than what
# a first infusion may.
HOME_LIMIT = Limit(
    FIRST_DOSE_LIMIT.figures,
    Source(
        key="home",
        text="no label limits the rate at home",
        date=date(2026, 11, 20),
        checked=False,
        own_choice=True,
        reason="limits at home must be stricter than in a clinic; the first infusion's is at hand",
    ),
)


@dataclass(frozen=True)
class Cap:
    """One upper limit of the rate, in uL/h, already rounded down.

    ``name`` is ``label``, ``risk:<flag>``, ``first-dose``, ``home``, ``prescriber`` or
    ``hardware``; ``figure`` is the number behind it as printed or ordered.
    """

    name: str
    rate_ul_h: int
    figure: str
    source: Source | None = None


@dataclass(frozen=True)
class Rung:
    """One rung: its rate in uL/h, its dwell in ms, the cap above it, and why this rate;
    ``source`` is that of the figure that binds, None for a limit that no source has."""

    rate_ul_h: int
    dwell_ms: int
    cap_ul_h: int
    cap_source: str
    why: str
    source: Source | None = None


class Dwelling(Protocol):
    """What a ladder's course in time depends on."""

    @property
    def rate_ul_h(self) -> int: ...

    @property
    def dwell_ms(self) -> int: ...


@dataclass(frozen=True)
class Span:
    """A rung in time, in ms from the start: the rise begins, the rate is reached, it ends."""

    start_ms: Fraction
    reached_ms: Fraction
    end_ms: Fraction


def caps_of(
    indications: Sequence[Indication],
    risk: Sequence[str],
    extra: Sequence[tuple[str, Limit]],
    prescriber_ul_h: Fraction | None,
    weight_g: int,
    mg_ml: int,
) -> tuple[Cap, ...]:
    """Every cap that applies, the most general first; the lowest is in force.

    Of several ``indications`` (an off-label use) the lowest figure counts.  ``extra`` are
    named limits of this product's own.
    """
    exact_mg_ml = Fraction(mg_ml)

    def cap(name: str, limits: list[Limit]) -> Cap:
        limit = min(limits, key=lambda limit: limit.order(exact_mg_ml))
        return Cap(name, limit.rate_ul_h(weight_g, exact_mg_ml), str(limit), limit.source)

    caps = [cap("label", [indication.maximum for indication in indications])]
    for flag in risk:
        caps.append(cap(f"risk:{flag}", [indication.risk[flag] for indication in indications]))
    caps += [cap(name, [limit]) for name, limit in extra]
    if prescriber_ul_h is not None:
        rounded = int(prescriber_ul_h // RATE_RESOLUTION_UL_H) * RATE_RESOLUTION_UL_H
        caps.append(Cap("prescriber", rounded, f"{ml_h(prescriber_ul_h)} mL/h"))
    caps.append(Cap("hardware", HARDWARE_CAP_UL_H, f"{ml_h(HARDWARE_CAP_UL_H)} mL/h"))
    return tuple(caps)


def lowest(caps: Sequence[Cap]) -> Cap:
    """The cap in force; of equal ones the more general."""
    return min(caps, key=lambda cap: cap.rate_ul_h)


def rungs_of(
    ladders: Sequence[Sequence[LadderStep]], cap: Cap, weight_g: int, mg_ml: int
) -> tuple[Rung, ...]:
    """The strictly rising ladder for one patient, cut off at ``cap``.

    Of several ladders the slowest is built: for each rung the lowest of their rates and the
    longest of their dwells (a ladder that has ended stays on its last rung).  At no instant
    is that faster than any of them.
    """
    exact_mg_ml = Fraction(mg_ml)
    rungs: list[Rung] = []
    for index in range(max(len(ladder) for ladder in ladders)):
        steps = [ladder[min(index, len(ladder) - 1)] for ladder in ladders]
        slowest = min(steps, key=lambda step: step.rate.order(exact_mg_ml))
        rate_ul_h = slowest.rate.rate_ul_h(weight_g, exact_mg_ml)
        why, source = _why(slowest.rate, exact_mg_ml), slowest.rate.source
        if rate_ul_h > cap.rate_ul_h:
            why = f"{ml_h(rate_ul_h)} mL/h cut to the cap ({cap.name})"
            rate_ul_h, source = cap.rate_ul_h, cap.source
        if rungs and rate_ul_h <= rungs[-1].rate_ul_h:
            # Nothing is left above: the cap is reached, or every ladder has ended.
            break
        dwell_ms = max(step.dwell_ms for step in steps)
        rungs.append(Rung(rate_ul_h, dwell_ms, cap.rate_ul_h, cap.name, why, source))
    return tuple(rungs)


def _why(limit: Limit, mg_ml: Fraction) -> str:
    binding = limit.binding(mg_ml)
    lowest_order = binding.order(mg_ml)
    above = [str(figure) for figure in limit.figures if figure.order(mg_ml) > lowest_order]
    return f"{binding}, below the printed {' and '.join(above)}" if above else str(binding)


def spans_of(
    rungs: Sequence[Dwelling], volume_ul: int, slew_ul_h_s: int | None
) -> tuple[Span, ...]:
    """When each rung is climbed, reached and left, until ``volume_ul`` is delivered.

    The rate rises by ``slew_ul_h_s`` uL/h per s, from zero at the start, and the dwell counts
    from when the rung is reached; None means rises that take no time.  Rungs that the volume
    does not last for are left out.  Steps up are taken the moment the dwell ends.
    """
    spans = []
    # In uL/h x ms, where rate x time is exact.
    left = Fraction(volume_ul * UL_IN_ULH_MS)
    now = Fraction(0)
    before_ul_h = 0
    for index, rung in enumerate(rungs):
        rise_ms = Fraction(0)
        if slew_ul_h_s is not None:
            rise_ms = Fraction((rung.rate_ul_h - before_ul_h) * 1000, slew_ul_h_s)
            rise = rise_ms * (before_ul_h + rung.rate_ul_h) / 2
            if rise >= left:
                end = now + _rise_time_ms(before_ul_h, slew_ul_h_s, left, ceil(rise_ms))
                spans.append(Span(now, end, end))
                break
            left -= rise
        reached = now + rise_ms
        stay_ms = left / rung.rate_ul_h
        is_last = index == len(rungs) - 1 or stay_ms <= rung.dwell_ms
        end = reached + (stay_ms if is_last else rung.dwell_ms)
        spans.append(Span(now, reached, end))
        if is_last:
            break
        left -= rung.rate_ul_h * rung.dwell_ms
        now, before_ul_h = end, rung.rate_ul_h
    return tuple(spans)


def _rise_time_ms(from_ul_h: int, slew_ul_h_s: int, amount: Fraction, most_ms: int) -> int:
    """The first whole ms by which a rise has delivered ``amount`` (uL/h x ms)."""

    def delivered(time_ms: int) -> Fraction:
        return from_ul_h * time_ms + Fraction(slew_ul_h_s * time_ms * time_ms, 2000)

    return bisect_left(range(most_ms), amount, key=delivered)


def duration_ms(rungs: Sequence[Rung], volume_ul: int, slew_ul_h_s: int | None) -> int:
    """Time to deliver ``volume_ul``, rounded up to whole ms; see `spans_of`."""
    return ceil(spans_of(rungs, volume_ul, slew_ul_h_s)[-1].end_ms)


def ml_h(rate_ul_h: Fraction | int) -> str:
    """A rate as a person reads it, in mL/h."""
    return decimal_text(Fraction(rate_ul_h) / 1000)
