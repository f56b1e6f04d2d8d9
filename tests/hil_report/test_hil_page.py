"""A HIL run becomes a page that an auditor can read, and raw data beside it."""

import csv
import json
import re

import pytest
from example_run import STOPS

from titra import exit_codes
from titra.hil import facts, report
from titra.hil.results import ResultsError, load
from titra.hil.skips import SKIPS, UNKNOWN, meaning

pytestmark = pytest.mark.req("M22")


@pytest.fixture
def page(run_folder, document):
    """The page of a document; text between tags, blanks run together."""

    def make(changed=None):
        return report.write(run_folder("run", changed or document())).read_text()

    return make


def text_of(html):
    body = re.sub(r"<style>.*?</style>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def verdict_of(run_folder, document):
    results = load(run_folder("run", document))
    return facts.page_facts(results)["verdict"]


def item(document, limit):
    return next(m for m in document["measurements"] if m["limit"] == limit)


# --- the page ---------------------------------------------------------------------------------


def test_the_page_needs_nothing_else_and_says_what_it_is_not(page):
    html = page()
    assert not re.search(r"<script|<link|<img|src=|href=.[^#]|url\(|@import|https?:", html)
    assert "It is not a medical device" in html
    assert html.count("<svg") == 2 * 14


def test_the_same_results_give_the_same_bytes(page):
    assert page() == page()


def test_the_verdict_comes_first_then_the_limits_with_the_least_margin_first(run_folder, document):
    rows = facts.page_facts(load(run_folder("run", document())))["margins"]
    assert [row["id"] for row in rows[:3]] == ["L7", "L24", "L24"]
    html = report.render(load(run_folder("run", document())))
    assert html.index("All limits hold, barely") < html.index("Margins, the least first")


def test_a_broken_limit_is_the_verdict(run_folder, document):
    changed = document()
    item(changed, "L3")["values"][7] = 61.0
    tone, words, detail = verdict_of(run_folder, changed)
    assert (tone, words) == ("bad", "1 limit broken")
    assert detail.startswith("L3.")


def test_uncertainty_alone_can_break_a_limit(run_folder, document):
    changed = document()
    item(changed, "L5")["uncertainty"] = 40.0
    assert verdict_of(run_folder, changed).words == "1 limit broken"


def test_a_failed_test_is_the_verdict_although_every_limit_holds(page, run_folder, document):
    changed = document()
    changed["tests"][0] |= {"outcome": "failed", "reason": "ENABLE stayed high for 3 s"}
    assert verdict_of(run_folder, changed).words == "1 test failed"
    assert "ENABLE stayed high for 3 s" in text_of(page(changed))


def test_a_limit_that_was_not_measured_is_no_limit_that_holds(run_folder, document):
    changed = document()
    changed["measurements"] = [m for m in changed["measurements"] if m["limit"] != "L6"]
    tone, words, detail = verdict_of(run_folder, changed)
    assert (tone, words) == ("warn", "Holds as far as measured")
    assert "L6" in detail


def test_a_measurement_without_values_is_no_limit_that_holds(run_folder, document):
    changed = document()
    item(changed, "L6")["values"] = []
    assert verdict_of(run_folder, changed).detail.startswith("Not measured in this run: L6.")


def test_a_run_that_ended_early_says_so_first(page, run_folder, document):
    changed = document() | {"ended_early": "the board does not answer any more"}
    tone, words, detail = verdict_of(run_folder, changed)
    assert (tone, words) == ("bad", "Ended early")
    assert detail.startswith("the board does not answer any more.")
    assert "No test failed before." in text_of(page(changed))
    item(changed, "L3")["values"][0] = 99.0
    assert "The run ended early." in verdict_of(run_folder, changed).detail


def test_a_run_without_a_device_has_a_report_that_says_why(page, document):
    changed = document() | {"dut": {}, "measurements": [], "tests": [], "ended_early": "no board"}
    told = text_of(page(changed))
    assert "Ended early" in told
    assert "No device" in told


def test_a_bound_of_nothing_is_a_bound(run_folder, document):
    changed = document()
    item(changed, "L5").update(bound=0, values=[0.0] * 30, uncertainty=0)
    rows = {row["id"]: row for row in facts.page_facts(load(run_folder("run", changed)))["margins"]}
    assert rows["L5"]["verdict"] == "holds"
    item(changed, "L5")["values"][3] = 1.0
    rows = facts.page_facts(load(run_folder("run", changed)))["margins"]
    assert (rows[0]["id"], rows[0]["verdict"]) == ("L5", "BROKEN")


def test_nothing_measured_is_nothing_shown(run_folder, document):
    changed = document() | {"measurements": [], "tests": []}
    assert verdict_of(run_folder, changed).words == "Nothing measured"


def test_a_complete_run_with_room_in_every_limit_is_green(run_folder, document):
    changed = document()
    for limit in ("L7", "L24"):
        for measured in changed["measurements"]:
            if measured["limit"] == limit:
                measured["values"] = [value * 0.8 for value in measured["values"]]
    changed["tests"] = [t for t in changed["tests"] if t["outcome"] == "passed"]
    assert verdict_of(run_folder, changed) == (
        "good",
        "All limits hold",
        "Every timing limit was measured, with the measurement's uncertainty counted against "
        "the device.",
    )


def test_skips_are_told_with_what_they_mean_and_are_never_passes(page, run_folder, document):
    told = text_of(page())
    assert "needs a rig: no --rig-port was given" in told
    assert "No second board looked at the pins" in told
    traces = facts.page_facts(load(run_folder("run", document())))["traces"]
    standing = {row["id"]: row["standing"][1] for row in traces}
    assert standing["L23"] == "not shown: skipped"
    assert standing["L5"] == "in part: some skipped"
    assert standing["L3"] == "shown"
    assert standing["L12"] == "no HIL test"


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("needs a rig: no --rig-port was given", "no rig"),
        ("needs wiring GP2-GP3", "wiring"),
        ("no UF2 image: TITRA_UF2 is not set", "no image"),
        ("slow: run with --soak", "slow"),
        ("no balance attached", "balance"),
        ("the FRAM is not fitted", "part not fitted"),
        ("only on the emulator", "other target"),
        ("ten minutes of a busy processor take hours to emulate", "other target"),
        ("this device cannot be made to hang from outside", "out of reach"),
        ("this firmware does not list LOAD? in HELP?", "not in this firmware"),
        ("expected to fail: a gap of 125 ms is 130 ms long", "known gap"),
        ("because", "other"),
    ],
)
def test_each_kind_of_skip_has_its_meaning(reason, name):
    assert meaning(reason).name == name
    assert {skip.name for skip in (*SKIPS, UNKNOWN)} >= {name}


