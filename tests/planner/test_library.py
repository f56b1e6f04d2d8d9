"""The drug library: every figure as printed, and a loader that trusts no file."""

import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from titra.library import RISK_FLAGS, Figure, LibraryError, Limit, load_library, markdown_table

ROOT = Path(__file__).parents[2]
MG_ML_10_PERCENT = Fraction(100)


@pytest.mark.req("M19")
def test_every_product_key_of_the_contract_is_there(library):
    assert set(library.products) == {
        "gammagard-liquid", "privigen", "octagam-10", "octagam-5", "gamunex-c", "flebogamma-10",
        "flebogamma-5", "bivigam", "carimune-nf", "panzyga", "asceniv",
    }  # fmt: skip


@pytest.mark.req("M19")
@pytest.mark.parametrize(
    ("key", "use", "start", "maximum", "risk", "dwells"),
    [
        ("gammagard-liquid", "pi", "0.5 mL/kg/h / 0.8 mg/kg/min", "5 mL/kg/h / 8 mg/kg/min",
         "3.3 mg/kg/min", {30}),
        ("gammagard-liquid", "mmn", "0.5 mL/kg/h", "5.4 mL/kg/h / 9 mg/kg/min", "3.3 mg/kg/min",
         {30}),
        ("privigen", "cidp", "0.5 mg/kg/min / 0.005 mL/kg/min", "8 mg/kg/min / 0.08 mL/kg/min",
         "3.3 mg/kg/min", {30}),
        ("privigen", "itp", "0.5 mg/kg/min / 0.005 mL/kg/min", "4 mg/kg/min / 0.04 mL/kg/min",
         "3.3 mg/kg/min", {30}),
        ("octagam-10", "itp", "1 mg/kg/min / 0.01 mL/kg/min", "12 mg/kg/min / 0.12 mL/kg/min",
         "3.3 mg/kg/min / 0.03 mL/kg/min", {30}),
        ("octagam-10", "dm", "1 mg/kg/min / 0.01 mL/kg/min", "4 mg/kg/min / 0.04 mL/kg/min",
         "3.3 mg/kg/min / 0.03 mL/kg/min", {30}),
        ("octagam-5", "pi", "30 mg/kg/h / 0.5 mg/kg/min / 0.01 mL/kg/min",
         "< 200 mg/kg/h / < 3.33 mg/kg/min / < 4 mL/kg/h", "3.3 mg/kg/min", {30}),
        ("gamunex-c", "pi", "1 mg/kg/min / 0.01 mL/kg/min", "8 mg/kg/min / 0.08 mL/kg/min",
         "3.3 mg/kg/min", {30}),
        ("gamunex-c", "cidp", "2 mg/kg/min / 0.02 mL/kg/min", "8 mg/kg/min / 0.08 mL/kg/min",
         "3.3 mg/kg/min", {30}),
        ("flebogamma-10", "pi", "1 mg/kg/min / 0.01 mL/kg/min", "8 mg/kg/min / 0.08 mL/kg/min",
         "3.3 mg/kg/min", {30}),
        ("flebogamma-5", "pi", "0.5 mg/kg/min / 0.01 mL/kg/min", "5 mg/kg/min / 0.10 mL/kg/min",
         "3.3 mg/kg/min", {30}),
        ("bivigam", "pi", "0.5 mg/kg/min / 0.005 mL/kg/min", "6 mg/kg/min", "< 2 mg/kg/min",
         {10, 20}),
        ("carimune-nf", "pi", "0.5 mg/kg/min", "3 mg/kg/min", "< 2 mg/kg/min", {30}),
        ("panzyga", "itp", "1 mg/kg/min / 0.01 mL/kg/min", "8 mg/kg/min / 0.08 mL/kg/min",
         "3.3 mg/kg/min / 0.033 mL/kg/min", {30}),
        ("asceniv", "pi", "0.5 mg/kg/min / 0.005 mL/kg/min", "8 mg/kg/min / 0.08 mL/kg/min",
         "3.3 mg/kg/min", {15}),
    ],
)  # fmt: skip
def test_figures_are_kept_as_printed(library, key, use, start, maximum, risk, dwells):
    indication = library.products[key].indications[use]
    assert str(indication.ladder[0].rate) == start
    assert str(indication.maximum) == maximum
    assert {str(cap) for cap in indication.risk.values()} == {risk}
    assert set(indication.risk) == set(RISK_FLAGS)
    assert {step.dwell_ms // 60_000 for step in indication.ladder} == dwells


@pytest.mark.req("M19")
def test_figures_from_memory_are_not_marked_as_checked(library):
    flebogamma = library.products["flebogamma-5"].indications["pi"]
    assert not flebogamma.maximum.source.checked
    assert library.products["gammagard-liquid"].indications["pi"].maximum.source.checked


@pytest.mark.req("M19")
def test_own_choices_say_why(library):
    for product in library.products.values():
        for source in product.sources:
            assert source.date == date(2026, 11, 20)
            assert bool(source.reason) == source.own_choice
            assert not (source.own_choice and source.checked)


@pytest.mark.req("M19")
def test_a_ladder_of_practice_holds_own_choices_and_a_ladder_of_the_label_none(library):
    octagam = library.products["octagam-10"].indications
    assert octagam["itp"].ladder_source == "label"
    assert octagam["dm"].ladder_source == "practice"


@pytest.mark.req("M9")
def test_carimune_restricts_a_first_infusion_to_3_percent(library):
    carimune = library.products["carimune-nf"]
    assert carimune.concentrations_mg_ml == (30, 60, 90, 120)
    assert carimune.first_infusion_mg_ml == (30,)


# --- figures ------------------------------------------------------------------------


@pytest.mark.req("L14")
@pytest.mark.parametrize(
    ("figure", "rate_ul_h"),
    [
        # 70.1 kg: 0.8 x 60 x 70.1 / 100 = 33.648 mL/h
        (Figure("0.8", "mg/kg/min"), 33_600),
        (Figure("0.5", "mL/kg/h"), 35_000),
        (Figure("0.01", "mL/kg/min"), 42_000),
        (Figure("30", "mg/kg/h"), 21_000),
        # 70 kg would meet 84 mL/h exactly; 70.1 kg does not.
        (Figure("2", "mg/kg/min", strict=True), 84_100),
    ],
)
def test_a_figure_becomes_a_rate_rounded_down(figure, rate_ul_h):
    assert figure.rate_ul_h(70_100, MG_ML_10_PERCENT) == rate_ul_h


@pytest.mark.req("L14")
def test_a_strict_figure_that_is_a_whole_step_goes_one_step_lower():
    assert Figure("2", "mg/kg/min").rate_ul_h(70_000, MG_ML_10_PERCENT) == 84_000
    assert Figure("2", "mg/kg/min", strict=True).rate_ul_h(70_000, MG_ML_10_PERCENT) == 83_900


@pytest.mark.req("L14")
def test_of_two_equal_figures_the_strict_one_binds(library):
    source = library.products["bivigam"].sources[0]
    plain, strict = Figure("2", "mg/kg/min"), Figure("0.02", "mL/kg/min", strict=True)
    assert Limit((plain, strict), source).binding(MG_ML_10_PERCENT) is strict
    assert Limit((strict, plain), source).binding(MG_ML_10_PERCENT) is strict


# --- the loader ---------------------------------------------------------------------

HOSPITAL = """\
key = "house"
name = "House 10 %"
form = "liquid"
concentrations_percent = ["10"]
[dose]
day_g_per_kg = "0.8"
course_g_per_kg = "1.6"
source = "sheet"
[indications.pi]
title = "test"
source = "sheet"
ladder_source = "label"
maximum = { rate = [{ value = "4", unit = "mg/kg/min" }], source = "sheet" }
ladder = [
  { rate = [{ value = "1", unit = "mg/kg/min" }], source = "sheet", dwell_min = 30, dwell_source = "sheet" },
  { rate = [{ value = "4", unit = "mg/kg/min" }], source = "sheet", dwell_min = 30, dwell_source = "sheet" },
]
risk = [
  { flags = ["cardiac", "renal", "thrombosis", "diabetes", "circulation", "allergy"], rate = [{ value = "2", unit = "mg/kg/min" }], source = "sheet" },
]
[sources.sheet]
text = "a hospital's sheet"
date = 2026-11-20
checked = true
"""  # noqa: E501


@pytest.fixture
def load_changed(tmp_path):
    """Loads the hospital's file with one text replaced by another."""

    def load(old="", new=""):
        assert old in HOSPITAL
        (tmp_path / "house.toml").write_text(HOSPITAL.replace(old, new, 1))
        return load_library(tmp_path)

    return load


def test_a_hospital_can_add_a_product(load_changed):
    house = load_changed().products["house"]
    assert house.day_mg_per_kg == 800
    assert "privigen" in load_changed().products


@pytest.mark.req("M19")
def test_the_built_in_library_is_not_changed_by_a_hospitals(load_changed):
    load_changed()
    assert "house" not in load_library().products


@pytest.mark.req("M19")
@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ('key = "house"', 'key = "home"', "key", "expected house"),
        ('name = "House 10 %"', "", "name", "is missing"),
        ('"liquid"', '"gas"', "form", "liquid or powder"),
        ('["10"]', "[10]", "concentrations_percent[0]", "decimal text"),
        ('["10"]', '["13"]', "concentrations_percent[0]", 'from "3" to "12"'),
        ('["10"]', '["10", "10.0"]', "concentrations_percent[1]", "second time"),
        ('["10"]', '["10.01"]', "concentrations_percent[0]", "whole number of mg/mL"),
        ('["10"]', "[]", "concentrations_percent", "too short"),
        ('"0.8"', '"1.1"', "dose.day_g_per_kg", 'at most "1"'),
        ('"0.8"', "0.8", "dose.day_g_per_kg", "is 0.8"),
        ('"1.6"', '"2.1"', "dose.course_g_per_kg", 'at most "2"'),
        ('"1.6"', '"0.5"', "dose.course_g_per_kg", "below day_g_per_kg"),
        ("[indications.pi]", "[indications.ms]", "indications.ms", "is unknown"),
        ('"label"', '"practice"', "indications.pi.ladder_source", "its rungs make it label"),
        ('{ value = "4", unit = "mg/kg/min" }], source = "sheet" }', "7]}",
         "indications.pi.maximum.rate[0]", "expected a table"),
        ('maximum = { rate = [{ value = "4"', 'maximum = { rate = [{ value = "3.9"',
         "indications.pi.ladder[1].rate", "above the label's maximum"),
        ('maximum = { rate = [{ value = "4"', 'maximum = { rate = [{ strict = true, value = "4"',
         "indications.pi.ladder[1].rate", "above the label's maximum"),
        ('{ rate = [{ value = "1"', '{ rate = [{ value = "4"', "indications.pi.ladder[1].rate",
         "clearly more than the rung before"),
        ('{ rate = [{ value = "1"', '{ rate = [{ value = "5"', "indications.pi.ladder[1].rate",
         "clearly more than the rung before"),
        ("dwell_min = 30", "dwell_min = 0", "indications.pi.ladder[0].dwell_min", "from 10 to 120"),
        ("dwell_min = 30", "dwell_min = 9", "indications.pi.ladder[0].dwell_min", "from 10 to 120"),
        ("dwell_min = 30", "dwell_min = -30", "indications.pi.ladder[0].dwell_min", "from 10"),
        ("dwell_min = 30, ", "", "indications.pi.ladder[0].dwell_min", "is missing"),
        ('source = "sheet", dwell_min', "dwell_min", "indications.pi.ladder[0].source",
         "is missing"),
        ('source = "sheet", dwell_min', 'source = "shet", dwell_min',
         "indications.pi.ladder[0].source", "did you mean sheet?"),
        ('"1", unit = "mg/kg/min"', '"1", unit = "mg/kg"', "indications.pi.ladder[0].rate[0].unit",
         "mg/kg/min"),
        ('"1", unit', "1.0, unit", "indications.pi.ladder[0].rate[0].value", "decimal text"),
        ('"1", unit', '"0", unit', "indications.pi.ladder[0].rate[0].value", "decimal text"),
        ('"1", unit', '"-1", unit', "indications.pi.ladder[0].rate[0].value", "decimal text"),
        ('"1", unit', '"1e3", unit', "indications.pi.ladder[0].rate[0].value", "decimal text"),
        ('[{ value = "1", unit = "mg/kg/min" }]', "[]", "indications.pi.ladder[0].rate",
         "too short"),
        ('[{ value = "1", unit = "mg/kg/min" }]',
         '[{ value = "1", unit = "mg/kg/min" }, { value = "1", unit = "mL/kg/min" }]',
         "indications.pi.ladder[0].rate", "more than rounding explains"),
        ('{ value = "2", unit', '{ value = "4.1", unit', "indications.pi.risk",
         "above the maximum"),
        ('"diabetes", ', "", "indications.pi.risk", "no cap for diabetes"),
        ('"diabetes", ', '"renal", ', "indications.pi.risk[0].flags[3]", "second time"),
        ('"diabetes", ', '"diabetis", ', "indications.pi.risk[0].flags[3]", "diabetes?"),
        ("checked = true", "", "sources.sheet.checked", "is missing"),
        ("checked = true", "checked = true\nown_choice = true\nreason = 'x'",
         "sources.sheet.checked", "expected false"),
        ("checked = true", "checked = false\nown_choice = true", "sources.sheet.reason",
         "is missing"),
        ("date = 2026-11-20", "date = '2026-11-20'", "sources.sheet.date", "without quotes"),
        ("text = \"a hospital's sheet\"", "", "sources.sheet.text", "is missing"),
        ("[sources.sheet]", "[sources.other]\ntext = 'x'\ndate = 2026-11-20\nchecked = true\n"
         "[sources.sheet]", "sources.other", "not used"),
        ("checked = true", "chekced = true", "sources.sheet.chekced", "did you mean checked?"),
    ],
)  # fmt: skip
def test_the_loader_refuses_a_faulty_file_at_its_field(load_changed, old, new, field, words):
    with pytest.raises(LibraryError) as caught:
        load_changed(old, new)
    messages = {problem.field: problem.message for problem in caught.value.problems}
    assert field in messages
    assert words in messages[field]
    assert all(line.startswith(caught.value.path) for line in caught.value.lines())
    assert caught.value.path.endswith("house.toml")


