"""Causes through `Controller.step`: in time, refused while there, again and again."""

import pytest
from core.causes import CAUSES, LINKED
from properties.core_bench import reach

from pump.core import roles

# Whoever looks at the line sees these, whatever the state.
VISIBLE = {
    "DOWNSTREAM_OCCLUSION",
    "UPSTREAM_OCCLUSION",
    "AIR_IN_LINE",
    "DOOR_OPEN",
    "BAG_EMPTY",
    "SENSOR_FAULT",
}
# Not seen at the line, but there all the same: the alarm does not go with a RESET.
LASTING = {"BATTERY_EXHAUSTED", "DRIVER_HOT", "SOUNDER_FAULT", "STORAGE_FAULT", "FREE_FLOW"}
STOPPING = [name for name, cause in CAUSES.items() if cause.response == "STOP"]


def param(name, *more):
    return pytest.param(name, *more, marks=pytest.mark.req(CAUSES[name].requirement))


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


def alarm(bench, name) -> None:
    """From the cause to standing still, the relief of an occlusion included."""
    CAUSES[name].begin(bench)
    bench.run_until(lambda: name in bench.alarms, CAUSES[name].most_ms)
    if name == "DOWNSTREAM_OCCLUSION":
        bench.run_until(lambda: bench.state == "ALARM_STOPPED", 7_000)


@pytest.mark.parametrize("name", [param(name) for name in STOPPING])
def test_reset_and_resume_are_refused_while_the_cause_is_there(infusing, name):
    alarm(infusing, name)
    infusing.run(1000)
    for event in ("RESUME", "RELEASE", "KVO", "START", "CLIMB", "CONFIRM"):
        assert infusing.send(event) == "NOT_IN_THIS_STATE"
    if name in VISIBLE:
        assert infusing.send("RESET") == "ALARM_PRESENT"
        assert infusing.state == "ALARM_STOPPED"
        assert infusing.alarms == {name} | CAUSES[name].together
    elif name in LASTING:
        infusing.send("RESET")
        infusing.run(5000)
        assert infusing.send("RESUME") in {"ALARM_PRESENT", "NOT_IN_THIS_STATE"}
        assert name in infusing.alarms
    infusing.heal()
    infusing.run(400)  # until slow things have been looked at again
    assert infusing.send("RESET") == "OK"
    infusing.tick()
    assert (infusing.state, infusing.alarms) == ("PAUSED", set())
    assert not infusing.is_moving
    assert infusing.send("RESUME") == "OK"


@pytest.mark.parametrize("name", [param(name) for name in STOPPING])
@pytest.mark.req("F9")
@pytest.mark.req("L17")
def test_the_second_alarm_of_the_same_kind_comes_like_the_first(infusing, name):
    """So does every one after it; from the third on a supervisor has to come."""
    for time in range(4):
        infusing.run(6_000)
        alarm(infusing, name)
        infusing.heal()
        infusing.run(400)
        if time >= 2:
            assert infusing.send("RESET") == "NEEDS_SUPERVISOR"
            infusing.inputs.role = roles.SUPERVISOR
        assert infusing.send("RESET") == "OK"
        infusing.inputs.role = roles.OPERATOR
        assert infusing.send("RESUME") == "OK"
        infusing.tick()
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
    CAUSES[name].begin(bench)
    result = bench.send(event)
    if bench.state == "ALARM_STOPPED":  # the alarm was first
        assert (name, result) == ("DOOR_OPEN", "NOT_IN_THIS_STATE")
    else:
        assert (bench.state, result) == (state, "ALARM_PRESENT")
    assert bench.outputs.rate_ul_h <= 500  # the KVO rate that was there before


@pytest.mark.parametrize("name", ["LINK_SILENT", "FLOW_DEVIATION"])
@pytest.mark.parametrize("event", ["RESUME", "KVO"])
def test_a_reset_in_the_tick_of_the_alarm_does_not_clear_it(infusing, name, event):
    CAUSES[name].begin(infusing)
    while infusing.state == "INFUSING":
        infusing.send("RESET")
    infusing.heal()
    assert infusing.alarms == {name}
    assert infusing.send(event) in {"ALARM_PRESENT", "NOT_IN_THIS_STATE"}
    assert not infusing.is_moving
