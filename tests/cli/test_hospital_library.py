"""A hospital's own product file: used by `plan` and `simulate`, never in a built-in one's place."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from titra.cli import titra

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/hospital"
ORDER = str(FOLDER / "orders/house.toml")
FILE = (FOLDER / "privigen-house.toml").read_text()


def run(*arguments, **environment):
    return CliRunner().invoke(titra, [str(one) for one in arguments], env=environment)


@pytest.mark.req("M19")
def test_a_product_of_a_hospital_is_planned_from_its_own_file():
    result = run("plan", ORDER, "--library", FOLDER, "--json")
    day = json.loads(result.stdout)["days"][0]
    assert result.exit_code == 0
    # 0.5, 1, 2 and 4 mg/kg/min of a 10 % solution at 70 kg
    assert [rung["rate_ml_h"] for rung in day["rungs"]] == [21, 42, 84, 168]
    assert day["cap_ml_h"] == 168


def test_the_folder_can_stand_in_the_environment():
    assert run("plan", ORDER, "--json", TITRA_LIBRARY=str(FOLDER)).exit_code == 0


def test_without_the_folder_the_product_is_unknown():
    result = run("plan", ORDER)
    assert result.exit_code == 2
    assert "privigen-house" in result.stderr


def test_a_built_in_product_is_planned_as_ever_beside_a_hospitals_files():
    example = ROOT / "examples/privigen-cidp.toml"
    alone, beside = run("plan", example, "--json"), run("plan", example, "--json", "--library",
                                                        FOLDER)  # fmt: skip
    assert alone.stdout == beside.stdout


@pytest.mark.req("M19")
def test_a_built_in_product_is_never_replaced(tmp_path):
    text = (ROOT / "tools/titra/library/privigen.toml").read_text()
    (tmp_path / "privigen.toml").write_text(text)
    result = run("plan", ROOT / "examples/privigen-cidp.toml", "--library", tmp_path)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{tmp_path}/privigen.toml: key: is privigen, which the library has")
    assert "privigen-house" in line


@pytest.mark.req("M19")
@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            'maximum = { rate = [{ value = "4"', 'maximum = { rate = [{ value = "3"',
            "indications.pi.ladder[3].rate: is 4 mg/kg/min, above the label's maximum of 3 "
            "mg/kg/min",
        ),
        (
            "dwell_min = 45", "dwell_min = 0",
            "indications.pi.ladder[3].dwell_min: is 0, expected a number of min from 10 to 120",
        ),
        (
            '{ value = "1", unit = "mg/kg/min" }',
            '{ value = "1", unit = "mg/kg/min" }, { value = "0.02", unit = "mL/kg/min" }',
            "indications.pi.ladder[1].rate: 1 mg/kg/min / 0.02 mL/kg/min: the figures differ by "
            "more than rounding explains",
        ),
        ("checked = false", "", "sources.sheet.checked: is missing, expected true or false"),
    ],
)  # fmt: skip
def test_a_faulty_file_exits_2_with_file_place_and_what_was_expected(tmp_path, old, new, line):
    assert old in FILE
    (tmp_path / "privigen-house.toml").write_text(FILE.replace(old, new, 1))
    result = run("plan", ORDER, "--library", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"{tmp_path}/privigen-house.toml: {line}"]
    assert result.stdout == ""
    document = json.loads(run("plan", ORDER, "--library", tmp_path, "--json").stdout)
    assert len(document["error"]) == 1


@pytest.mark.parametrize("name", ["none", "empty"])
def test_a_folder_that_is_none_or_empty_exits_2(tmp_path, name):
    (tmp_path / "empty").mkdir()
    result = run("plan", ORDER, "--library", tmp_path / name)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_simulate_reads_the_folder_too(tmp_path):
    result = run("simulate", ORDER, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "privigen-house" in result.stderr
    # The folder is read before anything runs: a wrong one is told at once.
    result = run("simulate", ORDER, "--library", tmp_path, "--out", tmp_path / "out")
    assert (result.exit_code, "holds no product file" in result.stderr) == (2, True)


def test_the_product_in_the_documentation_is_accepted(tmp_path):
    text = (ROOT / "docs/library.md").read_text()
    example = re.search(r"```toml\n(key = .*?)```", text, re.DOTALL)[1]
    key = re.search(r'^key = "([a-z0-9-]+)"', example)[1]
    (tmp_path / f"{key}.toml").write_text(example)
    result = run("plan", ROOT / "examples/home.toml", "--library", tmp_path, "--json")
    assert result.exit_code == 0, result.stderr
