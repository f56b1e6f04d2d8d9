"""An open door, or a set that is taken out: the driver is cut off."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import order
from hil_tests.promised import DOOR_MS
from hil_tests.rates import trial_rates
from hil_tests.responses import columns, ran_before, segments, stimulus


@pytest.mark.req("L5")
@pytest.mark.needs_rig
@pytest.mark.timing
@pytest.mark.smoke
@pytest.mark.parametrize("rate", trial_rates(), indirect=True)
def test_an_open_door_cuts_the_driver_off(bench, n, record, rate):
    rows = bench.trials(n, stimulus("DOOR", 1), order(rate))
    ran_before(rows)
    at = f"at {rate // 1000} mL/h"
    record(
        limit="L5",
        name=f"door opens to ENABLE low {at}",
        bound=DOOR_MS,
        goal=20,
        values=columns(rows, "off_ms"),
        segments=segments(rows),
    )
    record(
        limit="L5",
        name=f"door opens to last STEP edge {at}",
        bound=DOOR_MS,
        goal=20,
        values=columns(rows, "step_ms"),
    )
    assert all("DOOR_OPEN" in row["alarms"] for row in rows)
    assert {row["state"] for row in rows} == {"ALARM_STOPPED"}
