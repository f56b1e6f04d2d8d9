"""`titra plan`: exit codes, one JSON document, one line per reason, and the picture."""

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from planner_orders import product
from rich.console import Console

from titra.planning.order import load_order, parse_order
from titra.planning.plan_command import run_plan
from titra.planning.plan_text import render_plan
from titra.planning.planner import plan

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))


@pytest.fixture
def run(tmp_path, order_bytes, today, capsys):
    """Runs the command on a changed order; returns exit code, stdout, stderr, path."""

    def run(changes, as_json=False):
        path = tmp_path / "ORDER.toml"
        path.write_bytes(order_bytes(changes))
        code = run_plan(str(path), as_json, today)
        out, err = capsys.readouterr()
        return code, out, err, str(path)

    return run


def test_an_accepted_order_exits_0_and_prints_the_ladder(run):
    code, out, err, _ = run({})
    assert code == 0
    assert err == ""
    for word in ("33.6", "70.0", "138.6", "400 mL", "3:30:44", "risk:renal", "own choice"):
        assert word in out
    assert out.rstrip().endswith("not a medical device, not for use on people.")


def test_the_json_of_an_accepted_order_holds_the_figures(run):
    code, out, err, _ = run({}, as_json=True)
    document = json.loads(out)
    day = document["days"][0]
    assert (code, err) == (0, "")
    assert document["refused"] == []
    assert [warning["code"] for warning in document["warnings"]] == ["limit-not-in-force"]
    assert day["volume_ml"] == 400
    assert round(day["duration_min"], 1) == 210.7
    assert day["duration_with_slew_min"] > day["duration_min"]
    assert [rung["rate_ml_h"] for rung in day["rungs"]] == [33.6, 70, 138.6]
    assert [rung["dwell_min"] for rung in day["rungs"]] == [30, 30, 30]
    assert [rung["cap_ml_h"] for rung in day["rungs"]] == [138.6] * 3
    assert "not a medical device" in document["notice"]


def test_a_wrong_order_exits_2_with_one_line_per_reason(run):
    code, out, err, path = run({"patient.weight_kg": "-1", "dose.days": "0"})
    assert code == 2
    assert out == ""
    assert err.splitlines() == [
        f"{path}: patient.weight_kg: is -1, expected a number of kg from 30 to 200",
        f"{path}: dose.days: is 0, expected a number of days from 1 to 5",
    ]


def test_the_json_of_a_wrong_order_lists_its_errors(run):
    code, out, err, _ = run({"patient.weight_kg": "-1"}, as_json=True)
    (problem,) = json.loads(out)["error"]
    assert code == 2
    assert (problem["field"], problem["code"]) == ("patient.weight_kg", "range")
    assert len(err.splitlines()) == 1


def test_an_unsafe_order_exits_3_with_one_line_per_reason(run):
    code, out, err, path = run({"limits.max_rate_ml_h": "400", "course.last_dose": "2027-01-01"})
    assert code == 3
    assert out == ""
    *reasons, nearest = err.splitlines()
    assert len(reasons) == 2
    assert all(line.startswith(f"{path}: refused: ") for line in reasons)
    stands = "nothing is offered while this stands: last-dose-in-future"
    assert nearest == f"{path}: nearest: {stands}"


def test_a_refusal_names_the_nearest_plans_on_lines_of_their_own(run):
    changes = {**product("bivigam", "pi", "10"), "dose.grams": "50"}
    _, out, err, path = run(changes)
    assert out == ""
    assert [line for line in err.splitlines() if ": nearest: " in line] == [
        f"{path}: nearest: dose.days = 2 instead of 1 would be accepted: 2 days of up to 250 mL "
        "in 3:13:57 h",
        f"{path}: nearest: dose.grams = 48 instead of 50 would be accepted: 480 mL in 5:58:26 h; "
        "less than was prescribed: for the prescriber to decide",
    ]
    _, out, err, _ = run(changes, as_json=True)
    offers = json.loads(out)["nearest"]
    assert "nearest" not in err
    assert [(offer["field"], offer["now"], offer["to"]) for offer in offers] == [
        ("dose.days", 1, 2), ("dose.grams", 50, 48),
    ]  # fmt: skip
    assert [len(offer["days"]) for offer in offers] == [2, 1]
    assert offers[1]["days"][0]["volume_ml"] == 480
    assert offers[1]["warnings"] == ["little-time-left"]


