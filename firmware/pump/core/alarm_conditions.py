"""The table of alarm conditions: the only place where one is defined.

A *condition* is a fact about the pump; the *signal* (sound, lamp, line) is
made from it by ``alarm_signals``.  Order in the table is the order in which
several of one priority are shown.
"""

from micropython import const

from pump.core import infusion_state as st
from pump.core import limits, roles

LOW = const(0)
MEDIUM = const(1)
HIGH = const(2)
PRIORITY_NAMES = ("LOW", "MEDIUM", "HIGH")

# Pump responses.
KEEP = const(0)  # goes on delivering
STOP = const(1)  # motor off at once; RESET, then RESUME, to go on
FAIL = const(2)  # motor off until the power is cycled
RESPONSE_NAMES = ("KEEP", "STOP", "FAIL")

DOWNSTREAM_OCCLUSION = const(0)
UPSTREAM_OCCLUSION = const(1)
AIR_IN_LINE = const(2)
DOOR_OPEN = const(3)
BAG_EMPTY = const(4)
FLOW_DEVIATION = const(5)
SENSOR_FAULT = const(6)
NO_CONFIRMATION = const(7)
DELIVERY_TIME = const(8)
LINK_SILENT = const(9)
INTERLOCK = const(10)
FLOW_DRIFT = const(11)
INFUSION_COMPLETE = const(12)
PROGRAM_IDLE = const(13)
FREE_FLOW = const(14)
BAG_NEAR_EMPTY = const(15)
BATTERY_LOW = const(16)
BATTERY_EXHAUSTED = const(17)
DRIVER_HOT = const(18)
KEY_STUCK = const(19)
SOUNDER_FAULT = const(20)
CLOCK_FAULT = const(21)
INTEGRITY = const(22)
GUARD_TRIP = const(23)
MOTOR_FAULT = const(24)
MOTOR_CUT_OFF = const(25)
INTERRUPTED = const(26)
LEFT_PAUSED = const(27)
STORAGE_FAULT = const(28)
SELF_TEST_FAILED = const(29)

# Conditions are bits of one small integer, and these are all that it has.  A severe
# reaction, which is a state, therefore has its alarm by that state and no bit here.
N_CONDITIONS = const(30)

_MOVING = st.DELIVERING_STATES
_ENABLED = st.ENABLED_STATES
_ALWAYS = const((1 << 14) - 1)
# The self-test drives motor and sounder itself, and names what it finds.
_TESTED = const((1 << 14) - 2)
_READY_OR_OPEN = st.SESSION_STATES | 1 << st.READY
_LEFT = 1 << st.HOLD | 1 << st.PAUSED | 1 << st.STOPPED

# Its name where the line says an alarm, and what a person reads; priority HIGH.  (M12)
SEVERE_NAME = "SEVERE_REACTION"
SEVERE_TEXT = "severe reaction reported: stays off until maintenance has released the pump"

