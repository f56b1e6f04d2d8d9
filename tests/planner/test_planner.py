"""The planner on cases that a person can check by hand."""

from datetime import date

import pytest
from planner_orders import codes, product


def rates(plan):
    return [rung.rate_ul_h for rung in plan.days[0].rungs]


# --- the order worked by hand -------------------------------------------------------


@pytest.mark.req("M1")
def test_the_order_worked_by_hand_gives_the_figures_worked_by_hand(planned):
    plan = planned({})
    (day,) = plan.days
    assert plan.refused == ()
    # 0.8 mg/kg/min x 60 x 70 kg / 100 mg/mL; 1 mL/kg/h x 70 kg; 3.3 x 60 x 70 / 100.
    assert rates(plan) == [33_600, 70_000, 138_600]
    assert [rung.dwell_ms for rung in day.rungs] == [1_800_000] * 3
    assert day.volume_ul == 400_000
    assert (day.cap_ul_h, day.cap_source) == (138_600, "risk:renal")
    # 60 min, then (400 - 16.8 - 35) mL at 138.6 mL/h: 210.736 min.
    assert round(day.duration_ms / 60_000, 1) == 210.7
    assert day.check_interval_ms == 900_000


@pytest.mark.req("M3")
def test_rises_add_the_time_that_the_slew_takes(planned):
    day = planned({}).days[0]
    # From zero: 33.6 s, 36.4 s and 68.6 s of rise, which deliver 0.1568, 0.5238 and 1.9875 mL.
    assert day.slew_ul_h_s == 1000
    rise_s = 138.6
    rise_ml = (33.6**2 / 2 + (70**2 - 33.6**2) / 2 + (138.6**2 - 70**2) / 2) / 3600
    expected_s = rise_s + 3600 + (400 - 16.8 - 35 - rise_ml) / 138.6 * 3600
    assert day.duration_with_slew_ms / 1000 == pytest.approx(expected_s, abs=0.01)


@pytest.mark.req("L14")
def test_of_two_printed_figures_the_lower_is_enforced(planned):
    plan = planned({"patient.risk": "[]", "limits": None, "patient.weight_kg": "100"})
    # 0.5 mL/kg/h would be 50 mL/h, the printed 0.8 mg/kg/min is 48; the maximum of 5 mL/kg/h
    # would be 500 mL/h, the printed 8 mg/kg/min is 480.
    assert rates(plan)[0] == 48_000
    assert rates(plan)[-1] == 480_000


@pytest.mark.req("L14")
def test_a_cap_printed_in_two_units_holds_at_the_lower(planned):
    plan = planned({**product("octagam-10", "itp", "10")})
    # 3.3 mg/kg/min would be 138.6 mL/h at 70 kg; the printed 0.03 mL/kg/min is 126.
    assert plan.days[0].cap_ul_h == 126_000
    assert rates(plan) == [42_000, 84_000, 126_000]


@pytest.mark.req("L14")
def test_a_strict_cap_stays_strictly_below(planned):
    # Bivigam at risk: < 2 mg/kg/min is < 84 mL/h at 70 kg.
    plan = planned({**product("bivigam", "pi", "10"), "dose.grams": "40"})
    assert plan.days[0].cap_ul_h == 83_900
    assert rates(plan) == [21_000, 54_600, 83_900]


@pytest.mark.req("L14")
def test_a_strict_cap_between_two_steps_needs_no_further_step_down(planned):
    # < 84.12 mL/h at 70.1 kg.
    plan = planned({**product("bivigam", "pi", "10"), "patient.weight_kg": "70.1"})
    assert plan.days[0].cap_ul_h == 84_100


@pytest.mark.req("L14")
def test_the_label_maximum_of_octagam_5_is_strict_in_its_lowest_unit(planned):
    plan = planned({**product("octagam-5", "pi", "5"), "patient.risk": "[]"})
    # < 3.33 mg/kg/min is < 279.72 mL/h, below < 4 mL/kg/h, 280.
    assert rates(plan) == [42_000, 84_000, 168_000, 279_700]


