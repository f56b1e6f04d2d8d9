"""A severe reaction: off at once, ended, and nothing leads back.  (M12)"""

import itertools

import pytest
from properties.core_bench import EVENTS, CoreBench, Order, reach

from pump.core import infusion_state as st
from pump.core import roles

REPORTABLE = [name for name in st.STATE_NAMES if name != "SELF_TEST"]
INSIDE = ("POST_PASSED", "POST_FAILED", "ALARM_STOP", "VTBI_DONE", "OCCLUDED", "BACKED_OFF",
          "INTERRUPTED", "LATCHED")  # fmt: skip
PEOPLES = [name for name in EVENTS if name not in (*INSIDE, "NONE", "FAULT")]


def test_by_hand_it_ends_an_infusion(bench_in):
    bench = bench_in("INFUSING")
    bench.run(30_000)
    assert bench.is_moving
    delivered_ul = bench.controller.volume.delivered_ul()
    assert bench.send("SEVERE") == "OK"
    assert (bench.state, bench.outputs.enable, bench.outputs.rate_ul_h) == ("SEVERE", False, 0)
    assert bench.outputs.sound and bench.outputs.lamp_red
    # The volume stays to be read, the prescription does not.
    assert bench.controller.volume.delivered_ul() == delivered_ul
    assert bench.controller.rx.n_rungs == 0 and bench.controller.rx.cap_ul_h == 0
    assert bench.commit(Order()) == "SEVERE_LATCHED"
    assert bench.send("START") == "SEVERE_LATCHED"
    bench.run(10_000)
    assert not bench.is_moving


@pytest.mark.req("M12")
@pytest.mark.parametrize("state", REPORTABLE)
def test_in_every_state_nothing_moves_from_its_tick_on(bench_in, state):
    bench = bench_in(state)
    assert bench.send("SEVERE") == "OK"
    assert bench.state == ("FAULT" if state == "FAULT" else "SEVERE")
    edges = bench.edges
    for _ in range(300):
        assert not bench.outputs.enable
        assert (bench.outputs.rate_ul_h, bench.outputs.steps) == (0, 0)
        assert bench.controller.ramp.rate_ul_h == 0
        bench.tick()
    assert bench.edges == edges


@pytest.mark.req("M12")
@pytest.mark.parametrize("state", REPORTABLE)
def test_the_stop_key_does_not_hold_it_up(bench_in, state):
    bench = bench_in(state)
    bench.inputs.stop_key = True
    assert bench.send("SEVERE") == "OK"
    assert bench.state == ("FAULT" if state == "FAULT" else "SEVERE")


@pytest.mark.req("M12")
@pytest.mark.parametrize("role", range(4), ids=roles.ROLE_NAMES)
def test_no_three_commands_lead_out_whoever_gives_them(role):
    """Every sequence of three, with a prescription staged before each."""
    pump = reach("SEVERE")
    pump.inputs.role = role
    for sequence in itertools.product(PEOPLES, repeat=2):
        bench = pump.clone()
        for event in (*sequence, "START"):
            Order().stage(bench.controller.staged)
            bench.send(event)
            assert bench.state == "SEVERE", sequence
            assert not bench.is_moving and not bench.outputs.enable


@pytest.mark.req("M12")
@pytest.mark.parametrize("event", INSIDE)
def test_nothing_from_inside_leads_out_either(bench_in, event):
    bench = bench_in("SEVERE")
    bench.send(event)
    assert bench.state == "SEVERE"


@pytest.mark.req("M12")
def test_a_fault_may_follow_and_stays(bench_in):
    bench = bench_in("SEVERE")
    bench.stray_edges = 1
    bench.run(20)
    assert (bench.state, bench.alarms) == ("FAULT", {"INTERLOCK"})
    assert bench.send("SEVERE") == "OK"
    assert bench.state == "FAULT"


@pytest.mark.req("M12", "L11")
def test_it_sounds_high_until_acknowledged_and_again_after_two_minutes(bench_in):
    bench = bench_in("SEVERE")
    assert bench.controller.alarms.highest() == 2
    sounded = 0
    for _ in range(1_000):
        bench.tick()
        sounded += bench.outputs.sound
    assert sounded > 150
    assert bench.send("ACK") == "OK"
    for _ in range(11_990):
        bench.tick()
        assert not bench.outputs.sound
    sounded = 0
    for _ in range(1_000):
        bench.tick()
        sounded += bench.outputs.sound
    assert sounded > 150, "no alarm is silent for good"


@pytest.mark.req("M12", "L11")
def test_the_ok_key_acknowledges_it_and_nothing_else(bench_in):
    bench = bench_in("SEVERE")
    bench.inputs.ok_key = True
    bench.run(50)
    bench.inputs.ok_key = False
    bench.run(50)
    assert not bench.controller.alarms.is_audible()
    assert bench.state == "SEVERE"


@pytest.mark.req("M12", "L11")
def test_it_breaks_through_the_pause_of_an_alarm_before_it(bench_in):
    bench = bench_in("ALARM_STOPPED")
    assert bench.send("ACK") == "OK"
    assert not bench.outputs.sound
    bench.send("SEVERE")
    bench.tick()
    assert bench.controller.alarms.is_audible() and bench.outputs.sound


@pytest.mark.req("M12")
@pytest.mark.parametrize("is_open", [False, True])
def test_after_a_reset_the_self_test_leads_to_severe(is_open):
    """Also where the power went before the session was closed."""
    bench = CoreBench()
    controller = bench.controller
    controller.latch()
    if is_open:
        Order().stage(controller.rx)
        controller.recover(7, 2_560_000, 6_400, 600)
    assert bench.send("POST_PASSED") == "OK"
    assert bench.state == "SEVERE"
    assert bench.commit(Order()) == "SEVERE_LATCHED"
    assert bench.controller.volume.delivered_steps() == (6_400 if is_open else 0)
    bench.run(1_000)
    assert bench.state == "SEVERE" and bench.outputs.lamp_red
    assert "INTERRUPTED" not in bench.alarms


@pytest.mark.req("M12")
def test_a_failed_self_test_stays_a_fault():
    bench = CoreBench()
    bench.controller.latch()
    assert bench.send("POST_FAILED") == "OK"
    assert bench.state == "FAULT"