def test_each_limit_has_its_row_and_an_unknown_requirement_is_told(run_folder, document):
    changed = document()
    changed["tests"][0]["requirements"].append("L99")
    traces = facts.page_facts(load(run_folder("run", changed)))["traces"]
    ids = [row["id"] for row in traces]
    assert [f"L{n}" for n in range(1, 28)] == ids[:27]
    assert next(row for row in traces if row["id"] == "L99")["title"].startswith("not in docs/")


def test_text_from_the_device_is_shown_and_never_run(page, document):
    changed = document()
    changed["dut"]["serial"] = "<script>alert(1)</script>\ud800"
    changed["tests"][-1]["reason"] = '"><img src=x>'
    html = page(changed)
    assert "<script" not in html
    assert "<img" not in html


# --- the histogram ------------------------------------------------------------------------------


def test_the_histogram_has_its_limit_and_its_values_at_their_places(run_folder, document):
    changed = document()
    item(changed, "L2").update(values=[10.0] * 99 + [40.0], bound=50, goal=20, uncertainty=0)
    limits = facts.page_facts(load(run_folder("run", changed)))["limits"]
    svg = next(row for row in limits if row["id"] == "L2")["plots"]["wide"]
    marks = {
        label: float(x)
        for x, label in re.findall(
            r'd="M([\d.]+) [\d.]+V[^>]+stroke-dasharray[^>]+/><text[^>]+>(\w+)', svg
        )
    }
    # 0 at 6, 52 (the limit and 4 %) at 754.
    assert marks["limit"] == pytest.approx(6 + 50 / 52 * 748, abs=0.1)
    assert marks["goal"] == pytest.approx(6 + 20 / 52 * 748, abs=0.1)
    bars = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="[\d.]+" height="([\d.]+)"', svg)
    assert len(bars) == 2
    # The one late value stays visible beside the 99.
    assert [float(height) for _, height in bars] == [92.0, 3.0]
    assert float(bars[1][0]) == pytest.approx(6 + 40 / 52 * 748, abs=748 / 64)


