"""What a plan asks of people: vital signs, vials, bags, premedication, the next dose."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_sweep import orders
from planner_orders import TODAY, codes, order_with, product
from rich.console import Console

from titra.library import load_library
from titra.planning.care import bags_of, fewest, interval_of, vials_of, vitals_of
from titra.planning.order import parse_order
from titra.planning.plan_json import plan_json
from titra.planning.plan_text import render_plan
from titra.planning.planner import plan

MIN = 60_000


@pytest.fixture
def order_of(library):
    return lambda changes: parse_order(order_with(changes), "ORDER.toml", library)


# --- vital signs ----------------------------------------------------------------------------


@pytest.mark.req("M16")
def test_vital_signs_of_the_order_worked_by_hand(planned):
    # 33.6 s of rise and 30 min; then 36.4 s and 30 min; 3:31:53 in all.
    (day,) = planned({}).days
    assert [(one.kind, one.from_ms / 1000, one.to_ms / 1000) for one in vitals_of(day)] == [
        ("before", 0, 0),
        ("early", 900, 900),
        ("step", 1833.6, 1833.6),
        ("step", 3670, 3670),
        ("end", pytest.approx(12713, abs=1), pytest.approx(12713, abs=1)),
        ("after", pytest.approx(12713 + 1800, abs=1), pytest.approx(12713 + 3600, abs=1)),
    ]


@pytest.mark.req("M16")
def test_vital_signs_are_taken_before_each_step_up_that_is_reached(planned):
    day = planned({"dose.grams": "3"}).days[0]
    # 30 mL: the volume ends on the second of three rungs.
    steps = [one for one in vitals_of(day) if one.kind == "step"]
    assert [one.why for one in steps] == ["before the step up to 70 mL/h"]


@pytest.mark.req("M16")
def test_the_early_ones_are_taken_with_a_step_that_follows_at_once(planned):
    # Asceniv climbs every 15 min.
    day = planned(product("asceniv", "pi", "10")).days[0]
    kinds = [one.kind for one in vitals_of(day)]
    assert "early" not in kinds
    assert "15 min after START, before the step" in vitals_of(day)[1].why


@pytest.mark.req("M16")
def test_a_day_that_ends_before_15_min_asks_for_none_then(planned):
    day = planned({"dose.grams": "0.5", "limits": None}).days[0]
    assert day.duration_with_slew_ms < 15 * MIN
    assert [one.kind for one in vitals_of(day)] == ["before", "end", "after"]


# --- bags -----------------------------------------------------------------------------------


@pytest.mark.req("M13", "M3")
def test_bags_are_changed_when_they_are_empty(planned):
    # 400 mL in bags of 250: rungs give 16.9 + 35.5 mL in the first 61:10, then 138.6 mL/h.
    (day,) = planned({}).days
    first, second = bags_of(day, 250_000)
    assert (first.volume_ul, second.volume_ul) == (250_000, 150_000)
    # 150 mL of the 400 are left when the first is empty: 64.9 min at 138.6 mL/h.
    assert second.to_ms - second.from_ms == pytest.approx(150 / 138.6 * 3_600_000, abs=2)
    assert (first.from_ms, first.to_ms) == (0, second.from_ms)
    assert second.to_ms == day.duration_with_slew_ms
    # 8 h after it was pooled at the earliest time, the bag is empty.
    assert second.pooled_ms + 8 * 60 * MIN == second.to_ms


@given(st.integers(10_000, 2_000_000), st.integers(1, 60))
def test_bags_hold_the_day_and_follow_one_another(bag_ul, grams):
    use = orders.Use("privigen", "pi", 10, "tolerated")
    order = orders.base_order(use)
    (day,) = plan(_with_mg(order, grams * 1000), orders.LIBRARY, TODAY).days
    bags = bags_of(day, bag_ul)
    assert sum(bag.volume_ul for bag in bags) == day.volume_ul
    assert all(0 < bag.volume_ul <= bag_ul for bag in bags)
    assert all(a.to_ms == b.from_ms < b.to_ms for a, b in zip(bags, bags[1:], strict=False))
    assert (bags[0].from_ms, bags[-1].to_ms) == (0, day.duration_with_slew_ms)


def _with_mg(order, mg):
    from dataclasses import replace

    return replace(order, dose=replace(order.dose, mg=mg))


def test_without_a_size_one_bag_holds_the_day(planned):
    (day,) = planned({}).days
    assert [bag.volume_ul for bag in bags_of(day, None)] == [400_000]


# --- vials ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "dose_g", "held_g", "vials"),
    [
        ((5, 10, 20), 45, 45, {20: 2, 5: 1}),
        ((5, 10, 20), 41, 60, {20: 2, 5: 1}),
        # Less left over comes before fewer vials.
        ((2.5, 10, 20), 22, 40, {20: 1, 2.5: 1}),
        ((3, 6, 12), 45, 48, {12: 3, 6: 1, 3: 1}),
        ((5, 10), 3, 4, {}),
        ((), 3, 4, {}),
        ((5,), 40, 40, {5: 8}),
    ],
)
def test_the_least_is_left_over_and_then_the_fewest_vials_are_opened(sizes, dose_g, held_g, vials):
    found = fewest([int(size * 1000) for size in sizes], dose_g * 1000, held_g * 1000)
    assert dict(found) == {size * 1000: count for size, count in vials.items()}


@given(
    st.sets(st.sampled_from([500, 1000, 2500, 3000, 5000, 6000, 10_000, 20_000]), max_size=4),
    st.integers(1, 60_000),
    st.integers(0, 30_000),
)
def test_vials_hold_the_dose_and_nothing_smaller_would(sizes, dose_mg, more_mg):
    sizes, held_mg = sorted(sizes), dose_mg + more_mg
    found = fewest(sizes, dose_mg, held_mg)
    sums = {0}
    for _ in range(held_mg // min(sizes, default=held_mg + 1)):
        sums |= {one + size for one in sums for size in sizes if one + size <= held_mg}
    enough = [one for one in sums if one >= dose_mg]
    opened = sum(mg * count for mg, count in found)
    assert opened == min(enough, default=0)


@pytest.mark.req("M13")
def test_vials_of_the_size_that_the_order_names(planned, library):
    lot = '[{ lot = "A", expiry = 2031-06-30, grams = 50, vial_grams = 10 }]'
    changes = {"product.lots": lot, "dose.grams": "45"}
    made = planned(changes)
    (use,) = vials_of(made, made.days[0], library.products["gammagard-liquid"])
    assert (use.vials, use.left_mg, use.by) == (((10_000, 5),), 5_000, "order")


@pytest.mark.req("M13", "M9")
def test_a_powders_lot_is_opened_as_a_whole(planned, library):
    lot = '{ lot = "C", expiry = 2031-01-31, grams = 12, diluent_ml = 200 }'
    changes = {**product("carimune-nf", "pi", "6", lot), "dose.grams": "9"}
    made = planned(changes)
    (use,) = vials_of(made, made.days[0], library.products["carimune-nf"])
    assert (use.vials, use.left_mg, use.diluent_ul) == (((12_000, 1),), 3_000, 200_000)


@pytest.mark.req("M13")
def test_a_vial_that_two_days_would_share_is_warned_of(planned):
    changes = {"dose.grams": "50", "dose.days": "2"}
    shared = '[{ lot = "A", expiry = 2031-06-30, grams = 50, vial_grams = 10 }]'
    fitting = '[{ lot = "A", expiry = 2031-06-30, grams = 50, vial_grams = 5 }]'
    warned = planned({**changes, "product.lots": shared})
    (reason,) = (one for one in warned.warnings if one.code == "vial-opened")
    assert "day 1 opens a vial of 10 g of lot A and leaves 5 g" in reason.message
    assert reason.field == "product.lots[0].vial_grams"
    assert "vial-opened" not in codes(planned({**changes, "product.lots": fitting}).warnings)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"product.bag_ml": "9"}, "product.bag_ml", "from 10 to 2000"),
        ({"product.bag_ml": "250.5"}, "product.bag_ml", "whole number of mL"),
        ({"product.bag_ml": '"250"'}, "product.bag_ml", "expected a number of mL"),
        ({"product.lots": '[{ lot = "A", expiry = 2031-06-30, grams = 40, vial_grams = 15 }]'},
         "product.lots[0].grams", "is 40, expected whole vials of 15 g"),
        ({"product.lots": '[{ lot = "A", expiry = 2031-06-30, grams = 40, vial_grams = 0 }]'},
         "product.lots[0].vial_grams", "from 0.001"),
        ({"product.lots": '[{ lot = "A", expiry = 2031-06-30, grams = 40, vial_gram = 20 }]'},
         "product.lots[0].vial_gram", "did you mean vial_grams?"),
    ],
)  # fmt: skip
def test_wrong_sizes_are_named(problems_of, changes, field, words):
    found = problems_of(changes)
    assert list(found) == [field]
    assert words in found[field]


@pytest.mark.parametrize(
    ("vials", "field", "words"),
    [
        ('grams = ["5"]', "vials.source", "is missing"),
        ('grams = []\nsource = "vials"', "vials.grams", "too short"),
        ('grams = ["10", "5"]\nsource = "vials"', "vials.grams[1]", "more than the one before"),
        ('grams = ["0.05"]\nsource = "vials"', "vials.grams[0]", 'from "0.1"'),
        ('grams = ["0.25"]\nsource = "vials"', "vials.grams[0]", "steps of 0.1 g"),
        ("grams = [5]\nsource = 'vials'", "vials.grams[0]", "decimal text"),
    ],
)
def test_wrong_vials_of_a_product_file_are_named(tmp_path, vials, field, words):
    from test_library import HOSPITAL

    from titra.library import LibraryError

    source = '\n[sources.vials]\ntext = "box"\ndate = 2026-11-20\nchecked = true\n'
    text = HOSPITAL.replace("[dose]", f"[vials]\n{vials}\n[dose]") + source
    (tmp_path / "house.toml").write_text(text)
    with pytest.raises(LibraryError) as caught:
        load_library(tmp_path)
    messages = {problem.field: problem.message for problem in caught.value.problems}
    assert words in messages[field]


def test_every_vial_size_of_the_library_is_marked_as_not_checked(library):
    for one in library.products.values():
        assert one.vials_mg
        assert not one.vials_source.checked


# --- the next dose, and what a person and a program are told --------------------------------


@pytest.mark.req("M6")
def test_the_next_dose_is_counted_from_the_earliest_last_day(order_of):
    interval = interval_of(order_of({"dose.days": "2"}), TODAY)
    assert interval.days == 27
    assert interval.last_day == date(2026, 11, 21)
    assert (interval.next_from, interval.next_to) == (date(2026, 12, 12), date(2027, 1, 2))
    assert interval.first_after == date(2027, 1, 16)
    assert interval_of(order_of({"course.last_dose": None}), TODAY).days is None


def _told(library, changes):
    order = parse_order(order_with(changes), "ORDER.toml", library)
    made = plan(order, library, TODAY)
    some = library.products[order.product.name]
    console = Console(record=True, width=80, file=open("/dev/null", "w"))  # noqa: SIM115
    render_plan(order, made, some, console)
    return console.export_text(), json.loads(json.dumps(plan_json(order, made, some)))


@pytest.mark.req("M10", "M13", "M16", "M19")
def test_text_and_json_hold_all_of_it(library):
    lot = '[{ lot = "LE12V345", expiry = 2031-06-30, grams = 40, vial_grams = 20 }]'
    text, document = _told(library, {"product.lots": lot, "product.bag_ml": "250"})
    for words in (
        "premedication (an antihistamine) 45 min before START",
        "27 days since the last dose; next one usual from 2026-12-11 to 2027-01-01",
        "15 min after START", "before the step up to 138.6 mL/h", "30 to 60 min after the end",
        "40 g of lot LE12V345, expires 2031-06-30: 2 x 20 g",
        "bag 2: 150 mL, from 2:26:57 to 3:31:53",
        "0.8 mg/kg/min, below the printed 0.5 mL/kg/h (label)",
    ):  # fmt: skip
        assert words in " ".join(text.split())
    assert "library knows" not in text
    (day,) = document["days"]
    assert document["place"] == "clinic"
    assert document["premedication"] == {"minutes_before": 45, "needed": False}
    assert document["interval"]["days_since_last"] == 27
    assert [one["kind"] for one in day["vitals"]] == [
        "before", "early", "step", "step", "end", "after",
    ]  # fmt: skip
    assert [bag["volume_ml"] for bag in day["bags"]] == [250, 150]
    assert day["vials"][0]["vials"] == [{"grams": 20, "count": 2}]
    assert [rung["source"] for rung in day["rungs"]] == ["label", "calculator", "min-rate"]


@pytest.mark.req("M10")
def test_a_first_dose_says_that_premedication_is_needed(library):
    text, document = _told(library, {"patient.tolerance": '"naive"', "limits": None})
    assert document["premedication"] == {"minutes_before": 45, "needed": True}
    assert "45 min before START" in text


def test_every_source_that_a_rung_names_is_explained(library):
    for use in orders.all_uses():
        made = plan(orders.base_order(use), library, TODAY)
        named = {rung.source for day in made.days for rung in day.rungs if rung.source}
        assert named <= set(made.sources)
