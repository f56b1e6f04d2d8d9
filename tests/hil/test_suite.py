"""The suite on the simulator, and on a line in real time as a board's is."""

from __future__ import annotations

import pytest

from host_sim.simulator_key import SIMULATOR_KEY

LIMITS = {"L1", "L2", "L3", "L4", "L5", "L6", "L7", "L16", "L21", "L22"}


@pytest.mark.req("L3", "L5")
def test_the_smoke_set_is_green_on_the_simulator(suite):
    code, text, results = suite("hil_tests", "--smoke", "--repeat", 10)
    assert code == 0, text
    assert results["schema"] == 1 and results["dut"]["kind"] == "sim"
    assert results["ended_early"] == ""
    assert {"L3", "L4", "L5", "L8", "L22"} <= {row["limit"] for row in results["measurements"]}
    for row in results["measurements"]:
        assert row["values"] and max(row["values"]) + row["uncertainty"] <= row["bound"]
    assert all(test["outcome"] in ("passed", "skipped") for test in results["tests"])


@pytest.mark.req(*sorted(LIMITS))
def test_every_timing_limit_is_measured_on_the_simulator(suite):
    """All but L24, for a simulated processor takes no time; few trials."""
    code, text, results = suite("hil_tests", "-m", "timing and not slow", "--repeat", 3)
    assert code == 0, text
    assert {row["limit"] for row in results["measurements"]} >= LIMITS
    skipped = [test["reason"] for test in results["tests"] if test["outcome"] == "skipped"]
    assert all("simulated processor" in why or "HELP?" in why for why in skipped)


def test_trials_on_a_board_with_a_rig_run_one_after_the_other(suite, served):
    """Two lines in real time: what a real bench is, with the simulated board behind it."""
    code, text, results = suite(
        "hil_tests/test_door.py", "--dut", "serial", "--port", served.name,
        "--rig-port", served.rig_name, "--skip-autoflash", "--repeat", 2,
        key=SIMULATOR_KEY.hex(),
    )  # fmt: skip
    assert code == 0, text
    (row, _) = results["measurements"]
    assert len(row["values"]) == 2
    assert results["rig"]["self_check"] == "PASS"
    skipped = [test["reason"] for test in results["tests"] if test["outcome"] == "skipped"]
    assert skipped == ["two minutes until each trial has its rate: --long"]


def test_without_a_rig_every_skip_says_what_is_missing(suite):
    code, text, results = suite("hil_tests", "--without-rig", "--repeat", 2, "--smoke")
    assert code == 0, text
    reasons = {test["reason"] for test in results["tests"] if test["outcome"] == "skipped"}
    assert reasons == {"needs the rig: connect it and name it with --rig-port (docs/hil.md)"}
    assert any(test["outcome"] == "passed" for test in results["tests"])
