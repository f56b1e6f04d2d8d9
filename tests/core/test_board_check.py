"""`board_check`: supply, driver, keys and sounder, each path by itself."""

import pytest
from properties.core_bench import alarm_names

from pump.core.board_check import Key, SounderCheck, SupplyCheck, driver_check
from pump.core.readings import Inputs

MIN = 60_000


def supply(check: SupplyCheck, dt_ms: int = 160, **values) -> set[str]:
    inputs = Inputs()
    for name, value in values.items():
        setattr(inputs, name, value)
    return alarm_names(check.step(inputs, dt_ms))


# --- supply: F3 the estimate lies, F4 not by one path only ------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"supply_mv": 3_600}, set()),
        ({"supply_mv": 3_599}, {"BATTERY_LOW"}),
        ({"supply_good": False}, {"BATTERY_LOW"}),
        ({"supply_good": False, "supply_mv": 5_000}, {"BATTERY_LOW"}),
        ({"supply_good": True, "supply_mv": 3_500}, {"BATTERY_LOW"}),
        ({"supply_mv": 3_300}, {"BATTERY_LOW"}),
        ({"supply_mv": 3_299}, {"BATTERY_LOW", "BATTERY_EXHAUSTED"}),
    ],
)
@pytest.mark.req("F4")
def test_either_path_alone_says_that_the_supply_is_low(values, expected):
    assert supply(SupplyCheck(), **values) == expected


@pytest.mark.parametrize("values", [{"supply_mv": 3_599}, {"supply_good": False}])
@pytest.mark.req("F3")
def test_low_for_four_minutes_is_exhausted_whatever_the_voltage_says(values):
    check = SupplyCheck()
    rounds = 4 * MIN // 160
    assert all(supply(check, **values) == {"BATTERY_LOW"} for _ in range(rounds - 1))
    supply(check, **values)
    assert supply(check, **values) == {"BATTERY_LOW", "BATTERY_EXHAUSTED"}


@pytest.mark.parametrize("values", [{"supply_mv": 3_500}, {"supply_good": False}])
@pytest.mark.req("F4")
def test_nothing_is_started_on_a_supply_that_ends_soon(bench_in, values):
    bench = bench_in("READY")
    for name, value in values.items():
        setattr(bench.inputs, name, value)
    bench.run(400)
    assert bench.alarms == {"BATTERY_LOW"}
    assert bench.send("START") == "ALARM_PRESENT"
    bench.heal()
    bench.run(400)
    assert bench.send("START") == "OK"


@pytest.mark.parametrize("values", [{"supply_mv": 3_500}, {"supply_good": False}])
@pytest.mark.req("F3")
@pytest.mark.req("F4")
def test_an_infusion_goes_on_for_four_minutes_on_a_low_supply_and_then_stops(bench_in, values):
    bench = bench_in("INFUSING")
    for name, value in values.items():
        setattr(bench.inputs, name, value)
    bench.run(4 * MIN - 1_000, 20)
    assert (bench.state, bench.alarms) == ("INFUSING", {"BATTERY_LOW"})
    bench.run(2_000, 20)
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"BATTERY_LOW", "BATTERY_EXHAUSTED"})


@pytest.mark.req("F10")
def test_a_dip_of_150_ms_is_no_alarm(bench_in):
    bench = bench_in("INFUSING")
    for _ in range(50):
        bench.inputs.supply_good = False
        bench.run(150)
        bench.inputs.supply_good = True
        bench.run(1_000)
        assert bench.alarms == set()


# --- driver ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ok", "degrees", "expected"),
    [
        (True, 84, set()),
        (True, 85, {"DRIVER_HOT"}),
        (False, 25, {"SENSOR_FAULT"}),
        (False, 120, {"SENSOR_FAULT"}),
    ],
)
@pytest.mark.req("F35")
def test_a_driver_is_hot_from_85_degrees_and_a_dead_sensor_is_a_fault(ok, degrees, expected):
    inputs = Inputs()
    inputs.driver_ok, inputs.driver_c = ok, degrees
    assert alarm_names(driver_check(inputs)) == expected


@pytest.mark.parametrize("state", ["INFUSING", "KVO", "HOLD"])
@pytest.mark.parametrize("values", [{"driver_c": 85}, {"driver_ok": False}])
@pytest.mark.req("F35")
def test_no_driver_that_is_hot_or_unknown_is_used(bench_in, state, values):
    bench = bench_in(state)
    for name, value in values.items():
        setattr(bench.inputs, name, value)
    bench.run(1_300)
    assert bench.state == "ALARM_STOPPED"
    assert bench.send("RESET") == "ALARM_PRESENT"
    bench.heal()
    bench.run(200)
    assert bench.send("RESET") == "OK"


