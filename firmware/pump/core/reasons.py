"""Reason codes: why something was refused, as numbers the loop can carry.

One table for the core and the serial line; ``REASONS[code]`` is
``(name, text)``.
"""

from micropython import const

OK = const(0)
NOT_IN_THIS_STATE = const(1)
ALARM_PRESENT = const(2)
NO_OPEN_QUESTION = const(3)
WRONG_QUESTION = const(4)
WINDOW_CLOSED = const(5)
LOWEST_RUNG = const(6)
KVO_NOT_ORDERED = const(7)
# prescription
RX_INCOMPLETE = const(8)
RX_RUNG_COUNT = const(9)
RX_RATE = const(10)
RX_RATE_RESOLUTION = const(11)
RX_NOT_RISING = const(12)
RX_ABOVE_CAP = const(13)
RX_CAP = const(14)
RX_CAP_FOR_WEIGHT = const(15)
RX_DWELL = const(16)
RX_VTBI = const(17)
RX_WEIGHT = const(18)
RX_CONCENTRATION = const(19)
RX_DOSE_VOLUME = const(20)
RX_DAY_DOSE = const(21)
RX_TOO_LONG = const(22)
RX_SLEW = const(23)
RX_KVO = const(24)
RX_OCCLUSION_LIMIT = const(25)
RX_CHECK_INTERVAL = const(26)
RX_LINK_TIMEOUT = const(27)
RX_CHECKSUM = const(28)
# serial line
BAD_CRC = const(29)
BAD_FRAME = const(30)
UNKNOWN_VERB = const(31)
BAD_ARGUMENT = const(32)
OUT_OF_RANGE = const(33)
SEQ_ORDER = const(34)
SEQ_REUSED = const(35)
HELLO_FIRST = const(36)
TABLE_MISMATCH = const(37)
TOO_LONG = const(38)
BUSY = const(39)
OVERTAKEN = const(40)
# roles
NOT_ALLOWED = const(41)
NO_KEY = const(42)
LOCKED = const(43)
BAD_RESPONSE = const(44)
NO_CHALLENGE = const(45)
TOO_MANY_ATTEMPTS = const(46)
MOTOR_ON = const(47)
NEEDS_SUPERVISOR = const(48)
# what the board has
POST_FAILED = const(49)
NOT_FITTED = const(50)
NO_SUCH_RECORD = const(51)
STORAGE = const(52)
KEY_MISMATCH = const(53)
STOP_KEY = const(54)
CALIBRATION_BOUNDS = const(55)
# reactions
SEVERE_LATCHED = const(56)

REASONS = (
    ("OK", "done"),
    ("NOT_IN_THIS_STATE", "not possible in this state"),
    ("ALARM_PRESENT", "a condition that stops the pump is present, see ALARMS? and POST?"),
    ("NO_OPEN_QUESTION", "nothing was asked"),
    ("WRONG_QUESTION", "that is not the question asked last"),
    ("WINDOW_CLOSED", "answered after the window; wait for the next question"),
    ("LOWEST_RUNG", "already on the lowest rung"),
    ("KVO_NOT_ORDERED", "the prescription has no KVO rate"),
    ("RX_INCOMPLETE", "PROGRAM, SETTINGS and every RUNG are needed first"),
    ("RX_RUNG_COUNT", "1 to 12 rungs"),
    ("RX_RATE", "a rung's rate is out of range"),
    ("RX_RATE_RESOLUTION", "rates are whole multiples of 100 uL/h"),
    ("RX_NOT_RISING", "each rung must be faster than the one below"),
    ("RX_ABOVE_CAP", "a rung is above the cap"),
    ("RX_CAP", "the cap is out of range"),
    ("RX_CAP_FOR_WEIGHT", "the cap is above 12 mg/kg/min"),
    ("RX_DWELL", "a dwell is out of range"),
    ("RX_VTBI", "the volume to be infused is out of range"),
    ("RX_WEIGHT", "the weight is out of range"),
    ("RX_CONCENTRATION", "the concentration is out of range"),
    ("RX_DOSE_VOLUME", "volume x concentration is not the dose"),
    ("RX_DAY_DOSE", "the dose is above 1 g/kg"),
    ("RX_TOO_LONG", "the infusion would take more than 6 h"),
    ("RX_SLEW", "the slew is out of range"),
    ("RX_KVO", "the KVO rate is out of range"),
    ("RX_OCCLUSION_LIMIT", "the occlusion limit is out of range"),
    ("RX_CHECK_INTERVAL", "the check interval is out of range"),
    ("RX_LINK_TIMEOUT", "the link time-out is out of range"),
    ("RX_CHECKSUM", "not the checksum of what was read back"),
    ("BAD_CRC", "the CRC does not match"),
    ("BAD_FRAME", "not a frame with SEQ and CRC, nor a query, nor STOP"),
    ("UNKNOWN_VERB", "no such verb"),
    ("BAD_ARGUMENT", "wrong number of arguments, or not a whole number"),
    ("OUT_OF_RANGE", "an argument is out of range"),
    ("SEQ_ORDER", "SEQ is not the last one + 1"),
    ("SEQ_REUSED", "that SEQ was executed with other bytes"),
    ("HELLO_FIRST", "say HELLO first"),
    ("TABLE_MISMATCH", "another protocol version or message table"),
    ("TOO_LONG", "more than 96 bytes"),
    ("BUSY", "the line before is still being answered"),
    ("OVERTAKEN", "not executed: a STOP came in the same tick"),
    ("NOT_ALLOWED", "this verb needs another role: log in"),
    ("NO_KEY", "no device key is stored: nobody can log in"),
    ("LOCKED", "too many wrong answers: wait, see ROLE?"),
    ("BAD_RESPONSE", "that is not the answer to the challenge"),
    ("NO_CHALLENGE", "ask for a CHALLENGE for this role first"),
    ("TOO_MANY_ATTEMPTS", "no log-in left until the pump is stopped"),
    ("MOTOR_ON", "only while the motor is off"),
    ("NEEDS_SUPERVISOR", "a supervisor must do this"),
    ("POST_FAILED", "the self-test failed, see POST?"),
    ("NOT_FITTED", "this board does not have it"),
    ("NO_SUCH_RECORD", "the log has no such record"),
    ("STORAGE", "it could not be stored"),
    ("KEY_MISMATCH", "not the checksum of a key in four parts"),
    ("STOP_KEY", "the STOP key is pressed, or its wire is off"),
    ("CALIBRATION_BOUNDS", "no sound mechanism or sensor is so far off"),
    ("SEVERE_LATCHED", "a severe reaction was reported: only maintenance releases the pump"),
)
