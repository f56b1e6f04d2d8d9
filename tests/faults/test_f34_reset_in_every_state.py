"""F34: a reset at any tick, in any state.

Every tick around START, a rung change and the end: tests/anomaly/test_every_tick.py.
"""

import pytest
from fault_bench import DEAD_MS, ML_STEPS, delivered_steps, forward_edges
from pump_bench import Bedside, program
from what_if import what_if

from pump.core import infusion_state as st

ORDER = program((120_000, 600), ml=4, kvo_ul_h=1000)
OPEN = {st.STATE_NAMES[i] for i in range(st.N_STATES) if st.SESSION_STATES >> i & 1}


def into(bed: Bedside, state: str) -> None:
    """Leave ``bed``, which is INFUSING, in ``state``."""
    client = bed.client
    if state in ("HOLD", "PAUSED"):
        client.request({"HOLD": "HOLD", "PAUSED": "PAUSE"}[state])
    elif state == "RUNG_HELD":
        client.request("STAY")
    elif state == "KVO":
        client.request("PAUSE")
        client.request("KVO")
        bed.listen(3)
    elif state == "STOPPED":
        client.stop()
    elif state == "SEVERE":
        client.request("SEVERE")
    elif state == "ALARM_STOPPED":
        bed.fault("door-open")
        bed.listen(1)
        bed.undo("door-open")
    elif state == "FAULT":
        bed.fault("rtc-dead")
        bed.listen(3.5)
        bed.undo("rtc-dead")
    elif state == "COMPLETE":
        bed.listen(130, until=lambda: "INFUSION_COMPLETE" in bed.alarms())
    elif state == "BACK_OFF":
        bed.fault("downstream-occlusion")
        bed.wait_for(lambda: bed.board.line.down_pa >= 60_000, 30)
        bed.listen(1, until=lambda: bool(bed.alarms()))
        bed.fault("occlusion-release")
    elif state in ("IDLE", "SELF_TEST", "READY"):
        client.stop()
        client.request("RESET")
        client.request("END")
        if state == "READY":
            client.load(ORDER)
        elif state == "SELF_TEST":
            bed.fault("reset")
            bed.listen(0.5)


@pytest.fixture(scope="module")
def infusing_bed() -> Bedside:
    return Bedside(seed=3).start(ORDER).listen(15)


@pytest.mark.req("F34", "L7", "L19")
@pytest.mark.parametrize("fault", ("reset", "power-cut"))
@pytest.mark.parametrize("state", st.STATE_NAMES)
def test_after_a_reset_nothing_moves_and_an_open_session_is_an_alarm(infusing_bed, state, fault):
    def reset():
        bed = infusing_bed
        into(bed, state)
        was = st.STATE_NAMES[bed.board.application.controller.state]
        reset_us = bed.board.now_us
        before = len(bed.heard)
        bed.fault(fault)
        true = bed.board.line.motor_steps
        bed.board.run_tick()
        low_at_once = not bed.is_enabled()
        bed.listen(9)
        said = delivered_steps(bed)
        alarms = [
            line.fields["condition"]
            for line in bed.heard[before:]
            if line.mark == "!A" and line.fields["change"] == "RAISED"
        ]
        booted = [line.mark for line in bed.heard[before:] if line.mark == "!B"]
        edges = forward_edges(bed, reset_us)
        last_ms = (edges[-1] - reset_us) / 1000 if edges else 0.0
        return was, low_at_once, last_ms, bed.is_enabled(), bed.state(), alarms, booted, true, said

    was, low, last_ms, is_enabled, now, alarms, booted, true, said = what_if(reset)
    assert was == state
    assert low and not is_enabled
    assert last_ms <= DEAD_MS
    assert booted == ["!B"]
    if state in OPEN:
        assert alarms == ["INTERRUPTED"]
        assert now == "ALARM_STOPPED"
        assert true - 8 <= said <= true + ML_STEPS
    elif state == "SEVERE":
        assert alarms == ["SEVERE_REACTION"]
        assert now == "SEVERE"
    elif state == "FAULT":
        assert now in {"ALARM_STOPPED", "FAULT"}
    else:
        assert now == "IDLE"
        assert alarms == []
