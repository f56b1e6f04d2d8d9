"""The serial line's message table: the only definition, for both ends.

``docs/protocol.md`` is generated from it, HELLO compares a checksum of it, the
firmware dispatches by it and the host's client builds lines from it.
"""

from micropython import const

from pump.core import calibration, event_log, limits, roles
from pump.core import infusion_state as st
from pump.protocol import authentication as auth

PROTOCOL_VERSION = const(2)
# Bytes of a line without its line feed, in both directions.
LINE_MAX = const(96)
ARGUMENTS_MAX = const(6)
# In the place of an argument's highest value: it is a string of exactly so many
# upper-case hex digits as the place of its lowest value says.
HEX = const(-1)
# Bytes of the longest such string; a line has one at most.
HEX_BYTES_MAX = const(16)

# What a verb does.
QUERY = const(0)  # answers; changes nothing; may be typed without SEQ and CRC
LINK = const(1)  # opens the conversation
STAGE = const(2)  # fills the staged prescription
EVENT = const(3)  # becomes one event of the controller
STOP = const(4)  # always accepted
NOTICE = const(5)  # a bridge reports; never answered, never executed
ACCESS = const(6)  # who may do what
CARE = const(7)  # maintenance of the board, which is done at once

# Positions in MESSAGES, by name.
M_STOP = const(0)
M_IDN = const(1)
M_HELP = const(2)
M_STATUS = const(3)
M_MOTION = const(4)
M_LINK = const(5)
M_ALARMS = const(6)
M_QUESTION = const(7)
M_RX = const(8)
M_ORDER = const(9)
M_POST = const(10)
M_FITTED = const(11)
M_ROLE = const(12)
M_READ_DATE = const(13)
M_LOG = const(14)
M_LOG_ENDS = const(15)
M_TABLE = const(16)
M_CAL = const(17)
M_RAW = const(18)
M_STAMPS = const(19)
M_LOAD = const(20)
M_SCREEN = const(21)
M_HELLO = const(22)
M_CHALLENGE = const(23)
M_LOGIN = const(24)
M_LOGOUT = const(25)
M_PROGRAM = const(26)
M_SETTINGS = const(27)
M_RUNG = const(28)
M_COMMIT = const(29)
M_DATE = const(30)
M_KEY = const(31)
M_KEY_COMMIT = const(32)
M_REPL = const(33)
M_CALIBRATE = const(34)
M_CAL_COMMIT = const(35)
M_UNLATCH = const(36)
M_SEVERE = const(37)

# Verbs on a line of HELP?, and in ``arguments`` for all of its lines.
HELP_VERBS = const(6)
HELP_ALL = const(-1)

# Days since 2000-01-01: to the end of 2099, as far as a clock chip counts.
DAY_MAX = const(36_524)
SECOND_OF_DAY_MAX = const(86_399)
KEY_PARTS = const(4)
KEY_PART_BYTES = const(8)

_RX_LINE = ("line", 0, limits.RUNGS_MAX + 1, "")
_ROLE = ("role", roles.OPERATOR, roles.MAINTENANCE, "")

