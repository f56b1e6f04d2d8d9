"""Properties of every plan: caps hold, flags only ever slow down, doses are never exceeded.

The oracle of the caps reads the library's TOML again and does its own arithmetic, so that a
mistake in the planner's figures cannot hide itself.
"""

import tomllib
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import titra.library
from pump.core import reasons
from pump.core.prescription import Prescription
from titra.library import RISK_FLAGS, load_library
from titra.planning.ladder import spans_of
from titra.planning.order import parse_order
from titra.planning.planner import plan

TODAY = date(2026, 11, 20)
RAW = {
    path.stem: tomllib.loads(path.read_text())
    for path in Path(titra.library.__file__).parent.glob("*.toml")
}
USES = [
    (key, use, int(percent))
    for key in sorted(RAW)
    for use in (*RAW[key]["indications"], "off-label")
    for percent in RAW[key]["concentrations_percent"]
]
LIBRARY = load_library()

# Grams per kg rather than grams: most draws are then accepted.
uses = st.sampled_from(USES)
weights = st.integers(30_000, 200_000)
doses = st.integers(50, 1_000)
flags = st.sets(st.sampled_from(RISK_FLAGS), max_size=3)
days = st.integers(1, 5)


def compile_order(**order):
    """A plan from few words; everything else is as accommodating as it can be."""
    key, use, percent = order["use"]
    weight_g = order["weight_g"]
    lot = "expiry = 2031-06-30, grams = 240"
    if RAW[key]["form"] == "powder":
        lot += f", diluent_ml = {24_000 / percent:.2f}"
    limit = order.get("limit")
    text = f"""
        [patient]
        weight_kg = {weight_g // 1000}.{weight_g % 1000:03}
        risk = [{", ".join(f'"{flag}"' for flag in sorted(order.get("risk", ())))}]
        tolerance = "{order.get("tolerance", "tolerated")}"
        [product]
        name = "{key}"
        indication = "{use}"
        concentration_percent = {percent}
        lots = [{{ lot = "A", {lot} }}]
        [dose]
        grams = {weight_g * order["mg_per_kg"] // 1000 / 1000:.3f}
        days = {order.get("days", 1)}
        [setting]
        place = "{order.get("place", "clinic")}"
        premedication_minutes = 45
        {"" if limit is None else f"[limits]{chr(10)}max_rate_ml_h = {limit}"}
    """
    return plan(parse_order(text.encode(), "ORDER.toml", LIBRARY), LIBRARY, TODAY)


def rate_at(day, time_ms):
    """Commanded rate in uL/h of a day's plan, rises included; None after the end."""
    before = 0
    spans = spans_of(day.rungs, day.volume_ul, day.slew_ul_h_s)
    for rung, span in zip(day.rungs, spans, strict=False):
        if time_ms <= span.end_ms:
            risen = before + Fraction(day.slew_ul_h_s) * (time_ms - span.start_ms) / 1000
            return min(risen, Fraction(rung.rate_ul_h))
        before = rung.rate_ul_h
    return None


def assert_never_faster(slower, faster):
    """At every instant, in every dwell and in total; both rates are linear between corners."""
    for one, other in zip(slower.days, faster.days, strict=True):
        corners = {Fraction(0)}
        for day in (one, other):
            for span in spans_of(day.rungs, day.volume_ul, day.slew_ul_h_s):
                corners |= {span.start_ms, span.reached_ms, span.end_ms}
        for corner in corners:
            rates = rate_at(one, corner), rate_at(other, corner)
            if None not in rates:
                assert rates[0] <= rates[1], corner
        for ours, theirs in zip(one.rungs, other.rungs, strict=False):
            assert ours.dwell_ms >= theirs.dwell_ms
        assert one.duration_ms >= other.duration_ms
        assert one.duration_with_slew_ms >= other.duration_with_slew_ms
        assert one.cap_ul_h <= other.cap_ul_h
        assert one.check_interval_ms <= other.check_interval_ms


