"""F18: the sounder is dead or its wire is broken; the loop-back notices."""

import pytest
from fault_bench import NEVER, SIGNAL_MS, sag

LIMIT_MS = 2000


def dead_and(act):
    def begin(bed) -> None:
        bed.fault("sounder-dead")
        act(bed)

    return begin


@pytest.mark.req("F18", "L11")
def test_a_high_alarm_that_nobody_hears_is_shown_and_told_and_so_is_the_sounder(pump):
    seen = pump.when(dead_and(lambda bed: bed.fault("door-open")), 5)
    assert seen.sound_ms == NEVER
    assert seen.red_ms <= SIGNAL_MS
    assert seen.told_ms("DOOR_OPEN") <= SIGNAL_MS
    assert seen.told_ms("SOUNDER_FAULT") <= LIMIT_MS
    assert seen.last_ms <= 50


@pytest.mark.req("F18")
def test_a_medium_alarm_that_nobody_hears_becomes_a_stop_with_the_red_lamp(pump):
    seen = pump.when(dead_and(lambda bed: sag(bed, 3550)), 5)
    assert seen.sound_ms == NEVER
    raised = seen.told_ms("BATTERY_LOW")
    assert raised <= SIGNAL_MS
    assert seen.told_ms("SOUNDER_FAULT") <= raised + LIMIT_MS
    assert seen.red_ms <= seen.told_ms("SOUNDER_FAULT")
    assert not seen.is_enabled


@pytest.mark.req("F18", "L11")
def test_an_alarm_that_goes_silent_in_the_middle_is_noticed(pump):
    def later(bed) -> None:
        bed.fault("door-open")
        bed.board.at(bed.board.now_us + 4_000_000, lambda: bed.fault("sounder-dead"))

    seen = pump.when(later, 12)
    assert seen.sound_ms <= SIGNAL_MS
    # Between two bursts nothing is to be heard for 3 s.
    assert 4000 <= seen.told_ms("SOUNDER_FAULT") <= 4000 + 3000 + LIMIT_MS


@pytest.mark.req("F18")
def test_a_sounder_that_does_not_stop_is_a_fault_as_well(pump):
    seen = pump.after("sounder-stuck-on", 5)
    assert seen.names() == ["SOUNDER_FAULT"]
    assert seen.told_ms("SOUNDER_FAULT") <= LIMIT_MS
    assert seen.red_ms <= LIMIT_MS
    assert not seen.is_enabled


@pytest.mark.req("F18", "L16")
def test_a_sounder_that_was_heard_is_no_fault(pump):
    seen = pump.after("door-open", 30)
    assert seen.names() == ["DOOR_OPEN"]
