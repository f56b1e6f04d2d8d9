"""That the suite finds what is broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.mutants.run import broken_copy, judge
from hil_tests.mutants.table import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
# One of timing, one of decisions, one of the line: the others are nightly.
EVERY_TIME = ("stop-key-late", "door-ignored", "crc-not-checked")
BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


@pytest.mark.parametrize("name", BY_NAME)
def test_its_patch_fits_the_firmware_and_its_test_exists(name, tmp_path):
    mutant = BY_NAME[name]
    copy = broken_copy(mutant, tmp_path)
    for file, _old, _new in mutant.edits:
        compile((copy / "pump" / file).read_text(), file, "exec")
    file, _, test = mutant.red.partition("[")[0].partition("::")
    assert f"def {test}(" in (ROOT / "hil_tests" / file).read_text()
    assert mutant.edits or mutant.left_out


def test_there_are_at_least_twelve_and_no_name_twice():
    assert len(BY_NAME) == len(MUTANTS) >= 12


@pytest.mark.parametrize("name", EVERY_TIME)
def test_the_right_test_turns_red(name):
    mutant = BY_NAME[name]
    verdict = judge(mutant, [mutant.red.partition("[")[0]], repeat=2)
    assert verdict.is_caught, verdict.reason


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in EVERY_TIME])
def test_the_right_test_turns_red_on_every_other(name):
    mutant = BY_NAME[name]
    verdict = judge(mutant, [mutant.red.partition("[")[0]], repeat=3)
    assert verdict.is_caught, verdict.reason
