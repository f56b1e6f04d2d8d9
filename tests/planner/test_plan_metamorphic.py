"""More care never makes anything faster: flags, limits, tolerance, place, a long interval.

On the built-in library, whose flags mostly share one cap, and on products that hypothesis
makes up, whose flags, rungs, dwells and units are all over the place.
"""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from plan_sweep import orders
from plan_sweep.oracle import delivered_by

from titra.library import Library
from titra.library.loader import product_from_toml
from titra.planning.ladder import spans_of
from titra.planning.order import parse_order
from titra.planning.planner import plan

ML = 3_600_000_000  # uL/h x ms


# --- products that no maker has -------------------------------------------------------------

tenths = st.integers(5, 120)
dwells_min = st.integers(10, 120)


def _figures(tenth, strict, both):
    """A rate in mg/kg/min, and perhaps as a label rounds it in mL/kg/min of a 10 % solution."""
    mark = ", strict = true" if strict else ""
    shown = f'{{ value = "{tenth / 10}", unit = "mg/kg/min"{mark} }}'
    if both:
        shown += f', {{ value = "{tenth / 1000:.3f}", unit = "mL/kg/min"{mark} }}'
    return f"rate = [{shown}]"


@st.composite
def made_up_products(draw):
    """A product with two indications; each flag has a cap of its own in each."""
    text = [
        'key = "made-up"\nname = "Made up"\nform = "liquid"\nconcentrations_percent = ["10"]',
        '[dose]\nday_g_per_kg = "1"\ncourse_g_per_kg = "2"\nsource = "s"',
        '[sources.s]\ntext = "nobody"\ndate = 2026-11-20\nchecked = true',
    ]
    for key in ("pi", "itp"):
        rungs = sorted(draw(st.sets(tenths, min_size=1, max_size=8)))
        # The last one is the maximum, as a label's may be, and strict perhaps.
        strict, both = draw(st.booleans()), draw(st.booleans())
        ladder = [
            f"{{ {_figures(rung, strict and rung == rungs[-1], both)}, "
            f'source = "s", dwell_min = {draw(dwells_min)}, dwell_source = "s" }}'
            for rung in rungs
        ]
        risk = [
            f'{{ flags = ["{flag}"], '
            f"{_figures(draw(st.integers(2, rungs[-1])), strict or draw(st.booleans()), both)}, "
            'source = "s" }'
            for flag in orders.FLAGS
        ]
        text += [
            f'[indications.{key}]\ntitle = "x"\nsource = "s"\nladder_source = "label"',
            f'maximum = {{ {_figures(rungs[-1], strict, both)}, source = "s" }}',
            f"ladder = [{', '.join(ladder)}]\nrisk = [{', '.join(risk)}]",
        ]
    return product_from_toml("\n".join(text).encode(), "made-up.toml", "made-up")


@st.composite
def cases(draw):
    """(library, order): an order as accommodating as can be."""
    weight_g = draw(st.integers(30_000, 200_000))
    if draw(st.booleans()):
        use = draw(st.sampled_from(orders.all_uses()))
        library, order = orders.LIBRARY, orders.base_order(replace(use, tolerance="tolerated"))
    else:
        made_up = draw(made_up_products())
        library = Library({**orders.LIBRARY.products, "made-up": made_up})
        indication = draw(st.sampled_from(["pi", "itp", "off-label"]))
        privigen = orders.base_order(orders.Use("privigen", "pi", 10, "tolerated"))
        order = replace(
            privigen, product=replace(privigen.product, name="made-up", indication=indication)
        )
    # Of a day's 1 g/kg; small doses, or few are accepted once they are slowed down.
    dose_mg = weight_g * draw(st.integers(20, 400)) // 1000
    return library, replace(
        order,
        patient=replace(order.patient, weight_g=weight_g),
        dose=replace(order.dose, mg=dose_mg, days=draw(st.integers(1, 3))),
    )


# --- ways to be more careful ----------------------------------------------------------------


def _flags(order, flags):
    risk = tuple(dict.fromkeys((*order.patient.risk, *flags)))
    return replace(order, patient=replace(order.patient, risk=risk))


def _limit(order, rate_ul_h):
    return replace(order, limits=replace(order.limits, max_rate_ul_h=rate_ul_h))