def test_the_first_rung_of_bivigam_is_ten_minutes_and_the_others_twenty(planned):
    plan = planned({**product("bivigam", "pi", "10"), "patient.risk": "[]"})
    dwells = [rung.dwell_ms // 60_000 for rung in plan.days[0].rungs]
    assert dwells == [10] + [20] * 7


@pytest.mark.req("L14")
def test_the_slowest_and_the_fastest_rate_of_the_library_fit_the_pump(planned):
    lot = '{ lot = "A", expiry = 2031-06-30, grams = 40, diluent_ml = 334 }'
    carimune = product("carimune-nf", "pi", "12", lot)
    slow = planned({**carimune, "patient.weight_kg": "40", "dose.grams": "20"})
    fast = planned(
        {**product("octagam-10", "itp", "10"), "patient.weight_kg": "130", "patient.risk": "[]"}
    )
    assert rates(slow)[0] == 10_000
    assert max(rung.rate_ul_h for rung in fast.days[0].rungs) == 936_000


@pytest.mark.req("L14")
def test_the_hardware_caps_the_heaviest(planned):
    plan = planned(
        {**product("octagam-10", "itp", "10"), "patient.weight_kg": "200", "patient.risk": "[]"}
    )
    assert (plan.days[0].cap_ul_h, plan.days[0].cap_source) == (1_200_000, "hardware")
    assert "weight-unusual" in codes(plan.warnings)


@pytest.mark.req("L14")
@pytest.mark.parametrize(
    ("limit", "cap", "source"),
    [("100", 100_000, "prescriber"), ("100.09", 100_000, "prescriber"), ("0.1", 100, None)],
)
def test_a_prescribers_limit_is_the_cap_when_it_is_the_lowest(planned, limit, cap, source):
    plan = planned({"limits.max_rate_ml_h": limit})
    if source is None:
        # A tenth of a mL/h would take half a year.
        assert codes(plan.refused) == ["too-long"]
    else:
        assert (plan.days[0].cap_ul_h, plan.days[0].cap_source) == (cap, source)
        assert rates(plan)[-1] == cap


@pytest.mark.req("L14")
def test_a_cap_below_the_first_rung_leaves_one_rung(planned):
    plan = planned({"limits.max_rate_ml_h": "20", "dose.grams": "10"})
    assert rates(plan) == [20_000]


@pytest.mark.req("L14")
def test_a_limit_that_the_risk_cap_undercuts_is_said_not_to_be_in_force(planned):
    plan = planned({})
    assert codes(plan.warnings) == ["limit-not-in-force"]
    assert "138.6" in plan.warnings[0].message


# --- dose and days ------------------------------------------------------------------


@pytest.mark.req("M4", "M5")
def test_days_share_the_dose_and_the_first_takes_the_remainder(planned):
    plan = planned({"dose.grams": "80.001", "dose.days": "2", **product(
        "gammagard-liquid", "pi", "10"), "patient.weight_kg": "80"})  # fmt: skip
    assert [day.dose_mg for day in plan.days] == [40_001, 40_000]
    assert [day.volume_ul for day in plan.days] == [400_010, 400_000]


@pytest.mark.req("M4")
def test_the_volume_is_rounded_down(planned):
    lot = '{ lot = "A", expiry = 2031-06-30, grams = 45, diluent_ml = 500 }'
    plan = planned({**product("carimune-nf", "pi", "9", lot), "dose.grams": "40"})
    # 444.4444... mL
    assert plan.days[0].volume_ul == 444_444


@pytest.mark.req("M13")
def test_lots_are_used_up_in_turn(planned):
    lots = (
        '{ lot = "A", expiry = 2031-06-30, grams = 30 }, '
        '{ lot = "B", expiry = 2031-07-31, grams = 50 }'
    )
    plan = planned(
        {
            **product("gammagard-liquid", "pi", "10", lots),
            "dose.grams": "80",
            "dose.days": "2",
            "patient.weight_kg": "80",
        }
    )
    assert [[(use.lot, use.dose_mg) for use in day.lots] for day in plan.days] == [
        [("A", 30_000), ("B", 10_000)],
        [("B", 40_000)],
    ]


@pytest.mark.req("M4")
def test_a_dose_outside_of_the_usual_range_is_warned_of(planned):
    assert "dose-unusual" in codes(planned({"dose.grams": "39.9"}).warnings)
    assert "dose-unusual" not in codes(planned({"dose.grams": "40"}).warnings)
    big = {"product.lots": '[{ lot = "A", expiry = 2031-06-30, grams = 90 }]'}
    assert "dose-unusual" not in codes(planned({"dose.grams": "50", **big}).warnings)
    assert "dose-unusual" in codes(planned({"dose.grams": "50.1", **big}).warnings)


@pytest.mark.req("M9")
def test_a_mix_slightly_stronger_than_stated_is_planned_as_mixed(planned):
    lot = '{ lot = "A", expiry = 2031-06-30, grams = 45, diluent_ml = 495 }'
    plan = planned({**product("carimune-nf", "pi", "9", lot), "dose.grams": "40"})
    # 90.909 mg/mL, rounded up: 91.  40 g are then 439.560 mL.
    assert plan.days[0].concentration_mg_ml == 91
    assert plan.days[0].volume_ul == 439_560
    assert "mixed-stronger" in codes(plan.warnings)


# --- tolerance and intervals ----------------------------------------------------------


@pytest.mark.req("M6")
@pytest.mark.parametrize(
    ("last", "first_dose", "code"),
    [
        ("2026-10-30", False, None),  # 21 days
        ("2026-10-31", False, "interval-unusual"),
        ("2026-10-09", False, None),  # 42 days
        ("2026-10-08", False, "interval-unusual"),
        ("2026-09-25", False, "interval-unusual"),  # 56 days
        ("2026-09-24", True, "first-dose-again"),
    ],
)
def test_three_to_six_weeks_are_usual_and_eight_make_a_first_dose(planned, last, first_dose, code):
    plan = planned({"course.last_dose": last, "limits": None})
    assert plan.days[0].first_dose is first_dose
    assert code is None or code in codes(plan.warnings)
    assert code is not None or codes(plan.warnings) == []


@pytest.mark.req("M6")
def test_without_a_last_dose_the_interval_is_said_to_be_unchecked(planned):
    assert "interval-unknown" in codes(planned({"course": None}).warnings)


@pytest.mark.req("M7")
def test_a_first_dose_climbs_the_slowest_ladder_of_the_label(planned):
    changes = {**product("gamunex-c", "cidp", "10"), "patient.risk": "[]"}
    tolerated = planned(changes)
    naive = planned({**changes, "patient.tolerance": '"naive"'})
    # CIDP starts at 2 mg/kg/min, 84 mL/h; the other indications at 1.
    assert rates(tolerated) == [84_000, 168_000, 336_000]
    assert rates(naive) == [42_000, 84_000, 168_000, 336_000]
    assert naive.days[0].first_dose


@pytest.mark.req("M7")
def test_a_first_dose_stays_at_008_ml_per_kg_and_min(planned):
    changes = {**product("flebogamma-5", "pi", "5"), "patient.risk": "[]"}
    assert planned(changes).days[0].cap_ul_h == 420_000
    day = planned({**changes, "patient.tolerance": '"naive"'}).days[0]
    # 0.08 mL/kg/min x 60 x 70 kg; the label's maximum is 0.10.
    assert (day.cap_ul_h, day.cap_source) == (336_000, "first-dose")


@pytest.mark.req("M8")
def test_at_home_nothing_is_faster_than_a_first_infusion(planned):
    changes = {**product("octagam-10", "itp", "10"), "patient.risk": "[]"}
    clinic = planned(changes)
    home = planned({**changes, "setting.place": '"home"'})
    assert rates(clinic)[-1] == 504_000
    # 0.08 mL/kg/min x 60 x 70 kg
    assert rates(home)[-1] == 336_000
    assert home.days[0].check_interval_ms == 900_000
    assert clinic.days[0].check_interval_ms == 1_800_000


@pytest.mark.req("M10")
def test_premedication_outside_of_the_usual_time_is_warned_of(planned):
    changes = {"patient.tolerance": '"naive"', "setting.premedication_minutes": "29"}
    assert "premedication-unusual" in codes(planned(changes).warnings)


@pytest.mark.req("M19")
def test_off_label_takes_the_lowest_cap_and_the_slowest_ladder_and_says_so(planned):
    changes = {**product("octagam-10", "off-label", "10"), "patient.risk": "[]"}
    plan = planned(changes)
    # Dermatomyositis has the lower maximum, 4 mg/kg/min.
    assert rates(plan) == [42_000, 84_000, 168_000]
    assert plan.days[0].cap_ul_h == 168_000
    assert "off-label" in codes(plan.warnings)


# --- the plan as a value --------------------------------------------------------------


def test_the_same_order_gives_the_same_plan(planned):
    assert planned({}) == planned({})


@pytest.mark.req("M19")
def test_every_figure_of_a_plan_has_a_source(planned):
    plan = planned({})
    assert {source.key for source in plan.sources} >= {"label", "min-rate", "dose"}
    assert all(cap.source or cap.name in ("prescriber", "hardware") for cap in plan.days[0].caps)


@pytest.mark.req("M6")
def test_the_plan_depends_on_the_day_it_is_made(planned):
    assert planned({}).refused == ()
    assert "lot-expired" in codes(planned({}, date(2028, 1, 1)).refused)
