"""F32: the guard's timer raises, or stops for good."""

import pytest
from fault_bench import DEAD_MS, Pump, infusing
from pump_bench import Bedside

FAULTS = ("timer-exception", "timer-dead")


@pytest.mark.req("F32", "L6", "L2")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("phase_us", (0, 1200, 4700, 7900, 9900))
@pytest.mark.parametrize("rate_ul_h", (20_000, 1_200_000))
def test_the_motor_is_off_60_ms_later_and_the_alarm_is_told(fault, phase_us, rate_ul_h):
    seen = RUNNING[rate_ul_h]().after(fault, 0.6, phase_us=phase_us)
    assert seen.last_ms - phase_us / 1000 <= DEAD_MS
    assert seen.names()[0] == "GUARD_TRIP"
    assert max(seen.sound_ms, seen.red_ms) - phase_us / 1000 <= 100
    assert not seen.is_enabled


def running(rate_ul_h: int):
    kept: list[Pump] = []

    def get() -> Pump:
        if not kept:
            kept.append(Pump(infusing(rate_ul_h, ml=60)))
        return kept[0]

    return get


RUNNING = {rate: running(rate) for rate in (20_000, 1_200_000)}


@pytest.mark.req("F32", "L7")
@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_never_switched_on_again_by_itself(pump, fault):
    def wait(bed: Bedside) -> tuple[int, bool]:
        bed.fault(fault)
        bed.listen(0.2)
        before = bed.board.line.motor_steps
        bed.listen(20)
        return bed.board.line.motor_steps - before, bed.is_enabled()

    assert pump.ask(wait) == (0, False)


@pytest.mark.req("F32", "L6")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_hang_behind_it_is_ended_by_the_dead_man_alone(pump, fault):
    def both(bed: Bedside) -> None:
        bed.board.without = {"guard"}
        bed.fault(fault)
        bed.fault("cpu-hang")

    seen = pump.when(both, 0.5)
    assert seen.last_ms <= DEAD_MS