# --- the motor does what nobody ordered -------------------------------------------------


@pytest.mark.parametrize("state", ["IDLE", "HOLD", "PAUSED", "COMPLETE"])
@pytest.mark.req("F35")
def test_a_motor_that_turns_without_a_step_is_a_fault(bench_in, state):
    bench = bench_in(state)
    bench.run(1_000)
    bench.turns_alone = 1
    bench.run(50)
    assert (bench.state, "MOTOR_FAULT" in bench.alarms) == ("FAULT", True)


@pytest.mark.req("F16")
def test_a_shaft_that_settles_on_its_detent_is_none(bench_in):
    bench = bench_in("INFUSING")
    for _ in range(10):
        bench.run(2_000)
        bench.send("PAUSE")
        bench.run(300)
        bench.turns_alone = 1
        bench.tick()
        bench.turns_alone = 0
        bench.run(10_300)
        bench.send("RESUME")
    assert (bench.state, bench.alarms) == ("INFUSING", set())


@pytest.mark.parametrize("state", ["IDLE", "READY", "PAUSED", "STOPPED", "COMPLETE"])
@pytest.mark.req("F35")
def test_an_enable_that_does_not_fall_is_a_fault_in_50_ms(bench_in, state):
    bench = bench_in(state)
    bench.run(100)
    bench.enable_level = True
    bench.run(50)  # seen twice, in every other tick
    assert (bench.state, "MOTOR_FAULT" in bench.alarms) == ("FAULT", True)


@pytest.mark.parametrize("state", ["INFUSING", "HOLD", "KVO", "BACK_OFF"])
@pytest.mark.req("F33")
def test_an_enable_that_was_taken_away_stops_until_a_person_goes_on(bench_in, state):
    bench = bench_in(state)
    bench.tick()
    bench.enable_level = False
    bench.run(20)
    assert (bench.state, "MOTOR_CUT_OFF" in bench.alarms) == ("ALARM_STOPPED", True)


@pytest.mark.parametrize("state", ["IDLE", "INFUSING", "PAUSED"])
@pytest.mark.req("L6")
def test_a_dead_guard_is_a_fault_after_50_to_110_ms(bench_in, state):
    bench = bench_in(state)
    bench.inputs.guard_beats = 0
    bench.run(40)
    assert bench.state == state
    bench.run(70)  # asked for in every fourth tick, and missed twice
    assert (bench.state, bench.alarms) == ("FAULT", {"GUARD_TRIP"})


# --- keys ----------------------------------------------------------------------------------


@pytest.mark.req("F1")
def test_a_press_counts_once_however_long_it_lasts():
    key = Key()
    assert [key.pressed(down, 10) for down in (False, True, True, True, False, True)] == [
        *(False, True, False, False, False, True)
    ]


@pytest.mark.req("F21")
def test_a_key_is_stuck_after_a_minute_and_no_more_once_it_is_up():
    key = Key()
    for _ in range(5_999):
        key.pressed(True, 10)
    assert not key.stuck()
    key.pressed(True, 10)
    assert alarm_names(key.stuck()) == {"KEY_STUCK"}
    key.pressed(False, 10)
    assert not key.stuck()


@pytest.mark.req("F21")
def test_a_stuck_stop_key_keeps_the_pump_stopped_and_says_so(bench_in):
    bench = bench_in("INFUSING")
    bench.inputs.stop_key = True
    bench.tick()
    assert (bench.state, bench.is_moving) == ("STOPPED", False)
    for event in ("RESET", "RESUME", "KVO", "START", "RELEASE"):
        assert bench.send(event) == "STOP_KEY"
    bench.run(60_300)
    assert (bench.state, bench.alarms) == ("STOPPED", {"KEY_STUCK"})


@pytest.mark.parametrize("state", ["PAUSED", "KVO", "HOLD", "READY", "RUNG_HELD"])
@pytest.mark.req("L3")
def test_the_stop_key_overrules_every_event_of_its_tick(bench_in, state):
    for event in ("RESUME", "RELEASE", "START", "CLIMB", "KVO", "CONFIRM", "PAUSE"):
        bench = bench_in(state)
        bench.inputs.stop_key = True
        assert bench.send(event) == "STOP_KEY"
        assert bench.state == ("READY" if state == "READY" else "STOPPED")
        assert not bench.is_moving


@pytest.mark.req("L3")
def test_stop_on_the_line_is_accepted_while_the_stop_key_is_down(bench_in):
    bench = bench_in("INFUSING")
    bench.inputs.stop_key = True
    assert bench.send("STOP") == "OK"


