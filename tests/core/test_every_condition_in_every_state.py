"""29 conditions x 13 states: each cause injected for real, through the inputs.

Raised in exactly the states of its row, within its delay, with its priority,
response, sound and lamp.
"""

import pytest
from core.causes import ALWAYS, BY_TIME, CAUSES, LINKED, MOVING, RANK, state_after
from properties.core_bench import CoreBench, Order, alarm_names, reach, recovered

from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st

MIN = 60_000
# Cells in which the cause cannot exist or is not looked for, each with its reason.
NOT_SEEN = {
    # The self-test turns the motor and tries the driver; it judges them itself.
    ("MOTOR_FAULT", "SELF_TEST"),
    ("SOUNDER_FAULT", "SELF_TEST"),
    ("INTERLOCK", "SELF_TEST"),
    ("CLOCK_FAULT", "SELF_TEST"),
    ("GUARD_TRIP", "SELF_TEST"),
}
# Cells in which the cause takes longer: at 0.5 mL/h 50 uL take 6 min.
SLOW_IN_KVO = {
    "AIR_IN_LINE": 370_000,
    "FLOW_DEVIATION": 130_000,
    "FLOW_DRIFT": 800_000,
    "MOTOR_FAULT": 120_000,
}
PRIORITIES = {
    row[ac.COL_NAME]: ac.PRIORITY_NAMES[row[ac.COL_PRIORITY]] for row in ac.ALARM_CONDITIONS
}


def param(name, requirement):
    return pytest.param(name, marks=pytest.mark.req(requirement))


@pytest.fixture(scope="module")
def linked_in():
    """A pump in the named state whose order needs the host."""
    made = {}

    def linked_in(state):
        if state not in made:
            made[state] = reach(state, LINKED if state != "COMPLETE" else None)
        return made[state].clone()

    return linked_in


def highest(names) -> int:
    return max((RANK[PRIORITIES[name]] for name in names), default=-1)


def check_signals(bench: CoreBench, before: set[str]) -> None:
    """Lamps of the most urgent alarm; its sound at once if it is more urgent than
    what was there before."""
    is_severe = bench.controller.alarms.severe  # an alarm of its own
    rank = 2 if is_severe else highest(bench.alarms)
    out = bench.outputs
    if rank > (2 if is_severe else highest(before)):
        assert out.sound
        assert out.lamp_red is (rank == 2)
        assert out.lamp_yellow is (rank < 2)
    assert not (out.lamp_red and out.lamp_yellow)
    assert rank == 2 or not out.lamp_red


def test_the_table_of_cells_is_complete():
    assert len(set(CAUSES) | set(BY_TIME)) == len(CAUSES) + len(BY_TIME) == ac.N_CONDITIONS - 1
    # The 30th is the self-test's verdict: tests/selftest.
    assert set(st.STATE_NAMES) == ALWAYS
    states = len(st.STATE_NAMES)
    print(f"{len(CAUSES) * states} cells by cause, {len(BY_TIME) * states} by time")


@pytest.mark.parametrize("state", st.STATE_NAMES)
@pytest.mark.parametrize("name", [param(name, c.requirement) for name, c in CAUSES.items()])
def test_a_cause_alarms_in_the_states_of_its_row_and_in_no_other(linked_in, name, state):
    cause = CAUSES[name]
    bench, twin = linked_in(state), linked_in(state)
    if state == "INFUSING":
        bench.run(6_000)  # at full rate
    before = bench.alarms
    if (name, state) == ("KEY_STUCK", "BACK_OFF"):
        bench = linked_in("INFUSING")  # turning back takes 6 s, the key a minute
        cause.begin(bench)
        bench.run(59_000)
        bench.inputs.down_pa = 70_000
        bench.run_until(lambda: bench.state == "BACK_OFF", 200)
        before = bench.alarms
    cause.begin(bench)
    if state not in cause.states or (name, state) in NOT_SEEN:
        bench.run(6_000)
        twin.run(6_000)
        assert (bench.state, bench.alarms - cause.together) == (twin.state, twin.alarms)
        assert name not in alarm_names(bench.outputs.raised)
        return
    most_ms = SLOW_IN_KVO.get(name, cause.most_ms) if state == "KVO" else cause.most_ms
    if name == "SOUNDER_FAULT":
        most_ms = 4_000  # between the bursts of an alarm that sounds
    if state in ("RUNG_HELD", "BACK_OFF"):
        most_ms += 2_000  # still rising; turning back begins after a tick
    if name in before:
        assert (name, state) == ("INTERLOCK", "FAULT")
        return
    took_ms = bench.run_until(lambda: name in bench.alarms, most_ms)
    if state == "INFUSING":
        assert cause.least_ms <= took_ms <= cause.most_ms
    raised = alarm_names(bench.outputs.raised)
    assert {name} <= raised <= {name} | cause.together
    assert PRIORITIES[name] == cause.priority
    assert bench.state == state_after(state, name, cause.response)
    if cause.response != "KEEP":
        assert bench.state in ("BACK_OFF", "HOLD") or not bench.outputs.enable
        assert (bench.outputs.rate_ul_h, bench.outputs.steps) == (0, 0)
    else:
        assert bench.outputs.enable is (state in {"HOLD", "BACK_OFF"} | MOVING)
    check_signals(bench, before)


# --- those that come with time ------------------------------------------------------------


