"""`controller`: the order inside a step, and what a whole session adds up to."""

import pytest
from hypothesis import given
from hypothesis import strategies as hs
from properties import strategies
from properties.core_bench import SHORT, CoreBench, Order, reach

from pump.core import infusion_state as st
from pump.core import roles

MIN = 60_000
STEPS_OF_1_ML = 6400


# --- time ----------------------------------------------------------------------------


@pytest.mark.req("L20")
def test_a_late_tick_integrates_20_ms_and_counts_the_rest(bench_in):
    bench = bench_in("INFUSING")
    bench.run(6_000)
    bench.tick(5_000)
    # 60_000 uL/h x 20 ms / 562_500 = 2.13 steps
    assert bench.outputs.slot_ms == 20
    assert bench.outputs.steps in (2, 3)
    assert bench.controller.late_ms == 4_980


@pytest.mark.req("M1")
def test_there_is_no_burst_after_a_late_tick(bench_in):
    late, even = bench_in("INFUSING"), bench_in("INFUSING")
    for bench, dt_ms in ((late, 60_000), (even, 20)):
        before = bench.edges
        bench.run_ticks([dt_ms] * 1000)
        bench.delivered = bench.edges - before
    assert late.delivered == even.delivered
    assert late.outputs.rate_ul_h == even.outputs.rate_ul_h


def test_a_tick_of_no_length_moves_nothing(bench_in):
    bench = bench_in("INFUSING")
    before = bench.outputs.rate_ul_h
    for _ in range(100):
        bench.tick(0)
        assert (bench.outputs.rate_ul_h, bench.outputs.steps) == (before, 0)


# --- what comes first in a step ---------------------------------------------------------


@pytest.mark.parametrize("event", ["CONFIRM", "STAY", "DOWN", "HOLD", "PAUSE"])
@pytest.mark.req("L5")
def test_an_alarm_comes_before_the_event_of_its_tick(bench_in, event):
    bench = bench_in("INFUSING")
    bench.inputs.door_open = True
    assert bench.send(event) == "NOT_IN_THIS_STATE"
    assert bench.state == "ALARM_STOPPED"
    assert not bench.is_moving


@pytest.mark.req("L3")
def test_stop_in_the_tick_of_an_alarm_leaves_the_alarm_standing(bench_in):
    bench = bench_in("INFUSING")
    bench.inputs.door_open = True
    assert bench.send("STOP") == "OK"
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"DOOR_OPEN"})


@pytest.mark.req("L5")
def test_an_alarm_in_the_tick_of_a_resume_stops_before_anything_moves(bench_in):
    bench = bench_in("HOLD")
    bench.inputs.door_open = True
    bench.send("RELEASE")
    assert not bench.is_moving
    bench.tick()
    assert bench.state == "ALARM_STOPPED"


# --- the interlock as the last line ---------------------------------------------------


@pytest.mark.req("F25")
@pytest.mark.parametrize("flipped", [181_000, 1_200_000, 1 << 30])
def test_a_corrupted_rung_never_passes_the_cap_even_if_memory_looks_intact(bench_in, flipped):
    """The interlock by itself: the change is sealed, so that only it can see it."""
    bench = bench_in("INFUSING")
    bench.run(6_000)
    bench.controller.rx.rate_ul_h[0] = flipped
    bench.seal()
    bench.run_until(lambda: bench.state == "FAULT" or bench.outputs.rate_ul_h > 180_000, 60_000)
    assert bench.outputs.rate_ul_h == 0
    assert bench.alarms == {"INTERLOCK"}


@pytest.mark.req("F25")
def test_a_corrupted_remainder_gives_no_burst_even_if_memory_looks_intact(bench_in):
    bench = bench_in("INFUSING")
    bench.run(6_000)
    bench.controller.volume.remainder = 1_000_000_000
    bench.seal()
    bench.tick()
    assert bench.outputs.steps <= 4  # 180 mL/h for 10 ms, and one
    bench.tick()
    assert (bench.state, bench.alarms) == ("FAULT", {"INTERLOCK"})


