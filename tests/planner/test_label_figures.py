"""What the sources print, worked by hand into mL/h and met by plans.

Every row of the table of products, at 70 kg: first rung, maximum, maximum with a risk flag.
"""

from dataclasses import replace

import pytest
from plan_sweep import orders
from test_library import HOSPITAL

from titra.library import Library
from titra.library.loader import product_from_toml
from titra.planning.planner import plan


def rungs(key, use, percent, risk=(), weight_kg=70, library=orders.LIBRARY, tolerance="tolerated"):
    """The rates of an accepted plan of 1 g a 10 kg, in mL/h."""
    named = orders.base_order(orders.Use("privigen", "pi", 10, tolerance))
    if key in orders.RAW:
        named = orders.base_order(orders.Use(key, use, percent, tolerance))
    order = replace(
        named,
        product=replace(named.product, name=key, indication=use),
        patient=replace(named.patient, weight_g=weight_kg * 1000, risk=risk),
        dose=replace(named.dose, mg=weight_kg * 100),
    )
    made = plan(order, library, orders.TODAY)
    assert made.refused == ()
    return [rung.rate_ul_h / 1000 for rung in made.days[0].rungs]


@pytest.mark.req("L14", "M2", "M19")
@pytest.mark.parametrize(
    ("key", "use", "percent", "first", "highest", "at_risk"),
    [
        # 0.8 mg/kg/min x 60 x 70 kg / 100 mg/mL, below 0.5 mL/kg/h; 8 mg/kg/min below 5 mL/kg/h.
        ("gammagard-liquid", "pi", 10, 33.6, 336, 138.6),
        # No second unit beside 0.5 mL/kg/h; 5.4 mL/kg/h and 9 mg/kg/min are the same.
        ("gammagard-liquid", "mmn", 10, 35, 378, 138.6),
        ("privigen", "pi", 10, 21, 336, 138.6),
        ("privigen", "cidp", 10, 21, 336, 138.6),
        ("privigen", "itp", 10, 21, 168, 138.6),
        # 3.3 mg/kg/min is 138.6, the 0.03 mL/kg/min printed beside it 126.
        ("octagam-10", "itp", 10, 42, 504, 126),
        ("octagam-10", "dm", 10, 42, 168, 126),
        # < 200 mg/kg/h is below 280, < 3.33 mg/kg/min below 279.72; 3.3 is 277.2.
        ("octagam-5", "pi", 5, 42, 279.7, 277.2),
        ("gamunex-c", "pi", 10, 42, 336, 138.6),
        ("gamunex-c", "itp", 10, 42, 336, 138.6),
        ("gamunex-c", "cidp", 10, 84, 336, 138.6),
        ("flebogamma-10", "pi", 10, 42, 336, 138.6),
        ("flebogamma-5", "pi", 5, 42, 420, 277.2),
        # < 2 mg/kg/min is below 84.
        ("bivigam", "pi", 10, 21, 252, 83.9),
        ("carimune-nf", "pi", 3, 70, 420, 279.9),
        ("carimune-nf", "pi", 12, 17.5, 105, 69.9),
        # 0.033 mL/kg/min is 3.3 mg/kg/min exactly.
        ("panzyga", "itp", 10, 42, 336, 138.6),
        ("asceniv", "pi", 10, 21, 336, 138.6),
    ],
)
def test_every_row_of_the_table_of_products(key, use, percent, first, highest, at_risk):
    plain = rungs(key, use, percent)
    assert (plain[0], plain[-1]) == (first, highest)
    careful = rungs(key, use, percent, ("renal",))
    assert (careful[0], careful[-1]) == (first, at_risk)


@pytest.mark.req("L14")
def test_bivigam_climbs_by_0_8_mg_per_kg_and_min():
    # 0.5, 1.3, 2.1 ... 5.3, 6 at 100 kg: x 60 mL/h
    assert rungs("bivigam", "pi", 10, weight_kg=100) == [30, 78, 126, 174, 222, 270, 318, 360]


@pytest.mark.req("L14")
def test_octagam_5_climbs_by_30_60_and_120_mg_per_kg_and_hour():
    # At 100 kg: 60, 120, 240 mL of 50 mg/mL, and below 3.33 x 120 = 399.6
    assert rungs("octagam-5", "pi", 5, weight_kg=100) == [60, 120, 240, 399.5]


@pytest.mark.req("L14")
def test_the_makers_calculator_climbs_by_whole_ml_per_kg_and_hour():
    # 0.8 mg/kg/min, then 1, 2, 3, 4 mL/kg/h, and 8 mg/kg/min below 5.
    assert rungs("gammagard-liquid", "pi", 10, weight_kg=100) == [48, 100, 200, 300, 400, 480]


@pytest.mark.req("M7")
def test_a_hospitals_ladder_to_0_14_ends_a_first_infusion_at_0_08():
    steps = ["0.01", "0.02", "0.04", "0.06", "0.08", "0.12", "0.14"]
    ladder = "\n".join(
        f'{{ rate = [{{ value = "{step}", unit = "mL/kg/min" }}], source = "sheet", '
        'dwell_min = 15, dwell_source = "sheet" },'
        for step in steps
    )
    begin, end = HOSPITAL.index("ladder = ["), HOSPITAL.index("risk = [")
    text = f"{HOSPITAL[:begin]}ladder = [\n{ladder}\n]\n{HOSPITAL[end:]}".replace(
        'maximum = { rate = [{ value = "4", unit = "mg/kg/min"',
        'maximum = { rate = [{ value = "0.14", unit = "mL/kg/min"',
    )
    library = Library({"house": product_from_toml(text.encode(), "house.toml", "house")})
    later = rungs("house", "pi", 10, weight_kg=100, library=library)
    assert later == [60, 120, 240, 360, 480, 720, 840]
    first = rungs("house", "pi", 10, weight_kg=100, library=library, tolerance="naive")
    assert first == [60, 120, 240, 360, 480]