@pytest.mark.parametrize("state", st.STATE_NAMES)
@pytest.mark.req("L18")
def test_left_paused_comes_after_5_min_in_three_states_and_in_no_other(linked_in, state):
    bench = linked_in(state)
    began = bench.now_ms
    bench.run(5 * MIN - 100, 20)
    assert "LEFT_PAUSED" not in bench.alarms
    bench.run(200, 20)
    assert ("LEFT_PAUSED" in bench.alarms) is (state in {"HOLD", "PAUSED", "STOPPED"})
    if "LEFT_PAUSED" in bench.alarms:
        assert bench.state == state
        assert bench.alarms == {"LEFT_PAUSED"}
        assert bench.outputs.lamp_yellow
        assert bench.now_ms - began <= 5 * MIN + 200


@pytest.mark.parametrize("state", st.STATE_NAMES)
@pytest.mark.req("L18")
def test_program_idle_comes_before_start_and_in_no_other_state(linked_in, state):
    bench = linked_in(state)
    Order().stage(bench.controller.staged)
    bench.run(5 * MIN - 100, 20)
    assert "PROGRAM_IDLE" not in bench.alarms
    bench.run(200, 20)
    assert ("PROGRAM_IDLE" in bench.alarms) is (state in {"READY", "IDLE"})


@pytest.mark.parametrize("state", st.STATE_NAMES)
@pytest.mark.req("L8")
def test_infusion_complete_belongs_to_complete(linked_in, state):
    bench = linked_in(state)
    bench.run(100)
    assert ("INFUSION_COMPLETE" in bench.alarms) is (state == "COMPLETE")
    if state == "COMPLETE":
        assert bench.outputs.lamp_yellow
        assert not bench.outputs.enable


@pytest.fixture(scope="module")
def unanswered():
    """16 min after a question, in the named state entered right after it was asked."""

    def unanswered(state):
        bench = reach("RUNG_HELD" if state == "RUNG_HELD" else "INFUSING", LINKED)
        bench.run_until_asked(20)
        for event in {"HOLD": ["HOLD"], "PAUSED": ["PAUSE"], "KVO": ["PAUSE", "KVO"],
                      "STOPPED": ["STOP"]}.get(state, []):  # fmt: skip
            assert bench.send(event) == "OK"
        bench.run(15 * MIN - 100, 20)
        assert "NO_CONFIRMATION" not in bench.alarms
        return bench

    return unanswered


@pytest.mark.parametrize("state", ["INFUSING", "RUNG_HELD", "HOLD", "PAUSED", "KVO", "STOPPED"])
@pytest.mark.req("L12")
def test_no_confirmation_comes_on_the_ladder_only(unanswered, state):
    """Off the ladder the question is void; elsewhere nothing is ever asked."""
    bench = unanswered(state)
    bench.run(200, 20)
    on_ladder = state in {"INFUSING", "RUNG_HELD"}
    assert ("NO_CONFIRMATION" in bench.alarms) is on_ladder
    assert bench.state == ("ALARM_STOPPED" if on_ladder else state)
    assert not on_ladder or (bench.outputs.lamp_red and bench.outputs.sound)


def late_in(state: str) -> CoreBench:
    """``state``, a second before six hours of delivery."""
    bench = recovered(delivery_s=21_599)
    bench.tick()
    if state == "ALARM_STOPPED":
        return bench
    assert bench.send("RESET") == "OK"
    bench.run(10)
    for event in {
        "INFUSING": ["RESUME"],
        "RUNG_HELD": ["RESUME", "STAY"],
        "HOLD": ["RESUME", "HOLD"],
        "KVO": ["KVO"],
        "STOPPED": ["RESUME", "STOP"],
    }.get(state, []):
        assert bench.send(event) == "OK"
    return bench


@pytest.mark.parametrize(
    "state", ["INFUSING", "RUNG_HELD", "HOLD", "PAUSED", "KVO", "STOPPED", "ALARM_STOPPED"]
)
@pytest.mark.req("M3")
def test_delivery_time_ends_delivery_and_waits_otherwise(state):
    bench = late_in(state)
    before = bench.alarms
    bench.run(900)
    assert bench.alarms - {"LEFT_PAUSED"} == before - {"LEFT_PAUSED"}
    bench.run(300)
    delivers = state in {"INFUSING", "RUNG_HELD"}  # keeping a vein open is no delivery
    assert ("DELIVERY_TIME" in bench.alarms) is delivers
    assert bench.state == ("ALARM_STOPPED" if delivers else state)


@pytest.mark.req("M3")
def test_keeping_the_vein_open_ends_with_the_session():
    bench = late_in("KVO")
    bench.controller.session_s = 28_799  # eight hours less a second; pauses count
    bench.run(1_100)
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"DELIVERY_TIME"})


@pytest.mark.parametrize(
    "path",
    [
        ["RESET"], ["RESET", "RESUME"], ["RESET", "RESUME", "STAY"], ["RESET", "RESUME", "HOLD"],
        ["RESET", "KVO"], ["RESET", "STOP"], ["END"],
    ],
    ids="-".join,
)  # fmt: skip
@pytest.mark.req("L7")
def test_interrupted_is_raised_once_and_in_alarm_stopped_only(path):
    bench = CoreBench()
    Order().stage(bench.controller.rx)
    bench.controller.recover(1, 2_560_000, 100, 10)
    bench.run(500)
    assert (bench.state, bench.alarms) == ("SELF_TEST", set())
    bench.send("POST_PASSED")
    bench.tick()
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"INTERRUPTED"})
    assert bench.outputs.sound
    assert bench.outputs.lamp_red
    for event in path:
        assert bench.send(event) == "OK"
    bench.run(1_000)
    assert bench.alarms == set()
    bench.inputs.door_open = True
    bench.run(1_000)
    assert "INTERRUPTED" not in bench.alarms