def test_that_no_single_change_would_do_is_said(run):
    _, _, err, _ = run({"limits.max_rate_ml_h": "0.1", "patient.weight_kg": "200"})
    assert err.splitlines()[-1].endswith("no single change of days, grams, limit or mix would be "
                                         "accepted")  # fmt: skip


def test_the_json_of_an_unsafe_order_lists_what_was_refused(run):
    code, out, err, _ = run({"limits.max_rate_ml_h": "400"}, as_json=True)
    document = json.loads(out)
    assert code == 3
    assert [reason["code"] for reason in document["refused"]] == ["limit-above-library"]
    assert document["days"] == []
    assert len(err.splitlines()) == 1


def test_a_missing_file_exits_2(capsys):
    assert run_plan("no-such-order.toml", True) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"][0]["code"] == "file-missing"
    assert err == "no-such-order.toml: does not exist, expected a TOML file\n"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("today", [date(2026, 11, 20), date(2030, 12, 31)])
def test_every_example_is_accepted_for_years(path, today, capsys):
    assert run_plan(str(path), True, today) == 0
    assert json.loads(capsys.readouterr().out)["refused"] == []


def test_the_examples_are_the_ones_promised():
    assert {path.stem for path in EXAMPLES} >= {
        "gammagard-renal", "privigen-cidp", "octagam-itp", "carimune-powder", "first-dose",
        "two-days", "home",
    }  # fmt: skip


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_text_fits_the_terminal(path, width, planned, library, today):
    order = load_order(str(path), library)
    console = Console(record=True, width=width, file=open("/dev/null", "w"))  # noqa: SIM115
    product = library.products[order.product.name]
    render_plan(order, plan(order, library, today), product, console)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    # The picture is never wrapped: each of its rows starts at the axis.
    picture = [line for line in lines if "\u2588" in line]
    assert all(re.match(r" *[0-9.]* *\|", line) for line in picture)
    assert len(picture) == 8 * order.dose.days
    # No table cell was cut off.
    assert not any("\u2026" in line for line in lines)


def test_a_refused_plan_renders_its_reasons(planned, order_bytes, library):
    changes = {"limits.max_rate_ml_h": "400"}
    console = Console(record=True, width=80, file=open("/dev/null", "w"))  # noqa: SIM115
    order = parse_order(order_bytes(changes), "", library)
    render_plan(order, planned(changes), library.products[order.product.name], console)
    assert "REFUSED  limits.max_rate_ml_h" in console.export_text()


def test_the_text_survives_a_terminal_without_unicode():
    script = (
        f"from titra.planning.plan_command import run_plan; run_plan({str(EXAMPLES[0])!r}, False)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        check=True,
    )
    assert b"####" in result.stdout


def test_markup_in_an_order_is_not_interpreted(planned, order_bytes, library):
    changes = {"course.id": '"B-1"', "product.lots": (
        '[{ lot = "A/bold", expiry = 2031-06-30, grams = 40 }]')}  # fmt: skip
    console = Console(record=True, width=80, file=open("/dev/null", "w"))  # noqa: SIM115
    order = parse_order(order_bytes(changes), "", library)
    render_plan(order, planned(changes), library.products[order.product.name], console)
    assert "A/bold" in console.export_text()


def test_importing_the_command_does_not_import_rich():
    script = "import sys, titra.planning.plan_command; sys.exit('rich' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_order_document_explains_every_key():
    text = (ROOT / "docs/orders.md").read_text()
    keys = [
        "weight_kg", "risk", "tolerance", "name", "indication", "concentration_percent", "lots",
        "lot", "expiry", "grams", "diluent_ml", "vial_grams", "bag_ml",
        "days", "place", "premedication_minutes",
        "max_rate_ml_h", "occlusion_kpa", "kvo_ml_h", "id", "last_dose", "confirms",
        "confirm_after_s", "actions", "at", "do",
    ]  # fmt: skip
    assert [key for key in keys if f"`{key}`" not in text] == []


def test_the_order_document_explains_every_reason():
    text = (ROOT / "docs/orders.md").read_text()
    source = "".join(
        (ROOT / "tools/titra/planning" / name).read_text() for name in ("planner.py", "lots.py")
    )
    codes = re.findall(r'(?:refuse|warn|faults\.append)\(\s*\(?"([a-z-]+)"', source)
    assert len(codes) >= 20
    assert [code for code in codes if f"`{code}`" not in text] == []
