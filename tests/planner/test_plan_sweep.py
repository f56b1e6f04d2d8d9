"""A sample of the sweep, and whether its oracle and its core see a planner that is wrong.

The whole grid is `make plan-sweep`; its counts are in docs/plan_sweep.md.
"""

from dataclasses import replace
from fractions import Fraction

import pytest
from plan_sweep import core_run, orders, sweep
from plan_sweep.core_run import Corner, Ladder
from plan_sweep.oracle import Broken, expected

from titra.library.figures import Figure, Limit
from titra.planning import ladder as ladders
from titra.planning import planner

# Every 11th of about 140 ladders: 13, in any order of the library's products.
CORE_SAMPLE = 11


@pytest.fixture(scope="module")
def counts():
    total = sweep.Counts()
    for use in orders.all_uses():
        total.add(sweep.sweep_use(use, orders.SAMPLE))
    return total


@pytest.mark.req("L14", "M2", "M3", "M4", "M7", "M9", "M19")
def test_every_plan_of_a_sample_is_within_every_cap_or_refused_with_its_reason(counts):
    assert counts.planned == 78 * orders.SAMPLE.size()
    assert counts.accepted > 5_000
    assert set(counts.refused) >= {"day-dose", "too-long", "first-infusion-concentration"}


@pytest.mark.req("L14", "M3", "M20")
def test_the_core_delivers_a_sample_of_ladders_as_planned(counts):
    some = sorted(counts.corners.items(), key=repr)[::CORE_SAMPLE]
    runs, ticks = sweep.run_corners(some)
    assert runs >= len(some) >= 10
    assert ticks > 50_000


@pytest.mark.nightly
@pytest.mark.req("L14", "M2", "M3", "M4", "M7", "M9", "M19")
@pytest.mark.timeout(3600)
def test_every_plan_of_every_weight_is_within_every_cap_or_refused_with_its_reason():
    grid = orders.Grid(range(40, 131), (*orders.ALL_SUBSETS[:7], orders.ALL_SUBSETS[-1]), (20, 60))
    total = sweep.Counts()
    for use in orders.all_uses():
        total.add(sweep.sweep_use(use, grid))
    sweep.run_corners(total.corners.items())


def test_the_grid_is_the_one_that_is_promised():
    assert len(orders.ALL_SUBSETS) == 64
    assert list(orders.WHOLE.weights_kg) == list(range(40, 131))
    assert (orders.WHOLE.doses_g[0], orders.WHOLE.doses_g[-1]) == (20, 60)
    assert {use.key for use in orders.all_uses()} == set(orders.LIBRARY.products)


def test_an_order_of_the_grid_is_what_a_file_gives():
    use = orders.Use("privigen", "cidp", 10, "tolerated")
    order = next(orders.patients(orders.base_order(use), orders.SAMPLE))
    assert order.patient == replace(orders.base_order(use).patient, weight_g=40_000)


# --- the oracle sees --------------------------------------------------------------------


def _sweep(key, indication, percent=10, tolerance="tolerated", weights=(70,), doses=(40,)):
    use = orders.Use(key, indication, percent, tolerance)
    grid = orders.Grid(weights, ((), ("renal",), orders.FLAGS), doses)
    return sweep.sweep_use(use, grid)


def test_a_risk_cap_that_is_forgotten_is_seen(monkeypatch):
    honest = planner.caps_of
    monkeypatch.setattr(planner, "caps_of", lambda used, risk, *rest: honest(used, (), *rest))
    with pytest.raises(Broken, match="above risk:renal"):
        _sweep("privigen", "pi")


def test_a_strict_figure_that_is_reached_is_seen(monkeypatch):
    honest = Figure.rate_ul_h
    monkeypatch.setattr(
        Figure, "rate_ul_h", lambda self, *of: honest(replace(self, strict=False), *of)
    )
    with pytest.raises(Broken, match="is above risk:renal.*strict=True"):
        _sweep("bivigam", "pi")


