"""`titration`: dwell, question, answer.  Each rung is earned at its own rate.

The order: 60, 120, 180 mL/h with 600 s each, rising 10 mL/h in a second.  So
60 mL/h are reached 6 s (600 ticks) after START.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as hs
from properties import strategies
from properties.core_bench import SHORT, Order, reach

from pump.core.prescription import Prescription
from pump.core.titration import Titration

MIN = 60_000  # ms
RAMP = 6_000
DWELL = 600_000


def run_to(bench, ms_after_start: int) -> None:
    """Run to this time after START, which was one tick of 10 ms itself."""
    bench.run(ms_after_start - bench.now_ms)


@pytest.fixture
def started():
    """INFUSING, with its clock at 10 ms after START."""
    bench = reach("READY")
    assert bench.send("START") == "OK"
    bench.now_ms = 10
    return bench


# --- the dwell -----------------------------------------------------------------------


@pytest.mark.req("L12")
def test_the_question_comes_when_the_dwell_has_passed_at_the_rate_and_not_a_tick_before(started):
    run_to(started, RAMP + DWELL - 10)
    assert started.question == 0
    started.tick()
    assert started.question == 1
    assert started.rung == 0


@pytest.mark.req("L12")
def test_the_rise_to_a_rung_is_not_part_of_its_dwell(started):
    started.climb()  # to 120 mL/h: another 6 s
    began = started.now_ms
    started.run_until(lambda: started.question != 0, 700_000)
    # The tick that confirmed was already one of the rise.
    assert started.now_ms - began == RAMP + DWELL - 10


@pytest.mark.parametrize(
    ("away", "back"),
    [
        (["PAUSE"], ["RESUME"]),
        (["HOLD"], ["RELEASE"]),
        (["STOP"], ["RESET", "RESUME"]),
        (["PAUSE", "KVO"], ["RESUME"]),
        (["HOLD", "PAUSE", "STOP"], ["RESET", "RESUME"]),
    ],
)
@pytest.mark.req("L12")
def test_the_dwell_starts_again_after_any_stop(started, away, back):
    run_to(started, RAMP + DWELL - 10)
    for event in away + back:
        assert started.send(event) == "OK"
    began = started.now_ms - 10
    started.run_until(lambda: started.question != 0, 700_000)
    assert started.now_ms - began == RAMP + DWELL


@pytest.mark.req("L12")
def test_the_dwell_starts_again_after_a_step_down(started):
    started.climb()
    started.run(RAMP + DWELL // 2)
    assert started.send("DOWN") == "OK"
    assert started.outputs.rate_ul_h == 60_000  # at once
    began = started.now_ms
    started.run_until(lambda: started.question != 0, 700_000)
    assert started.now_ms - began == DWELL


@given(ticks=hs.lists(strategies.any_tick, min_size=1, max_size=12).filter(any))
@pytest.mark.req("L12")
def test_however_the_ticks_fall_the_dwell_is_complete_when_the_question_comes(ticks):
    """A late tick counts 20 ms of it, however late it was."""
    rx = Prescription()
    Order(rungs=((60_000, 2), (120_000, 2))).stage(rx)
    titration = Titration()
    counted = 0
    while titration.question == 0:
        for dt_ms in ticks:
            integrated_ms = min(dt_ms, 20)  # as the step does
            counted += integrated_ms
            titration.advance(rx, True, True, integrated_ms)
            assert (titration.question != 0) == (counted >= 2000)
            if titration.question:
                break


@given(hs.lists(hs.tuples(hs.booleans(), hs.integers(0, 20)), max_size=300))
@pytest.mark.req("L12")
def test_only_time_at_the_rungs_rate_counts(ticks):
    rx = Prescription()
    Order(rungs=((60_000, 1), (120_000, 1))).stage(rx)
    titration = Titration()
    counted = 0
    for at_rate, dt_ms in ticks:
        counted += dt_ms if at_rate else 0
        titration.advance(rx, at_rate, True, dt_ms)
        assert (titration.question != 0) == (counted >= 1000)
        if titration.question:
            break


# --- the answer -----------------------------------------------------------------------


@pytest.mark.req("L12", "M17")
def test_a_right_answer_in_time_steps_up_by_one(asked):
    assert asked.send("CONFIRM", asked.question) == "OK"
    assert asked.rung == 1
    assert asked.question == 0
    assert asked.outputs.rate_ul_h == 60_100  # and rises by the slew


@pytest.mark.req("L12")
def test_the_same_answer_twice_steps_up_once(asked):
    number = asked.question
    assert asked.send("CONFIRM", number) == "OK"
    assert asked.send("CONFIRM", number) == "NO_OPEN_QUESTION"
    assert asked.run_until_asked() == number + 1
    assert asked.send("CONFIRM", number) == "WRONG_QUESTION"
    assert asked.rung == 1


@pytest.mark.parametrize("number", [0, 1, 2, 65_535])
@pytest.mark.req("L12")
def test_nobody_can_answer_before_being_asked(started, number):
    """Not even with the number that the question will have."""
    for _ in range(6):
        assert started.send("CONFIRM", number) == "NO_OPEN_QUESTION"
        started.run(100_000)
    run_to(started, RAMP + DWELL - 10)
    assert started.send("CONFIRM", number) == "NO_OPEN_QUESTION"
    assert started.rung == 0
    assert started.question == 1  # asked in the tick that refused


@pytest.mark.parametrize("off", [-1, 1, 1000])
@pytest.mark.req("L12")
def test_an_answer_to_another_question_counts_for_nothing(asked, off):
    assert asked.send("CONFIRM", asked.question + off) == "WRONG_QUESTION"
    assert asked.rung == 0
    assert asked.question != 0


@pytest.mark.req("L12")
def test_the_window_closes_after_two_minutes(asked):
    number = asked.question
    asked.run(2 * MIN - 10)
    last_moment = asked.clone()
    assert last_moment.send("CONFIRM", number) == "OK"
    assert last_moment.rung == 1
    asked.tick()
    assert asked.question == 0
    assert asked.send("CONFIRM", number) == "WINDOW_CLOSED"
    assert asked.rung == 0


@pytest.mark.req("M15")
def test_it_asks_again_every_five_minutes_with_a_new_number(asked):
    first = asked.question
    asked.run(5 * MIN - 10)
    assert asked.question == 0
    asked.tick()
    assert asked.question == first + 1
    assert asked.send("CONFIRM", first) == "WRONG_QUESTION"
    asked.run(5 * MIN - 10)
    assert asked.question == first + 2
    assert asked.send("CONFIRM", first + 2) == "OK"
    assert asked.rung == 1


@pytest.mark.req("M15")
def test_fifteen_minutes_unanswered_alarm_and_stop(asked):
    asked.run(15 * MIN)
    assert asked.state == "INFUSING"
    assert asked.rung == 0
    asked.tick()
    assert asked.state == "ALARM_STOPPED"
    assert asked.alarms == {"NO_CONFIRMATION"}
    assert not asked.is_moving


@pytest.mark.req("M15")
def test_a_refused_answer_is_no_answer(asked):
    for _ in range(15):
        asked.run(MIN - 10)
        assert asked.send("CONFIRM", 9999) == "WRONG_QUESTION"
    asked.tick()
    assert asked.alarms == {"NO_CONFIRMATION"}


@pytest.mark.parametrize(
    ("events", "answer"),
    [
        (["PAUSE", "RESUME"], "NO_OPEN_QUESTION"),
        (["HOLD", "RELEASE"], "NO_OPEN_QUESTION"),
        (["STOP", "RESET", "RESUME"], "NO_OPEN_QUESTION"),
        (["PAUSE", "KVO", "RESUME"], "NO_OPEN_QUESTION"),
        (["STAY"], "NO_OPEN_QUESTION"),
        # The dwell has passed: it asks again at once.
        (["STAY", "CLIMB"], "WRONG_QUESTION"),
        (["PAUSE"], "NOT_IN_THIS_STATE"),
        (["PAUSE", "KVO"], "NOT_IN_THIS_STATE"),
    ],
)
@pytest.mark.req("L12")
def test_a_question_is_void_after_whatever_came_between(asked, events, answer):
    number = asked.question
    for event in events:
        assert asked.send(event) == "OK"
    assert asked.send("CONFIRM", number) == answer
    assert asked.rung == 0


@pytest.mark.req("L12")
def test_a_question_is_void_after_an_alarm(asked):
    number = asked.question
    asked.inputs.door_open = True
    assert asked.send("CONFIRM", number) == "NOT_IN_THIS_STATE"  # the alarm is first
    asked.inputs.door_open = False
    for event in ("RESET", "RESUME"):
        assert asked.send(event) == "OK"
    assert asked.send("CONFIRM", number) == "NO_OPEN_QUESTION"
    assert asked.rung == 0


@pytest.mark.req("L12")
def test_a_question_is_void_after_a_reset_and_asked_again_under_a_new_number(asked):
    number = asked.question
    assert asked.send("RESET") == "OK"
    assert asked.send("CONFIRM", number) == "WRONG_QUESTION"
    assert asked.send("CONFIRM", number + 1) == "OK"


@pytest.mark.req("L12")
def test_a_question_is_void_after_an_alarm_that_does_not_stop():
    # Drift is judged every 5 min; from 610 s on it is there, and shown at 900 s.
    bench = reach("INFUSING", Order(rungs=((60_000, 850), (120_000, 600))))
    bench.run(610_000)
    bench.encoder_permille = 920
    number = bench.run_until_asked()
    bench.run_until(lambda: bench.alarms == {"FLOW_DRIFT"}, 100_000)
    assert bench.state == "INFUSING"
    assert bench.send("CONFIRM", number) == "WRONG_QUESTION"
    assert bench.rung == 0


@pytest.mark.req("L12")
def test_a_question_is_void_after_a_step_down():
    bench = reach("INFUSING")
    bench.climb()
    number = bench.run_until_asked()
    assert bench.send("DOWN") == "OK"
    assert bench.send("CONFIRM", number) == "NO_OPEN_QUESTION"
    assert bench.rung == 0


@pytest.mark.req("L12")
def test_an_answer_for_the_session_before_fits_nothing(asked):
    """Question numbers go on over sessions."""
    number = asked.question
    for event in ("PAUSE", "END"):
        assert asked.send(event) == "OK"
    assert asked.commit(Order()) == "OK"
    assert asked.send("START") == "OK"
    assert asked.run_until_asked() == number + 1
    assert asked.send("CONFIRM", number) == "WRONG_QUESTION"


@pytest.mark.req("L12")
def test_question_numbers_run_from_1_to_65535_and_begin_again():
    rx = Prescription()
    Order(rungs=((60_000, 0), (120_000, 0))).stage(rx)
    titration = Titration()
    numbers = []
    for _ in range(65_536):
        titration.advance(rx, True, True, 10)
        numbers.append(titration.question_id)
        titration.interrupt()
    assert numbers == [*range(1, 65_536), 1]


# --- staying, and the last rung --------------------------------------------------------


@pytest.mark.req("M15")
@pytest.mark.parametrize("check_s", [900, 1800])
def test_a_held_rung_is_checked_and_a_confirmed_check_is_no_step_up(check_s):
    bench = reach("RUNG_HELD", Order(check_s=check_s))
    began = bench.now_ms - 10
    number = bench.run_until_asked()
    assert bench.now_ms - began == check_s * 1000
    assert bench.send("CONFIRM", number) == "OK"
    assert (bench.state, bench.rung) == ("RUNG_HELD", 0)
    began = bench.now_ms - 10
    bench.run_until_asked()
    assert bench.now_ms - began == check_s * 1000


@pytest.mark.req("L12")
def test_climb_after_stay_asks_before_it_climbs(asked):
    asked.send("STAY")
    asked.run(10 * MIN)
    assert asked.question == 0
    assert asked.send("CLIMB") == "OK"
    assert (asked.state, asked.rung) == ("INFUSING", 0)
    # The dwell had passed long ago: asked at once, and still answered by a person.
    assert asked.question == 2
    asked.run(MIN)
    assert asked.rung == 0
    assert asked.send("CONFIRM", 2) == "OK"
    assert asked.rung == 1


@pytest.mark.req("L12")
def test_a_check_that_is_answered_after_climb_does_not_step_up():
    bench = reach("RUNG_HELD", Order(check_s=900))
    number = bench.run_until_asked()
    assert bench.send("CLIMB") == "OK"
    assert bench.send("CONFIRM", number) == "OK"
    assert bench.rung == 0


@pytest.mark.req("M15", "M17")
def test_the_last_rung_is_checked_and_never_passed():
    bench = reach("INFUSING")
    bench.climb()
    bench.climb()
    began = bench.now_ms - 10
    number = bench.run_until_asked()
    assert bench.now_ms - began == 30 * MIN
    assert bench.send("CONFIRM", number) == "OK"
    assert bench.rung == 2
    assert bench.outputs.rate_ul_h == 180_000


@pytest.mark.req("M15")
def test_an_unanswered_check_stops_too():
    bench = reach("RUNG_HELD", Order(check_s=900))
    bench.run_until_asked()
    bench.run(15 * MIN + 10)
    assert bench.alarms == {"NO_CONFIRMATION"}


@pytest.mark.req("L12")
def test_a_single_rung_asks_for_no_step_up():
    bench = reach("INFUSING", SHORT.but(vtbi_ul=400_000, dose_mg=40_000))
    bench.run(29 * MIN)
    assert bench.controller.titration.question_id == 0