def printed_ceilings(key, use, risk, weight_g, mg_ml):
    """(exact uL/h, strict) of every printed figure that bounds this patient's rate."""
    product = RAW[key]
    named = product["indications"]
    for indication in named.values() if use == "off-label" else [named[use]]:
        limits = [indication["maximum"]]
        limits += [row for row in indication["risk"] if risk & set(row["flags"])]
        for figure in [figure for limit in limits for figure in limit["rate"]]:
            value = Fraction(figure["value"])
            per_hour = value * 60 if figure["unit"].endswith("/min") else value
            ml_per_kg_h = per_hour if figure["unit"].startswith("mL") else per_hour / mg_ml
            yield ml_per_kg_h * weight_g, figure.get("strict", False)


@pytest.mark.req("L14")
@given(uses, weights, doses, flags, days, st.sampled_from(["naive", "tolerated"]))
@settings(deadline=None)
def test_no_rung_is_above_any_printed_figure(use, weight_g, dose, risk, days, tolerance):
    compiled = compile_order(
        use=use, weight_g=weight_g, mg_per_kg=dose, risk=risk, days=days,
        tolerance=tolerance,
    )  # fmt: skip
    assume(compiled.days)
    for day in compiled.days:
        for ceiling, strict in printed_ceilings(
            use[0], use[1], risk, weight_g, day.concentration_mg_ml
        ):
            for rung in day.rungs:
                assert rung.rate_ul_h < ceiling if strict else rung.rate_ul_h <= ceiling


@pytest.mark.req("L14")
@given(uses, weights, doses, flags, days)
@settings(deadline=None)
def test_a_ladder_rises_in_whole_tenths_below_its_cap(use, weight_g, dose, risk, days):
    compiled = compile_order(use=use, weight_g=weight_g, mg_per_kg=dose, risk=risk, days=days)
    for day in compiled.days:
        rates = [rung.rate_ul_h for rung in day.rungs]
        assert rates == sorted(set(rates))
        assert all(rate % 100 == 0 and 100 <= rate <= day.cap_ul_h for rate in rates)
        assert day.cap_ul_h == min(cap.rate_ul_h for cap in day.caps)


@pytest.mark.req("M2")
@given(uses, weights, doses, flags, st.sampled_from(RISK_FLAGS), days)
@settings(deadline=None)
def test_one_more_flag_never_makes_anything_faster(use, weight_g, dose, risk, flag, days):
    order = {"use": use, "weight_g": weight_g, "mg_per_kg": dose, "days": days}
    with_flag = compile_order(**order, risk=risk | {flag})
    assume(with_flag.days)
    without = compile_order(**order, risk=risk)
    assert without.refused == ()
    assert_never_faster(with_flag, without)


@pytest.mark.req("M7")
@given(uses, weights, doses, flags, st.sampled_from(["naive", "unknown"]), days)
@settings(deadline=None)
def test_a_first_dose_is_never_faster(use, weight_g, dose, risk, tolerance, days):
    order = {"use": use, "weight_g": weight_g, "mg_per_kg": dose, "days": days, "risk": risk}
    naive = compile_order(**order, tolerance=tolerance)
    assume(naive.days)
    assert_never_faster(naive, compile_order(**order))


@pytest.mark.req("M8")
@given(uses, weights, doses, flags)
@settings(deadline=None)
def test_home_is_never_faster_than_a_clinic(use, weight_g, dose, risk):
    order = {"use": use, "weight_g": weight_g, "mg_per_kg": dose, "risk": risk}
    home = compile_order(**order, place="home")
    assume(home.days)
    assert_never_faster(home, compile_order(**order))


@pytest.mark.req("M19")
@given(uses.filter(lambda use: use[1] != "off-label"), weights, doses, flags)
@settings(deadline=None)
def test_off_label_is_never_faster_than_any_labelled_use(use, weight_g, dose, risk):
    order = {"weight_g": weight_g, "mg_per_kg": dose, "risk": risk}
    off_label = compile_order(**order, use=(use[0], "off-label", use[2]))
    assume(off_label.days)
    assert_never_faster(off_label, compile_order(**order, use=use))


