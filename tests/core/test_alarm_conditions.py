"""`alarm_conditions`: the table, written out a second time from the limits."""

import pytest

from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import roles

MOVING = {"INFUSING", "RUNG_HELD", "KVO"}
ENABLED = MOVING | {"HOLD", "BACK_OFF"}
ALWAYS = set(st.STATE_NAMES)
# The self-test drives motor and sounder, and judges them itself.
TESTED = ALWAYS - {"SELF_TEST"}
SESSION = ENABLED | {"PAUSED", "STOPPED", "ALARM_STOPPED"}

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
    "INTERLOCK": ("L14", "HIGH", True, 0, "FAIL", TESTED),
    "FLOW_DRIFT": ("L8", "MEDIUM", False, 0, "KEEP", MOVING),
    "INFUSION_COMPLETE": ("L8", "MEDIUM", True, 0, "KEEP", {"COMPLETE"}),
    "PROGRAM_IDLE": ("L18", "LOW", False, 0, "KEEP", {"READY", "IDLE"}),
    "FREE_FLOW": ("L15", "HIGH", True, 0, "STOP", ALWAYS),
    "BAG_NEAR_EMPTY": ("M15", "LOW", False, 5000, "KEEP", MOVING),
    "BATTERY_LOW": ("F4", "MEDIUM", False, 500, "KEEP", ALWAYS),
    "BATTERY_EXHAUSTED": ("F4", "HIGH", True, 500, "STOP", SESSION | {"READY"}),
    "DRIVER_HOT": ("F35", "HIGH", True, 2000, "STOP", ENABLED),
    "KEY_STUCK": ("F21", "MEDIUM", False, 0, "KEEP", ALWAYS),
    "SOUNDER_FAULT": ("F18", "HIGH", True, 0, "STOP", TESTED),
    "CLOCK_FAULT": ("L20", "HIGH", True, 0, "FAIL", TESTED),
    "INTEGRITY": ("F25", "HIGH", True, 0, "FAIL", ALWAYS),
    "GUARD_TRIP": ("L6", "HIGH", True, 0, "FAIL", TESTED),
    "MOTOR_FAULT": ("F35", "HIGH", True, 0, "FAIL", TESTED),
    "MOTOR_CUT_OFF": ("F33", "HIGH", True, 20, "STOP", ENABLED),
    "INTERRUPTED": ("L7", "HIGH", True, 0, "STOP", {"ALARM_STOPPED"}),
    "LEFT_PAUSED": ("L18", "LOW", False, 0, "KEEP", {"HOLD", "PAUSED", "STOPPED"}),
    "STORAGE_FAULT": ("L19", "HIGH", True, 0, "STOP", SESSION | {"READY"}),
    "SELF_TEST_FAILED": ("L16", "HIGH", True, 0, "FAIL", ALWAYS),
}
FAILING = {"INTERLOCK", "CLOCK_FAULT", "INTEGRITY", "GUARD_TRIP", "MOTOR_FAULT"}
FAILING.add("SELF_TEST_FAILED")
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


def test_only_the_end_of_the_time_allowed_needs_a_supervisor_by_itself():
    by_role = {name: roles.ROLE_NAMES[row[ac.COL_ROLE]] for name, row in ROWS.items()}
    assert by_role.pop("DELIVERY_TIME") == "SUPERVISOR"
    assert set(by_role.values()) == {"OPERATOR"}


def mask(names) -> int:
    return sum(1 << ROWS[name][0] for name in names)


def test_masks_select_the_rows_of_a_column():
    assert ac.conditions_where(ac.COL_RESPONSE, ac.FAIL) == mask(FAILING)
    low = {"PROGRAM_IDLE", "BAG_NEAR_EMPTY", "LEFT_PAUSED"}
    assert ac.conditions_where(ac.COL_PRIORITY, ac.LOW) == mask(low)
    always = {name for name, promise in PROMISED.items() if promise[5] == ALWAYS}
    assert ac.conditions_judged_in(st.SELF_TEST) == mask(always)
    assert ac.conditions_judged_in(st.COMPLETE) == mask(
        always
        | {"INFUSION_COMPLETE", "SOUNDER_FAULT", "MOTOR_FAULT"}
        | {"INTERLOCK", "CLOCK_FAULT", "GUARD_TRIP"}
    )


@pytest.mark.req("L23")
def test_all_conditions_are_bits_of_one_small_integer():
    assert (1 << ac.N_CONDITIONS) - 1 < 1 << 30
