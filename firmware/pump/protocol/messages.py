"""The serial line's message table: the only definition, for both ends.

``docs/protocol.md`` is generated from it, HELLO compares a checksum of it, the
firmware dispatches by it and the host's client builds lines from it.
"""

from micropython import const

from pump.core import infusion_state as st
from pump.core import limits

PROTOCOL_VERSION = const(1)
# Bytes of a line without its line feed, in both directions.
LINE_MAX = const(96)
ARGUMENTS_MAX = const(6)

# What a verb does.
QUERY = const(0)  # answers; changes nothing; may be typed without SEQ and CRC
LINK = const(1)  # opens the conversation
STAGE = const(2)  # fills the staged prescription
EVENT = const(3)  # becomes one event of the controller
STOP = const(4)  # always accepted
NOTICE = const(5)  # a bridge reports; never answered, never executed

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
M_HELLO = const(10)
M_PROGRAM = const(11)
M_SETTINGS = const(12)
M_RUNG = const(13)
M_COMMIT = const(14)

_RX_LINE = ("line", 0, limits.RUNGS_MAX + 1, "")

# (verb, kind, event, arguments, what it does); an argument is
# (name, least, most, unit).
MESSAGES = (
    (b"STOP", STOP, st.EV_STOP, (), "motor off at once; in every state, from anyone"),
    (b"*IDN?", QUERY, 0, (), "maker, board, serial number, firmware version"),
    (b"HELP?", QUERY, 0, (), "the verbs"),
    (b"STATUS?", QUERY, 0, (), "state, rung, rate, volume, alarms, last SEQ, lines refused"),
    (b"MOTION?", QUERY, 0, (), "motor steps ordered, granted, counted; late time"),
    (b"LINK?", QUERY, 0, (), "what was received, refused and dropped, by kind"),
    (b"ALARMS?", QUERY, 0, (), "active and acknowledged alarm conditions"),
    (b"QUESTION?", QUERY, 0, (), "the question asked last"),
    (b"RX?", QUERY, 0, (_RX_LINE,), "read back one line of the staged prescription"),
    (b"ORDER?", QUERY, 0, (_RX_LINE,), "read back one line of the committed prescription"),
    (
        b"HELLO",
        LINK,
        0,
        (("version", 0, 65535, ""), ("table", 0, 65535, "checksum")),
        "open the conversation; answers with the last SEQ executed",
    ),
    (
        b"PROGRAM",
        STAGE,
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
        st.EV_COMMIT,
        (("checksum", 0, 65535, ""),),
        "accept the staged prescription; the checksum is that of its RX? lines",
    ),
    (b"CANCEL", EVENT, st.EV_CANCEL, (), "drop the committed prescription"),
    (b"START", EVENT, st.EV_START, (), "begin the infusion on rung 0"),
    (
        b"CONFIRM",
        EVENT,
        st.EV_CONFIRM,
        (("question", 1, 65535, ""),),
        "answer a question: tolerated; steps up if that was asked",
    ),
    (b"STAY", EVENT, st.EV_STAY, (), "stay on this rung, until CLIMB, HOLD or PAUSE"),
    (b"CLIMB", EVENT, st.EV_CLIMB, (), "let the ladder go on after STAY"),
    (b"DOWN", EVENT, st.EV_DOWN, (), "one rung lower at once"),
    (b"HOLD", EVENT, st.EV_HOLD, (), "rate zero, driver enabled"),
    (b"RELEASE", EVENT, st.EV_RELEASE, (), "deliver again after HOLD"),
    (b"PAUSE", EVENT, st.EV_PAUSE, (), "motor off, session open"),
    (b"RESUME", EVENT, st.EV_RESUME, (), "deliver again after PAUSE or KVO"),
    (b"KVO", EVENT, st.EV_KVO, (), "keep the vein open while paused"),
    (b"ACK", EVENT, st.EV_ACK, (), "alarms seen: the sound pauses for 2 min at most"),
    (b"RESET", EVENT, st.EV_RESET, (), "clear alarms whose condition has gone; leads to PAUSED"),
    (b"END", EVENT, st.EV_END, (), "close the session"),
    (b"!BUSY", NOTICE, 0, (), "from a bridge: it turned a further client away"),
)

COL_VERB = const(0)
COL_KIND = const(1)
COL_EVENT = const(2)
COL_ARGUMENTS = const(3)
COL_TEXT = const(4)

# Lines that the device sends by itself: (mark, fields, when).
PUSHED = (
    (
        b"!B",
        ("count", "time", "version", "reset_cause", "table"),
        "once, after boot",
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
    (b"!A", ("count", "time", "condition", "priority", "change"), "an alarm is RAISED or CLEARED"),
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
            "dropped",
        ),
    ),
    (b"ALARMS?", ("active", "acknowledged", "first")),
    (b"QUESTION?", ("question", "kind", "open", "rung", "asked_s")),
    (b"HELLO", ("version", "table", "last_seq")),
)


def table_checksum(crc) -> int:
    """Checksum of everything in this file that two ends must agree on.

    ``crc`` is ``framing.Crc16``; done once at boot, not in the loop.
    """
    crc.begin()
    for row in MESSAGES:
        crc.add_all(row[COL_VERB])
        crc.add(row[COL_KIND])
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
    for name in st.STATE_NAMES:
        crc.add_all(name.encode())
    return crc.value
