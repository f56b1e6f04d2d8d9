"""`alarm_system`: delay, latch, acknowledge, reset, order."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as hs
from properties.core_bench import alarm_names, reach

from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import reasons, roles
from pump.core.alarm_system import AlarmSystem

NAMES = [row[ac.COL_NAME] for row in ac.ALARM_CONDITIONS]
RESPONSE = {row[ac.COL_NAME]: row[ac.COL_RESPONSE] for row in ac.ALARM_CONDITIONS}
PRIORITY = {row[ac.COL_NAME]: row[ac.COL_PRIORITY] for row in ac.ALARM_CONDITIONS}
DOWN = 1 << ac.DOWNSTREAM_OCCLUSION
DOOR = 1 << ac.DOOR_OPEN
DRIFT = 1 << ac.FLOW_DRIFT
MIN = 60_000


def silent_for(bench, most_ms: int) -> int:
    """How long the sounder stays off, tick by tick."""
    began = bench.now_ms
    while not bench.outputs.sound and bench.now_ms - began < most_ms:
        bench.tick()
    return bench.now_ms - began


# --- delay --------------------------------------------------------------------------


@pytest.mark.req("L4")
def test_an_occlusion_counts_with_the_third_reading_in_a_row():
    alarms = AlarmSystem()
    shown = [alarms.step(DOWN, st.INFUSING, 10) for _ in range(4)]
    assert shown == [0, 0, DOWN, 0]
    assert alarms.active == DOWN


@pytest.mark.req("L4")
@pytest.mark.req("F10")
def test_a_single_noisy_reading_now_and_then_is_no_alarm():
    alarms = AlarmSystem()
    for _ in range(500):
        for seen in (DOWN, 0, 0, 0, 0):
            assert alarms.step(seen, st.INFUSING, 10) == 0


@pytest.mark.req("L4")
@pytest.mark.req("F31")
def test_a_reading_that_fails_every_other_time_is_one():
    alarms = AlarmSystem()
    ticks = [alarms.step(seen, st.INFUSING, 10) for seen in [DOWN, 0] * 10]
    # 10 - 3 a pair: 10, 17, 24, 31
    assert ticks.index(DOWN) == 6


@given(
    delayed=hs.sampled_from(
        [(ac.DOWNSTREAM_OCCLUSION, 30), (ac.UPSTREAM_OCCLUSION, 60), (ac.SENSOR_FAULT, 50)]
    ),
    ticks=hs.lists(
        hs.tuples(hs.integers(0, 5).map(bool), hs.integers(0, 20)), min_size=1, max_size=200
    ),
)
@pytest.mark.req("L4")
def test_a_condition_fills_its_delay_and_leaks_at_a_quarter_of_the_speed(delayed, ticks):
    condition, delay = delayed
    alarms = AlarmSystem()
    level = unbroken = 0
    active = False
    for seen, dt_ms in ticks:
        level = min(delay, level + dt_ms) if seen else max(0, level - dt_ms // 4 - 1)
        unbroken = unbroken + dt_ms if seen else 0
        present = seen and level >= delay
        new = alarms.step(1 << condition if seen else 0, st.INFUSING, dt_ms)
        assert bool(new) is (present and not active)
        active = active or present  # they latch
        assert bool(alarms.active) is active
        assert bool(alarms.present) is present
        assert active or unbroken < delay  # never later than without a gap


# --- latching and reset ---------------------------------------------------------------


@pytest.mark.req("L17")
def test_a_latching_alarm_outlives_its_condition_and_another_does_not():
    alarms = AlarmSystem()
    alarms.step(DOOR | DRIFT, st.INFUSING, 10)
    assert alarm_names(alarms.active) == {"DOOR_OPEN", "FLOW_DRIFT"}
    for _ in range(3):
        alarms.step(0, st.INFUSING, 10)
        assert alarm_names(alarms.active) == {"DOOR_OPEN"}


@pytest.mark.req("L17")
def test_reset_clears_what_has_gone_and_keeps_what_is_there():
    alarms = AlarmSystem()
    alarms.step(DOOR | 1 << ac.AIR_IN_LINE, st.INFUSING, 10)
    alarms.step(DOOR, st.INFUSING, 10)
    assert alarms.reset(roles.OPERATOR) == reasons.OK
    assert alarm_names(alarms.active) == {"DOOR_OPEN"}
    alarms.step(0, st.INFUSING, 10)
    alarms.reset(roles.OPERATOR)
    assert alarms.active == 0


@pytest.mark.req("L14")
def test_neither_reset_nor_the_end_of_a_session_clears_a_fault():
    alarms = AlarmSystem()
    alarms.step(1 << ac.INTERLOCK, st.INFUSING, 10)
    for _ in range(3):
        alarms.step(0, st.FAULT, 10)
        alarms.reset(roles.OPERATOR)
        alarms.end_session()
        assert alarm_names(alarms.active) == {"INTERLOCK"}


@pytest.mark.req("L2")
@pytest.mark.parametrize("state", st.STATE_NAMES)
def test_a_condition_is_judged_only_in_the_states_of_its_row(state):
    number = st.STATE_NAMES.index(state)
    alarms = AlarmSystem()
    for _ in range(400):
        alarms.step((1 << ac.N_CONDITIONS) - 1, number, 20)
    expected = {row[ac.COL_NAME] for row in ac.ALARM_CONDITIONS if row[ac.COL_STATES] >> number & 1}
    assert alarm_names(alarms.active) == expected


@pytest.mark.req("F9", "L4")
def test_the_same_condition_alarms_again_after_reset():
    alarms = AlarmSystem()
    for _ in range(3):
        while not alarms.active:
            alarms.step(DOWN, st.INFUSING, 10)
        for _ in range(20):
            alarms.step(0, st.ALARM_STOPPED, 10)
        alarms.reset(roles.SUPERVISOR)  # the third time no operator may (L17)
        assert alarms.active == 0


# --- acknowledge ----------------------------------------------------------------------


@pytest.mark.req("L11")
def test_an_acknowledged_alarm_is_silent_for_two_minutes_and_then_heard_again(bench_in):
    bench = bench_in("ALARM_STOPPED")
    assert bench.outputs.sound
    assert bench.send("ACK") == "OK"
    assert not bench.outputs.sound
    assert bench.alarms == {"DOOR_OPEN"}
    silent_ms = silent_for(bench, 3 * MIN)
    # The longest silence inside a burst is 3 s: it ends with the pause or soon after.
    assert 2 * MIN <= silent_ms <= 2 * MIN + 3_500


@pytest.mark.req("L11")
def test_the_sound_is_allowed_again_after_exactly_120_seconds():
    alarms = AlarmSystem()
    alarms.step(DOOR, st.INFUSING, 10)
    alarms.acknowledge()
    for _ in range(11_999):
        alarms.step(0, st.ALARM_STOPPED, 10)
        assert alarms.acknowledged == DOOR
    alarms.step(0, st.ALARM_STOPPED, 10)
    assert alarms.acknowledged == 0


@pytest.mark.req("L11")
def test_the_lamp_goes_on_blinking_while_the_sound_is_paused(bench_in):
    bench = bench_in("ALARM_STOPPED")
    bench.send("ACK")
    lamps = set()
    for _ in range(100):
        bench.tick()
        lamps.add(bench.outputs.lamp_red)
    assert lamps == {True, False}


@pytest.mark.req("L11")
def test_a_new_high_alarm_is_heard_at_once_in_spite_of_the_pause(bench_in):
    bench = bench_in("ALARM_STOPPED")
    bench.send("ACK")
    bench.run(1000)
    bench.stray_edges = 1  # a second HIGH condition
    assert silent_for(bench, MIN) <= 3_500
    assert bench.alarms == {"DOOR_OPEN", "INTERLOCK"}


@pytest.mark.req("L11")
def test_a_fault_is_heard_although_the_end_of_infusion_was_acknowledged(bench_in):
    bench = bench_in("COMPLETE")
    assert bench.send("ACK") == "OK"
    bench.stray_edges = 1
    assert silent_for(bench, MIN) <= 3_500
    assert bench.alarms == {"INFUSION_COMPLETE", "INTERLOCK"}


@pytest.mark.req("L11")
def test_the_same_alarm_after_a_reset_is_heard_in_spite_of_the_pause(bench_in):
    bench = bench_in("ALARM_STOPPED")
    for event in ("ACK", "RESET", "RESUME"):
        assert bench.send(event) == "OK"
    bench.inputs.door_open = True
    assert silent_for(bench, MIN) == 10


@pytest.mark.req("L11")
def test_acknowledging_nothing_pauses_nothing(bench_in):
    bench = bench_in("INFUSING")
    for _ in range(20):
        assert bench.send("ACK") == "OK"
    bench.inputs.door_open = True
    assert silent_for(bench, MIN) == 10


@given(
    ticks=hs.lists(
        hs.tuples(
            hs.sampled_from(["none", "ack", "door", "drift", "reset"]), hs.integers(0, 20_000)
        ),
        max_size=60,
    )
)
@pytest.mark.req("L11")
def test_no_sequence_of_acknowledgements_silences_for_more_than_two_minutes(ticks):
    alarms = AlarmSystem()
    since_ack_ms = 0
    for what, ms in ticks:
        if what == "ack":
            alarms.acknowledge()
            since_ack_ms = 0
        elif what == "reset":
            alarms.reset(roles.OPERATOR)
        seen = {"door": DOOR, "drift": DRIFT}.get(what, 0)
        for dt_ms in [20] * (ms // 20):
            alarms.step(seen, st.INFUSING, dt_ms)
            since_ack_ms += dt_ms
            if since_ack_ms >= 2 * MIN:
                assert alarms.acknowledged == 0


# --- several at once ------------------------------------------------------------------


@pytest.mark.req("L11", "F5")
@pytest.mark.parametrize(("one", "other"), list(combinations(NAMES, 2)))
def test_of_two_the_higher_priority_is_shown_then_what_restricts_more_then_the_first(one, other):
    alarms = AlarmSystem()
    alarms.active = 1 << NAMES.index(one) | 1 << NAMES.index(other)
    shown = NAMES[alarms.first()]
    assert shown == max(
        one, other, key=lambda name: (PRIORITY[name], RESPONSE[name], -NAMES.index(name))
    )
    assert alarms.highest() == max(PRIORITY[one], PRIORITY[other])


@pytest.mark.req("L11")
def test_without_an_alarm_none_is_shown():
    assert (AlarmSystem().first(), AlarmSystem().highest()) == (-1, -1)


@pytest.mark.req("F5")
def test_an_alarm_in_the_tick_of_the_last_step_is_not_lost_in_the_end_of_infusion():
    bench = reach("INFUSING")
    bench.controller.volume.vtbi_steps = bench.edges + 3
    bench.seal()
    bench.run_until(
        lambda: bench.edges + sum(bench.queue) == bench.controller.volume.vtbi_steps, 99
    )
    bench.inputs.door_open = True
    bench.tick()
    assert bench.state == "COMPLETE"
    assert bench.alarms == {"DOOR_OPEN"}
    bench.tick()
    assert bench.alarms == {"DOOR_OPEN", "INFUSION_COMPLETE"}
    assert NAMES[bench.controller.alarms.first()] == "DOOR_OPEN"
    assert bench.outputs.lamp_red