def test_volume_units_are_refused_with_several_concentrations(load_changed):
    both = HOSPITAL.replace('["10"]', '["10", "5"]')
    with pytest.raises(LibraryError, match="says nothing with several concentrations"):
        load_changed(HOSPITAL, both.replace('"1", unit = "mg/kg/min"', '"1", unit = "mL/kg/h"'))
    assert load_changed(HOSPITAL, both).products["house"].concentrations_mg_ml == (100, 50)


@pytest.mark.req("M9")
def test_a_first_infusion_cannot_have_another_products_concentration(load_changed):
    table = '[first_infusion]\nconcentrations_percent = ["5"]\nsource = "sheet"\n[dose]'
    with pytest.raises(LibraryError, match="does not have"):
        load_changed("[dose]", table)


def test_a_key_that_exists_is_refused(tmp_path):
    built_in = ROOT / "tools/titra/library/privigen.toml"
    (tmp_path / "privigen.toml").write_text(built_in.read_text())
    with pytest.raises(LibraryError, match="has already"):
        load_library(tmp_path)


def test_a_library_that_is_no_directory_is_refused(tmp_path):
    with pytest.raises(LibraryError, match="not a directory"):
        load_library(tmp_path / "none")


@pytest.mark.req("M19")
def test_a_ladder_longer_than_the_pump_holds_is_refused(load_changed):
    first = next(line for line in HOSPITAL.splitlines() if 'value = "1"' in line)
    steps = [first.replace('"1"', f'"1.{step}"') for step in range(1, 10)]
    steps += [first.replace('"1"', f'"2.{step}"') for step in (1, 2)]
    with pytest.raises(LibraryError, match="has 13 rungs, expected 1 to 12"):
        load_changed(first, "\n".join([first, *steps]))


# --- the document -------------------------------------------------------------------


@pytest.mark.req("M19")
def test_the_table_names_every_product_and_marks_what_is_not_checked():
    table = markdown_table()
    for key in load_library().products:
        assert f"`{key}`" in table
    assert "| not checked |" in table
    assert "| own choice |" in table
    assert table == markdown_table()


def test_the_library_document_is_current():
    text = (ROOT / "docs/library.md").read_text()
    inside = re.search(r"<!-- generated: library -->\n(.*)<!-- end generated -->", text, re.DOTALL)
    assert inside[1].strip() == markdown_table().strip()


@pytest.mark.req("F24")
def test_no_rate_of_the_library_is_written_as_a_float():
    for path in (ROOT / "tools/titra/library").glob("*.toml"):
        assert not re.search(r"= [0-9]+[.][0-9]", path.read_text()), path.name
