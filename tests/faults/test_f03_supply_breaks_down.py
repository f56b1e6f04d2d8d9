"""F3: the estimate of the battery lies; the supply drops at once."""

import pytest
from fault_bench import DEAD_MS, DEAD_STEPS, ML_STEPS, SIGNAL_MS, delivered_steps, sag

BELOW_THE_COMPARATOR_MV = 3450


@pytest.mark.req("F3", "F4")
def test_a_converter_that_shows_5_v_does_not_keep_the_comparator_from_alarming(pump):
    def lie_and_sag(bed):
        bed.fault("battery-estimate-lies")
        sag(bed, BELOW_THE_COMPARATOR_MV)

    seen = pump.when(lie_and_sag, 3)
    assert seen.names() == ["BATTERY_LOW"]
    assert seen.told_ms("BATTERY_LOW") <= SIGNAL_MS
    assert max(seen.sound_ms, seen.yellow_ms) <= SIGNAL_MS
    assert seen.is_enabled  # notice, not a stop


@pytest.mark.req("F3", "L6", "L7")
@pytest.mark.parametrize("phase_us", (0, 1700, 4900, 9300))
def test_a_brown_out_ends_the_motion_and_is_an_alarm_after_boot(pump, phase_us):
    seen = pump.after("brown-out", 8, phase_us=phase_us)
    # It breaks down 20 ms after it begins to sag.
    assert seen.last_ms <= 20 + phase_us / 1000 + DEAD_MS
    assert seen.off_ms <= 20 + phase_us / 1000 + DEAD_MS
    assert seen.steps <= DEAD_STEPS
    assert "INTERRUPTED" in seen.names()
    assert (seen.state, seen.is_enabled, seen.resets) == ("ALARM_STOPPED", False, 1)


@pytest.mark.req("F3", "L19")
@pytest.mark.parametrize("lies", (False, True))
def test_the_volume_after_a_brown_out_is_known_to_a_millilitre_and_never_too_small(pump, lies):
    def cut(bed) -> tuple[int, int]:
        if lies:
            bed.fault("battery-estimate-lies")
        bed.fault("brown-out")
        bed.listen(1)
        true = bed.board.line.motor_steps
        bed.listen(8)
        return true, delivered_steps(bed)

    true, said = pump.ask(cut)
    assert true <= said <= true + ML_STEPS
