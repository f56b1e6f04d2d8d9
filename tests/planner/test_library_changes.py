"""The review of a changed library: what may make anybody's infusion faster says so."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from plan_sweep import orders
from test_library import HOSPITAL
from test_plan_metamorphic import assert_not_faster, dwells_min, made_up_products

from titra.library import RISK_FLAGS, Figure, Library, Limit
from titra.library.changes import FASTER, OTHER, SLOWER, changes
from titra.library.loader import product_from_toml
from titra.library.table import rows_of
from titra.planning.planner import plan

MG_ML = Fraction(100)


def rows(text, key="house"):
    return rows_of(Library({key: product_from_toml(text.encode(), f"{key}.toml", key)}))


RUNG_4 = '  { rate = [{ value = "4", unit = "mg/kg/min" }], source = "sheet", dwell_min = 30'
RUNG_2 = RUNG_4.replace('"4"', '"2"') + ', dwell_source = "sheet" },\n'
FIRST = '[first_infusion]\nconcentrations_percent = ["5"]\nsource = "sheet"\n[sources.sheet]'
ITP = HOSPITAL[HOSPITAL.index("[indications.pi]") : HOSPITAL.index("[sources")].replace(
    ".pi", ".itp"
)


@pytest.mark.req("M19")
@pytest.mark.parametrize(
    ("change", "what", "texts"),
    [
        (('maximum = { rate = [{ value = "4"', 'maximum = { rate = [{ value = "5"'),
         "maximum", ("4 mg/kg/min", "5 mg/kg/min")),
        (('{ rate = [{ value = "1"', '{ rate = [{ value = "1.5"'),
         "rung 0", ("1 mg/kg/min", "1.5 mg/kg/min")),
        (("dwell_min = 30", "dwell_min = 20"), "rung 0 dwell", ("30 min", "20 min")),
        (('{ value = "2", unit', '{ value = "3", unit'),
         "cap: any flag", ("2 mg/kg/min", "3 mg/kg/min")),
        (('"0.8"', '"0.9"'), "dose a day", ("0.8 g/kg", "0.9 g/kg")),
        (('"1.6"', '"1.7"'), "dose a course", ("1.6 g/kg", "1.7 g/kg")),
    ],
)  # fmt: skip
def test_more_says_faster_and_the_way_back_says_slower(change, what, texts):
    was, becomes = change
    old, new = rows(HOSPITAL), rows(HOSPITAL.replace(was, becomes, 1))
    (there,) = changes(old, new)
    (back,) = changes(new, old)
    assert (there.what, there.old, there.new, there.effect) == (what, *texts, FASTER)
    assert (back.what, back.new, back.old, back.effect) == (what, *texts, SLOWER)


@pytest.mark.req("M19")
def test_rates_are_told_in_ml_h_as_worked_by_hand():
    # 4 and 5 mg/kg/min x 60 x kg / 100 mg/mL
    new = HOSPITAL.replace('maximum = { rate = [{ value = "4"', 'maximum = { rate = [{ value = "5"')
    (change,) = changes(rows(HOSPITAL), rows(new))
    assert change.ml_h == (
        ("40 kg", "96.0", "120.0"), ("70 kg", "168.0", "210.0"), ("130 kg", "312.0", "390.0"),
    )  # fmt: skip


@pytest.mark.req("M19")
def test_a_strict_figure_is_slower_than_the_same_figure():
    strict = HOSPITAL.replace('{ value = "2", unit', '{ strict = true, value = "2", unit')
    (change,) = changes(rows(HOSPITAL), rows(strict))
    assert (change.effect, change.new) == (SLOWER, "< 2 mg/kg/min")


@pytest.mark.req("M19")
def test_a_rung_put_in_is_slower_and_one_taken_out_is_faster():
    between = HOSPITAL.replace(RUNG_4, RUNG_2 + RUNG_4, 1)
    there = {change.what: change.effect for change in changes(rows(HOSPITAL), rows(between))}
    assert there == {"rung 1": SLOWER, "rung 2": OTHER}
    back = {change.what: change.effect for change in changes(rows(between), rows(HOSPITAL))}
    assert back == {"rung 1": FASTER, "rung 2": OTHER}


@pytest.mark.req("M19")
def test_a_rung_on_top_is_faster_and_one_gone_from_there_is_slower():
    low = HOSPITAL.replace(RUNG_4, RUNG_4.replace('"4"', '"2"'), 1)
    top = HOSPITAL.replace(RUNG_4, RUNG_2 + RUNG_4, 1)
    there = {change.what: change.effect for change in changes(rows(low), rows(top))}
    assert there == {"rung 2": FASTER}
    back = {change.what: change.effect for change in changes(rows(top), rows(low))}
    assert back == {"rung 2": SLOWER}


@pytest.mark.req("M9", "M19")
def test_a_first_infusions_restriction_that_goes_is_faster():
    two = HOSPITAL.replace('["10"]', '["10", "5"]')
    restricted = two.replace("[sources.sheet]", FIRST)
    (there,) = changes(rows(restricted), rows(two))
    (back,) = changes(rows(two), rows(restricted))
    assert (there.what, there.old, there.new) == ("first infusion", "5 %", "any solution")
    assert (there.effect, back.effect) == (FASTER, SLOWER)


@pytest.mark.req("M7", "M19")
def test_an_indication_that_goes_may_make_a_first_dose_faster():
    slow = HOSPITAL.replace(
        "[sources", ITP.replace("dwell_min = 30", "dwell_min = 60") + "[sources"
    )
    found = {(change.where, change.what): change.effect for change in
             changes(rows(slow), rows(HOSPITAL))}  # fmt: skip
    where = "house, first dose and off-label"
    assert found == {
        ("house, itp", "indication"): OTHER,
        (where, "rung 0 dwell"): FASTER,
        (where, "rung 1 dwell"): FASTER,
    }


def test_products_that_come_and_go_are_told():
    assert [change.old for change in changes(rows(HOSPITAL), ())] == ["listed"]
    assert [change.new for change in changes((), rows(HOSPITAL))] == ["new: House 10 %, pi"]
    assert changes(rows(HOSPITAL), rows(HOSPITAL)) == []


# --- what the word promises -----------------------------------------------------------------

INDICATIONS = ("pi", "itp")


@st.composite
def revisions(draw):
    """(old, new): a product that hypothesis makes up, and the same with a few changes."""
    old = draw(made_up_products())
    uses = dict(old.indications)
    for _ in range(draw(st.integers(1, 3))):
        key = draw(st.sampled_from(sorted(uses)))
        kinds = ["rate", "dwell", "cap", "maximum", "drop", "insert", "gone"]
        kind = draw(st.sampled_from(kinds))
        if kind == "gone":
            if len(uses) > 1:
                del uses[key]
            continue
        uses[key] = _changed(draw, uses[key], kind)
    assume(all(map(_is_sound, uses.values())))
    return old, replace(old, indications=uses)


def _rate(draw, limit):
    tenths = draw(st.integers(2, 120))
    figure = Figure(f"{tenths / 10}", "mg/kg/min", draw(st.booleans()))
    return Limit((figure,), limit.source)


def _changed(draw, use, kind):
    ladder = list(use.ladder)
    at = draw(st.integers(0, len(ladder) - 1))
    if kind == "cap":
        flag = draw(st.sampled_from(RISK_FLAGS))
        return replace(use, risk={**use.risk, flag: _rate(draw, use.risk[flag])})
    if kind == "maximum":
        return replace(use, maximum=_rate(draw, use.maximum))
    if kind == "rate":
        ladder[at] = replace(ladder[at], rate=_rate(draw, ladder[at].rate))
    elif kind == "dwell":
        ladder[at] = replace(ladder[at], dwell_ms=draw(dwells_min) * 60_000)
    elif kind == "insert":
        ladder.insert(at, replace(ladder[at], rate=_rate(draw, ladder[at].rate)))
    elif len(ladder) > 1:
        del ladder[at]
    return replace(use, ladder=tuple(ladder))


def _is_sound(use):
    """As the loader would have it."""
    orders_ = [step.rate.order(MG_ML)[0] for step in use.ladder]
    return (
        all(low < high for low, high in pairwise(orders_))
        and use.ladder[-1].rate.order(MG_ML) <= use.maximum.order(MG_ML)
        and all(cap.order(MG_ML) <= use.maximum.order(MG_ML) for cap in use.risk.values())
    )


def _says_faster(old, new):
    rows_ = (rows_of(Library({"made-up": product})) for product in (old, new))
    return any(change.effect == FASTER for change in changes(*rows_))


@pytest.mark.req("M19", "M2")
@given(
    revisions(),
    st.sampled_from([*INDICATIONS, "off-label"]),
    st.sets(st.sampled_from(RISK_FLAGS), max_size=2),
    st.sampled_from(["naive", "tolerated"]),
    st.integers(30_000, 200_000),
    st.integers(20, 400),
)
def test_where_nothing_says_faster_nobody_is_infused_faster(
    revision, indication, flags, tolerance, weight_g, mg_per_kg
):
    privigen = orders.base_order(orders.Use("privigen", "pi", 10, tolerance))
    order = replace(
        privigen,
        product=replace(privigen.product, name="made-up", indication=indication),
        patient=replace(privigen.patient, weight_g=weight_g, risk=tuple(sorted(flags))),
        dose=replace(privigen.dose, mg=weight_g * mg_per_kg // 1000),
    )
    compared = 0
    for old, new in (revision, revision[::-1]):
        if indication != "off-label" and not {indication} <= old.indications.keys() & (
            new.indications.keys()
        ):
            continue
        if _says_faster(old, new):
            continue
        careful, plain = (
            plan(order, Library({"made-up": product}), orders.TODAY) for product in (new, old)
        )
        if careful.days:
            assert plain.refused == ()
            assert_not_faster(careful, plain)
            compared += 1
    event(f"compared {compared}")