# The self-test counts its own pulses, and names what is wrong with them.
@pytest.mark.parametrize("state", st.STATE_NAMES[1:])
@pytest.mark.req("L14")
def test_a_step_that_nobody_granted_is_a_fault_in_every_state(bench_in, state):
    bench = bench_in(state)
    if state == "BACK_OFF":
        # Its own edges are known to be backward; forward ones are not hidden for long.
        bench.send("STOP")
        bench.run(300)
    bench.run(50)
    bench.stray_edges = 1 if state not in {"INFUSING", "RUNG_HELD", "KVO"} else 50
    bench.tick()
    assert bench.state == "FAULT"
    assert "INTERLOCK" in bench.alarms
    bench.run(1000)
    assert not bench.outputs.enable


# --- a session adds up ------------------------------------------------------------------


@pytest.mark.parametrize("queue_ticks", [1, 2, 3])
@pytest.mark.parametrize("dt_ms", [1, 7, 10, 20])
@pytest.mark.req("L8")
def test_an_order_of_one_millilitre_is_6400_steps(queue_ticks, dt_ms):
    bench = CoreBench(queue_ticks=queue_ticks).begin(SHORT)
    bench.run_until(lambda: bench.state == "COMPLETE", 60_000, dt_ms)
    assert bench.edges == STEPS_OF_1_ML
    assert bench.controller.volume.delivered_ul() == 1000
    bench.run(1000)
    assert (bench.edges, bench.alarms) == (STEPS_OF_1_ML, {"INFUSION_COMPLETE"})


@given(
    stops=hs.lists(
        hs.tuples(hs.sampled_from(["PAUSE", "HOLD", "STOP", "door"]), hs.integers(1, 400)),
        max_size=8,
    ),
    queue_ticks=hs.integers(1, 3),
    ticks=strategies.tick_patterns(most_ticks=6, late=True).filter(any),
)
@pytest.mark.req("L8")
def test_an_interrupted_order_is_delivered_to_the_last_step_and_no_further(
    stops, queue_ticks, ticks
):
    bench = CoreBench(queue_ticks=queue_ticks).begin(SHORT)
    bench.inputs.role = roles.SUPERVISOR  # the third door needs one
    back = {"PAUSE": ["RESUME"], "HOLD": ["RELEASE"]}
    for how, after in stops:
        bench.run_ticks((ticks * after)[:after])
        if bench.state != "INFUSING":
            break
        bench.inputs.door_open = how == "door"
        bench.tick(10, 0 if how == "door" else st.EVENT_NAMES.index(how))
        bench.inputs.door_open = False
        assert not bench.is_moving
        for event in back.get(how, ["RESET", "RESUME"]):
            bench.send(event)
    while bench.state == "INFUSING":
        bench.run_ticks(ticks)
    assert (bench.state, bench.edges) == ("COMPLETE", STEPS_OF_1_ML)


@pytest.mark.parametrize("queue_ticks", [1, 2, 3])
@pytest.mark.req("F11")
def test_a_queue_that_ran_dry_is_owed_again(queue_ticks):
    bench = CoreBench(queue_ticks=queue_ticks).begin(SHORT)
    for _ in range(20):
        bench.run(500)
        bench.drop_queue = True
    bench.run_until(lambda: bench.state == "COMPLETE", 60_000)
    assert bench.edges == STEPS_OF_1_ML
    assert bench.alarms == set()


@pytest.mark.req("F28")
def test_a_dead_step_counter_stops_the_pump_within_two_windows():
    bench = reach("INFUSING", SHORT)
    turned = 0
    while bench.state == "INFUSING":
        bench.tick()
        turned += bench.outputs.steps
        bench.queue[0] = 0  # the motor turns, its edges are not counted
    assert bench.alarms == {"FLOW_DEVIATION"}
    assert bench.now_ms <= 5_000
    assert turned < 400


