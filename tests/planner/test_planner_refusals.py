"""What the planner refuses, each with its reason, and what it only just accepts."""

import pytest
from planner_orders import codes, product

BIG_LOT = {"product.lots": '[{ lot = "A", expiry = 2031-06-30, grams = 400 }]'}


def powder(percent, lot):
    return product("carimune-nf", "pi", percent, lot)


@pytest.mark.req("M4", "M5", "M8", "M9", "M10", "M13", "F7")
@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"limits.max_rate_ml_h": "336.1"}, "limit-above-library", "336 mL/h"),
        ({"dose.grams": "70.001", **BIG_LOT}, "day-dose", "above 70 g"),
        ({"dose.grams": "140.001", "dose.days": "5", **BIG_LOT}, "course-dose", "above 140 g"),
        ({"dose.grams": "0.05"}, "too-small", "less than 1 mL"),
        (
            {"product.lots": '[{ lot = "A", expiry = 2026-11-19, grams = 40 }]'},
            "lot-expired",
            "lot A has expired",
        ),
        (
            {"product.lots": '[{ lot = "A", expiry = 2031-06-30, grams = 39.9 }]'},
            "lots-short",
            "A 39.9 g",
        ),
        ({**product("bivigam", "pi", "10"), "dose.grams": "50"}, "too-long", "2 days would"),
        ({"patient.tolerance": '"naive"', "setting.place": '"home"'}, "home-first-dose", "clinic"),
        (
            {"patient.tolerance": '"unknown"', "setting.place": '"home"'},
            "home-first-dose",
            "clinic",
        ),
        (
            {"patient.tolerance": '"naive"', "setting.premedication_minutes": None},
            "premedication-missing",
            "30 to 60",
        ),
        (
            {"patient.tolerance": '"unknown"', "setting.premedication_minutes": "0"},
            "premedication-missing",
            "30 to 60",
        ),
        ({"course.last_dose": "2026-11-21"}, "last-dose-in-future", "after today"),
        ({"course.last_dose": "2026-11-20"}, "day-spacing", "18 h"),
        (
            {
                **powder("6", '{ lot = "A", expiry = 2031-06-30, grams = 48, diluent_ml = 800 }'),
                "patient.tolerance": '"naive"',
            },
            "first-infusion-concentration",
            "must have 3 %",
        ),
        (
            powder("12", '{ lot = "A", expiry = 2031-06-30, grams = 48, diluent_ml = 1600 }'),
            "mixed-concentration",
            "gives 3 %",
        ),
        (
            powder("6", '{ lot = "A", expiry = 2031-06-30, grams = 48, diluent_ml = 784 }'),
            "mixed-concentration",
            "about 800 mL",
        ),
        (
            powder("12", '{ lot = "A", expiry = 2031-06-30, grams = 48, diluent_ml = 399 }'),
            "mixed-too-strong",
            "at most 12 %",
        ),
        (
            {
                **powder("3", '{ lot = "A", expiry = 2031-06-30, grams = 90, diluent_ml = 3000 }'),
                "dose.grams": "60.1",
                "patient.weight_kg": "130",
                "patient.risk": "[]",
            },
            "day-volume",
            "above 2000 mL",
        ),
    ],
)
def test_an_unsafe_order_is_refused_with_its_reason(planned, changes, code, words):
    plan = planned(changes)
    assert code in codes(plan.refused)
    assert words in next(reason.message for reason in plan.refused if reason.code == code)
    assert plan.days == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"limits.max_rate_ml_h": "336"},
        {"dose.grams": "70", **BIG_LOT},
        {"dose.grams": "140", "dose.days": "2", **BIG_LOT},
        {"dose.grams": "0.1"},
        {"product.lots": '[{ lot = "A", expiry = 2026-11-20, grams = 40 }]'},
        {"course.last_dose": "2026-11-19"},
        powder("6", '{ lot = "A", expiry = 2031-06-30, grams = 48, diluent_ml = 785 }'),
        powder("6", '{ lot = "A", expiry = 2031-06-30, grams = 48, diluent_ml = 816 }'),
    ],
)
def test_an_order_just_inside_of_a_limit_is_accepted(planned, changes):
    assert planned(changes).refused == ()


def test_every_reason_is_given_at_once(planned):
    plan = planned(
        {
            "patient.tolerance": '"naive"',
            "setting.place": '"home"',
            "setting.premedication_minutes": None,
            "limits.max_rate_ml_h": "900",
            "dose.grams": "150",
            "product.lots": '[{ lot = "A", expiry = 2020-01-01, grams = 1 }]',
        }
    )
    assert set(codes(plan.refused)) >= {
        "home-first-dose", "premedication-missing", "limit-above-library", "course-dose",
        "day-dose", "lot-expired", "lots-short",
    }  # fmt: skip


@pytest.mark.req("M3")
def test_the_days_that_are_advised_are_accepted_and_fewer_are_not(planned):
    changes = {**product("bivigam", "pi", "10"), "dose.grams": "130"}
    refused = planned(changes)
    assert "3 days would be accepted" in refused.refused[0].message
    assert "too-long" in codes(planned({**changes, "dose.days": "2"}).refused)
    assert planned({**changes, "dose.days": "3"}).refused == ()


@pytest.mark.req("M3")
def test_when_no_number_of_days_helps_that_is_said(planned):
    plan = planned({"limits.max_rate_ml_h": "1", **BIG_LOT})
    assert "no number of days up to 5" in plan.refused[0].message


@pytest.mark.req("M13")
def test_a_lot_that_expires_before_the_day_of_its_use_is_refused(planned):
    lots = (
        '{ lot = "A", expiry = 2031-06-30, grams = 40 }, '
        '{ lot = "B", expiry = 2026-11-20, grams = 40 }'
    )
    changes = {
        **product("gammagard-liquid", "pi", "10", lots),
        "dose.grams": "80",
        "dose.days": "2",
        "patient.weight_kg": "80",
    }
    (reason,) = planned(changes).refused
    assert reason.field == "product.lots[1].expiry"
    assert "day 2" in reason.message