# (verb, kind, role that it needs, event, arguments, what it does); an argument
# is (name, least, most, unit) or (name, hex digits, HEX, "").
MESSAGES: tuple[tuple, ...] = (
    (
        b"STOP",
        STOP,
        roles.OBSERVER,
        st.EV_STOP,
        (),
        "motor off at once; in every state, from anyone",
    ),
    (b"*IDN?", QUERY, roles.OBSERVER, 0, (), "maker, board, serial number, firmware version"),
    (
        b"HELP?",
        QUERY,
        roles.OBSERVER,
        0,
        (("line", 0, 9, ""),),
        "the verbs, a line of them; typed without its argument all lines",
    ),
    (
        b"STATUS?",
        QUERY,
        roles.OBSERVER,
        0,
        (),
        "state, rung, rate, volume, alarms, last SEQ, lines refused",
    ),
    (b"MOTION?", QUERY, roles.OBSERVER, 0, (), "motor steps ordered, granted, counted; late time"),
    (b"LINK?", QUERY, roles.OBSERVER, 0, (), "what was received, refused and dropped, by kind"),
    (
        b"ALARMS?",
        QUERY,
        roles.OBSERVER,
        0,
        (),
        "active and acknowledged alarm conditions; the sound's pause",
    ),
    (b"QUESTION?", QUERY, roles.OBSERVER, 0, (), "the question asked last"),
    (
        b"RX?",
        QUERY,
        roles.OBSERVER,
        0,
        (_RX_LINE,),
        "read back one line of the staged prescription",
    ),
    (
        b"ORDER?",
        QUERY,
        roles.OBSERVER,
        0,
        (_RX_LINE,),
        "read back one line of the committed prescription",
    ),
    (b"POST?", QUERY, roles.OBSERVER, 0, (), "what the self-test found"),
    (
        b"FITTED?",
        QUERY,
        roles.OBSERVER,
        0,
        (),
        "what this board has, 0 or 1 each; bench: 1 stand-ins for parts, 2 refused them",
    ),
    (
        b"ROLE?",
        QUERY,
        roles.OBSERVER,
        0,
        (),
        "the role of this conversation; whether one can log in",
    ),
    (b"DATE?", QUERY, roles.OBSERVER, 0, (), "what the clock chip says"),
    (
        b"LOG?",
        QUERY,
        roles.OBSERVER,
        0,
        (("record", 0, 99_999_999, ""),),
        "one record of the event log",
    ),
    (
        b"LOG_ENDS?",
        QUERY,
        roles.OBSERVER,
        0,
        (),
        "first record of the log, the one to come, the first that breaks the chain or -1",
    ),
    (
        b"TABLE?",
        QUERY,
        roles.OBSERVER,
        0,
        (),
        "protocol version and checksum of the message table, as HELLO wants them",
    ),
    (
        b"CAL?",
        QUERY,
        roles.OBSERVER,
        0,
        (("which", 0, 1, "0 in force, 1 staged"),),
        "the calibration",
    ),
    (b"RAW?", QUERY, roles.OBSERVER, 0, (), "both pressures as the converter reads them, 0-4095"),
    (
        b"STAMPS?",
        QUERY,
        roles.OBSERVER,
        0,
        (),
        "the last end of motion: its tick's beginning, and when it was detected, decided "
        "and acted on, by the microsecond counter modulo 2^30; 0 before the first",
    ),
    (
        b"LOAD?",
        QUERY,
        roles.OBSERVER,
        0,
        (),
        "ticks since it was asked last (100_000 at most), how long they took and the latest "
        "beginning of one",
    ),
    (
        b"SCREEN?",
        QUERY,
        roles.OBSERVER,
        0,
        (),
        "what the display says, row by row, and whether there is one",
    ),
    (
        b"HELLO",
        LINK,
        roles.OBSERVER,
        0,
        (("version", 0, 65535, ""), ("table", 0, 65535, "checksum")),
        "open the conversation; answers with the last SEQ executed; ends a role",
    ),
    (b"CHALLENGE", ACCESS, roles.OBSERVER, 0, (_ROLE,), "begin to log in; answers with a nonce"),
    (
        b"LOGIN",
        ACCESS,
        roles.OBSERVER,
        0,
        (_ROLE, ("response", 2 * auth.RESPONSE_LENGTH, HEX, "")),
        "take a role by answering its challenge",
    ),
    (b"LOGOUT", ACCESS, roles.OBSERVER, 0, (), "an observer from now on"),
    (
        b"PROGRAM",
        STAGE,
        roles.OPERATOR,
        0,
        (
            ("vtbi", 0, limits.VTBI_MAX_UL, "uL"),
            ("dose", 0, 200_000, "mg"),
            ("concentration", 0, limits.CONCENTRATION_MAX_MG_ML, "mg/mL"),
            ("weight", 0, limits.WEIGHT_MAX_G, "g"),
            ("cap", 0, limits.HARDWARE_CAP_UL_H, "uL/h"),
            ("rungs", 1, limits.RUNGS_MAX, ""),
        ),
        "begin a new staged prescription",
    ),
    (
        b"SETTINGS",
        STAGE,
        roles.OPERATOR,
        0,
        (
            ("slew", limits.SLEW_MIN_UL_H_S, limits.SLEW_MAX_UL_H_S, "uL/h per s"),
            ("kvo", 0, limits.KVO_MAX_UL_H, "uL/h"),
            ("occlusion", limits.OCCLUSION_MIN_PA, limits.OCCLUSION_MAX_PA, "Pa"),
            ("check", 900, 1800, "s"),
            ("link_timeout", 0, limits.LINK_TIMEOUT_MAX_S, "s"),
        ),
        "settings of the staged prescription",
    ),
    (
        b"RUNG",
        STAGE,
        roles.OPERATOR,
        0,
        (
            ("index", 0, limits.RUNGS_MAX - 1, ""),
            ("rate", limits.RATE_MIN_UL_H, limits.HARDWARE_CAP_UL_H, "uL/h"),
            ("dwell", limits.DWELL_MIN_MS // 1000, limits.DWELL_MAX_MS // 1000, "s"),
        ),
        "one rung of the staged prescription",
    ),
    (
        b"COMMIT",
        EVENT,
        roles.OPERATOR,
        st.EV_COMMIT,
        (("checksum", 0, 65535, ""),),
        "accept the staged prescription; the checksum is that of its RX? lines",
    ),
    (
        b"DATE",
        CARE,
        roles.MAINTENANCE,
        0,
        (("day", 0, DAY_MAX, "since 2000-01-01"), ("second", 0, SECOND_OF_DAY_MAX, "of the day")),
        "set the clock chip",
    ),
    (
        b"KEY",
        CARE,
        roles.MAINTENANCE,
        0,
        (("part", 0, KEY_PARTS - 1, ""), ("bytes", 2 * KEY_PART_BYTES, HEX, "")),
        "one part of a new device key",
    ),
    (
        b"KEY_COMMIT",
        CARE,
        roles.MAINTENANCE,
        0,
        (("checksum", 0, 65535, ""),),
        "take the new device key; the checksum is the CRC-16 of its 32 bytes; ends the role",
    ),
    (
        b"REPL",
        CARE,
        roles.MAINTENANCE,
        0,
        (),
        "leave the firmware for MicroPython's prompt; no session open",
    ),
    (
        b"CALIBRATE",
        CARE,
        roles.MAINTENANCE,
        0,
        (
            ("part", 0, calibration.NOMINAL_ALL, "0 volume, 1 downstream, 2 upstream, 3 none"),
            ("a", 0, calibration.STEP_MAX_ULH_MS, "a step in uL/h x ms, or a sensor's zero"),
            ("b", 0, 65535, "0, or a sensor's gain"),
        ),
        "stage what was measured of one part, or nominal values for all",
    ),
    (
        b"CAL_COMMIT",
        CARE,
        roles.MAINTENANCE,
        0,
        (("checksum", 0, 65535, ""),),
        "store the staged calibration and restart; the checksum is that of its CAL? line",
    ),
    (
        b"UNLATCH",
        CARE,
        roles.MAINTENANCE,
        0,
        (),
        "remove the mark of a severe reaction, in SEVERE only, and restart",
    ),
    (
        b"SEVERE",
        EVENT,
        roles.OPERATOR,
        st.EV_SEVERE,
        (),
        "a severe reaction: motor off at once, session ended, latched beyond every command "
        "and power cycle until UNLATCH; OK: the latch is stored; STORAGE: off, but say it again",
    ),
    (b"CANCEL", EVENT, roles.OPERATOR, st.EV_CANCEL, (), "drop the committed prescription"),
    (b"START", EVENT, roles.OPERATOR, st.EV_START, (), "begin the infusion on rung 0"),
    (
        b"CONFIRM",
        EVENT,
        roles.OPERATOR,
        st.EV_CONFIRM,
        (("question", 1, 65535, ""),),
        "answer a question: tolerated; steps up if that was asked",
    ),
    (
        b"STAY",
        EVENT,
        roles.OPERATOR,
        st.EV_STAY,
        (),
        "stay on this rung, until CLIMB, HOLD or PAUSE",
    ),
    (b"CLIMB", EVENT, roles.OPERATOR, st.EV_CLIMB, (), "let the ladder go on after STAY"),
    (b"DOWN", EVENT, roles.OPERATOR, st.EV_DOWN, (), "one rung lower at once"),
    (b"HOLD", EVENT, roles.OPERATOR, st.EV_HOLD, (), "rate zero, driver enabled"),
    (b"RELEASE", EVENT, roles.OPERATOR, st.EV_RELEASE, (), "deliver again after HOLD"),
    (b"PAUSE", EVENT, roles.OPERATOR, st.EV_PAUSE, (), "motor off, session open"),
    (b"RESUME", EVENT, roles.OPERATOR, st.EV_RESUME, (), "deliver again after PAUSE or KVO"),
    (b"KVO", EVENT, roles.OPERATOR, st.EV_KVO, (), "keep the vein open while paused"),
    (
        b"ACK",
        EVENT,
        roles.OPERATOR,
        st.EV_ACK,
        (),
        "alarms seen: the sound pauses for 2 min at most",
    ),
    (
        b"RESET",
        EVENT,
        roles.OPERATOR,
        st.EV_RESET,
        (),
        "clear alarms whose condition has gone; leads to PAUSED",
    ),
    (b"END", EVENT, roles.OPERATOR, st.EV_END, (), "close the session"),
    (b"!BUSY", NOTICE, roles.OBSERVER, 0, (), "from a bridge: it turned a further client away"),
)

COL_VERB = const(0)
COL_KIND = const(1)
COL_ROLE = const(2)
COL_EVENT = const(3)
COL_ARGUMENTS = const(4)
COL_TEXT = const(5)

# Lines that the device sends by itself: (mark, fields, when).
PUSHED = (
    (
        b"!B",
        ("count", "time", "version", "reset_cause", "table", "bench"),
        "once, after boot; bench as in FITTED?",
    ),
    (
        b"!T",
        (
            "count",
            "time",
            "state",
            "rung",
            "rate_ul_h",
            "delivered_ul",
            "down_pa",
            "up_pa",
            "alarms",
            "question",
        ),
        "telemetry, every second",
    ),
    (
        b"!A",
        ("count", "time", "condition", "priority", "change"),
        "an alarm is RAISED or CLEARED; SEVERE_REACTION, which has no bit, when SEVERE is entered",
    ),
    (b"!Q", ("count", "time", "question", "kind", "rung"), "a person is asked"),
    (b"!S", ("count", "time", "from", "to"), "the state changed"),
)

# Fields of the replies to queries, in order.
REPLIES = (
    (b"*IDN?", ("maker", "board", "serial", "version")),
    (
        b"STATUS?",
        (
            "state",
            "rung",
            "rungs",
            "rate_ul_h",
            "delivered_ul",
            "vtbi_ul",
            "alarms",
            "question",
            "last_seq",
            "refused",
        ),
    ),
    (
        b"MOTION?",
        ("session", "ordered_steps", "granted_steps", "counted_steps", "missing_steps", "late_ms"),
    ),
    (
        b"LINK?",
        (
            "lines",
            "repeated",
            "crc",
            "frame",
            "verb",
            "argument",
            "seq",
            "long",
            "hello",
            "busy",
            "turned_away",
            "role",
            "dropped",
        ),
    ),
    (b"ALARMS?", ("active", "acknowledged", "first", "needs_supervisor", "audio_paused_s")),
    (b"QUESTION?", ("question", "kind", "open", "rung", "asked_s")),
    (b"POST?", ("result", "item", "absent")),
    (b"FITTED?", ("fram", "clock_chip", "date_valid", "log", "key", "bench")),
    (b"ROLE?", ("role", "locked_s", "attempts_left")),
    (b"DATE?", ("day", "second", "valid")),
    (b"LOG?", event_log.LOG_FIELDS),
    (b"LOG_ENDS?", event_log.LOG_HEAD_FIELDS),
    (b"TABLE?", ("version", "table")),
    (
        b"CAL?",
        (
            "which",
            "state",
            "step_ulh_ms",
            "down_zero",
            "down_gain",
            "up_zero",
            "up_gain",
            "volume_day",
            "down_day",
            "up_day",
        ),
    ),
    (b"RAW?", ("down_counts", "up_counts")),
    (b"STAMPS?", ("tick_us", "detected_us", "decided_us", "acted_us")),
    (b"LOAD?", ("ticks", "mean_us", "max_us", "late_max_us")),
    (
        b"SCREEN?",
        ("fitted", "head", "rate", "rung_word", "rung", "unit", "upper", "lower"),
    ),
    (b"HELLO", ("version", "table", "last_seq")),
    (b"CHALLENGE", ("nonce",)),
    (b"LOGIN", ("role",)),
)


def table_checksum(crc) -> int:
    """Checksum of everything in this file that two ends must agree on.

    ``crc`` is ``framing.Crc16``; done once at boot, not in the loop.
    """
    crc.begin()
    for row in MESSAGES:
        crc.add_all(row[COL_VERB])
        crc.add(row[COL_KIND])
        crc.add(row[COL_ROLE])
        for argument in row[COL_ARGUMENTS]:
            crc.add_all(argument[0].encode())
            crc.add_int(argument[1])
            crc.add_int(argument[2])
    for row in PUSHED:
        crc.add_all(row[0])
        for name in row[1]:
            crc.add_all(name.encode())
    for row in REPLIES:
        crc.add_all(row[0])
        for name in row[1]:
            crc.add_all(name.encode())
    for name in roles.ROLE_NAMES:
        crc.add_all(name.encode())
    for name in st.STATE_NAMES:
        crc.add_all(name.encode())
    return crc.value
