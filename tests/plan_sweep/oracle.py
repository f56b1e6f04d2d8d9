"""What a plan must be, from the library's files and `docs/library.md`, in plain fractions.

Nothing of the planner, the loader or their records is used: figures come from the TOML as it
stands, and ladder, times and refusals are worked out a second time in another way (volume
delivered by a time, where the planner computes the time for a volume).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any

# docs/library.md: limits that belong to no product, in (value, unit) as printed there.
FIRST_DOSE = (("0.08", "mL/kg/min"), ("8", "mg/kg/min"))
HARDWARE_UL_H = 1_200_000
TENTH_UL_H = 100
SIX_HOURS_MS = 6 * 3_600_000
DAY_MAX_UL = 2_000_000
# Rises take 1 ms for each uL/h: 1 mL/h per second (docs/limits.md, L13).
UL_H_PER_MS = 1


class Broken(AssertionError):
    """A plan that is not what the library says."""


@dataclass(frozen=True)
class Bound:
    """A rate in exact uL/h that is not exceeded, or with ``strict`` not even reached."""

    ul_h: Fraction
    strict: bool = False

    def allows(self, rate_ul_h: int) -> bool:
        return rate_ul_h < self.ul_h if self.strict else rate_ul_h <= self.ul_h

    def highest(self) -> int:
        """The highest whole tenth of a mL/h that it allows, in uL/h."""
        if self.strict:
            return (ceil(self.ul_h / TENTH_UL_H) - 1) * TENTH_UL_H
        return floor(self.ul_h / TENTH_UL_H) * TENTH_UL_H


def bound_of(figure: dict[str, Any], weight_g: int, mg_ml: int) -> Bound:
    """A printed figure for one patient and solution."""
    amount, kg, per = figure["unit"].split("/")
    assert kg == "kg"
    an_hour = Fraction(figure["value"]) * {"h": 1, "min": 60}[per]
    if amount == "mg":
        an_hour /= mg_ml
    return Bound(an_hour * weight_g, figure.get("strict", False))


@dataclass(frozen=True)
class Expected:
    """A patient's ladder: caps by name, the (rate in uL/h, dwell in ms) of each rung."""

    bounds: dict[str, list[Bound]]
    cap_ul_h: int
    cap_sources: frozenset[str]
    rungs: tuple[tuple[int, int], ...]
    check_ms: int


def expected(
    product: dict[str, Any],
    indication: str,
    tolerance: str,
    risk: tuple[str, ...],
    weight_g: int,
    mg_ml: int,
) -> Expected:
    """From the TOML of one product."""
    named = product["indications"]
    used = list(named.values()) if indication == "off-label" else [named[indication]]

    def bounds(limits: list[dict]) -> list[Bound]:
        return [bound_of(f, weight_g, mg_ml) for limit in limits for f in limit["rate"]]

    caps = {"label": bounds([use["maximum"] for use in used])}
    for flag in risk:
        rows = [row for use in used for row in use["risk"] if flag in row["flags"]]
        assert len(rows) == len(used)
        caps[f"risk:{flag}"] = bounds(rows)
    if tolerance != "tolerated":
        figures = [{"value": value, "unit": unit} for value, unit in FIRST_DOSE]
        caps["first-dose"] = [bound_of(figure, weight_g, mg_ml) for figure in figures]
    caps["hardware"] = [Bound(Fraction(HARDWARE_UL_H))]
    highest = {name: min(bound.highest() for bound in some) for name, some in caps.items()}
    cap = min(highest.values())
    climbed = used if tolerance == "tolerated" else list(named.values())
    ladders = [use["ladder"] for use in climbed]
    rungs: list[tuple[int, int]] = []
    for index in range(max(map(len, ladders))):
        steps = [ladder[min(index, len(ladder) - 1)] for ladder in ladders]
        rate = min([cap] + [bound.highest() for bound in bounds(steps)])
        if rungs and rate <= rungs[-1][0]:
            break
        rungs.append((rate, max(step["dwell_min"] for step in steps) * 60_000))
    return Expected(
        caps,
        cap,
        frozenset(name for name, rate in highest.items() if rate == cap),
        tuple(rungs),
        (15 if risk else 30) * 60_000,
    )


