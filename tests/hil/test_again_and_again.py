"""The timing set run several times, and what is kept of that."""

from __future__ import annotations

import json

import pytest

from hil_tests import figures, flakes


def run(red: str = "", **changes) -> dict:
    """Results of two times two tests; ``red`` is the id of one that failed."""
    ids = [f"hil_tests/test_stop.py::{name}[time{k}]" for name in ("key", "line") for k in (0, 1)]
    return {
        "schema": 1,
        "dut": {
            "kind": "sim", "micropython": "none", "firmware_version": "0.1.0",
            "firmware_digest": "ab" * 32,
        },
        "bench": {"times": 2, "repeat": 1},
        "started": "2026-01-02T03:04:05+00:00",
        "ended_early": "",
        "measurements": [
            {"limit": "L3", "name": "key", "unit": "ms", "bound": 50.0, "uncertainty": 0.0,
             "values": [1.0, 2.0]},
        ],
        "tests": [
            {"id": name, "outcome": "failed" if name.endswith(red) and red else "passed",
             "reason": "too late" if red else "", "requirements": [], "duration_s": 30.0}
            for name in ids
        ],
        **changes,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    def folder(name: str, document: dict):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(json.dumps(document))
        return str(tmp_path / name)

    return folder


def test_a_test_that_failed_once_is_told_with_its_time(folder, tmp_path, capsys):
    file = tmp_path / "kept.json"
    folders = [folder("a", run()), folder("b", run("key[time1]"))]
    assert flakes.main([str(file), *folders]) == 1
    row = json.loads(file.read_text())["sim"]
    assert (row["boots"], row["times"], row["tests"], row["verdicts"]) == (2, 4, 2, 8)
    assert row["red"] == ["test_stop.py::key[time1]: too late"] and row["red_times"] == 1
    assert "1 of 4 times red" in capsys.readouterr().out


def test_times_of_green_tests_are_counted(folder, tmp_path):
    file = tmp_path / "kept.json"
    assert flakes.main([str(file), folder("a", run())]) == 0
    row = json.loads(file.read_text())["sim"]
    assert (row["red"], row["red_times"], row["minutes"]) == ([], 0, 2.0)


def test_folders_of_one_device_are_put_together(folder, tmp_path):
    file = tmp_path / "kept.json"
    assert figures.main([str(file), folder("a", run()), folder("b", run())]) == 0
    row = json.loads(file.read_text())["sim"]
    assert (row["passed"], row["failed"]) == (2, 0)
    assert [(found["n"], found["max"]) for found in row["measurements"]] == [(4, 2.0)]


@pytest.mark.parametrize("module", [figures, flakes])
@pytest.mark.parametrize(
    "document, said",
    [
        ({"schema": 9}, "expected schema 1"),
        ([], "expected schema 1"),
        (run(ended_early="interrupted from the keyboard"), "it ended early: interrupted"),
    ],
)
def test_what_cannot_be_kept_is_one_line(folder, tmp_path, capsys, module, document, said):
    file = tmp_path / "kept.json"
    assert module.main([str(file), folder("a", document)]) == 2
    assert said in capsys.readouterr().err
    assert not file.exists()


def test_a_run_of_one_time_says_nothing_about_flakes(folder, tmp_path, capsys):
    once = run()
    once["tests"][0]["id"] = "hil_tests/test_stop.py::key"
    assert flakes.main([str(tmp_path / "kept.json"), folder("a", once)]) == 2
    assert "not of a run with --times" in capsys.readouterr().err


def test_each_time_has_moments_of_its_own_and_a_verdict_of_its_own(suite):
    code, text, results = suite("hil_tests/test_door.py", "-k", "usual", "--times", 3)
    assert code == 0, text
    assert [test["id"].partition("[")[2] for test in results["tests"]] == [
        "time0-usual]", "time1-usual]", "time2-usual]",
    ]  # fmt: skip
    off, _ = results["measurements"]
    assert off["test"].endswith("[usual]")
    assert len(set(off["values"])) == len(off["values"]) == 3
    assert results["bench"]["times"] == 3 and results["bench"]["repeat"] == 1


def test_each_time_is_judged_by_itself(suite):
    """A step program that repeats its last word turns on after a hang, in each time anew."""
    code, text, results = suite(
        "hil_tests/test_dead_processor.py", "-k", "off and usual", "--times", 2,
        "--leave-out", "credit",
    )  # fmt: skip
    assert code == 1, text
    assert [test["outcome"] for test in results["tests"]] == ["failed", "failed"]
    assert all(
        "never came" in test["reason"] or "L6" in test["reason"] for test in results["tests"]
    )


def test_fewer_than_one_time_is_refused(suite):
    code, text, _ = suite("hil_tests/test_door.py", "--times", 0)
    assert code == 4 and "expected 1 or more" in text
