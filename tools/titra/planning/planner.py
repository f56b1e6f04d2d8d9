"""Compiles an order into a ladder for each day, or refuses it with every reason.

`plan` is pure: the same order, library and day give the same plan, and all arithmetic is
exact.  Doses and rates are only ever rounded down.
"""

from datetime import date, timedelta
from fractions import Fraction

from pump.core.limits import (
    CHECK_INTERVAL_MS,
    CHECK_INTERVAL_RISK_MS,
    DELIVERY_MAX_MS,
    RATE_RESOLUTION_UL_H,
    SLEW_MIN_UL_H_S,
    VTBI_MAX_UL,
    VTBI_MIN_UL,
)
from pump.core.units import MS_PER_H, MS_PER_MIN
from titra.library import OFF_LABEL, Indication, Library, Product, Source
from titra.planning.ladder import (
    FIRST_DOSE_LIMIT,
    HOME_LIMIT,
    Cap,
    Rung,
    caps_of,
    duration_ms,
    lowest,
    ml_h,
    rungs_of,
)
from titra.planning.lots import allot, mixed_concentration
from titra.planning.order import DAYS_MAX, Order
from titra.planning.plan_records import DayPlan, Findings, LotUse, Plan, Reason
from titra.planning.wording import decimal_text, kilo

__all__ = ["DayPlan", "LotUse", "Plan", "Reason", "Rung", "plan"]

# Usual doses are 40 to 50 g a day, given every 3 to 6 weeks; more than 8 weeks after the
# last one the next counts as a first dose again.  (M4, M6)
USUAL_DAY_MG = (40_000, 50_000)
USUAL_INTERVAL = (timedelta(weeks=3), timedelta(weeks=6))
FIRST_AGAIN_AFTER = timedelta(weeks=8)
# The second day starts at least 18 h after the first one ended.  (M5)
DAY_GAP_H = 18
# An antihistamine is given 30 to 60 min before.  (M10)
USUAL_PREMEDICATION_MIN = (30, 60)
# Rates were worked out over this range of body mass; outside of it they are extrapolated.
USUAL_WEIGHT_G = (40_000, 130_000)
# Caps that an order's own limit may not be above.
LIMIT_MAY_NOT_EXCEED = ("label", "hardware")
# A pause or an unanswered question takes this long easily.
LITTLE_TIME_LEFT_MS = 15 * MS_PER_MIN


def plan(order: Order, library: Library, today: date) -> Plan:
    """Compile ``order`` as of ``today``; never raises for an order that `load_order` gave."""
    return _Planner(order, library.products[order.product.name], today).plan()


def label_caps(order: Order, library: Library, today: date) -> tuple[Cap, ...]:
    """What a limit in ``order`` may not be above: the label's maximum and the hardware's."""
    planner = _Planner(order, library.products[order.product.name], today)
    return tuple(cap for cap in planner.caps() if cap.name in LIMIT_MAY_NOT_EXCEED)