def press(bench) -> None:
    bench.inputs.ok_key = True
    bench.run(100)
    bench.inputs.ok_key = False
    bench.run(100)


@pytest.mark.req("F1")
@pytest.mark.req("L12")
def test_the_ok_key_confirms_once_by_one_press_and_once_by_two(asked):
    press(asked)
    assert (asked.rung, asked.question) == (1, 0)
    press(asked)
    assert asked.rung == 1


@pytest.mark.req("F1")
@pytest.mark.req("L12")
def test_a_key_that_was_down_when_the_question_came_is_no_answer():
    from properties.core_bench import reach

    bench = reach("INFUSING")
    bench.run(600_000)
    bench.inputs.ok_key = True
    bench.run(40_000)
    assert bench.question
    assert bench.rung == 0


@pytest.mark.req("F1")
@pytest.mark.req("L11")
def test_a_press_acknowledges_or_confirms_and_never_both(asked):
    asked.inputs.supply_good = False
    asked.run_until(lambda: asked.alarms, 500)
    asked.tick()
    assert asked.question  # asked again, under a new number
    press(asked)
    assert asked.controller.alarms.acknowledged
    assert (asked.rung, bool(asked.question)) == (0, True)
    # Twice in a row neither: what was meant for the alarm is no answer.
    press(asked)
    assert asked.rung == 0


@pytest.mark.req("M15")
def test_a_press_a_second_later_answers_although_a_low_alarm_stands(asked):
    asked.inputs.supply_good = False
    asked.run_until(lambda: asked.alarms, 500)
    press(asked)
    asked.run(1_000)
    assert asked.question
    press(asked)
    assert asked.rung == 1
    assert asked.alarms == {"BATTERY_LOW"}


@pytest.mark.req("L16")
def test_a_stop_key_that_is_down_at_boot_does_not_keep_the_self_test_from_ending():
    from properties.core_bench import CoreBench

    bench = CoreBench()
    bench.inputs.stop_key = True
    assert bench.send("POST_PASSED") == "OK"
    assert bench.state == "IDLE"


@pytest.mark.req("L17")
def test_the_ok_key_starts_nothing(bench_in):
    for state in ("READY", "HOLD", "PAUSED", "STOPPED", "ALARM_STOPPED", "COMPLETE"):
        bench = bench_in(state)
        for _ in range(3):
            press(bench)
        assert bench.state == state


# --- sounder ----------------------------------------------------------------------------


@pytest.mark.req("F18")
def test_a_sounder_is_dead_after_60_ms_unheard_whatever_the_pulses():
    check = SounderCheck()
    found = []
    for _ in range(2):
        found += [check.step(True, False, 10) for _ in range(3)]
        found += [check.step(False, False, 10) for _ in range(3)]
    assert [bool(bits) for bits in found] == [False] * 8 + [True] + [False] * 3
    assert not check.step(True, True, 10)


@pytest.mark.req("F18")
def test_a_sounder_that_does_not_stop_is_found_in_200_ms():
    check = SounderCheck()
    assert not any(check.step(False, True, 10) for _ in range(19))
    assert check.step(False, True, 10)
    assert not check.step(False, False, 10)


@pytest.mark.req("F18")
def test_a_dead_sounder_is_found_with_the_first_sound(bench_in):
    bench = bench_in("INFUSING")
    bench.sounder_works = False
    bench.inputs.door_open = True
    bench.run_until(lambda: "SOUNDER_FAULT" in bench.alarms, 200)
    assert bench.state == "ALARM_STOPPED"


@pytest.mark.req("F18")
def test_a_question_that_is_not_heard_stops_too(bench_in):
    bench = bench_in("INFUSING")
    bench.sounder_works = False
    bench.run_until_asked()
    bench.run(200)
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"SOUNDER_FAULT"})


@pytest.mark.req("F16")
def test_clicks_now_and_then_are_no_stuck_sounder(bench_in):
    bench = bench_in("INFUSING")
    for _ in range(100):
        bench.heard = True
        bench.run(20)
        bench.heard = None
        bench.run(1_000)
    assert (bench.state, bench.alarms) == ("INFUSING", set())


@pytest.mark.req("F16")
def test_a_loop_back_one_tick_late_is_no_fault(bench_in):
    bench = bench_in("ALARM_STOPPED")
    was = False
    for _ in range(3_000):
        bench.heard = was
        was = bench.outputs.sound
        bench.tick()
    assert bench.alarms == {"DOOR_OPEN"}
