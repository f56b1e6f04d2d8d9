"""STOP on the serial line: from its line feed to the last STEP edge, in every state."""

from collections.abc import Callable
from random import Random

import pytest
from pump_bench import Bedside, program

from host_sim.client import Refused, frame
from pump.hal import pinout

LADDER = program((60_000, 600), (120_000, 600), ml=20, kvo_ul_h=1000)


def idle(bed: Bedside) -> None:
    bed.client.hello()


def ready(bed: Bedside) -> None:
    bed.client.hello()
    bed.client.load(LADDER)


def infusing(bed: Bedside) -> None:
    bed.start(LADDER).listen(10)


def asked(verb: str) -> Callable[[Bedside], None]:
    def reach(bed: Bedside) -> None:
        infusing(bed)
        for word in verb.split():
            bed.client.request(word)
        bed.listen(5)

    return reach


def stopped(bed: Bedside) -> None:
    infusing(bed)
    bed.client.stop()


def alarm_stopped(bed: Bedside) -> None:
    infusing(bed)
    bed.fault("door-open")
    bed.listen(1)


def complete(bed: Bedside) -> None:
    bed.start(program((1_200_000, 600), ml=1)).listen(30)


def fault(bed: Bedside) -> None:
    """Noise on the STEP wire: the motor takes steps that nobody granted."""
    infusing(bed)
    bed.board.edge_totals[pinout.STEP] += 100
    bed.listen(1)


# how it is reached, the state, the state after STOP
STATES = {
    "IDLE": (idle, "IDLE"),
    "READY": (ready, "READY"),
    "INFUSING": (infusing, "STOPPED"),
    "RUNG_HELD": (asked("STAY"), "STOPPED"),
    "HOLD": (asked("HOLD"), "STOPPED"),
    "PAUSED": (asked("PAUSE"), "STOPPED"),
    "KVO": (asked("PAUSE KVO"), "STOPPED"),
    "STOPPED": (stopped, "STOPPED"),
    "ALARM_STOPPED": (alarm_stopped, "ALARM_STOPPED"),
    "COMPLETE": (complete, "COMPLETE"),
    "FAULT": (fault, "FAULT"),
}


@pytest.mark.req("L3")
@pytest.mark.parametrize("state", STATES)
def test_stop_stops_within_50_ms_of_its_line_feed_in(bed, state):
    reach, after = STATES[state]
    reach(bed)
    assert bed.state() == state
    for phase_us in range(0, 10_000, 1000):
        fed_us = bed.board.now_us + phase_us
        bed.send_at(fed_us, b"STOP\n")
        bed.listen(0.5)
        assert bed.board.last_edge_us - fed_us <= 50_000
        assert not bed.is_enabled()
        assert bed.state() == after


@pytest.mark.req("L3")
def test_stop_is_never_ramped_and_always_within_50_ms_at_full_rate():
    bed = Bedside().start(program((1_200_000, 600), ml=60)).listen(122)
    random = Random(7)
    for _ in range(40):
        bed.listen(8)
        fed_us = bed.board.now_us + random.randrange(10_000)
        bed.send_at(fed_us, b"STOP\n")
        bed.listen(0.2)
        assert -10_000 < bed.board.last_edge_us - fed_us <= 50_000
        (fall,) = bed.changes("ENABLE", fed_us)
        assert fall.us - fed_us <= 50_000
        bed.client.request("RESET")
        bed.client.request("RESUME")


@pytest.mark.req("L3")
@pytest.mark.parametrize(
    "line",
    [
        b"stop\n",
        b"STOP\r\n",
        b"STOP \n",
        b"half a line STOP\n",
        b"999 STOP*0000\n",
        b"x" * 5000 + b" STOP\n",
        frame("60000 STOP"),
    ],
)
def test_stop_stops_however_it_is_sent(bed, line):
    infusing(bed)
    fed_us = bed.board.now_us + 3000
    bed.send_at(fed_us, line)
    bed.listen(1)
    # 5000 bytes take their time to be read: 512 a tick at most.
    assert bed.board.last_edge_us - fed_us <= 50_000 + len(line) // 512 * 10_000
    assert bed.state() == "STOPPED"


@pytest.mark.req("L3")
def test_stop_overtakes_a_verb_of_the_same_tick(bed):
    infusing(bed)
    bed.client.request("PAUSE")
    seq = int(bed.client.status()["last_seq"]) + 1
    bed.link.write(frame(f"{seq} RESUME") + b"STOP\n")
    bed.listen(5)
    assert bed.state() == "STOPPED"
    assert not bed.is_enabled()


@pytest.mark.req("L3")
def test_after_stop_only_reset_then_resume_deliver_again(bed):
    infusing(bed)
    bed.client.stop()
    at_stop = bed.listen(1).board.step_edges
    for verb in ("START", "RESUME", "RELEASE", "KVO", "CLIMB", "HOLD", "PAUSE"):
        with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
            bed.client.request(verb)
    bed.client.request("RESET")
    assert bed.state() == "PAUSED"
    assert bed.listen(10).board.step_edges == at_stop
    bed.client.request("RESUME")
    assert bed.listen(10).board.step_edges > at_stop


@pytest.mark.req("L3")
def test_stop_while_nothing_moves_keeps_the_prescription(bed):
    ready(bed)
    bed.client.stop()
    bed.client.request("START")
    assert bed.listen(10).board.step_edges > 0


@pytest.mark.req("L14", "F35")
def test_a_step_that_nobody_granted_is_a_fault_with_no_way_out_but_power(bed):
    infusing(bed)
    bed.board.edge_totals[pinout.STEP] += 100
    noise_us = bed.board.now_us
    bed.listen(1)
    # The guard counts edges of STEP by itself.
    assert bed.alarms() == ["INTERLOCK", "GUARD_TRIP"]
    assert bed.board.last_edge_us - noise_us <= 50_000
    assert not bed.is_enabled()
    for verb in ("RESET", "RESUME", "START", "END", "CANCEL", "KVO", "RELEASE"):
        with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
            bed.client.request(verb)
    bed.fault("power-cut")
    bed.listen(10)
    assert bed.state() == "ALARM_STOPPED"
    assert bed.alarms()[-1] == "INTERRUPTED"