def _tolerance(order, word):
    return replace(order, patient=replace(order.patient, tolerance=word))


def _place(order, word):
    return replace(order, setting=replace(order.setting, place=word))


def _last_dose(order, weeks):
    last = orders.TODAY - timedelta(weeks=weeks)
    return replace(order, course=replace(order.course, last_dose=last))


flag_sets = st.sets(st.sampled_from(orders.FLAGS))
rates_ul_h = st.fractions(20_000, 1_200_000, max_denominator=7)


def corners(day):
    """Each time in ms at which a plan's rate changes its course."""
    spans = spans_of(day.rungs, day.volume_ul, day.slew_ul_h_s)
    return {time for span in spans for time in (span.start_ms, span.reached_ms, span.end_ms)}


def pairs(day):
    return tuple((rung.rate_ul_h, rung.dwell_ms) for rung in day.rungs)


def assert_not_faster(careful, plain, times_ms=()):
    """Rung by rung, dwell by dwell, in what is delivered by any time, and in total."""
    assert len(careful.days) == len(plain.days)
    for one, other in zip(careful.days, plain.days, strict=True):
        assert one.cap_ul_h <= other.cap_ul_h
        assert one.check_interval_ms <= other.check_interval_ms
        assert one.volume_ul == other.volume_ul
        for index, rung in enumerate(one.rungs):
            # A ladder that has ended stays on its last rung.
            beside = other.rungs[min(index, len(other.rungs) - 1)]
            assert rung.rate_ul_h <= beside.rate_ul_h
            if index < len(other.rungs):
                assert rung.dwell_ms >= beside.dwell_ms
        ends_ms = other.duration_with_slew_ms
        some = {*corners(one), *corners(other), *times_ms}
        for time_ms in [*(int(time) for time in some if time <= ends_ms), ends_ms]:
            assert delivered_by(pairs(one), time_ms) <= delivered_by(pairs(other), time_ms)
        assert one.duration_with_slew_ms >= other.duration_with_slew_ms
        assert one.duration_ms >= other.duration_ms


def compare(case, careful_of, plain_of=lambda order: order, times_ms=()):
    """Plans ``case`` twice; nothing that is accepted with more care is refused with less."""
    library, order = case
    careful = plan(careful_of(order), library, orders.TODAY)
    event("compared" if careful.days else "refused")
    assume(careful.days)
    plain = plan(plain_of(order), library, orders.TODAY)
    assert plain.refused == ()
    assert_not_faster(careful, plain, times_ms)


times = st.lists(st.integers(0, 21_600_000), max_size=8)


@pytest.mark.req("M2")
@given(cases(), flag_sets, st.sampled_from(orders.FLAGS), times)
def test_a_further_flag_never_makes_anything_faster(case, some, one, times_ms):
    compare(case, lambda o: _flags(o, (*some, one)), lambda o: _flags(o, some), times_ms)


@pytest.mark.req("M2", "L14")
@given(cases(), flag_sets, rates_ul_h, rates_ul_h, times)
def test_a_lower_limit_never_makes_anything_faster(case, flags, one, other, times_ms):
    low, high = sorted((one, other))
    library, order = case
    # A limit above the label's maximum is refused, however high.
    assume(plan(_limit(_flags(order, flags), high), library, orders.TODAY).refused == ())
    compare(
        case,
        lambda o: _limit(_flags(o, flags), low),
        lambda o: _limit(_flags(o, flags), high),
        times_ms,
    )


@pytest.mark.req("M2", "L14")
@given(cases(), flag_sets, rates_ul_h, times)
def test_a_limit_is_never_faster_than_none(case, flags, rate_ul_h, times_ms):
    compare(
        case, lambda o: _limit(_flags(o, flags), rate_ul_h), lambda o: _flags(o, flags), times_ms
    )


@pytest.mark.req("M7")
@given(cases(), flag_sets, st.sampled_from(["naive", "unknown"]), times)
def test_a_first_dose_never_makes_anything_faster(case, flags, word, times_ms):
    compare(
        case, lambda o: _tolerance(_flags(o, flags), word), lambda o: _flags(o, flags), times_ms
    )


