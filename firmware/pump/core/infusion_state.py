"""States, events and the one table of transitions.

Rules that the table holds, each checked cell by cell in the tests:

1. STOP is a legal event in every state and never leads to a delivering one.
2. The motor's driver is enabled only in ``ENABLED_STATES``; steps forward are
   granted only in ``DELIVERING_STATES``, steps backward only in BACK_OFF.
3. Resetting an alarm leads to PAUSED, never to delivery.
4. FAULT has no way out but a power cycle.
5. A (state, event) pair without a row is illegal: nothing changes and the
   caller is told ``NOT_IN_THIS_STATE``.
6. A severe reaction may be reported in every state but the self-test.  It ends
   the session, and SEVERE has no way out but FAULT: not by any command, nor by a
   power cycle, after which it is entered again.  (M12)
"""

from micropython import const

# --- states ------------------------------------------------------------------
SELF_TEST = const(0)
IDLE = const(1)  # no prescription
READY = const(2)  # a prescription was read back and committed
INFUSING = const(3)  # climbing the ladder
RUNG_HELD = const(4)  # delivering; asked to stay on this rung
HOLD = const(5)  # zero: driver enabled, not moving
PAUSED = const(6)  # off: driver disabled, session open
KVO = const(7)  # keep vein open
STOPPED = const(8)  # off after STOP; RESET, then RESUME, to go on
ALARM_STOPPED = const(9)  # off after an alarm; RESET, then RESUME, to go on
COMPLETE = const(10)  # the volume to be infused was delivered
FAULT = const(11)  # off until the power is cycled

BACK_OFF = const(12)  # turning back to relieve an occlusion, then ALARM_STOPPED
SEVERE = const(13)  # off after a severe reaction, until maintenance removes its mark

N_STATES = const(14)
STATE_NAMES = (
    "SELF_TEST",
    "IDLE",
    "READY",
    "INFUSING",
    "RUNG_HELD",
    "HOLD",
    "PAUSED",
    "KVO",
    "STOPPED",
    "ALARM_STOPPED",
    "COMPLETE",
    "FAULT",
    "BACK_OFF",
    "SEVERE",
)

# Bit masks over states.
DELIVERING_STATES = const((1 << 3) | (1 << 4) | (1 << 7))
ENABLED_STATES = const((1 << 3) | (1 << 4) | (1 << 5) | (1 << 7) | (1 << 12))
# A session is open from START until END, completion, a fault or a severe reaction.
SESSION_STATES = const(
    (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 7) | (1 << 8) | (1 << 9) | (1 << 12)
)

# --- events ------------------------------------------------------------------
NO_EVENT = const(0)
# from a person, by key or serial line
EV_COMMIT = const(1)  # the staged prescription, read back and confirmed
EV_CANCEL = const(2)  # drop the committed prescription
EV_START = const(3)
EV_CONFIRM = const(4)  # answers the question whose number is the argument
EV_STAY = const(5)
EV_CLIMB = const(6)
EV_DOWN = const(7)
EV_HOLD = const(8)
EV_RELEASE = const(9)
EV_PAUSE = const(10)
EV_RESUME = const(11)
EV_KVO = const(12)
EV_STOP = const(13)
EV_ACK = const(14)
EV_RESET = const(15)
EV_END = const(16)
# from inside the step
EV_POST_PASSED = const(17)
EV_POST_FAILED = const(18)
EV_ALARM_STOP = const(19)
EV_VTBI_DONE = const(20)
EV_FAULT = const(21)
EV_OCCLUDED = const(22)  # stop, and relieve the pressure first
EV_BACKED_OFF = const(23)
EV_INTERRUPTED = const(24)  # self-test passed, and a session was open at the reset
# from a person
EV_SEVERE = const(25)  # a severe reaction
# from inside the step
EV_LATCHED = const(26)  # self-test passed, and a severe reaction was reported before

