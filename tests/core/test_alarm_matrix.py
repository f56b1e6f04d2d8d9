"""Every cause in every state, every pair of causes: through `Controller.step`."""

from itertools import combinations

import pytest
from properties.core_bench import Order, alarm_names, reach

from pump.core import infusion_state as st

MOVING = {"INFUSING", "RUNG_HELD", "KVO"}
ENABLED = MOVING | {"HOLD"}
ALWAYS = set(st.STATE_NAMES)
LINKED = Order(link_timeout_s=5)


def put(**inputs):
    def cause(bench):
        for name, value in inputs.items():
            setattr(bench.inputs, name, value)

    return cause


def encoder(permille: int):
    def cause(bench):
        bench.encoder_permille = permille

    return cause


def stray_edge(bench):
    bench.stray_edges = 1


# name: (cause, judged in, ms from the cause to its alarm while INFUSING, requirement)
CAUSES = {
    "DOWNSTREAM_OCCLUSION": (put(down_pa=60_000), MOVING, 40, "L4"),
    "UPSTREAM_OCCLUSION": (put(up_pa=-15_000), MOVING, 210, "L4"),
    # 320 steps at 60 mL/h: 3 s
    "AIR_IN_LINE": (put(air=True), MOVING, 4_000, "L9"),
    "DOOR_OPEN": (put(door_open=True), ENABLED, 10, "L5"),
    "BAG_EMPTY": (put(up_pa=1_000), MOVING, 5_000, "L15"),
    "FLOW_DEVIATION": (encoder(0), MOVING, 4_000, "L8"),
    "SENSOR_FAULT": (put(down_ok=False), ENABLED, 60, "L4"),
    "LINK_SILENT": (put(host_silent_ms=5_000), MOVING, 10, "L21"),
    "INTERLOCK": (stray_edge, ALWAYS, 10, "L14"),
    "FLOW_DRIFT": (encoder(920), MOVING, 602_000, "L8"),
}
# Whoever looks at the line sees these, whatever the state.
VISIBLE = {
    "DOWNSTREAM_OCCLUSION",
    "UPSTREAM_OCCLUSION",
    "AIR_IN_LINE",
    "DOOR_OPEN",
    "BAG_EMPTY",
    "SENSOR_FAULT",
}
STOPPING = [name for name in CAUSES if name not in {"FLOW_DRIFT", "INTERLOCK"}]


def param(name, *more):
    return pytest.param(name, *more, marks=pytest.mark.req(CAUSES[name][3]))


@pytest.fixture(scope="module")
def linked_in():
    """A pump in the named state whose order needs the host."""
    made = {}

    def linked_in(state):
        if state not in made:
            made[state] = reach(state, LINKED if state != "COMPLETE" else None)
        return made[state].clone()

    return linked_in


@pytest.fixture
def infusing(linked_in):
    """At full rate on rung 0."""
    bench = linked_in("INFUSING")
    bench.run(6_000)
    return bench


@pytest.mark.parametrize("state", st.STATE_NAMES)
@pytest.mark.parametrize("name", [param(name) for name in CAUSES])
def test_a_cause_alarms_in_the_states_of_its_row_and_in_no_other(linked_in, name, state):
    cause, judged, _, _ = CAUSES[name]
    bench = linked_in(state)
    bench.tick()
    before = bench.alarms
    cause(bench)
    if state not in judged:
        bench.run(6_000)
        assert (bench.state, bench.alarms) == (state, before)
        return
    # Keeping a vein open takes 6 min to pass 50 uL, and 5 min to drift.
    bench.run_until(lambda: name in bench.alarms, 800_000 if state == "KVO" else 602_000)
    assert name in before or alarm_names(bench.outputs.raised) == {name}
    if name == "FLOW_DRIFT":
        assert bench.state == state
        assert bench.outputs.enable
    else:
        assert bench.state == ("FAULT" if name == "INTERLOCK" else "ALARM_STOPPED")
        assert not bench.is_moving
        assert not bench.outputs.enable


@pytest.mark.req("L2")
@pytest.mark.parametrize("name", [param(name) for name in CAUSES])
def test_an_alarm_comes_within_its_time_and_stops_in_the_same_tick(infusing, name):
    cause, _, most_ms, _ = CAUSES[name]
    cause(infusing)
    took_ms = infusing.run_until(lambda: name in infusing.alarms, most_ms)
    assert took_ms <= most_ms
    if name != "FLOW_DRIFT":
        assert not infusing.is_moving


