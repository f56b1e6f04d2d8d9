"""What is offered in place of a refused order: one change, planned; never round a safety check."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from plan_sweep import orders
from planner_orders import TODAY, codes, order_with, product

from titra.library import load_library
from titra.planning.nearest import SIZES, nearest_plans
from titra.planning.order import parse_order
from titra.planning.planner import plan

LIBRARY = load_library()
BIG_LOT = '[{ lot = "A", expiry = 2031-06-30, grams = 400 }]'


def offers(changes):
    """(field, to) of what is offered for a changed order."""
    order = parse_order(order_with(changes), "ORDER.toml", LIBRARY)
    return [(near.field, near.to) for near in nearest_plans(order, LIBRARY, TODAY)]


def test_nothing_is_offered_for_an_order_that_is_accepted():
    assert offers({}) == []


@pytest.mark.req("M3")
def test_a_day_that_is_too_long_is_offered_more_days_or_fewer_grams():
    # Bivigam at risk, 83.9 mL/h: 21 mL/h for 10 min, 54.6 for 20, the rest until 6 h.
    changes = {**product("bivigam", "pi", "10"), "dose.grams": "50"}
    assert offers(changes) == [("dose.days", "2"), ("dose.grams", "48")]
    assert plan(parse_order(order_with({**changes, "dose.grams": "48"}), "", LIBRARY), LIBRARY,
                TODAY).refused == ()  # fmt: skip
    assert codes(plan(parse_order(order_with({**changes, "dose.grams": "49"}), "", LIBRARY),
                      LIBRARY, TODAY).refused) == ["too-long"]  # fmt: skip


@pytest.mark.req("M4")
def test_a_dose_above_the_day_limit_is_offered_more_days_or_what_a_day_may_be():
    changes = {"dose.grams": "80", "product.lots": BIG_LOT, "patient.risk": "[]", "limits": None}
    assert offers(changes) == [("dose.days", "2"), ("dose.grams", "70")]


@pytest.mark.req("M4")
def test_a_dose_above_the_course_limit_is_offered_fewer_grams_only():
    changes = {"dose.grams": "150", "dose.days": "4", "product.lots": BIG_LOT}
    assert offers(changes) == [("dose.grams", "140")]


def test_a_limit_above_the_labels_is_offered_the_labels():
    assert offers({"limits.max_rate_ml_h": "400"}) == [("limits.max_rate_ml_h", "336")]


def test_a_limit_of_the_prescriber_is_never_offered_to_be_loosened():
    changes = {"limits.max_rate_ml_h": "50", "product.lots": BIG_LOT}
    offered = offers(changes)
    assert [field for field, _ in offered] == ["dose.days", "dose.grams"]


def test_a_course_of_days_that_are_too_small_is_offered_fewer_days():
    assert offers({"dose.grams": "0.3", "dose.days": "5"}) == [("dose.days", "3")]


@pytest.mark.req("M9")
def test_a_volume_that_is_too_much_is_offered_the_next_stronger_mix_with_its_water():
    lot = '{ lot = "A", expiry = 2031-06-30, grams = 90, diluent_ml = 3000 }'
    changes = {
        **product("carimune-nf", "pi", "3", lot),
        "dose.grams": "60.1", "patient.weight_kg": "130", "patient.risk": "[]",
    }  # fmt: skip
    order = parse_order(order_with(changes), "ORDER.toml", LIBRARY)
    near = {near.field: near for near in nearest_plans(order, LIBRARY, TODAY)}
    mix = near["product.concentration_percent"]
    assert mix.to == "6"
    assert "only if nothing is mixed yet: A with 1500 mL" in mix.text
    assert near["dose.grams"].to == "60"


@pytest.mark.req("M19")
def test_no_dose_is_ever_proposed_for_an_off_label_use():
    changes = {**product("bivigam", "off-label", "10"), "dose.grams": "50"}
    assert offers(changes) == [("dose.days", "2")]


@pytest.mark.req("M7", "M8", "M9", "M10", "M13")
@pytest.mark.parametrize(
    "unsafe",
    [
        {"setting.place": '"home"', "patient.tolerance": '"naive"'},
        {"setting.premedication_minutes": None, "patient.tolerance": '"unknown"'},
        {"course.last_dose": "2026-11-20"},
        {"course.last_dose": "2026-12-20"},
        {"product.lots": '[{ lot = "A", expiry = 2026-11-19, grams = 400 }]'},
        {"product.lots": '[{ lot = "A", expiry = 2031-06-30, grams = 1 }]'},
        product("carimune-nf", "pi", "12",
                '{ lot = "A", expiry = 2031-06-30, grams = 48, diluent_ml = 1600 }'),
        {**product("carimune-nf", "pi", "6",
                   '{ lot = "A", expiry = 2031-06-30, grams = 48, diluent_ml = 800 }'),
         "patient.tolerance": '"naive"'},
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [{}, {"dose.grams": "80"}])
def test_nothing_is_offered_while_a_safety_check_stands(unsafe, size):
    changes = {"product.lots": BIG_LOT, **unsafe, **size}
    order = parse_order(order_with(changes), "ORDER.toml", LIBRARY)
    refused = plan(order, LIBRARY, TODAY).refused
    assert refused
    assert set(codes(refused)) - SIZES
    assert nearest_plans(order, LIBRARY, TODAY) == ()


@given(
    st.sampled_from(orders.all_uses()),
    st.integers(30_000, 200_000),
    st.sets(st.sampled_from(orders.FLAGS), max_size=2),
    st.integers(1, 120_000),
    st.integers(1, 5),
    st.one_of(st.none(), st.integers(100, 1_500_000)),
)
@pytest.mark.req("M3", "M4")
def test_whatever_is_offered_is_accepted_and_differs_in_one_thing_only(
    use, weight_g, risk, dose_mg, days, limit
):
    base = orders.base_order(use)
    order = replace(
        base,
        patient=replace(base.patient, weight_g=weight_g, risk=tuple(sorted(risk))),
        dose=replace(base.dose, mg=dose_mg, days=days),
        limits=replace(base.limits, max_rate_ul_h=None if limit is None else Fraction(limit)),
    )
    refused = plan(order, LIBRARY, TODAY).refused
    found = nearest_plans(order, LIBRARY, TODAY)
    event(f"{len(found)} offered" if refused else "accepted")
    assert refused or not found
    for near in found:
        assert plan(near.order, LIBRARY, TODAY) == near.plan
        assert near.plan.refused == ()
        part = near.field.partition(".")[0]
        changed = {"limits", "dose", "product"} - {part}
        assert near.order.patient == order.patient
        assert near.order.setting == order.setting
        assert near.order.course == order.course
        for name in changed:
            assert getattr(near.order, name) == getattr(order, name)
        assert near.order.dose.mg <= order.dose.mg
        if near.order.limits != order.limits:
            assert near.order.limits.max_rate_ul_h < order.limits.max_rate_ul_h