def test_values_far_from_their_limit_get_a_closer_view_unless_they_are_all_the_same(page, document):
    assert "the same values, closer" in text_of(page())
    changed = document()
    for measured in changed["measurements"]:
        measured["values"] = [measured["values"][0]] * 20
    assert "the same values, closer" not in text_of(page(changed))


# --- the raw data ---------------------------------------------------------------------------------


def test_the_raw_data_are_all_values_as_measured_with_their_segments(run_folder, document):
    folder = run_folder("run", document())
    report.write(folder)
    with open(folder / "measurements.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for measured in document()["measurements"]:
        mine = [r for r in rows if (r["limit"], r["name"]) == (measured["limit"], measured["name"])]
        assert [float(row["value"]) for row in mine] == measured["values"]
        assert [int(row["index"]) for row in mine] == list(range(len(mine)))
        for name, part in measured["segments"].items():
            assert [float(row[name]) for row in mine] == part
    assert {row["unit"] for row in rows} == {"us", "ms", "s"}


# --- input that is wrong ----------------------------------------------------------------


def without(*keys):
    def change(document):
        place = document
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return change


def put(value, *keys):
    def change(document):
        place = document
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


WRONG = [
    (without("schema"), "schema: is missing"),
    (put(2, "schema"), "schema: is 2, expected 1"),
    (put(True, "schema"), "schema: is True, expected 1"),
    (without("dut", "serial"), "dut.serial: is missing"),
    (put([], "dut"), "dut: is [], expected an object"),
    (without("started"), "started: is missing"),
    (put("yesterday", "started"), "started: is 'yesterday', expected a date and time"),
    (without("measurements"), "measurements: is missing"),
    (put({}, "measurements"), "measurements: is {}, expected a list"),
    (without("measurements", 2, "bound"), "measurements[2].bound: is missing"),
    (put("50", "measurements", 2, "bound"), "measurements[2].bound: is '50', expected a number"),
    (put({}, "measurements", 2, "values"), "measurements[2].values: is {}, expected a list"),
    (put(7, "ended_early"), "ended_early: is 7, expected text or null"),
    (put(None, "measurements", 2, "values", 5), "measurements[2].values[5]: is None, expected"),
    (put(float("nan"), "measurements", 2, "values", 5), "measurements[2].values[5]: is nan"),
    (put(-1, "measurements", 2, "uncertainty"), "measurements[2].uncertainty: is -1, expected 0"),
    (put("p50", "measurements", 2, "judged"), "measurements[2].judged: is 'p50', expected one of"),
    (put([1], "measurements", 2, "segments"), "measurements[2].segments: is [1], expected an"),
    (put("", "measurements", 2, "unit"), "measurements[2].unit: is '', expected text"),
    (put("green", "tests", 1, "outcome"), "tests[1].outcome: is 'green', expected one of passed"),
    (put([3], "tests", 1, "requirements"), "tests[1].requirements[0]: is 3, expected text"),
    (put(5, "tests", 1, "reason"), "tests[1].reason: is 5, expected text or null"),
]


@pytest.mark.parametrize(("change", "line"), WRONG, ids=[line for _, line in WRONG])
def test_what_is_wrong_is_one_line_with_file_and_field(run_folder, document, capsys, change, line):
    changed = document()
    change(changed)
    folder = run_folder("run", changed)
    assert report.main([str(folder)]) == exit_codes.WRONG_INPUT
    told = capsys.readouterr().err
    assert told.startswith(f"titra: {folder / 'results.json'}: {line}")
    assert told.count("\n") == 1
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (None, "No such file or directory"),
        (b"{", "is not JSON: Expecting property name"),
        (b"\xff", "is not UTF-8 text"),
        (b"[" * 100_000, "is not JSON that can be read"),
        (b"[1]", "the document: is [1], expected an object"),
    ],
)
def test_a_file_that_is_no_results_is_told(tmp_path, data, line):
    if data is not None:
        (tmp_path / "results.json").write_bytes(data)
    with pytest.raises(ResultsError) as raised:
        load(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / 'results.json'}: {line}")


def test_the_example_is_generated_and_whole(document):
    assert json.dumps(document()) == json.dumps(document())
    assert {row[0] for row in STOPS} <= {m["limit"] for m in document()["measurements"]}