@pytest.mark.req("F28")
def test_a_motor_without_any_step_is_noticed(bench_in):
    bench = bench_in("INFUSING")
    for _ in range(600):
        bench.tick()
        bench.queue[0] = 0
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"FLOW_DEVIATION"})


@pytest.mark.req("F11")
def test_steps_that_were_thrown_away_are_not_counted_as_delivered():
    bench = reach("INFUSING", queue_ticks=3)
    bench.run(6_000)
    bench.send("PAUSE")
    bench.run(100)
    volume = bench.controller.volume
    assert volume.granted_steps == volume.counted_steps == bench.edges


@pytest.mark.req("F14")
def test_what_was_delivered_can_be_read_until_the_next_start(bench_in):
    bench = bench_in("COMPLETE")
    volume = bench.controller.volume
    assert bench.send("END") == "OK"
    assert volume.delivered_ul() == 1000
    assert bench.commit(SHORT) == "OK"
    assert volume.delivered_ul() == 1000
    assert bench.send("START") == "OK"
    assert volume.delivered_ul() == 0
    assert bench.controller.session == 2


def test_the_end_of_a_session_forgets_its_order(bench_in):
    bench = bench_in("PAUSED")
    assert bench.send("END") == "OK"
    assert bench.state == "IDLE"
    assert bench.send("START") == "NOT_IN_THIS_STATE"
    assert bench.send("COMMIT") == "RX_INCOMPLETE"


@pytest.mark.req("L25")
@pytest.mark.parametrize("state", ["INFUSING", "RUNG_HELD", "HOLD", "PAUSED", "KVO", "STOPPED"])
def test_an_open_session_keeps_its_order(bench_in, state):
    bench = bench_in(state)
    assert bench.commit(Order(cap_ul_h=504_000)) == "NOT_IN_THIS_STATE"
    assert Order.of(bench.controller.rx) == Order()


# --- the times of a session ----------------------------------------------------------


@pytest.mark.req("L18")
def test_a_prescription_left_idle_reminds_after_5_min_and_is_cleared_after_10(bench_in):
    bench = bench_in("READY")
    began = bench.now_ms - 10  # the tick of COMMIT was the first
    bench.run_until(lambda: bench.alarms, 6 * MIN)
    assert (bench.now_ms - began, bench.alarms) == (5 * MIN + 10, {"PROGRAM_IDLE"})
    assert bench.outputs.lamp_yellow
    bench.run_until(lambda: bench.state == "IDLE", 6 * MIN)
    assert bench.now_ms - began == 10 * MIN
    bench.tick()
    assert bench.alarms == set()
    assert bench.send("START") == "NOT_IN_THIS_STATE"


@pytest.mark.req("L18")
def test_a_staged_prescription_left_idle_reminds_and_is_cleared_too():
    bench = reach("IDLE")
    bench.run(20 * MIN)
    assert bench.alarms == set()  # nothing is staged
    Order().stage(bench.controller.staged)
    bench.run(5 * MIN)
    assert bench.alarms == set()
    bench.tick()
    assert bench.alarms == {"PROGRAM_IDLE"}
    almost = bench.clone()
    almost.run(5 * MIN - 30)
    assert almost.send("COMMIT") == "OK"
    bench.run(5 * MIN)
    assert bench.alarms == set()
    assert bench.send("COMMIT") == "RX_INCOMPLETE"


@pytest.mark.req("L18")
def test_committing_again_begins_the_idle_time_again(bench_in):
    bench = bench_in("READY")
    for _ in range(3):
        bench.run(9 * MIN)
        assert bench.commit(Order()) == "OK"
    bench.run(4 * MIN)
    assert bench.alarms == set()


@pytest.mark.req("L21")
def test_a_required_host_may_be_silent_for_its_time_and_not_longer():
    bench = reach("INFUSING", Order(link_timeout_s=5))
    bench.inputs.host_silent_ms = 4_999
    bench.run(1000)
    assert bench.alarms == set()
    bench.inputs.host_silent_ms = 5_000
    bench.tick()
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"LINK_SILENT"})