N_EVENTS = const(27)
# What a person may ask for, one bit each; no place in the numbers says it.
PERSON_EVENTS = const((1 << 17) - 2 | 1 << 25)
EVENT_NAMES = (
    "NONE",
    "COMMIT",
    "CANCEL",
    "START",
    "CONFIRM",
    "STAY",
    "CLIMB",
    "DOWN",
    "HOLD",
    "RELEASE",
    "PAUSE",
    "RESUME",
    "KVO",
    "STOP",
    "ACK",
    "RESET",
    "END",
    "POST_PASSED",
    "POST_FAILED",
    "ALARM_STOP",
    "VTBI_DONE",
    "FAULT",
    "OCCLUDED",
    "BACKED_OFF",
    "INTERRUPTED",
    "SEVERE",
    "LATCHED",
)

# --- the table: (state, event, next state) -------------------------------------
TRANSITIONS = (
    (SELF_TEST, EV_POST_PASSED, IDLE),
    (SELF_TEST, EV_POST_FAILED, FAULT),
    (SELF_TEST, EV_INTERRUPTED, ALARM_STOPPED),
    (SELF_TEST, EV_LATCHED, SEVERE),
    (SELF_TEST, EV_STOP, SELF_TEST),
    (SELF_TEST, EV_FAULT, FAULT),
    (IDLE, EV_COMMIT, READY),
    (IDLE, EV_STOP, IDLE),
    (IDLE, EV_ACK, IDLE),
    (IDLE, EV_RESET, IDLE),
    (IDLE, EV_SEVERE, SEVERE),
    (IDLE, EV_FAULT, FAULT),
    (READY, EV_COMMIT, READY),
    (READY, EV_CANCEL, IDLE),
    (READY, EV_START, INFUSING),
    (READY, EV_STOP, READY),
    (READY, EV_ACK, READY),
    (READY, EV_RESET, READY),
    (READY, EV_SEVERE, SEVERE),
    (READY, EV_FAULT, FAULT),
    (INFUSING, EV_CONFIRM, INFUSING),
    (INFUSING, EV_STAY, RUNG_HELD),
    (INFUSING, EV_DOWN, INFUSING),
    (INFUSING, EV_HOLD, HOLD),
    (INFUSING, EV_PAUSE, PAUSED),
    (INFUSING, EV_STOP, STOPPED),
    (INFUSING, EV_ACK, INFUSING),
    (INFUSING, EV_RESET, INFUSING),
    (INFUSING, EV_OCCLUDED, BACK_OFF),
    (INFUSING, EV_ALARM_STOP, ALARM_STOPPED),
    (INFUSING, EV_VTBI_DONE, COMPLETE),
    (INFUSING, EV_SEVERE, SEVERE),
    (INFUSING, EV_FAULT, FAULT),
    (RUNG_HELD, EV_CONFIRM, RUNG_HELD),
    (RUNG_HELD, EV_CLIMB, INFUSING),
    (RUNG_HELD, EV_DOWN, RUNG_HELD),
    (RUNG_HELD, EV_HOLD, HOLD),
    (RUNG_HELD, EV_PAUSE, PAUSED),
    (RUNG_HELD, EV_STOP, STOPPED),
    (RUNG_HELD, EV_ACK, RUNG_HELD),
    (RUNG_HELD, EV_RESET, RUNG_HELD),
    (RUNG_HELD, EV_OCCLUDED, BACK_OFF),
    (RUNG_HELD, EV_ALARM_STOP, ALARM_STOPPED),
    (RUNG_HELD, EV_VTBI_DONE, COMPLETE),
    (RUNG_HELD, EV_SEVERE, SEVERE),
    (RUNG_HELD, EV_FAULT, FAULT),
    (HOLD, EV_RELEASE, INFUSING),
    (HOLD, EV_PAUSE, PAUSED),
    (HOLD, EV_STOP, STOPPED),
    (HOLD, EV_ACK, HOLD),
    (HOLD, EV_RESET, HOLD),
    (HOLD, EV_ALARM_STOP, ALARM_STOPPED),
    (HOLD, EV_VTBI_DONE, COMPLETE),
    (HOLD, EV_SEVERE, SEVERE),
    (HOLD, EV_FAULT, FAULT),
    (PAUSED, EV_RESUME, INFUSING),
    (PAUSED, EV_KVO, KVO),
    (PAUSED, EV_STOP, STOPPED),
    (PAUSED, EV_ACK, PAUSED),
    (PAUSED, EV_RESET, PAUSED),
    (PAUSED, EV_END, IDLE),
    (PAUSED, EV_ALARM_STOP, ALARM_STOPPED),
    (PAUSED, EV_VTBI_DONE, COMPLETE),
    (PAUSED, EV_SEVERE, SEVERE),
    (PAUSED, EV_FAULT, FAULT),
    (KVO, EV_RESUME, INFUSING),
    (KVO, EV_PAUSE, PAUSED),
    (KVO, EV_STOP, STOPPED),
    (KVO, EV_ACK, KVO),
    (KVO, EV_RESET, KVO),
    (KVO, EV_OCCLUDED, BACK_OFF),
    (KVO, EV_ALARM_STOP, ALARM_STOPPED),
    (KVO, EV_VTBI_DONE, COMPLETE),
    (KVO, EV_SEVERE, SEVERE),
    (KVO, EV_FAULT, FAULT),
    (STOPPED, EV_RESET, PAUSED),
    (STOPPED, EV_STOP, STOPPED),
    (STOPPED, EV_ACK, STOPPED),
    (STOPPED, EV_END, IDLE),
    (STOPPED, EV_VTBI_DONE, COMPLETE),
    (STOPPED, EV_SEVERE, SEVERE),
    (STOPPED, EV_FAULT, FAULT),
    (ALARM_STOPPED, EV_RESET, PAUSED),
    (ALARM_STOPPED, EV_STOP, ALARM_STOPPED),
    (ALARM_STOPPED, EV_ACK, ALARM_STOPPED),
    (ALARM_STOPPED, EV_END, IDLE),
    (ALARM_STOPPED, EV_VTBI_DONE, COMPLETE),
    (ALARM_STOPPED, EV_SEVERE, SEVERE),
    (ALARM_STOPPED, EV_FAULT, FAULT),
    (BACK_OFF, EV_BACKED_OFF, ALARM_STOPPED),
    (BACK_OFF, EV_STOP, STOPPED),
    (BACK_OFF, EV_ACK, BACK_OFF),
    (BACK_OFF, EV_ALARM_STOP, ALARM_STOPPED),
    (BACK_OFF, EV_SEVERE, SEVERE),
    (BACK_OFF, EV_FAULT, FAULT),
    (COMPLETE, EV_END, IDLE),
    (COMPLETE, EV_STOP, COMPLETE),
    (COMPLETE, EV_ACK, COMPLETE),
    (COMPLETE, EV_RESET, COMPLETE),
    (COMPLETE, EV_SEVERE, SEVERE),
    (COMPLETE, EV_FAULT, FAULT),
    (FAULT, EV_STOP, FAULT),
    (FAULT, EV_ACK, FAULT),
    (FAULT, EV_SEVERE, FAULT),
    (FAULT, EV_FAULT, FAULT),
    (SEVERE, EV_STOP, SEVERE),
    (SEVERE, EV_ACK, SEVERE),
    (SEVERE, EV_SEVERE, SEVERE),
    (SEVERE, EV_FAULT, FAULT),
)

ILLEGAL = const(255)


def make_transition_map() -> bytearray:
    """The table as a flat map: ``map[state * N_EVENTS + event]`` is the next state.

    Cells without a row hold ``ILLEGAL``.  Made once, at construction.
    """
    cells = bytearray(N_STATES * N_EVENTS)
    for i in range(len(cells)):
        cells[i] = ILLEGAL
    for row in TRANSITIONS:
        cells[row[0] * N_EVENTS + row[1]] = row[2]
    return cells