@pytest.mark.parametrize("name", [param(name) for name in STOPPING])
def test_reset_and_resume_are_refused_while_the_cause_is_there(infusing, name):
    cause, _, most_ms, _ = CAUSES[name]
    cause(infusing)
    infusing.run_until(lambda: name in infusing.alarms, most_ms)
    infusing.run(1000)
    for event in ("RESUME", "RELEASE", "KVO", "START", "CLIMB", "CONFIRM"):
        assert infusing.send(event) == "NOT_IN_THIS_STATE"
    if name in VISIBLE:
        assert infusing.send("RESET") == "ALARM_PRESENT"
        assert infusing.state == "ALARM_STOPPED"
        assert infusing.alarms == {name}
    infusing.heal()
    assert infusing.send("RESET") == "OK"
    assert (infusing.state, infusing.alarms) == ("PAUSED", set())
    assert not infusing.is_moving


@pytest.mark.parametrize("name", [param(name) for name in STOPPING])
@pytest.mark.req("F9")
def test_the_second_alarm_of_the_same_kind_comes_like_the_first(infusing, name):
    cause, _, most_ms, _ = CAUSES[name]
    for _ in range(3):
        infusing.run(10_000)
        cause(infusing)
        infusing.run_until(lambda: name in infusing.alarms, most_ms)
        infusing.heal()
        infusing.tick()
        assert infusing.send("RESET") == "OK"
        assert infusing.send("RESUME") == "OK"
        assert infusing.alarms == set()


@pytest.mark.parametrize("name", [param(name) for name in sorted(VISIBLE)])
@pytest.mark.parametrize(
    ("state", "event"),
    [
        ("READY", "START"),
        ("PAUSED", "RESUME"),
        ("PAUSED", "KVO"),
        ("KVO", "RESUME"),
        ("HOLD", "RELEASE"),
    ],
)
def test_delivery_does_not_begin_into_a_visible_cause(bench_in, name, state, event):
    bench = bench_in(state)
    CAUSES[name][0](bench)
    result = bench.send(event)
    if bench.state == "ALARM_STOPPED":  # the alarm was first
        assert (name, result) == ("DOOR_OPEN", "NOT_IN_THIS_STATE")
    else:
        assert (bench.state, result) == (state, "ALARM_PRESENT")
    assert bench.outputs.rate_ul_h <= 500  # the KVO rate that was there before


@pytest.mark.req("L2")
@pytest.mark.parametrize("name", ["LINK_SILENT", "FLOW_DEVIATION"])
@pytest.mark.parametrize("event", ["RESUME", "KVO"])
def test_a_reset_in_the_tick_of_the_alarm_does_not_clear_it(infusing, name, event):
    CAUSES[name][0](infusing)
    while infusing.state == "INFUSING":
        infusing.send("RESET")
    infusing.heal()
    assert infusing.alarms == {name}
    assert infusing.send(event) in {"ALARM_PRESENT", "NOT_IN_THIS_STATE"}
    assert not infusing.is_moving


def pairs():
    for one, other in combinations([n for n in CAUSES if n != "FLOW_DRIFT"], 2):
        if {one, other} != {"UPSTREAM_OCCLUSION", "BAG_EMPTY"}:  # one sensor, one reading
            yield param(one, other)


@pytest.mark.parametrize(("one", "other"), list(pairs()))
@pytest.mark.req("F36")
def test_two_causes_at_once_stop_like_the_faster_one(infusing, one, other):
    def both():
        for name in (one, other):
            if name == "SENSOR_FAULT" and "DOWNSTREAM_OCCLUSION" in (one, other):
                infusing.inputs.up_ok = False  # the broken sensor is the other one
            else:
                CAUSES[name][0](infusing)

    both()
    most_ms = min(CAUSES[one][2], CAUSES[other][2])
    infusing.run_until(lambda: infusing.alarms, most_ms)
    assert infusing.alarms <= {one, other}
    assert not infusing.is_moving
    if "INTERLOCK" in (one, other):
        assert infusing.state == "FAULT"
        return
    assert infusing.state == "ALARM_STOPPED"
    # Each of two visible causes alone is enough to refuse the reset.
    for name in {one, other} & VISIBLE:
        infusing.heal()
        CAUSES[name][0](infusing)
        assert infusing.send("RESET") == "ALARM_PRESENT"
    infusing.heal()
    infusing.tick()
    assert infusing.send("RESET") == "OK"
    assert (infusing.state, infusing.alarms) == ("PAUSED", set())
    assert infusing.send("RESUME") == "OK"