# (id, name, priority, latching, delay ms, response, states in which it is
#  judged, requirement, what a person reads, role that may reset it)
# fmt: off
ALARM_CONDITIONS: tuple[tuple, ...] = (
    # 30 ms: three readings in a row, against a single noisy one; L4 allows 100.
    (DOWNSTREAM_OCCLUSION, "DOWNSTREAM_OCCLUSION", HIGH, True, 30, STOP, _MOVING, "L4",
     "line blocked below the pump: check clamps and catheter", roles.OPERATOR,
     b"OCCLUSION|BELOW PUMP"),
    (UPSTREAM_OCCLUSION, "UPSTREAM_OCCLUSION", HIGH, True, 60, STOP, _MOVING, "L4",
     "line blocked above the pump: check the clamp below the bag", roles.OPERATOR,
     b"OCCLUSION|ABOVE PUMP"),
    (AIR_IN_LINE, "AIR_IN_LINE", HIGH, True, 0, STOP, _MOVING, "L9",
     "air in the line: disconnect, prime, reconnect", roles.OPERATOR,
     b"AIR IN|LINE"),
    (DOOR_OPEN, "DOOR_OPEN", HIGH, True, 0, STOP, _ENABLED, "L5",
     "door open or set removed", roles.OPERATOR,
     b"DOOR|OPEN"),
    (BAG_EMPTY, "BAG_EMPTY", HIGH, True, limits.BAG_EMPTY_DELAY_MS, STOP, _MOVING, "L15",
     "bag empty", roles.OPERATOR,
     b"BAG|EMPTY"),
    (FLOW_DEVIATION, "FLOW_DEVIATION", HIGH, True, 0, STOP, _MOVING, "L8",
     "the pump turns more than 20 % off its command", roles.OPERATOR,
     b"FLOW IS|WRONG"),
    # 50 ms: five readings outside of what the sensor can say, good ones in between
    # counting back only slowly.
    (SENSOR_FAULT, "SENSOR_FAULT", HIGH, True, 50, STOP, _ENABLED, "L4",
     "a pressure sensor is absent or out of range", roles.OPERATOR,
     b"SENSOR|FAULT"),
    (NO_CONFIRMATION, "NO_CONFIRMATION", HIGH, True, 0, STOP, _MOVING, "L12",
     "nobody answered for 15 min", roles.OPERATOR,
     b"NOBODY|ANSWERS"),
    (DELIVERY_TIME, "DELIVERY_TIME", HIGH, True, 0, STOP, _MOVING, "M3",
     "6 h of delivery or 8 h of session reached", roles.SUPERVISOR,
     b"TIME IS|UP"),
    (LINK_SILENT, "LINK_SILENT", HIGH, True, 0, STOP, _MOVING, "L21",
     "the host that this infusion needs is silent", roles.OPERATOR,
     b"HOST IS|SILENT"),
    (INTERLOCK, "INTERLOCK", HIGH, True, 0, FAIL, _TESTED, "L14",
     "the interlock caught the controller: take out of use", roles.OPERATOR,
     b"INTERLOCK|FAULT"),
    (FLOW_DRIFT, "FLOW_DRIFT", MEDIUM, False, 0, KEEP, _MOVING, "L8",
     "the pump has turned more than 5 % off its command for 5 min", roles.OPERATOR,
     b"FLOW|DRIFTS"),
    # Somebody should come soon, nobody is in danger: MEDIUM.
    (INFUSION_COMPLETE, "INFUSION_COMPLETE", MEDIUM, True, 0, KEEP, 1 << st.COMPLETE, "L8",
     "infusion complete", roles.OPERATOR,
     b"INFUSION|COMPLETE"),
    (PROGRAM_IDLE, "PROGRAM_IDLE", LOW, False, 0, KEEP, 1 << st.READY | 1 << st.IDLE, "L18",
     "a prescription waits to be committed or started", roles.OPERATOR,
     b"ORDER|WAITS"),
    # The pump can only stop its motor; the set's own clamp must hold the rest.
    (FREE_FLOW, "FREE_FLOW", HIGH, True, 0, STOP, _ALWAYS, "L15",
     "drops fall that nobody ordered: close the roller clamp", roles.OPERATOR,
     b"FREE FLOW:|CLAMP LINE"),
    (BAG_NEAR_EMPTY, "BAG_NEAR_EMPTY", LOW, False, limits.NEAR_EMPTY_DELAY_MS, KEEP, _MOVING, "M15",
     "the bag is nearly empty", roles.OPERATOR,
     b"BAG NEARLY|EMPTY"),
    (BATTERY_LOW, "BATTERY_LOW", MEDIUM, False, limits.SUPPLY_DELAY_MS, KEEP, _ALWAYS, "F4",
     "supply low: plug in", roles.OPERATOR,
     b"BATTERY|LOW"),
    (BATTERY_EXHAUSTED, "BATTERY_EXHAUSTED", HIGH, True, limits.SUPPLY_DELAY_MS, STOP,
     _READY_OR_OPEN, "F4", "supply exhausted", roles.OPERATOR,
     b"BATTERY|EMPTY"),
    (DRIVER_HOT, "DRIVER_HOT", HIGH, True, limits.DRIVER_DELAY_MS, STOP, _ENABLED, "F35",
     "the motor's driver is too hot", roles.OPERATOR,
     b"DRIVER|TOO HOT"),
    (KEY_STUCK, "KEY_STUCK", MEDIUM, False, 0, KEEP, _ALWAYS, "F21",
     "a key has been down for a minute", roles.OPERATOR,
     b"KEY|STUCK"),
    (SOUNDER_FAULT, "SOUNDER_FAULT", HIGH, True, 0, STOP, _TESTED, "F18",
     "the sounder is not heard, or does not stop", roles.OPERATOR,
     b"SOUNDER|FAULT"),
    (CLOCK_FAULT, "CLOCK_FAULT", HIGH, True, 0, FAIL, _TESTED, "L20",
     "the clocks disagree: take out of use", roles.OPERATOR,
     b"CLOCK|FAULT"),
    (INTEGRITY, "INTEGRITY", HIGH, True, 0, FAIL, _ALWAYS, "F25",
     "memory has changed by itself: take out of use", roles.OPERATOR,
     b"MEMORY|FAULT"),
    (GUARD_TRIP, "GUARD_TRIP", HIGH, True, 0, FAIL, _TESTED, "L6",
     "the guard has cut off the motor, or has died: take out of use", roles.OPERATOR,
     b"GUARD|TRIPPED"),
    (MOTOR_FAULT, "MOTOR_FAULT", HIGH, True, 0, FAIL, _TESTED, "F35",
     "the motor does what nobody ordered: take out of use", roles.OPERATOR,
     b"MOTOR|FAULT"),
    (MOTOR_CUT_OFF, "MOTOR_CUT_OFF", HIGH, True, limits.ENABLE_WRONG_MS, STOP, _ENABLED, "F33",
     "the motor lost its enable: the processor came late", roles.OPERATOR,
     b"MOTOR|CUT OFF"),
    (INTERRUPTED, "INTERRUPTED", HIGH, True, 0, STOP, 1 << st.ALARM_STOPPED, "L7",
     "a reset interrupted the infusion", roles.OPERATOR,
     b"INFUSION|CUT SHORT"),
    (LEFT_PAUSED, "LEFT_PAUSED", LOW, False, 0, KEEP, _LEFT, "L18",
     "the infusion has waited for 5 min", roles.OPERATOR,
     b"PUMP IS|WAITING"),
    (STORAGE_FAULT, "STORAGE_FAULT", HIGH, True, 0, STOP, _READY_OR_OPEN, "L19",
     "log and checkpoint cannot be written", roles.OPERATOR,
     b"STORAGE|FAULT"),
    (SELF_TEST_FAILED, "SELF_TEST_FAILED", HIGH, True, 0, FAIL, _ALWAYS, "L16",
     "the self-test failed, POST? says where: take out of use", roles.OPERATOR,
     b"SELF-TEST|FAILED"),
)
# fmt: on

# Columns, for readers of the table.
COL_NAME = const(1)
COL_PRIORITY = const(2)
COL_LATCHING = const(3)
COL_DELAY = const(4)
COL_RESPONSE = const(5)
COL_STATES = const(6)
COL_REQUIREMENT = const(7)
COL_TEXT = const(8)
COL_ROLE = const(9)
COL_SCREEN = const(10)  # two lines of ten letters at most, for the display


def conditions_where(column: int, value: int) -> int:
    """Bit mask of the conditions whose ``column`` holds ``value``."""
    mask = 0
    for row in ALARM_CONDITIONS:
        if row[column] == value:
            mask |= 1 << row[0]
    return mask


def conditions_judged_in(state: int) -> int:
    """Bit mask of the conditions that are judged in ``state``."""
    mask = 0
    for row in ALARM_CONDITIONS:
        if row[COL_STATES] >> state & 1:
            mask |= 1 << row[0]
    return mask
