"""Bad input: one clear line that names the field, the right exit code, nothing left behind."""

from __future__ import annotations

import pytest

WRONG_INPUT = 2
REFUSED = 3

# (what is replaced by what, exit code, what a line of standard error must name)
BAD = {
    "missing field": (("weight_kg = 70.0", ""), WRONG_INPUT, "patient.weight_kg"),
    "unknown product": (("gammagard-liquid", "gammaguard"), WRONG_INPUT, "product.name"),
    "weight -1": (("weight_kg = 70.0", "weight_kg = -1"), WRONG_INPUT, "patient.weight_kg"),
    "weight nan": (("weight_kg = 70.0", "weight_kg = nan"), WRONG_INPUT, "patient.weight_kg"),
    "weight text": (("weight_kg = 70.0", 'weight_kg = "70,5"'), WRONG_INPUT, "patient.weight_kg"),
    "weight 0": (("weight_kg = 70.0", "weight_kg = 0"), WRONG_INPUT, "patient.weight_kg"),
    "weight 700": (("weight_kg = 70.0", "weight_kg = 700"), WRONG_INPUT, "patient.weight_kg"),
    "wrong concentration": (
        ("concentration_percent = 10", "concentration_percent = 5"),
        WRONG_INPUT,
        "product.concentration_percent",
    ),
    "0 g": (("grams = 40.0\n", "grams = 0\n"), WRONG_INPUT, "dose.grams"),
    "dose above the limit": (("grams = 40.0", "grams = 75.0"), REFUSED, "dose"),
    "rate limit above the library": (
        ("max_rate_ml_h = 300.0", "max_rate_ml_h = 900.0"),
        REFUSED,
        "limits.max_rate_ml_h",
    ),
    "expired lot": (("expiry = 2031", "expiry = 2021"), REFUSED, "product.lots[0].expiry"),
    "broken TOML": (("[dose]", "[dose"), WRONG_INPUT, "line "),
}


def assert_one_clear_refusal(done, code: int, named: str) -> None:
    assert done.returncode == code, done.stderr
    lines = done.stderr.splitlines()
    assert any(named in line for line in lines), done.stderr
    assert "Traceback" not in done.stderr
    assert all(len(line) < 400 for line in lines)


@pytest.mark.req("M4")
@pytest.mark.parametrize("command", ["plan", "simulate"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_order_is_refused_by_name(titra, order, tmp_path, name, command):
    replacement, code, named = BAD[name]
    path = order(replacement)
    assert_one_clear_refusal(titra(command, path), code, named)
    assert [entry.name for entry in tmp_path.iterdir()] == ["order.toml"]


@pytest.mark.req("F2")
@pytest.mark.parametrize("command", ["plan", "simulate"])
def test_a_file_of_50_mb_a_folder_and_nothing_are_refused(titra, tmp_path, command):
    big = tmp_path / "big.toml"
    with big.open("wb") as file:
        file.truncate(50_000_000)
    assert_one_clear_refusal(titra(command, big), WRONG_INPUT, "big.toml: has 50000000 bytes")
    assert_one_clear_refusal(titra(command, tmp_path), WRONG_INPUT, "is a directory")
    assert_one_clear_refusal(titra(command, tmp_path / "no.toml"), WRONG_INPUT, "does not exist")
    assert [entry.name for entry in tmp_path.iterdir()] == ["big.toml"]


def test_every_reason_is_told_at_once(titra, order):
    path = order(("weight_kg = 70.0", "weight_kg = -1"), ("grams = 40.0\n", "grams = 0\n"))
    done = titra("plan", path)
    assert done.returncode == WRONG_INPUT
    assert "patient.weight_kg" in done.stderr
    assert "dose.grams" in done.stderr


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("door-open", "expected NAME@TIME"),
        ("no-such@5m", "no fault 'no-such'"),
        ("door-open@5", "'5'"),
        ("air-bubble@5m", "needs a value"),
        ("air-bubble=x@5m", "not a whole number"),
        ("air-bubble=0@5m", "expected 1 to"),
        ("door-open=3@5m", "takes no value"),
        ("door-open@5m+", "''"),
    ],
)
def test_a_fault_that_is_none_is_refused_by_name(titra, order, fault, named):
    done = titra("simulate", order(), "--fault", fault)
    assert_one_clear_refusal(done, WRONG_INPUT, named)
    assert "--fault" in done.stderr


def test_out_that_is_a_file_is_refused_before_anything_runs(titra, order, tmp_path):
    (tmp_path / "taken").write_text("mine")
    done = titra("simulate", order(), "--out", tmp_path / "taken")
    assert_one_clear_refusal(done, WRONG_INPUT, "--out")
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_day_that_the_order_does_not_have_is_refused(titra, order):
    assert_one_clear_refusal(titra("simulate", order(), "--day", 2), WRONG_INPUT, "--day")
