"""F20: the supply sags and the cable goes silent at the same time."""

import pytest
from fault_bench import SIGNAL_MS, Pump, sag
from pump_bench import Bedside, program

TIMEOUT_S = 5


@pytest.fixture(scope="module")
def guarded() -> Pump:
    bed = Bedside(3).start(program((120_000, 600), ml=40, link_timeout_s=TIMEOUT_S))
    for _ in range(8):
        bed.listen(2)
        bed.client.request("ACK")
    return Pump(bed)


def silent(bed) -> None:
    bed.link.is_silent = True


@pytest.mark.req("F20", "L21")
@pytest.mark.parametrize("mv", (None, 3550, 3450))
def test_both_alarms_stand_and_the_motor_is_off_500_ms_after_the_time_out(guarded, mv):
    def begin(bed) -> None:
        sag(bed, mv)
        silent(bed)

    seen = guarded.when(begin, TIMEOUT_S + 3)
    assert set(seen.names()) == {"LINK_SILENT"} | ({"BATTERY_LOW"} if mv else set())
    assert seen.last_ms <= TIMEOUT_S * 1000 + 500
    assert seen.off_ms <= TIMEOUT_S * 1000 + 500
    if mv:
        assert max(seen.sound_ms, seen.told_ms("BATTERY_LOW")) <= SIGNAL_MS
    assert seen.red_ms <= TIMEOUT_S * 1000 + 500


@pytest.mark.req("F20", "L7")
def test_a_supply_that_breaks_down_in_the_silence_ends_it_sooner(guarded):
    def begin(bed) -> None:
        silent(bed)
        bed.fault("brown-out")

    seen = guarded.when(begin, TIMEOUT_S + 5)
    assert seen.last_ms <= 20 + 60
    assert "INTERRUPTED" in seen.names()
    assert not seen.is_enabled


@pytest.mark.req("F20", "L21")
def test_an_exhausted_supply_stops_before_the_time_out(guarded):
    def begin(bed) -> None:
        silent(bed)
        sag(bed, 3250)

    seen = guarded.when(begin, TIMEOUT_S + 3)
    assert seen.last_ms <= SIGNAL_MS
    assert "BATTERY_EXHAUSTED" in seen.names()
