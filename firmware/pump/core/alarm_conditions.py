"""The table of alarm conditions: the only place where one is defined.

A *condition* is a fact about the pump; the *signal* (sound, lamp, line) is
made from it by ``alarm_signals``.  Order in the table is the order in which
several of one priority are shown.
"""

from micropython import const

from pump.core import infusion_state as st
from pump.core import limits

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

N_CONDITIONS = const(14)

_MOVING = st.DELIVERING_STATES
_ENABLED = st.ENABLED_STATES
_ALWAYS = const((1 << 12) - 1)

# (id, name, priority, latching, delay ms, response, states in which it is
#  judged, requirement, what a person reads)
# fmt: off
ALARM_CONDITIONS = (
    # 30 ms: three readings in a row, against a single noisy one; L4 allows 100.
    (DOWNSTREAM_OCCLUSION, "DOWNSTREAM_OCCLUSION", HIGH, True, 30, STOP, _MOVING, "L4",
     "line blocked below the pump: check clamps and catheter"),
    (UPSTREAM_OCCLUSION, "UPSTREAM_OCCLUSION", HIGH, True, 60, STOP, _MOVING, "L4",
     "line blocked above the pump: check the clamp below the bag"),
    (AIR_IN_LINE, "AIR_IN_LINE", HIGH, True, 0, STOP, _MOVING, "L9",
     "air in the line: disconnect, prime, reconnect"),
    (DOOR_OPEN, "DOOR_OPEN", HIGH, True, 0, STOP, _ENABLED, "L5",
     "door open or set removed"),
    (BAG_EMPTY, "BAG_EMPTY", HIGH, True, limits.BAG_EMPTY_DELAY_MS, STOP, _MOVING, "L15",
     "bag empty"),
    (FLOW_DEVIATION, "FLOW_DEVIATION", HIGH, True, 0, STOP, _MOVING, "L8",
     "the pump turns more than 20 % off its command"),
    # 50 ms: five readings outside of what the sensor can say, good ones in between
    # counting back only slowly.
    (SENSOR_FAULT, "SENSOR_FAULT", HIGH, True, 50, STOP, _ENABLED, "L4",
     "a pressure sensor is absent or out of range"),
    (NO_CONFIRMATION, "NO_CONFIRMATION", HIGH, True, 0, STOP, _MOVING, "L12",
     "nobody answered for 15 min"),
    (DELIVERY_TIME, "DELIVERY_TIME", HIGH, True, 0, STOP, _MOVING, "M3",
     "6 h of delivery reached"),
    (LINK_SILENT, "LINK_SILENT", HIGH, True, 0, STOP, _MOVING, "L21",
     "the host that this infusion needs is silent"),
    (INTERLOCK, "INTERLOCK", HIGH, True, 0, FAIL, _ALWAYS, "L14",
     "the interlock caught the controller: take out of use"),
    (FLOW_DRIFT, "FLOW_DRIFT", MEDIUM, False, 0, KEEP, _MOVING, "L8",
     "the pump has turned more than 5 % off its command for 5 min"),
    # Somebody should come soon, nobody is in danger: MEDIUM.
    (INFUSION_COMPLETE, "INFUSION_COMPLETE", MEDIUM, True, 0, KEEP, 1 << st.COMPLETE, "L8",
     "infusion complete"),
    (PROGRAM_IDLE, "PROGRAM_IDLE", LOW, False, 0, KEEP, 1 << st.READY | 1 << st.IDLE, "L18",
     "a prescription waits to be committed or started"),
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
