"""The examples are what a newcomer runs first: each plans, four are delivered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ONE_STEP_ML = 0.00015625
# A line of telemetry comes every second; a rung is seen that much late at most.
SEEN_WITHIN_S = 1.0


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_is_accepted(titra, path):
    done = titra("plan", path, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["refused"] == []


@pytest.mark.timeout(300)
@pytest.mark.req("M1")
@pytest.mark.parametrize(
    "name",
    [
        "gammagard-renal",
        *(
            pytest.param(name, marks=pytest.mark.nightly)
            for name in ("privigen-cidp", "octagam-itp", "carimune-powder")
        ),
    ],
)
def test_an_example_is_delivered_as_planned(titra, name):
    order = EXAMPLES / f"{name}.toml"
    plan = json.loads(titra("plan", order, "--json").stdout)["days"][0]
    done = titra("simulate", order, "--json", "--out", "run", timeout=280)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert run["state"] == "COMPLETE"
    assert abs(run["delivered_ml"] - plan["volume_ml"]) <= ONE_STEP_ML
    assert run["max_rate_ml_h"] <= run["cap_ml_h"] == plan["rungs"][0]["cap_ml_h"]
    assert [rung["rate_ml_h"] for rung in run["rungs"]] == [
        rung["rate_ml_h"] for rung in plan["rungs"]
    ]
    for rung, lived, after in zip(plan["rungs"], run["rungs"], run["rungs"][1:], strict=False):
        assert after["entered_s"] - lived["at_rate_s"] >= rung["dwell_min"] * 60 - SEEN_WITHIN_S
    assert run["duration_min"] == pytest.approx(plan["duration_with_slew_min"], abs=0.2)
