"""Repeats, reminders, limits of time, recovery and the lease: what spans a session."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from properties.core_bench import SHORT, CoreBench, Order, reach, recovered
from properties.profiles import examples

from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import limits, reasons, roles
from pump.core.alarm_system import AlarmSystem

MIN = 60_000
DOOR = 1 << ac.DOOR_OPEN


# --- L17: the same stop alarm for the third time ---------------------------------------


def raise_at(seconds: list[int], reset=True) -> AlarmSystem:
    """A door that opens at these times since boot."""
    alarms = AlarmSystem()
    now = 0
    for at in seconds:
        for _ in range((at - now) * 50):
            alarms.step(0, st.ALARM_STOPPED, 20)
        now = at
        alarms.step(DOOR, st.INFUSING, 0)
        alarms.step(0, st.ALARM_STOPPED, 0)
        if at != seconds[-1]:
            alarms.reset(roles.OPERATOR)
    return alarms


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([5, 6], False),
        ([5, 6, 7], True),
        ([5, 300, 605], True),
        ([5, 300, 606], False),
        ([5, 606, 1_207], False),
        ([5, 300, 606, 700], True),
    ],
)
@pytest.mark.req("L17")
def test_the_third_time_in_600_seconds_needs_a_supervisor_and_601_do_not(seconds, expected):
    alarms = raise_at(seconds)
    assert alarms.needs_supervisor() is expected
    answer = reasons.NEEDS_SUPERVISOR if expected else reasons.OK
    assert alarms.reset(roles.OPERATOR) == answer
    assert alarms.reset(roles.SUPERVISOR) == reasons.OK
    assert alarms.active == 0


def open_the_door(bench: CoreBench, times: int) -> None:
    for time in range(times):
        bench.inputs.door_open = True
        bench.run(50)
        bench.inputs.door_open = False
        bench.tick()
        if time < times - 1:
            assert bench.send("RESET") == "OK"
            assert bench.send("RESUME") == "OK"


@pytest.mark.parametrize("role", [roles.OBSERVER, roles.OPERATOR])
@pytest.mark.req("L17")
def test_neither_reset_nor_a_new_session_escapes_the_supervisor(bench_in, role):
    bench = bench_in("INFUSING")
    bench.inputs.role = role
    open_the_door(bench, 3)
    for event in ("RESET", "ACK", "RESET", "STOP", "RESET"):
        bench.send(event)
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"DOOR_OPEN"})
    assert bench.send("END") == "OK"
    assert bench.commit(Order()) == "OK"
    assert bench.send("START") == "NEEDS_SUPERVISOR"
    assert bench.send("RESET") == "NEEDS_SUPERVISOR"
    bench.run(11 * MIN, 20)
    assert bench.commit(Order()) == "OK"
    assert bench.send("START") == "NEEDS_SUPERVISOR"
    bench.inputs.role = roles.SUPERVISOR
    assert bench.send("RESET") == "OK"
    bench.inputs.role = role
    assert bench.send("START") == "OK"


@pytest.mark.req("L17")
def test_different_alarms_are_counted_apart(bench_in):
    bench = bench_in("INFUSING")
    open_the_door(bench, 2)
    for event in ("RESET", "RESUME"):
        assert bench.send(event) == "OK"
    bench.inputs.storage_ok = False
    bench.tick()
    bench.heal()
    assert bench.send("RESET") == "OK"
    bench.tick()
    bench.send("RESET")
    assert bench.send("RESUME") == "OK"


@pytest.mark.req("L17")
def test_after_the_supervisor_the_next_one_within_ten_minutes_needs_him_again(bench_in):
    bench = bench_in("INFUSING")
    open_the_door(bench, 3)
    bench.inputs.role = roles.SUPERVISOR
    assert bench.send("RESET") == "OK"
    bench.inputs.role = roles.OPERATOR
    assert bench.send("RESUME") == "OK"
    open_the_door(bench, 1)
    assert bench.send("RESET") == "NEEDS_SUPERVISOR"


@settings(max_examples=examples(60))
@given(hs.lists(hs.integers(0, 420), min_size=1, max_size=12))
@pytest.mark.req("L17")
def test_any_history_of_doors_is_judged_by_the_third_last(gaps):
    alarms = AlarmSystem()
    at: list[int] = []
    now = 0
    for gap in gaps:
        now += gap
        for _ in range(gap):
            alarms.step(0, st.ALARM_STOPPED, 1_000)
        alarms.step(DOOR, st.INFUSING, 0)
        alarms.step(0, st.ALARM_STOPPED, 0)
        at.append(now)
        expected = len(at) > 2 and now - at[-3] <= 600
        assert alarms.needs_supervisor() is expected
        alarms.reset(roles.SUPERVISOR)


# --- audio pause, questions -------------------------------------------------------------


@pytest.mark.req("L11")
def test_a_pause_ends_after_two_minutes_and_a_new_high_breaks_it(bench_in):
    bench = bench_in("ALARM_STOPPED")
    assert bench.send("ACK") == "OK"
    bench.run(2 * MIN - 20)
    assert not bench.outputs.sound
    broken = bench.clone()
    bench.run(3_500)
    assert bench.controller.alarms.acknowledged == 0
    broken.controller.alarms.acknowledge()
    broken.inputs.guard_trip = 1
    broken.tick()
    assert broken.controller.alarms.acknowledged == 0
    assert broken.controller.alarms.audio_paused_ms == 0


@pytest.mark.req("M15")
def test_a_question_is_heard_as_two_short_pulses_and_seen_by_no_lamp():
    bench = reach("INFUSING")
    bench.run_until_asked()
    heard = [bench.outputs.sound]
    for _ in range(60):
        bench.tick()
        heard.append(bench.outputs.sound)
        assert not (bench.outputs.lamp_red or bench.outputs.lamp_yellow)
    assert heard == [True] * 10 + [False] * 10 + [True] * 10 + [False] * 31
    # Asked again after 5 min, heard again.
    bench.run(5 * MIN - 700)
    assert not bench.outputs.sound
    sounded = 0
    for _ in range(40):
        bench.tick()
        sounded += bench.outputs.sound
    assert sounded == 20


@pytest.mark.req("L12")
def test_alarms_that_come_and_go_do_not_put_off_the_quarter_without_an_answer():
    bench = reach("INFUSING")
    bench.run_until_asked(20)
    began = bench.now_ms
    while not bench.alarms & {"NO_CONFIRMATION"} and bench.now_ms - began < 40 * MIN:
        bench.inputs.supply_good = not bench.inputs.supply_good
        bench.run(60_000, 20)
    assert bench.state == "ALARM_STOPPED"
    assert bench.now_ms - began <= 16 * MIN


# --- M3: six hours of delivery, eight of session -------------------------------------------


@pytest.mark.req("M3")
def test_after_six_hours_a_supervisor_gives_half_an_hour_more_and_nobody_else_does():
    bench = recovered(delivery_s=21_590)
    bench.tick()
    for event in ("RESET", "RESUME"):
        assert bench.send(event) == "OK"
    bench.run(10_100, 20)
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"DELIVERY_TIME"})
    for _ in range(3):
        assert bench.send("RESET") == "NEEDS_SUPERVISOR"
    bench.inputs.role = roles.SUPERVISOR
    assert bench.send("RESET") == "OK"
    bench.inputs.role = roles.OPERATOR
    assert bench.send("RESUME") == "OK"
    bench.send("STAY")
    bench.run(30 * MIN - 200, 20)
    if bench.question:
        bench.send("CONFIRM", bench.question)
    assert bench.state == "RUNG_HELD"
    bench.run(400, 20)
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"DELIVERY_TIME"})


@pytest.mark.nightly
@pytest.mark.req("M3")
def test_a_session_ends_after_eight_hours_pauses_included():
    bench = reach("INFUSING")
    bench.send("PAUSE")
    bench.run(8 * 60 * MIN, 20)
    assert bench.send("RESUME") == "OK"
    bench.run(100)
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"DELIVERY_TIME"})
    assert bench.send("RESET") == "NEEDS_SUPERVISOR"


# --- L7, L19: after a reset -------------------------------------------------------------


@pytest.mark.req("L7")
def test_an_interrupted_session_waits_with_its_alarm_and_never_goes_on_by_itself():
    bench = recovered(delivered_steps=6_400)
    bench.run(MIN, 20)
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"INTERRUPTED"})
    assert (bench.edges, bench.outputs.enable) == (0, False)
    assert bench.controller.session == 7
    assert bench.controller.volume.delivered_ul() == 1_000
    for event in ("RESUME", "KVO", "START", "RELEASE"):
        assert bench.send(event) == "NOT_IN_THIS_STATE"


@pytest.mark.req("L19")
@pytest.mark.req("L13")
def test_what_may_have_been_delivered_is_not_delivered_again_and_the_ladder_begins_anew():
    order = SHORT.but(vtbi_ul=2_000, dose_mg=200, rungs=((60_000, 600), (180_000, 600)))
    bench = recovered(delivered_steps=12_800 - 500, order=order)
    bench.tick()
    for event in ("RESET", "RESUME"):
        assert bench.send(event) == "OK"
    assert bench.rung == 0
    bench.run_until(lambda: bench.state == "COMPLETE", MIN)
    assert bench.edges == 500
    assert bench.controller.volume.delivered_ul() == 2_000


@pytest.mark.req("L19")
def test_a_session_of_which_all_may_have_been_delivered_is_complete():
    bench = recovered(delivered_steps=Order().vtbi_ul * 64 // 10)
    bench.tick()
    assert bench.state == "COMPLETE"
    bench.tick()
    # It says that it was interrupted, too.
    assert bench.alarms == {"INFUSION_COMPLETE", "INTERRUPTED"}
    # Nothing of it is left for the next session.
    bench.send("END")
    bench.begin_again = bench.commit(Order()), bench.send("START")
    assert bench.begin_again == ("OK", "OK")
    bench.inputs.door_open = True
    bench.run(100)
    assert bench.alarms == {"DOOR_OPEN"}


@pytest.mark.parametrize("field", ["vtbi_ul", "cap_ul_h", "weight_g"])
@pytest.mark.req("L7")
def test_a_recovered_prescription_is_checked_before_it_goes_on(field):
    bench = CoreBench()
    Order().stage(bench.controller.rx)
    setattr(bench.controller.rx, field, 3)
    bench.controller.recover(1, 2_560_000, 100, 10)
    bench.send("POST_PASSED")
    bench.tick()
    assert bench.send("RESET") == "OK"
    assert bench.send("RESUME").startswith("RX_")


# --- L19: the lease ------------------------------------------------------------------------


@settings(max_examples=examples(40))
@given(
    leases=hs.lists(hs.tuples(hs.integers(0, 60), hs.integers(1, 300)), min_size=1, max_size=20),
    queue_ticks=hs.integers(1, 3),
)
@pytest.mark.req("L19")
def test_not_a_step_is_granted_beyond_the_lease_and_none_is_missing(leases, queue_ticks):
    bench = reach("INFUSING", queue_ticks=queue_ticks)
    bench.run(6_000)
    lease = bench.controller.volume.granted_steps
    for more, ticks in leases:
        lease += more
        bench.inputs.lease_steps = lease
        for _ in range(ticks):
            bench.tick()
            assert bench.controller.volume.granted_steps <= lease
            assert bench.edges <= lease
    assert bench.controller.volume.missing_steps == 0
    bench.run(100)
    assert bench.edges == bench.controller.volume.counted_steps
    assert (bench.state, bench.alarms) == ("INFUSING", set())


@pytest.mark.req("L19")
def test_a_lease_that_comes_late_costs_time_and_gives_no_burst(bench_in):
    bench = bench_in("INFUSING")
    bench.run(6_000)
    bench.inputs.lease_steps = bench.controller.volume.granted_steps
    bench.run(10_000)
    bench.inputs.lease_steps = 1 << 29
    began = bench.edges
    bench.run(1_000)
    assert bench.edges - began <= 108  # 60 mL/h are 106.7 steps a second
    assert bench.alarms == set()
    assert limits.BACK_OFF_MAX_UL == 500
