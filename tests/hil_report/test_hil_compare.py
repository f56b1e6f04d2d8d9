"""Two runs compared: chance is not called slower, and slower is not called chance."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from example_run import write

from titra import exit_codes
from titra.hil.compare import FASTER, SAME, SLOWER, compare, lines
from titra.hil.results import load

pytestmark = pytest.mark.req("M22")

TITRA = Path(sys.executable).parent / "titra"


@pytest.fixture
def compared(tmp_path):
    def run(a, b, **more):
        return compare(load(write(tmp_path / "a", a)), load(write(tmp_path / "b", b)), **more)

    return run


def values_of(document, limit):
    return next(m for m in document["measurements"] if m["limit"] == limit)["values"]


def change_of(comparison, limit):
    return next(change for change in comparison.changes if change.a.limit == limit)


def test_the_same_device_again_is_no_difference(document, compared):
    for seed in range(2, 7):
        made = compared(document(), document(seed))
        assert {change.verdict for change in made.changes} == {SAME}
        assert made.warnings == []


def test_a_stop_that_takes_a_tenth_of_a_tick_longer_is_slower_and_nothing_else(document, compared):
    made = compared(document(), document(2, 1.6))
    assert {change.a.limit for change in made.slower} == {"L3"}
    change = change_of(made, "L3")
    assert change.shift == pytest.approx(1.6, abs=0.3)
    assert change.probability > 0.6
    assert change.p_location_holm < 0.001


def test_the_other_way_round_it_is_faster(document, compared):
    made = compared(document(2, 1.6), document())
    assert made.slower == []
    assert change_of(made, "L3").verdict == FASTER


def test_what_is_beyond_chance_but_too_small_to_matter_is_no_difference(document, compared):
    later = document(2, 0.8)
    assert compared(document(), later).slower == []
    assert compared(document(), later, practical_percent=0.5).slower


def test_a_difference_within_the_uncertainty_does_not_matter(document, compared):
    later = document(2, 1.6)
    for item in later["measurements"]:
        item["uncertainty"] = 5.0 if item["limit"] == "L3" else item["uncertainty"]
    assert compared(document(), later).slower == []


def test_a_few_late_ones_show_in_the_tail_where_the_median_does_not_move(document, compared):
    later = document(2)
    numbers = values_of(later, "L3")
    for index in range(0, len(numbers), 20):
        numbers[index] += 12.0
    change = change_of(compared(document(), later), "L3")
    assert change.reasons == ["in its tail"]
    assert abs(change.shift) < change.practical


def test_a_limit_that_is_broken_now_counts_whatever_chance_says(document, compared):
    later = document(2)
    values_of(later, "L6")[3] = 60.1
    change = change_of(compared(document(), later), "L6")
    assert change.verdict == SLOWER
    assert change.reasons == ["breaks its limit now"]


def test_runs_that_are_hard_to_compare_say_why(document, compared):
    later = document(2)
    later["dut"] |= {"kind": "emulator", "firmware_version": "0.2.0"}
    later["bench"]["configuration"] = "jumpers"
    later["rig"] = None
    later["measurements"][0]["bound"] = 1000
    warnings = " ".join(compared(document(), later).warnings)
    for words in (
        "the kind differs: serial and emulator",
        "the firmware version differs: 0.1.0 and 0.2.0",
        "configuration is full bench and jumpers",
        "only A was measured with a rig",
        "the limit differs: 2000 and 1000 us",
    ):
        assert words in warnings


def test_other_files_under_the_same_version_are_told(document, compared):
    later = document(2)
    later["dut"]["firmware_digest"] = "0" * 64
    assert any("not in its version" in line for line in compared(document(), later).warnings)


def test_what_only_one_run_measured_is_told(document, compared):
    later = document(2)
    later["measurements"] = [m for m in later["measurements"] if m["limit"] != "L7"]
    made = compared(document(), later)
    assert [item.limit for item in made.only_a] == ["L7"]
    assert "only in A: L7 hang to reset" in lines(made)


# --- the command ----------------------------------------------------------------------------


def titra(*arguments, cwd):
    return subprocess.run(
        [str(TITRA), *map(str, arguments)],
        cwd=cwd,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_says_slower_by_exit_code_and_in_one_document(document, run_folder, tmp_path):
    a, same, later = (
        run_folder("a", document()),
        run_folder("same", document(2)),
        run_folder("later", document(2, 1.6)),
    )
    done = titra("hil-compare", a, same, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (exit_codes.DONE, "")
    assert "nothing slower" in done.stdout
    done = titra("hil-compare", a, later, "--json", cwd=tmp_path)
    assert done.returncode == exit_codes.ALARM
    told = json.loads(done.stdout)
    assert told["slower"] == ["L3 STOP key to last STEP edge", "L3 STOP line to last STEP edge"]
    assert len(told["measurements"]) == len(document()["measurements"])


def test_the_command_tells_a_folder_without_results(run_folder, document, tmp_path):
    done = titra("hil-compare", run_folder("a", document()), tmp_path, "--json", cwd=tmp_path)
    assert done.returncode == exit_codes.WRONG_INPUT
    assert done.stderr.count("\n") == 1
    assert "results.json: No such file or directory" in json.loads(done.stdout)["error"][0]