def test_a_rate_that_is_rounded_up_is_seen(monkeypatch):
    honest = Figure.rate_ul_h
    monkeypatch.setattr(
        Figure, "rate_ul_h", lambda self, *of: -(-self.ul_h(*of) // 100) * 100 or honest(self, *of)
    )
    with pytest.raises(Broken, match="46600.*expected.*46500"):
        _sweep("gammagard-liquid", "pi", weights=(97,))


def test_the_higher_of_two_printed_figures_is_seen(monkeypatch):
    def highest(self, mg_ml):
        return max(self.figures, key=lambda figure: figure.order(mg_ml))

    monkeypatch.setattr(Limit, "binding", highest)
    with pytest.raises(Broken, match="350000 uL/h is above label"):
        _sweep("gammagard-liquid", "pi", doses=(20,))


def test_a_dwell_that_is_cut_short_is_seen(monkeypatch):
    honest = planner.rungs_of
    monkeypatch.setattr(
        planner,
        "rungs_of",
        lambda *of: tuple(replace(rung, dwell_ms=rung.dwell_ms - 60_000) for rung in honest(*of)),
    )
    with pytest.raises(Broken, match="expected"):
        _sweep("panzyga", "itp")


def test_a_first_dose_on_the_faster_ladder_is_seen(monkeypatch):
    honest = planner._Planner._is_first_dose
    monkeypatch.setattr(planner._Planner, "_is_first_dose", lambda self: honest(self) and False)
    with pytest.raises(Broken):
        _sweep("gamunex-c", "cidp", tolerance="naive")


def test_six_hours_that_are_not_kept_are_seen(monkeypatch):
    monkeypatch.setattr(planner, "DELIVERY_MAX_MS", planner.DELIVERY_MAX_MS + 3_600_000)
    with pytest.raises(Broken, match="expected .'too-long'"):
        _sweep("bivigam", "pi", doses=range(44, 61))


def test_rises_that_are_not_counted_are_seen(monkeypatch):
    honest = planner.duration_ms
    monkeypatch.setattr(planner, "duration_ms", lambda rungs, ul, _slew: honest(rungs, ul, None))
    with pytest.raises(Broken, match="is not when"):
        _sweep("privigen", "pi")


def test_a_refusal_without_a_reason_is_seen(monkeypatch):
    monkeypatch.setattr(planner, "VTBI_MAX_UL", 300_000)
    with pytest.raises(Broken, match="day-volume"):
        _sweep("privigen", "pi")


# --- the core sees ------------------------------------------------------------------------

GOOD = Ladder(((42_000, 1_800_000), (84_000, 1_800_000)), 84_000, 100, 1_800_000)
DOSE = Corner(200_000, 70_000, 10_500_000)


def test_a_plan_worked_by_hand_runs_on_the_core():
    # 21 mL in the first 30 min, 179 mL at 84 mL/h: 127.9 min more, and the rises.
    corner = replace(DOSE, duration_ms=int((30 + 127.857) * 60_000))
    assert core_run.run(GOOD, corner) > 4_700


def test_a_rung_above_its_cap_does_not_get_onto_the_core():
    with pytest.raises(AssertionError, match="RX_ABOVE_CAP"):
        core_run.run(replace(GOOD, cap_ul_h=83_900), DOSE)


def test_a_core_that_climbs_without_a_dwell_is_seen(monkeypatch):
    honest = core_run.CoreBench.begin

    def begin(self, order):
        return honest(self, order.but(rungs=tuple((rate, 6) for rate, _ in order.rungs)))

    monkeypatch.setattr(core_run.CoreBench, "begin", begin)
    with pytest.raises(core_run.Wrong, match="left after"):
        core_run.run(GOOD, DOSE)


def test_a_time_that_was_planned_too_long_is_seen():
    with pytest.raises(core_run.Wrong, match="took"):
        core_run.run(GOOD, replace(DOSE, duration_ms=12_000_000))


# --- figures that sources print ----------------------------------------------------------


@pytest.mark.req("L14")
@pytest.mark.parametrize(
    ("key", "indication", "percent", "risk", "weight_kg", "rates_ml_h"),
    [
        # The contract's order.
        ("gammagard-liquid", "pi", 10, ("renal",), 70, (33.6, 70, 138.6)),
        # 0.5 mL/kg/h is 0.833 mg/kg/min; the label prints 0.8 beside it.
        ("gammagard-liquid", "pi", 10, (), 100, (48, 100, 200, 300, 400, 480)),
        # Octagam prints 3.3 mg/kg/min as 0.03 mL/kg/min, Panzyga as 0.033.
        ("octagam-10", "itp", 10, ("renal",), 100, (60, 120, 180)),
        ("panzyga", "itp", 10, ("renal",), 100, (60, 198)),
        # 0.12 mL/kg/min at 130 kg, the fastest of any label.
        ("octagam-10", "itp", 10, (), 130, (78, 156, 312, 624, 936)),
        # 0.5 mg/kg/min of a 12 % solution at 40 kg, the slowest.
        ("carimune-nf", "pi", 12, (), 40, (10, 20, 40, 60)),
        # < 2 mg/kg/min is below 120 mL/h at 100 kg.
        ("bivigam", "pi", 10, ("renal",), 100, (30, 78, 119.9)),
    ],
)  # fmt: skip
def test_figures_worked_by_hand(key, indication, percent, risk, weight_kg, rates_ml_h):
    hand = [round(rate * 1000) for rate in rates_ml_h]
    must = expected(orders.RAW[key], indication, "tolerated", risk, weight_kg * 1000, percent * 10)
    assert [rate for rate, _ in must.rungs] == hand
    order = orders.base_order(orders.Use(key, indication, percent, "tolerated"))
    patient = replace(order.patient, weight_g=weight_kg * 1000, risk=risk)
    made = planner.plan(
        replace(order, patient=patient, dose=replace(order.dose, mg=20_000)),
        orders.LIBRARY, orders.TODAY,
    )  # fmt: skip
    assert [rung.rate_ul_h for rung in made.days[0].rungs] == hand


def test_a_mL_per_kg_rate_of_hospital_practice_needs_1092_mL_h():  # noqa: N802 - a unit
    # 0.14 mL/kg/min at 130 kg, which 1200 mL/h covers and 999 would not.
    assert Figure("0.14", "mL/kg/min").rate_ul_h(130_000, Fraction(100)) == 1_092_000


@pytest.mark.req("M9")
@pytest.mark.parametrize(
    ("percent", "volume_ml"), [(12, 416.666), (10, 500), (6, 833.333), (5, 1000), (3, 1666.666)]
)
def test_50_g_are_the_volume_that_the_sources_print(percent, volume_ml):
    key = {10: "privigen", 5: "octagam-5"}.get(percent, "carimune-nf")
    order = orders.base_order(orders.Use(key, "pi", percent, "tolerated"))
    made = planner.plan(
        replace(order, dose=replace(order.dose, mg=50_000)), orders.LIBRARY, orders.TODAY
    )
    assert made.days[0].volume_ul == round(volume_ml * 1000)


@pytest.mark.req("M3")
def test_50_g_at_2_mg_per_kg_and_min_take_6_6_hours_and_are_refused():
    counts = _sweep("bivigam", "pi", doses=(50,))
    # Without a flag it is accepted, with any it is not.
    assert (counts.accepted, counts.refused) == (1, {"too-long": 2})
    # 84 mL/h at 70 kg: 30 min each at 21 and 42 mL/h, then 468.5 mL in 5.58 h.
    rungs = ladders.rungs_of(
        [orders.LIBRARY.products["carimune-nf"].indications["pi"].ladder],
        ladders.Cap("test", 84_000, "2 mg/kg/min"), 70_000, 100,
    )  # fmt: skip
    assert [rung.rate_ul_h for rung in rungs] == [21_000, 42_000, 84_000]
    assert round(ladders.duration_ms(rungs, 500_000, None) / 3_600_000, 1) == 6.6