@pytest.mark.req("L14")
@given(uses, weights, doses, st.integers(1, 1200))
@settings(deadline=None)
def test_a_prescribers_limit_only_ever_tightens(use, weight_g, dose, limit):
    order = {"use": use, "weight_g": weight_g, "mg_per_kg": dose}
    limited = compile_order(**order, limit=limit)
    assume(limited.days)
    assert all(rung.rate_ul_h <= limit * 1000 for rung in limited.days[0].rungs)
    assert_never_faster(limited, compile_order(**order))


@pytest.mark.req("M4", "M5")
@given(uses, weights, doses, days)
@settings(deadline=None)
def test_the_days_add_up_to_the_dose_and_never_exceed_it(use, weight_g, dose, days):
    compiled = compile_order(use=use, weight_g=weight_g, mg_per_kg=dose, days=days)
    assume(compiled.days)
    ordered_mg = weight_g * dose // 1000
    assert sum(day.dose_mg for day in compiled.days) == ordered_mg
    assert max(day.dose_mg for day in compiled.days) <= weight_g
    for day in compiled.days:
        shortfall_mg = day.dose_mg - Fraction(day.volume_ul * day.concentration_mg_ml, 1000)
        # Less than a microlitre, which holds at most 0.12 mg.
        assert 0 <= shortfall_mg < Fraction(12, 100)
        assert sum(use.dose_mg for use in day.lots) == day.dose_mg


@pytest.mark.req("M3")
@given(uses, weights, doses, flags, days)
@settings(deadline=None)
def test_the_planned_time_delivers_exactly_the_volume(use, weight_g, dose, risk, days):
    compiled = compile_order(use=use, weight_g=weight_g, mg_per_kg=dose, risk=risk, days=days)
    for day in compiled.days:
        delivered = Fraction(0)
        before = 0
        spans = spans_of(day.rungs, day.volume_ul, day.slew_ul_h_s)
        for rung, span in zip(day.rungs, spans, strict=False):
            rise_ms = span.reached_ms - span.start_ms
            top = min(rung.rate_ul_h, before + Fraction(day.slew_ul_h_s) * rise_ms / 1000)
            delivered += rise_ms * (before + top) / 2
            delivered += (span.end_ms - span.reached_ms) * rung.rate_ul_h
            before = rung.rate_ul_h
        # A volume that ends within a rise is timed to the next whole ms.
        excess_ul = delivered / 3_600_000 - day.volume_ul
        assert 0 <= excess_ul < 1
        assert day.duration_ms <= day.duration_with_slew_ms <= 21_600_000


@pytest.mark.req("M4")
@given(uses, weights, doses, flags, days, st.sampled_from(["naive", "tolerated"]))
@settings(deadline=None)
def test_the_board_accepts_what_the_planner_accepts(use, weight_g, dose, risk, days, tolerance):
    compiled = compile_order(
        use=use, weight_g=weight_g, mg_per_kg=dose, risk=risk, days=days,
        tolerance=tolerance,
    )  # fmt: skip
    for day in compiled.days:
        on_board = Prescription()
        on_board.set_program(
            day.volume_ul, day.dose_mg, day.concentration_mg_ml, day.weight_g, day.cap_ul_h,
            len(day.rungs),
        )  # fmt: skip
        on_board.set_settings(day.slew_ul_h_s, 0, 60_000, day.check_interval_ms // 1000, 0)
        for index, rung in enumerate(day.rungs):
            on_board.set_rung(index, rung.rate_ul_h, rung.dwell_ms // 1000)
        assert on_board.check() == reasons.OK


@given(uses, weights, doses, flags, days)
@settings(deadline=None)
def test_a_plan_has_days_exactly_when_nothing_is_refused(use, weight_g, dose, risk, days):
    compiled = compile_order(use=use, weight_g=weight_g, mg_per_kg=dose, risk=risk, days=days)
    assert len(compiled.days) == (0 if compiled.refused else days)