class _Planner:
    """One compilation: the order, what it comes down to, and the reasons found so far."""

    def __init__(self, order: Order, product: Product, today: date):
        self.order = order
        self.product = product
        self.today = today
        self.found = Findings()
        self.weight_g = order.patient.weight_g
        self.home = order.setting.place == "home"
        self.risk = order.patient.risk
        labelled = tuple(product.indications.values())
        off_label = order.product.indication == OFF_LABEL
        self.indications: tuple[Indication, ...] = (
            labelled if off_label else (product.indications[order.product.indication],)
        )
        if off_label:
            self.found.warn(
                "off-label",
                "is a use without any official dosing; the lowest cap and the slowest ladder of "
                "all labelled indications hold",
                "product.indication",
            )
        self.first_dose = self._is_first_dose()
        # A first dose climbs the slowest ladder that the label knows.  (M7)
        self.ladder_indications = labelled if self.first_dose else self.indications
        self.mg_ml = self._concentration()

    def plan(self) -> Plan:
        self._check_setting()
        self._check_interval()
        self._check_weight()
        caps = self.caps()
        cap = lowest(caps)
        ladders = [indication.ladder for indication in self.ladder_indications]
        rungs = rungs_of(ladders, cap, self.weight_g, self.mg_ml)
        self._check_doses(rungs)
        days = self._days(caps, cap, rungs)
        return Plan(
            order_sha256=self.order.sha256,
            product=self.product.key,
            indication=self.order.product.indication,
            refused=tuple(self.found.refused),
            warnings=tuple(self.found.warnings),
            days=days,
            sources=self._sources(caps),
            today=self.today,
            lots=self.order.product.lots,
        )

    # --- who and where ------------------------------------------------------------

    def _is_first_dose(self) -> bool:
        """Naive, unknown, or so long ago that tolerance is not known any more."""
        if self.order.patient.tolerance != "tolerated":
            return True
        last = self.order.course.last_dose
        if last is None or self.today - last <= FIRST_AGAIN_AFTER:
            return False
        self.found.warn(
            "first-dose-again",
            f"is {(self.today - last).days} days ago, more than 8 weeks: planned as a first dose",
            "course.last_dose",
        )
        return True

    def _check_setting(self) -> None:
        if not self.first_dose:
            return
        if self.home:
            self.found.refuse(
                "home-first-dose",
                "is home, but a first dose needs direct medical supervision, expected clinic",
                "setting.place",
            )
        minutes = self.order.setting.premedication_minutes
        low, high = USUAL_PREMEDICATION_MIN
        field = "setting.premedication_minutes"
        if not minutes:
            self.found.refuse(
                "premedication-missing",
                "is missing or 0, but the reaction is not known yet: expected the minutes "
                f"between premedication and start, usually {low} to {high}",
                field,
            )
        elif not low <= minutes <= high:
            self.found.warn(
                "premedication-unusual", f"is {minutes} min, usual are {low} to {high}", field
            )

    def _check_interval(self) -> None:
        last, field = self.order.course.last_dose, "course.last_dose"
        if last is None:
            if not self.first_dose:
                self.found.warn(
                    "interval-unknown", "is not given: the interval was not checked", field
                )
            return
        interval = self.today - last
        low, high = USUAL_INTERVAL
        if interval < timedelta(0):
            self.found.refuse("last-dose-in-future", f"is {last}, after today, {self.today}", field)
        elif interval == timedelta(0):
            self.found.refuse(
                "day-spacing",
                f"is today: at least {DAY_GAP_H} h must pass before the next dose",
                field,
            )
        elif not low <= interval <= high:
            self.found.warn(
                "interval-unusual",
                f"is {interval.days} days ago, usual are {low.days} to {high.days}",
                field,
            )

    def _check_weight(self) -> None:
        low, high = USUAL_WEIGHT_G
        if not low <= self.weight_g <= high:
            self.found.warn(
                "weight-unusual",
                f"is {kilo(self.weight_g)} kg; rates were worked out for "
                f"{low // 1000} to {high // 1000} kg",
                "patient.weight_kg",
            )

    # --- what ---------------------------------------------------------------------

    def _concentration(self) -> int:
        """The concentration in mg/mL that rates and volumes are computed with."""
        stated = self.order.product.concentration_mg_ml
        allowed = self.product.first_infusion_mg_ml
        if self.first_dose and allowed and stated not in allowed:
            percents = " or ".join(str(mg_ml // 10) for mg_ml in allowed)
            self.found.refuse(
                "first-infusion-concentration",
                f"is {stated // 10}, but a first infusion of {self.product.name} must have "
                f"{percents} %",
                "product.concentration_percent",
            )
        return mixed_concentration(self.order.product.lots, stated, self.found)

    def caps(self) -> tuple[Cap, ...]:
        """Every cap of this order; notes a prescriber's limit that is too high or idle."""
        extra = []
        if self.first_dose:
            extra.append(("first-dose", FIRST_DOSE_LIMIT))
        if self.home:
            extra.append(("home", HOME_LIMIT))
        prescriber = self.order.limits.max_rate_ul_h
        caps = caps_of(self.indications, self.risk, extra, prescriber, self.weight_g, self.mg_ml)
        ceiling_ul_h = self.order.limits.ceiling_ul_h
        if ceiling_ul_h is not None:
            rate_ul_h = ceiling_ul_h // RATE_RESOLUTION_UL_H * RATE_RESOLUTION_UL_H
            caps = (*caps, Cap("reaction", rate_ul_h, f"{ml_h(ceiling_ul_h)} mL/h"))
        if prescriber is None:
            return caps
        label = lowest([cap for cap in caps if cap.name in LIMIT_MAY_NOT_EXCEED])
        in_force = lowest(caps)
        if prescriber > label.rate_ul_h:
            self.found.refuse(
                "limit-above-library",
                f"is {ml_h(prescriber)}, above the {label.name}'s {ml_h(label.rate_ul_h)} mL/h "
                f"({label.figure}): a limit may only be tighter",
                "limits.max_rate_ml_h",
            )
        elif prescriber > in_force.rate_ul_h:
            self.found.warn(
                "limit-not-in-force",
                f"is {ml_h(prescriber)}, but the cap is {ml_h(in_force.rate_ul_h)} mL/h already "
                f"({in_force.name})",
                "limits.max_rate_ml_h",
            )
        return caps

    # --- how much -----------------------------------------------------------------

    def _doses(self, days: int) -> list[int]:
        """The course in whole mg a day, evenly; the first day takes what is left over."""
        each, rest = divmod(self.order.dose.mg, days)
        return [each + rest] + [each] * (days - 1)

    def _volume_ul(self, dose_mg: int) -> int:
        return dose_mg * 1000 // self.mg_ml

    def _per_kg(self, mg_per_kg: Fraction) -> Fraction:
        return mg_per_kg * self.weight_g / 1000

    def _day_faults(self, days: int, rungs: tuple[Rung, ...]) -> list[tuple[str, str]]:
        """What is wrong with the largest day when the course takes ``days`` days."""
        dose_mg = self._doses(days)[0]
        volume_ul = self._volume_ul(dose_mg)
        faults = []
        day_max = self._per_kg(self.product.day_mg_per_kg)
        if dose_mg > day_max:
            message = f"gives {kilo(dose_mg)} g a day, above {kilo(day_max)} g"
            detail = f"{kilo(self.product.day_mg_per_kg)} g/kg at {kilo(self.weight_g)} kg"
            faults.append(("day-dose", f"{message} ({detail})"))
        if volume_ul > VTBI_MAX_UL:
            message = f"gives {kilo(volume_ul)} mL a day, above {kilo(VTBI_MAX_UL)} mL"
            faults.append(("day-volume", message))
        if volume_ul >= VTBI_MIN_UL:
            needed_ms = duration_ms(rungs, volume_ul, SLEW_MIN_UL_H_S)
            if needed_ms > DELIVERY_MAX_MS:
                hours = decimal_text(Fraction(needed_ms, MS_PER_H), 2)
                at = f"at most {ml_h(rungs[-1].rate_ul_h)} mL/h"
                faults.append(("too-long", f"takes {hours} h a day at {at}, above 6 h"))
        return faults

    def _check_doses(self, rungs: tuple[Rung, ...]) -> None:
        dose, days = self.order.dose, self.order.dose.days
        course_max = self._per_kg(self.product.course_mg_per_kg)
        if dose.mg > course_max:
            self.found.refuse(
                "course-dose",
                f"is {kilo(dose.mg)}, above {kilo(course_max)} g a course "
                f"({kilo(self.product.course_mg_per_kg)} g/kg at {kilo(self.weight_g)} kg)",
                "dose.grams",
            )
        if self._volume_ul(self._doses(days)[-1]) < VTBI_MIN_UL:
            self.found.refuse(
                "too-small",
                f"gives less than {kilo(VTBI_MIN_UL)} mL a day, which the pump cannot measure",
                "dose.grams",
            )
        faults = self._day_faults(days, rungs)
        if faults:
            more = range(days + 1, DAYS_MAX + 1)
            fitting = next((n for n in more if not self._day_faults(n, rungs)), None)
            advice = f"; {fitting} days would be accepted" if fitting else ""
            if not fitting:
                advice = f"; no number of days up to {DAYS_MAX} would be accepted"
            for code, message in faults:
                self.found.refuse(code, message + advice, "dose.days")
        low, high = USUAL_DAY_MG
        each_mg = self._doses(days)[0]
        if not low <= each_mg <= high:
            self.found.warn(
                "dose-unusual",
                f"gives {kilo(each_mg)} g a day, usual are {low // 1000} to {high // 1000}",
                "dose.grams",
            )

    # --- the days -----------------------------------------------------------------

    def _days(
        self, caps: tuple[Cap, ...], cap: Cap, rungs: tuple[Rung, ...]
    ) -> tuple[DayPlan, ...]:
        doses = self._doses(self.order.dose.days)
        uses = allot(self.order.product.lots, doses, self.today, self.found)
        if self.found.refused:
            return ()
        own = any(indication.ladder_source != "label" for indication in self.ladder_indications)
        careful = bool(self.risk) or self.home
        days = []
        for number, (dose_mg, lots) in enumerate(zip(doses, uses, strict=True), start=1):
            volume_ul = self._volume_ul(dose_mg)
            with_slew_ms = duration_ms(rungs, volume_ul, SLEW_MIN_UL_H_S)
            if with_slew_ms > DELIVERY_MAX_MS - LITTLE_TIME_LEFT_MS:
                spare_min = (DELIVERY_MAX_MS - with_slew_ms) // MS_PER_MIN
                self.found.warn(
                    "little-time-left",
                    f"leaves {spare_min} min of the 6 h on day {number} for holds and a slower "
                    "rung",
                    "dose.days",
                )
            days.append(
                DayPlan(
                    day=number,
                    dose_mg=dose_mg,
                    volume_ul=volume_ul,
                    concentration_mg_ml=self.mg_ml,
                    weight_g=self.weight_g,
                    rungs=rungs,
                    cap_ul_h=cap.rate_ul_h,
                    cap_source=cap.name,
                    caps=caps,
                    ladder_source="practice" if own else "label",
                    duration_ms=duration_ms(rungs, volume_ul, None),
                    duration_with_slew_ms=with_slew_ms,
                    slew_ul_h_s=SLEW_MIN_UL_H_S,
                    check_interval_ms=CHECK_INTERVAL_RISK_MS if careful else CHECK_INTERVAL_MS,
                    risk=bool(self.risk),
                    first_dose=self.first_dose,
                    home=self.home,
                    lots=lots,
                )
            )
        return tuple(days)

    def _sources(self, caps: tuple[Cap, ...]) -> tuple[Source, ...]:
        """Every source that a figure of this plan has, each once."""
        sources = [indication.source for indication in self.indications]
        for indication in self.ladder_indications:
            for step in indication.ladder:
                sources += [step.rate.source, step.dwell_source]
        sources += [cap.source for cap in caps if cap.source is not None]
        if self.product.first_infusion_source is not None and self.first_dose:
            sources.append(self.product.first_infusion_source)
        sources.append(self.product.dose_source)
        return tuple(dict.fromkeys(sources))
