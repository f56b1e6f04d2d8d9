"""F5: an alarm comes in the tick in which the volume is complete."""

import pytest
from fault_bench import NEVER, SIGNAL_MS, Pump, sag
from pump_bench import Bedside, program

# Conditions that are HIGH also where nothing moves any more, and what begins them.
ALWAYS_HIGH = {
    "GUARD_TRIP": lambda bed: bed.fault("timer-exception"),
    "MOTOR_FAULT": lambda bed: bed.fault("enable-stuck-high"),
    "SOUNDER_FAULT": lambda bed: bed.fault("sounder-stuck-on"),
}
# With the ticks that each takes from its cause to its alarm, at most.
WHILE_ENABLED = {
    "DOOR_OPEN": (lambda bed: bed.fault("door-open"), 1),
    "SENSOR_FAULT": (lambda bed: bed.fault("pressure-sensor-absent"), 5),
    "BATTERY_EXHAUSTED": (lambda bed: sag(bed, 3250), 50),
}
ML_STEPS = 6400
AROUND_TICKS = 8


@pytest.fixture(scope="module")
def near_the_end() -> Pump:
    """A mL of 60 mL/h, a second before its end."""
    bed = Bedside(seed=3).start(program((60_000, 600), ml=1))
    bed.wait_for(lambda: bed.board.step_edges >= ML_STEPS - 107, 90)
    return Pump(bed)


@pytest.fixture(scope="module")
def end_tick(near_the_end) -> int:
    """In so many ticks ENABLE falls at the end of the volume."""
    return round(near_the_end.when(lambda bed: None, 3).off_ms / 10)


def at_tick(tick: int, act):
    return lambda bed: bed.board.at(bed.board.now_us + tick * 10_000 - 5000, lambda: act(bed))


@pytest.mark.req("F5")
@pytest.mark.parametrize("condition", ALWAYS_HIGH)
def test_a_high_alarm_around_the_end_is_heard_and_shown_as_one(near_the_end, end_tick, condition):
    act = ALWAYS_HIGH[condition]
    ends = set()
    for tick in range(end_tick - AROUND_TICKS, end_tick + AROUND_TICKS):
        seen = near_the_end.when(at_tick(tick, act), 3)
        told = seen.told_ms(condition)
        assert told < NEVER, tick
        assert seen.red_ms <= told + SIGNAL_MS, tick
        # Heard in the manner of HIGH, from its beginning or in its place.
        assert seen.sound_ms <= told + SIGNAL_MS, tick
        ends.add("INFUSION_COMPLETE" in seen.names())
    assert True in ends


@pytest.mark.req("F5")
@pytest.mark.parametrize("condition", WHILE_ENABLED)
def test_an_alarm_that_stops_comes_before_the_end_or_is_none_any_more(
    near_the_end, end_tick, condition
):
    act, delay = WHILE_ENABLED[condition]
    told = []
    for tick in range(end_tick - delay - AROUND_TICKS, end_tick + AROUND_TICKS):
        seen = near_the_end.when(at_tick(tick, act), 3)
        assert not seen.is_enabled
        raised = condition in seen.names()
        told.append(raised)
        assert raised or "INFUSION_COMPLETE" in seen.names(), tick
        if raised:
            assert seen.red_ms <= seen.told_ms(condition) + SIGNAL_MS, tick
            assert seen.sound_ms <= seen.told_ms(condition) + SIGNAL_MS, tick
    assert set(told) == {True, False}


@pytest.mark.req("F5")
def test_without_another_alarm_the_end_is_yellow_and_not_red(near_the_end):
    seen = near_the_end.when(lambda bed: None, 6)
    assert seen.names() == ["INFUSION_COMPLETE"]
    assert seen.yellow_ms < NEVER
    assert seen.red_ms == NEVER
