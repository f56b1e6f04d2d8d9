"""`alarm_conditions`: the table, written out a second time from the limits."""

import pytest

from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st

MOVING = {"INFUSING", "RUNG_HELD", "KVO"}
ENABLED = MOVING | {"HOLD"}
ALWAYS = set(st.STATE_NAMES)

# name: (requirement, priority, latching, most delay ms, response, judged in)
PROMISED = {
    "DOWNSTREAM_OCCLUSION": ("L4", "HIGH", True, 80, "STOP", MOVING),
    "UPSTREAM_OCCLUSION": ("L4", "HIGH", True, 200, "STOP", MOVING),
    "AIR_IN_LINE": ("L9", "HIGH", True, 0, "STOP", MOVING),
    "DOOR_OPEN": ("L5", "HIGH", True, 0, "STOP", ENABLED),
    "BAG_EMPTY": ("L15", "HIGH", True, 5000, "STOP", MOVING),
    "FLOW_DEVIATION": ("L8", "HIGH", True, 0, "STOP", MOVING),
    "SENSOR_FAULT": ("L4", "HIGH", True, 80, "STOP", ENABLED),
    "NO_CONFIRMATION": ("L12", "HIGH", True, 0, "STOP", MOVING),
    "DELIVERY_TIME": ("M3", "HIGH", True, 0, "STOP", MOVING),
    "LINK_SILENT": ("L21", "HIGH", True, 0, "STOP", MOVING),
    "INTERLOCK": ("L14", "HIGH", True, 0, "FAIL", ALWAYS),
    "FLOW_DRIFT": ("L8", "MEDIUM", False, 0, "KEEP", MOVING),
    "INFUSION_COMPLETE": ("L8", "MEDIUM", True, 0, "KEEP", {"COMPLETE"}),
    "PROGRAM_IDLE": ("L18", "LOW", False, 0, "KEEP", {"READY", "IDLE"}),
}
ROWS = {row[ac.COL_NAME]: row for row in ac.ALARM_CONDITIONS}


def test_the_table_has_these_conditions_in_this_order():
    assert list(ROWS) == list(PROMISED)
    assert [row[0] for row in ac.ALARM_CONDITIONS] == list(range(ac.N_CONDITIONS))
    for name, row in ROWS.items():
        assert getattr(ac, name) == row[0]
        assert row[ac.COL_TEXT]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.req(p[0])) for n, p in PROMISED.items()]
)
def test_a_condition_is_what_was_promised(name):
    requirement, priority, latching, delay, response, states = PROMISED[name]
    row = ROWS[name]
    assert row[ac.COL_REQUIREMENT] == requirement
    assert ac.PRIORITY_NAMES[row[ac.COL_PRIORITY]] == priority
    assert row[ac.COL_LATCHING] is latching
    assert 0 <= row[ac.COL_DELAY] <= delay
    assert ac.RESPONSE_NAMES[row[ac.COL_RESPONSE]] == response
    assert {s for i, s in enumerate(st.STATE_NAMES) if row[ac.COL_STATES] >> i & 1} == states


@pytest.mark.req("L17")
def test_whatever_stops_the_pump_is_high_and_latches():
    for row in ac.ALARM_CONDITIONS:
        if row[ac.COL_RESPONSE] != ac.KEEP:
            assert row[ac.COL_PRIORITY] == ac.HIGH
            assert row[ac.COL_LATCHING]


def test_masks_select_the_rows_of_a_column():
    assert ac.conditions_where(ac.COL_RESPONSE, ac.FAIL) == 1 << ac.INTERLOCK
    assert ac.conditions_where(ac.COL_PRIORITY, ac.LOW) == 1 << ac.PROGRAM_IDLE
    assert ac.conditions_judged_in(st.COMPLETE) == 1 << ac.INTERLOCK | 1 << ac.INFUSION_COMPLETE
    assert ac.conditions_judged_in(st.PAUSED) == 1 << ac.INTERLOCK
