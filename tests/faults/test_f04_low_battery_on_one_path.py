"""F4: the converter or the comparator of the supply is dead; either alone alarms."""

import pytest
from fault_bench import SIGNAL_MS, sag

ONE_PATH_EACH = {"battery-estimate-lies": 3450, "supply-comparator-dead": 3550}


def low(fault: str, mv: float | None):
    def begin(bed) -> None:
        bed.fault(fault)
        sag(bed, mv)

    return begin


@pytest.mark.req("F4")
@pytest.mark.parametrize("fault", ONE_PATH_EACH)
def test_either_path_alone_is_heard_and_shown_within_500_ms(pump, fault):
    for wait_ticks in (0, 3, 7, 11):
        # Both are looked at every 160 ms: wherever in that the supply sags.
        def begin(bed, ticks=wait_ticks):
            bed.fault(fault)
            bed.board.at(
                bed.board.now_us + ticks * 10_000 + 1, lambda: sag(bed, ONE_PATH_EACH[fault])
            )

        seen = pump.when(begin, 2)
        limit_ms = SIGNAL_MS + wait_ticks * 10
        assert seen.names() == ["BATTERY_LOW"]
        assert max(seen.sound_ms, seen.yellow_ms, seen.told_ms("BATTERY_LOW")) <= limit_ms


@pytest.mark.req("F4")
@pytest.mark.parametrize("fault", ONE_PATH_EACH)
def test_a_dead_path_and_a_good_supply_are_no_alarm(pump, fault):
    seen = pump.when(low(fault, None), 10)
    assert (seen.names(), seen.is_enabled) == ([], True)


@pytest.mark.req("F4", "F3")
def test_a_supply_that_is_exhausted_stops_by_the_converter_alone(pump):
    seen = pump.when(low("supply-comparator-dead", 3250), 3)
    assert "BATTERY_EXHAUSTED" in seen.names()
    assert seen.last_ms <= SIGNAL_MS
    assert not seen.is_enabled


@pytest.mark.nightly
@pytest.mark.req("F4")
def test_ten_minutes_of_low_supply_by_the_comparator_alone_stop(pump):
    seen = pump.when(low("battery-estimate-lies", 3450), 640)
    assert "BATTERY_EXHAUSTED" in seen.names()
    assert seen.last_ms == pytest.approx(600_000, abs=1000)
