"""A course as a person lives it: two days, a reaction, a review, the export, wrong input."""

import csv
import html
import json

import pytest

from titra.course_report import COLUMNS

DAY_1, EVENING, DAY_2 = "2026-11-20T09:00", "2026-11-20T20:00", "2026-11-21T09:00"


@pytest.fixture
def two_days(order):
    """2 g over two days at 130 kg: 10 mL each, a quarter of an hour."""
    return order(
        ("weight_kg = 70.0", "weight_kg = 130.0"),
        ("grams = 40.0 }", "grams = 2.0 }"),
        ("grams = 40.0", "grams = 2.0"),
        ("days = 1", "days = 2"),
        name="two.toml",
    )


@pytest.fixture
def given(titra, two_days):
    """Runs a day into the record r.json."""

    def run(at, *arguments):
        return titra("simulate", two_days, "--record", "r.json", "--at", at, "--out", "out",
                     "--quiet", *arguments)  # fmt: skip

    return run


def sessions(tmp_path):
    return json.loads((tmp_path / "r.json").read_text())["sessions"]


@pytest.mark.req("M5", "M13")
def test_two_days_and_a_third_that_is_refused(titra, given, two_days, tmp_path):
    assert given(DAY_1).returncode == 0
    evening = given(EVENING)
    assert (evening.returncode, evening.stdout) == (3, "")
    (line,) = evening.stderr.splitlines()
    assert "at least 18 h must pass" in line
    assert len(sessions(tmp_path)) == 1
    plan = titra("plan", two_days, "--record", "r.json", "--at", DAY_2, "--json")
    assert [day["day"] for day in json.loads(plan.stdout)["days"]] == [2]
    assert given(DAY_2).returncode == 0
    assert [(one["day"], one["delivered_mg"]) for one in sessions(tmp_path)] == [
        (1, 1000), (2, 1000),
    ]  # fmt: skip
    third = given("2026-11-23T09:00")
    assert third.returncode == 3
    assert "all 2 days of course" in third.stderr
    shown = titra("course", "r.json", "--at", "2026-11-23T09:00")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "2 g of 2 g delivered" in shown.stdout
    assert "not a medical device" in shown.stdout


@pytest.mark.req("M5")
def test_a_mild_reaction_leaves_a_ceiling_for_the_second_day(titra, given, two_days, tmp_path):
    given(DAY_1, "--fault", "reaction-mild@5m+1m")
    (one,) = sessions(tmp_path)
    # On the lowest rung: half of 62.4 mL/h.
    assert (one["reaction"], one["ceiling_ul_h"]) == ("mild", 31_200)
    made = titra("plan", two_days, "--record", "r.json", "--at", DAY_2, "--json")
    (day,) = json.loads(made.stdout)["days"]
    assert (day["cap_source"], day["cap_ml_h"]) == ("reaction", 31.2)


@pytest.mark.req("M5")
def test_a_severe_reaction_is_the_end(titra, given, two_days, tmp_path):
    given(DAY_1, "--fault", "reaction-severe@5m")
    assert sessions(tmp_path)[0]["reaction"] == "severe"
    later = titra("plan", two_days, "--record", "r.json", "--at", "2027-01-20T09:00")
    assert later.returncode == 3
    assert "a severe reaction is on record" in later.stderr
    milder = titra("course", "r.json", "--reaction", "mild")
    assert milder.returncode == 2
    assert milder.stderr.splitlines() == [
        "r.json: --reaction: is mild, but a severe one is on record, which stays"
    ]


@pytest.mark.req("M13", "M18")
def test_a_record_is_reviewed_and_exported_with_its_lots(titra, given, tmp_path):
    given(DAY_1)
    reviewed = titra("course", "r.json", "--review", "Dr <A>", "--at", DAY_2, "--out", "export")
    assert reviewed.returncode == 0
    assert "reviewed 2026-11-21 by Dr <A>" in reviewed.stdout
    (row,) = csv.DictReader((tmp_path / "export/course.csv").open())
    assert tuple(row) == COLUMNS
    assert (row["lot"], row["lot_g"], row["delivered_ml"]) == ("LE12V345", "1.0", "10.0")
    page = (tmp_path / "export/course.html").read_text()
    assert "LE12V345" in page
    assert html.escape("Dr <A>") in page
    assert "<A>" not in page
    assert "not a medical device" in page
    assert "http" not in page
    document = json.loads(titra("course", "r.json", "--json", "--at", DAY_2).stdout)
    assert document["due"]["review"] == "until 2027-05-23"
    assert document["reviews"] == [{"day": "2026-11-21", "by": "Dr <A>"}]


def test_a_reaction_that_came_later_is_noted(titra, given, tmp_path):
    given(DAY_1)
    assert titra("course", "r.json", "--reaction", "mild").returncode == 0
    (one,) = sessions(tmp_path)
    # Half of the 62.4 mL/h at which it ended.
    assert (one["reaction"], one["ceiling_ul_h"]) == ("mild", 31_200)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("r.json",), "r.json: does not exist, expected a course record"),
        (("r.json", "--review", ""), "does not exist"),
        ((".",), ".: is a directory, expected a course record"),
    ],
)
def test_a_record_that_is_not_there_exits_2(titra, tmp_path, arguments, words):
    done = titra("course", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert words in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "x" * 61, "a\nb"])
def test_a_review_by_nobody_is_refused_and_changes_nothing(titra, given, tmp_path, name):
    given(DAY_1)
    before = (tmp_path / "r.json").read_bytes()
    done = titra("course", "r.json", "--review", name)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "r.json").read_bytes() == before


def test_an_altered_record_runs_nothing(given, tmp_path):
    given(DAY_1)
    path = tmp_path / "r.json"
    path.write_text(path.read_text().replace('"delivered_mg": 1000', '"delivered_mg": 1'))
    before = path.read_bytes()
    done = given(DAY_2)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line == "r.json: sha256: does not fit the content: it was altered, or cut short"
    assert path.read_bytes() == before


def test_the_day_and_a_record_exclude_each_other(given, tmp_path):
    done = given(DAY_1, "--day", "2")
    assert done.returncode == 2
    assert "--day and --record" in done.stderr
    assert not (tmp_path / "r.json").exists()


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01T09:00", "2026-11-20"])
def test_a_time_that_is_none_exits_2(given, tmp_path, at):
    done = given(at)
    assert done.returncode == 2
    assert "--at" in done.stderr
    assert not (tmp_path / "r.json").exists()