@pytest.mark.req("L21")
def test_an_infusion_that_needs_no_host_goes_on_without_one(bench_in):
    bench = bench_in("INFUSING")
    bench.inputs.host_silent_ms = 1_000_000
    bench.run(MIN)
    assert (bench.state, bench.alarms) == ("INFUSING", set())


@pytest.mark.req("M3")
@pytest.mark.nightly
def test_six_hours_of_delivery_alarm_and_stop():
    bench = CoreBench().begin(Order(rungs=((60_000, 600), (180_000, 600))))
    bench.send("STAY", dt_ms=20)
    began = bench.now_ms
    bench.run(25 * MIN, 20)
    bench.send("PAUSE", dt_ms=20)
    bench.run(20 * MIN, 20)  # not delivery
    assert bench.send("RESUME", dt_ms=20) == "OK"
    bench.send("STAY", dt_ms=20)
    while bench.state == "RUNG_HELD":
        bench.run(29 * MIN, 20)
        if bench.state == "RUNG_HELD":
            bench.send("CONFIRM", bench.run_until_asked(20), 20)
    assert bench.alarms == {"DELIVERY_TIME"}
    over_ms = bench.controller.delivery_ms - 21_600_000
    assert 0 <= over_ms <= 20
    assert bench.edges * 5 // 32 < 360_000
    assert bench.now_ms - began > 380 * MIN


# --- keeping the vein open -------------------------------------------------------------


@pytest.mark.req("L15")
def test_keep_vein_open_needs_an_order_for_it():
    bench = reach("PAUSED", Order(kvo_ul_h=0))
    assert bench.send("KVO") == "KVO_NOT_ORDERED"
    assert bench.state == "PAUSED"


@pytest.mark.parametrize(
    ("kvo", "rung", "expected"), [(500, 60_000, 500), (1_000, 60_000, 1_000), (1_000, 300, 300)]
)
@pytest.mark.req("L15")
def test_keep_vein_open_is_the_ordered_rate_and_never_above_the_rung_before(kvo, rung, expected):
    order = Order(kvo_ul_h=kvo, rungs=((rung, 600), (180_000, 600)))
    bench = reach("KVO", order)
    rates = set()
    for _ in range(1000):
        bench.tick()
        rates.add(bench.outputs.rate_ul_h)
    assert max(rates) == bench.outputs.rate_ul_h == expected


@pytest.mark.req("L15")
def test_keep_vein_open_counts_inside_the_volume_ordered():
    bench = reach("KVO", SHORT.but(kvo_ul_h=1_000))
    before = bench.edges
    bench.run(36 * MIN, 20)  # 0.6 mL
    assert 3800 <= bench.edges - before <= 3840
    assert bench.controller.volume.counted_steps == bench.edges
    bench.run(60 * MIN, 20)
    assert (bench.state, bench.edges) == ("COMPLETE", STEPS_OF_1_ML)


# --- air --------------------------------------------------------------------------------


@pytest.mark.req("L9")
def test_a_bubble_of_49_ul_passes_and_one_of_50_ul_stops(bench_in):
    for bubble_steps, expected in ((314, set()), (320, {"AIR_IN_LINE"})):
        bench = bench_in("INFUSING")
        bench.run(6_000)
        bench.tick()
        bench.inputs.air = True
        ahead = bench.edges + bubble_steps
        while bench.edges + bench.queue[0] <= ahead and not bench.alarms:
            bench.tick()
        bench.inputs.air = False
        bench.run(500)
        assert bench.alarms == expected


@pytest.mark.req("L9")
def test_air_is_forgotten_once_the_line_was_primed(bench_in):
    bench = bench_in("INFUSING")
    bench.run(6_000)
    bench.inputs.air = True
    bench.run(2_500)
    bench.send("PAUSE")
    assert bench.send("RESUME") == "ALARM_PRESENT"
    bench.inputs.air = False
    assert bench.send("RESUME") == "OK"
    bench.run(6_000)
    bench.inputs.air = True
    bench.run(2_500)
    assert bench.alarms == set()
