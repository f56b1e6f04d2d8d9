"""F30: the line is kinked until it alarms, then released."""

import pytest
from fault_bench import Pump, infusing
from pump_bench import Bedside, program

LIMIT_UL = 200
LIMIT_PA = 60_000
SOFTEST_UL_PA = 0.005
STIFFEST_UL_PA = 0.0005
# (rate, compliance of the line, limit of the order)
LINES = (
    (20_000, 0.0015, 60_000),
    (120_000, 0.0015, 60_000),
    (600_000, 0.0015, 60_000),
    (120_000, SOFTEST_UL_PA, 60_000),
    (120_000, SOFTEST_UL_PA, 130_000),
    (600_000, SOFTEST_UL_PA, 130_000),
    (120_000, STIFFEST_UL_PA, 60_000),
    (120_000, 0.0015, 20_000),
)


def kinked(rate_ul_h: int, compliance_ul_pa: float, limit_pa: int) -> Pump:
    bed = Bedside(seed=3)
    bed.board.line.down_compliance_ul_pa = compliance_ul_pa
    bed.start(program((rate_ul_h, 600), ml=40, occlusion_pa=limit_pa))
    bed.listen(rate_ul_h / 10_000 + 3)
    bed.fault("downstream-occlusion")
    return Pump(bed)


def bolus(bed: Bedside, within_s: float) -> tuple[float, float, list[str]]:
    """(uL past the catheter after the release, reversed uL, alarms)."""
    bed.listen(120, until=lambda: bool(bed.alarms()))
    bed.listen(within_s)
    reversed_before = bed.board.line.reverse_edges
    before = bed.board.line.patient_ul
    bed.fault("occlusion-release")
    bed.listen(10)
    return bed.board.line.patient_ul - before, reversed_before * 4 / 6.4, bed.alarms()


@pytest.mark.req("F30", "L10", "L4")
@pytest.mark.parametrize(("rate", "compliance", "limit"), LINES)
def test_after_the_back_off_a_release_gives_a_fifth_of_a_millilitre_at_most(
    rate, compliance, limit
):
    pump = kinked(rate, compliance, limit)
    past_ul, back_ul, alarms = pump.ask(lambda bed: bolus(bed, 12))
    assert alarms == ["DOWNSTREAM_OCCLUSION"]
    assert past_ul <= LIMIT_UL
    assert back_ul <= 500


@pytest.mark.req("F30", "L10")
def test_without_the_back_off_it_would_be_more():
    """What the test above can see: the same line, released where it alarmed."""
    pump = kinked(120_000, SOFTEST_UL_PA, 130_000)

    def at_once(bed: Bedside) -> float:
        bed.wait_for(lambda: bed.board.line.down_pa >= 130_000, 200)
        before = bed.board.line.patient_ul
        bed.fault("stop-key")
        bed.fault("occlusion-release")
        bed.listen(10)
        return bed.board.line.patient_ul - before

    assert pump.ask(at_once) > LIMIT_UL


@pytest.mark.req("F30", "L10", "L3")
def test_stop_ends_the_back_off():
    pump = kinked(120_000, SOFTEST_UL_PA, 130_000)

    def stop(bed: Bedside) -> tuple[float, bool]:
        bed.listen(120, until=lambda: bool(bed.alarms()))
        bed.listen(0.3)
        fed_us = bed.board.now_us
        bed.board.usb.host_write(b"STOP\n")
        bed.board.run_until(fed_us + 1_000_000)
        return (bed.board.last_edge_us - fed_us) / 1000, bed.is_enabled()

    last_ms, is_enabled = pump.ask(stop)
    assert last_ms <= 50
    assert not is_enabled


@pytest.mark.req("F30", "L4")
def test_a_kink_that_opens_by_itself_while_the_motor_turns_back_is_still_an_alarm():
    pump = kinked(120_000, 0.0015, 60_000)

    def opens(bed: Bedside):
        bed.listen(120, until=lambda: bool(bed.alarms()))
        bed.fault("occlusion-release")
        bed.listen(5)
        before = bed.board.step_edges
        bed.listen(10)
        return bed.state(), bed.is_enabled(), bed.board.step_edges - before

    assert pump.ask(opens) == ("ALARM_STOPPED", False, 0)


@pytest.mark.req("F30")
def test_a_line_that_is_not_kinked_is_no_alarm():
    bed = infusing(600_000)
    bed.listen(20)
    assert bed.alarms() == []