@pytest.mark.req("M7")
@given(cases(), flag_sets)
def test_unknown_is_planned_as_naive(case, flags):
    library, order = case
    order = _flags(order, flags)
    naive, unknown = (
        plan(_tolerance(order, word), library, orders.TODAY) for word in ("naive", "unknown")
    )
    assert (naive.days, naive.refused) == (unknown.days, unknown.refused)


@pytest.mark.req("M6")
@given(cases(), flag_sets, st.integers(9, 200), st.integers(1, 8), times)
def test_a_long_interval_never_makes_anything_faster(case, flags, long, short, times_ms):
    compare(
        case,
        lambda o: _last_dose(_flags(o, flags), long),
        lambda o: _last_dose(_flags(o, flags), short),
        times_ms,
    )


@pytest.mark.req("M8")
@given(cases(), flag_sets, times)
def test_at_home_nothing_is_faster(case, flags, times_ms):
    compare(case, lambda o: _place(_flags(o, flags), "home"), lambda o: _flags(o, flags), times_ms)


@pytest.mark.req("M2", "M7", "L14")
@given(cases(), flag_sets, flag_sets, rates_ul_h, times)
def test_all_care_at_once_never_makes_anything_faster(case, some, more, rate_ul_h, times_ms):
    compare(
        case,
        lambda o: _limit(_tolerance(_flags(o, (*some, *more)), "naive"), rate_ul_h),
        lambda o: _flags(o, some),
        times_ms,
    )


@pytest.mark.req("M2")
def test_every_set_of_flags_beside_every_smaller_one_on_the_whole_library():
    """64 x 6 / 2 pairs for each use; a dose that few are refused."""
    compared = 0
    uses = [use for use in orders.all_uses() if use.tolerance == "tolerated"]
    for use in uses:
        base = orders.base_order(use)
        base = replace(base, dose=replace(base.dose, mg=20_000))
        made = {}
        for subset in orders.ALL_SUBSETS:
            made[frozenset(subset)] = plan(_flags(base, subset), orders.LIBRARY, orders.TODAY)
        for subset, careful in made.items():
            for flag in subset:
                plain = made[subset - {flag}]
                if careful.days:
                    assert plain.days
                    if careful.days[0].rungs != plain.days[0].rungs:
                        assert_not_faster(careful, plain)
                    compared += 1
    assert compared > 7_000


# --- what is compared can fail ----------------------------------------------------------------


def test_a_plan_that_is_faster_is_seen():
    text = b"""
        patient = { weight_kg = 70, risk = [], tolerance = "tolerated" }
        product = { name = "privigen", indication = "pi", concentration_percent = 10,
                    lots = [{ lot = "A", expiry = 2031-06-30, grams = 40 }] }
        dose = { grams = 40, days = 1 }
    """.replace(b"\n                   ", b"")
    order = parse_order(text, "ORDER.toml", orders.LIBRARY)
    plain = plan(order, orders.LIBRARY, orders.TODAY)
    careful = plan(_flags(order, ("renal",)), orders.LIBRARY, orders.TODAY)
    assert_not_faster(careful, plain)
    for wrong in (
        {"cap_ul_h": plain.days[0].cap_ul_h + 100},
        {"duration_ms": plain.days[0].duration_ms - 1},
        {"duration_with_slew_ms": plain.days[0].duration_with_slew_ms - 1},
        {"check_interval_ms": 3_600_000},
    ):
        with pytest.raises(AssertionError):
            assert_not_faster(replace(careful, days=(replace(careful.days[0], **wrong),)), plain)
    quick = tuple(replace(rung, dwell_ms=rung.dwell_ms - 1000) for rung in plain.days[0].rungs)
    with pytest.raises(AssertionError):
        assert_not_faster(replace(plain, days=(replace(plain.days[0], rungs=quick),)), plain)


def test_what_is_delivered_by_a_time_is_as_by_hand():
    # 36 s to 36 mL/h deliver 0.18 mL, 10 min 6 mL; then 84 s to 120 mL/h deliver 1.82 mL.
    rungs = ((36_000, 600_000), (120_000, 600_000))
    assert delivered_by(rungs, 36_000) == Fraction(18, 100) * ML
    assert delivered_by(rungs, 636_000) == Fraction(618, 100) * ML
    assert delivered_by(rungs, 720_000) == Fraction(800, 100) * ML
    assert delivered_by(rungs, 1_320_000 + 30_000) == Fraction(2900, 100) * ML
