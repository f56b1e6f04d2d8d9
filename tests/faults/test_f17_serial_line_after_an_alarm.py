"""F17: every verb in every alarm: the line answers as before, and STOP works."""

import pytest
from fault_bench import sag
from pump_bench import Bedside
from test_f14_delivered_volume_cleared import ARGUMENTS

from host_sim.client import frame
from pump.protocol import messages

ANSWER_US = 100_000
STOP_US = 50_000
# What raises each alarm, and the seconds until it is there.
ALARMS = {
    "DOWNSTREAM_OCCLUSION": (lambda bed: bed.fault("downstream-occlusion"), 8),
    "UPSTREAM_OCCLUSION": (lambda bed: bed.fault("upstream-occlusion"), 8),
    "AIR_IN_LINE": (lambda bed: bed.fault("air-bubble", 60), 8),
    "DOOR_OPEN": (lambda bed: bed.fault("door-open"), 1),
    "BAG_EMPTY": (lambda bed: bed.fault("bag-empty"), 130),
    "FLOW_DEVIATION": (lambda bed: bed.fault("motor-stall"), 6),
    "SENSOR_FAULT": (lambda bed: bed.fault("pressure-sensor-absent"), 1),
    "BATTERY_LOW": (lambda bed: sag(bed, 3550), 1),
    "BATTERY_EXHAUSTED": (lambda bed: sag(bed, 3250), 1),
    "SOUNDER_FAULT": (lambda bed: bed.fault("sounder-stuck-on"), 1),
    "CLOCK_FAULT": (lambda bed: bed.fault("rtc-dead"), 4),
    "GUARD_TRIP": (lambda bed: bed.fault("timer-dead"), 0.3),
    "MOTOR_FAULT": (lambda bed: bed.fault("motor-reversed"), 1),
    "MOTOR_CUT_OFF": (lambda bed: bed.fault("flash-stall", 40), 1),
    "KEY_STUCK": (lambda bed: bed.fault("ok-key-stuck"), 61),
    "STORAGE_FAULT": (lambda bed: bed.fault("fram-dead"), 40),
    "INTERRUPTED": (lambda bed: bed.fault("reset"), 8),
    # Gravity alone is slower than 120 mL/h: it shows with the motor off.
    "FREE_FLOW": (lambda bed: (bed.client.request("PAUSE"), bed.fault("free-flow")), 60),
}
ASKED = ["STATUS?", "MOTION?", "ALARMS?", "LINK?", "*IDN?", "POST?", "LOG_ENDS?", "ROLE?", "DATE?"]
VERBS = [
    row[messages.COL_VERB].decode()
    for row in messages.MESSAGES
    if row[messages.COL_KIND] not in (messages.QUERY, messages.NOTICE)
    and row[messages.COL_VERB] not in (b"STOP", b"KEY_COMMIT", b"REPL")
]


def answer_us(bed: Bedside, data: bytes, word: str) -> int:
    """From when ``data`` has entered the device until an answer to it has left."""
    sent_us = bed.board.now_us
    bed.board.usb.host_write(data)
    heard = ""
    while bed.board.now_us - sent_us < 1_000_000:
        bed.board.run_tick()
        heard += bed.board.usb.host_read().decode()
        *lines, _ = heard.split("\n")
        if any(line.startswith(word) for line in lines):
            return bed.board.now_us - sent_us
    return 1 << 40


@pytest.mark.req("F17", "L22", "L3")
@pytest.mark.parametrize("condition", ALARMS)
def test_every_verb_is_answered_within_100_ms_while_the_alarm_stands(pump, condition):
    begin, seconds = ALARMS[condition]

    def question(bed: Bedside):
        begin(bed)
        bed.listen(seconds, until=lambda: condition in bed.alarms())
        raised = condition in bed.alarms()
        if condition == "INTERRUPTED":
            bed.client.hello()
        # Not behind the lines of the alarm itself, which are the pump's to say.
        bed.listen(0.3)
        bed.board.usb.host_read()
        slowest = {}
        for verb in ASKED:
            slowest[verb] = answer_us(bed, f"{verb}\n".encode(), f"- OK {verb}")
        seq = int(bed.client.status()["last_seq"])
        for verb in VERBS:
            arguments = " ".join(map(str, ARGUMENTS.get(verb, ())))
            line = frame(f"{seq + 1} {verb} {arguments}".strip())
            slowest[verb] = answer_us(bed, line, f"{seq + 1} ")
            bed.listen(0.2)
            seq = int(bed.client.status()["last_seq"])
        bed.client.pushed.clear()
        bed.board.usb.host_read()
        stop_us = bed.board.now_us
        slowest["STOP"] = answer_us(bed, b"STOP\n", "- OK STOP")
        bed.listen(0.2)
        late_us = bed.board.last_edge_us - stop_us
        return raised, slowest, late_us, bed.is_enabled(), bed.state()

    raised, slowest, late_us, is_enabled, state = pump.ask(question)
    assert raised
    assert {verb: us for verb, us in slowest.items() if us > ANSWER_US} == {}
    assert late_us <= STOP_US
    assert not is_enabled
    assert state in {"STOPPED", "ALARM_STOPPED", "FAULT", "IDLE", "READY", "COMPLETE"}