@lru_cache(maxsize=100_000)
def delivered_by(rungs: tuple[tuple[int, int], ...], time_ms: int) -> Fraction:
    """Most that a ladder delivers in ``time_ms``, rises included, in uL/h x ms."""
    twice = 0
    before = 0
    for index, (rate, dwell_ms) in enumerate(rungs):
        rise_ms = min((rate - before) // UL_H_PER_MS, time_ms)
        twice += rise_ms * (2 * before + rise_ms * UL_H_PER_MS)
        time_ms -= rise_ms
        stay_ms = time_ms if index == len(rungs) - 1 else min(dwell_ms, time_ms)
        twice += 2 * rate * stay_ms
        time_ms -= stay_ms
        before = rate
    return Fraction(twice, 2)


class Oracle:
    """Judges plans for one patient after another; ``raw`` is a product's TOML."""

    def __init__(self, raw: dict[str, Any], use: Any):
        self.raw = raw
        self.use = use
        self.expected: Expected | None = None
        self._sure: object = None

    def patient(self, weight_g: int, risk: tuple[str, ...]) -> None:
        """The plans that follow are this patient's."""
        self.weight_g = weight_g
        use = self.use
        self.expected = expected(
            self.raw, use.indication, use.tolerance, risk, weight_g, use.percent * 10
        )
        self.most_in_time = delivered_by(self.expected.rungs, SIX_HOURS_MS)
        self.day_max_mg = weight_g * Fraction(self.raw["dose"]["day_g_per_kg"])
        self.course_max_mg = weight_g * Fraction(self.raw["dose"]["course_g_per_kg"])
        self._sure = None

    def refusals(self, dose_mg: int) -> set[str]:
        """The codes with which this dose in one day must be refused."""
        must = set()
        volume_ul = dose_mg * 100 // self.use.percent
        if dose_mg > self.day_max_mg:
            must.add("day-dose")
        if dose_mg > self.course_max_mg:
            must.add("course-dose")
        if volume_ul > DAY_MAX_UL:
            must.add("day-volume")
        if volume_ul * 3_600_000 > self.most_in_time:
            must.add("too-long")
        first = self.raw.get("first_infusion", {}).get("concentrations_percent")
        if first and self.use.tolerance != "tolerated" and str(self.use.percent) not in first:
            must.add("first-infusion-concentration")
        return must

    def judge(self, dose_mg: int, plan: Any) -> None:
        """Raises `Broken` when ``plan`` is not what the library says."""
        codes = {reason.code for reason in plan.refused}
        must = self.refusals(dose_mg)
        _need(codes == must, f"refused for {sorted(codes)}, expected {sorted(must)}")
        if codes:
            _need(not plan.days, "a refused plan has days")
            _need(all(reason.message for reason in plan.refused), "a refusal says nothing")
            return
        _need(len(plan.days) == 1, f"{len(plan.days)} days, expected 1")
        day = plan.days[0]
        if day.rungs != self._sure:
            self._ladder(day)
            self._sure = day.rungs
        volume_ul = dose_mg * 100 // self.use.percent
        _need(day.volume_ul == volume_ul, f"{day.volume_ul} uL, expected {volume_ul}")
        _need(day.dose_mg == dose_mg, f"{day.dose_mg} mg, expected {dose_mg}")
        rungs = tuple((rung.rate_ul_h, rung.dwell_ms) for rung in day.rungs)
        takes_ms, wanted = day.duration_with_slew_ms, volume_ul * 3_600_000
        _need(takes_ms <= SIX_HOURS_MS, f"takes {takes_ms} ms, above 6 h")
        _need(
            delivered_by(rungs, takes_ms - 1) < wanted <= delivered_by(rungs, takes_ms),
            f"{takes_ms} ms is not when {volume_ul} uL are in",
        )
        _need(day.duration_ms <= takes_ms, "rises make it shorter")

    def _ladder(self, day: Any) -> None:
        """Every rung within every cap first, then every figure exactly."""
        must = self.expected
        assert must is not None
        below = 0
        for index, rung in enumerate(day.rungs):
            rate = rung.rate_ul_h
            for name, bounds in must.bounds.items():
                for bound in bounds:
                    _need(bound.allows(rate), f"rung {index}: {rate} uL/h is above {name}: {bound}")
            _need(rate <= day.cap_ul_h, f"rung {index}: {rate} uL/h is above its own cap")
            _need(rate % TENTH_UL_H == 0, f"rung {index}: {rate} uL/h is no whole tenth")
            _need(rate > below, f"rung {index}: {rate} uL/h does not rise")
            below = rate
        rungs = tuple((rung.rate_ul_h, rung.dwell_ms) for rung in day.rungs)
        _need(rungs == must.rungs, f"rungs {rungs}, expected {must.rungs}")
        _need(day.cap_ul_h == must.cap_ul_h, f"cap {day.cap_ul_h}, expected {must.cap_ul_h}")
        _need(day.cap_source in must.cap_sources, f"{day.cap_source} is not what binds")
        names = {cap.name for cap in day.caps}
        _need(names == set(must.bounds), f"caps {sorted(names)}, expected {sorted(must.bounds)}")
        _need(day.check_interval_ms == must.check_ms, f"asked every {day.check_interval_ms} ms")


def _need(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)
