"""F15: the clock chip stops, jumps, is fast, or is not there."""

import pytest
from fault_bench import DEAD_MS, infusing, refusal
from pump_bench import Bedside, program

from host_sim.board import POWER_ON
from host_sim.fakes import hub
from host_sim.i2c_devices import CLOCK_ADDRESS
from pump.hal import pinout

LIMIT_MS = 60_000
# A window of 60 s that had begun before the fault may hide it: then it is the next.
DRIFT_LIMIT_MS = 2 * LIMIT_MS


def booted(bed: Bedside) -> Bedside:
    """The board switched off and on, as it is now."""
    hub.board = bed.board
    bed.board.reset(POWER_ON)
    bed.board.run_self_test(20_000_000)
    bed.client.hello()
    return bed


@pytest.mark.req("F15", "L20")
def test_a_second_that_no_longer_comes_is_a_fault_with_the_motor_off(pump):
    seen = pump.after("rtc-dead", 10)
    assert seen.names() == ["CLOCK_FAULT"]
    assert seen.told_ms("CLOCK_FAULT") <= LIMIT_MS
    assert seen.last_ms <= seen.told_ms("CLOCK_FAULT") + DEAD_MS
    assert (seen.state, seen.is_enabled) == ("FAULT", False)
    assert max(seen.sound_ms, seen.red_ms) <= seen.told_ms("CLOCK_FAULT")


@pytest.mark.req("F15", "L20")
@pytest.mark.parametrize("percent", (2, -2, 10, -10))
@pytest.mark.parametrize("since_window_ms", (0, 31_000))
def test_a_chip_that_is_fast_or_slow_is_a_fault(pump, percent, since_window_ms):
    def drift(bed: Bedside) -> None:
        def begin() -> None:
            bed.board.rtc_ppm = percent * 10_000

        bed.board.at(bed.board.now_us + since_window_ms * 1000, begin)

    seen = pump.when(drift, since_window_ms / 1000 + 130)
    assert seen.names()[:1] == ["CLOCK_FAULT"]
    told_ms = seen.told_ms("CLOCK_FAULT") - since_window_ms
    assert told_ms <= (LIMIT_MS if abs(percent) == 10 else DRIFT_LIMIT_MS)
    assert not seen.is_enabled


@pytest.mark.req("F15", "L20")
def test_a_second_more_or_less_within_a_minute_is_a_fault(pump):
    def more(bed: Bedside) -> None:
        bed.board.edge_totals[pinout.RTC_SECOND] += 1

    seen = pump.when(more, 70)
    assert seen.names()[:1] == ["CLOCK_FAULT"]
    assert seen.told_ms("CLOCK_FAULT") <= LIMIT_MS + 1000


@pytest.mark.req("F15", "M6")
def test_without_the_chip_the_pump_says_that_it_knows_no_date():
    bed = Bedside(seed=3)
    bed.board.i2c_devices[CLOCK_ADDRESS].is_present = False
    booted(bed)
    assert bed.client.query_fields("FITTED?")["clock_chip"] == "0"
    assert bed.client.query_fields("DATE?")["valid"] == "0"
    # It has a clock of another kind to compare with.
    bed.client.load(program((60_000, 600), ml=2))
    assert refusal(bed, "START") == ""


@pytest.mark.req("F15", "M6")
def test_a_date_that_was_lost_with_the_battery_is_not_believed():
    bed = Bedside(seed=3)
    bed.board.i2c_devices[CLOCK_ADDRESS].lose_battery()
    booted(bed)
    assert bed.client.query_fields("DATE?")["valid"] == "0"
    assert bed.client.query_fields("FITTED?")["date_valid"] == "0"


@pytest.mark.req("F15", "L16")
def test_a_chip_that_stands_still_at_boot_fails_the_self_test():
    bed = Bedside(seed=3)
    bed.fault("rtc-dead")
    booted(bed)
    result, item, _ = bed.client.query("POST?")
    assert (result, item) == ("FAILED", "CLOCK")
    assert bed.state() == "FAULT"


@pytest.mark.req("F15", "L20")
@pytest.mark.parametrize("permille", (700, 1300))
def test_without_the_chip_the_ring_oscillator_is_compared(permille):
    bed = Bedside(seed=3)
    bed.board.i2c_devices[CLOCK_ADDRESS].is_present = False
    booted(bed)
    bed.client.load(program((60_000, 600), ml=20))
    bed.client.request("START")
    bed.listen(20)
    began_us = bed.board.now_us
    bed.board.osc_permille = permille
    bed.listen(60, until=lambda: bool(bed.alarms()))
    assert bed.alarms() == ["CLOCK_FAULT"]
    assert bed.board.now_us - began_us <= LIMIT_MS * 1000
    bed.listen(1)
    assert not bed.is_enabled()


@pytest.mark.req("F15")
def test_sound_clocks_are_no_alarm_for_three_windows():
    bed = infusing()
    bed.board.rtc_ppm = 3000  # 0.3 %
    bed.listen(200)
    assert (bed.alarms(), bed.is_enabled()) == ([], True)
