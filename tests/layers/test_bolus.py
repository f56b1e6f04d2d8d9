"""What a released occlusion gives at once, after the motor has turned back.  (L10)

In the plant: the clamp is opened after the alarm, and what flows into the vein with
the motor off is the bolus.
"""

from dataclasses import dataclass

import pytest
from pump_bench import STEP_ULH_US, STEPS_PER_UL, Bedside, program

from pump.hal import pinout

BOLUS_UL = 200.0
BACK_OFF_UL = 500.0
LINE_PA_S_UL = 100.0  # of the plant
VEIN_PA = 1500.0
RIPPLE_PA = 3000.0
# Steps go back by the encoder's edges, four steps each: one edge less than it might have
# been is nobody's, and one at either end is where in it the motor stood.
ENCODER_STEPS = 4
COUNT_STEPS = 8

RATES = (10_000, 120_000, 1_200_000)
COMPLIANCES_UL_KPA = (0.5, 1.5, 5.0)
LIMITS_PA = (20_000, 60_000, 130_000)
MORE_RATES = (10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_200_000)
MORE_COMPLIANCES_UL_KPA = (0.5, 1.0, 1.5, 2.5, 3.5, 5.0)
MORE_LIMITS_PA = (20_000, 30_000, 45_000, 60_000, 90_000, 110_000, 130_000)


@dataclass(frozen=True)
class Occlusion:
    """``bolus_ul`` after the release; ``back_ul`` turned back; ``stored_ul`` what stood in
    the line under pressure at the alarm; ``uncredited_steps`` that the pump counts as
    delivered above where its motor stands."""

    bolus_ul: float
    back_ul: float
    stored_ul: float
    uncredited_steps: int
    up_most_pa: float


def grid(rates, compliances, limits):
    """Those at which the line is not above its limit without any clamp."""
    return [
        pytest.param(rate, ul_kpa, limit, id=f"{rate // 1000} mL/h, {ul_kpa} uL/kPa, {limit} Pa")
        for rate in rates
        for ul_kpa in compliances
        for limit in limits
        if rate / 3600 * LINE_PA_S_UL + VEIN_PA + RIPPLE_PA < limit
    ]


def at_rate(rate_ul_h: int, ul_kpa: float, limit_pa: int, seed: int = 1) -> tuple[Bedside, int]:
    """A pump at its rate, and where its motor stood at START."""
    bed = Bedside(seed)
    bed.board.line.down_compliance_ul_pa = ul_kpa / 1000
    began = bed.board.line.motor_steps
    ml = max(5, rate_ul_h // 20_000)
    bed.start(program((rate_ul_h, 600), ml=ml, occlusion_pa=limit_pa))
    bed.listen(rate_ul_h / 10_000 + 1 + STEP_ULH_US / rate_ul_h / 1e6)
    assert bed.is_enabled()
    return bed, began


def occlude(bed: Bedside) -> int:
    """Close the clamp and wait until the motor turns back; where it stands then."""
    line = bed.board.line
    bed.fault("downstream-occlusion")
    bed.wait_for(lambda: bed.board.levels[pinout.DIRECTION] == 0, 700)
    return line.motor_steps


def settled(bed: Bedside) -> None:
    """Until ENABLE has fallen."""
    bed.wait_for(lambda: not bed.is_enabled(), 12)
    bed.listen(0.3)


def released(bed: Bedside, began: int, top: int, stored_ul: float, up_most_pa: float) -> Occlusion:
    """Open every clamp; what came of it."""
    board = bed.board
    line = board.line
    back_ul = (top - line.motor_steps) / STEPS_PER_UL
    counted = int(bed.client.query_fields("MOTION?")["counted_steps"])
    off = counted - (line.motor_steps - began)
    before_ul = line.patient_ul
    line.down_occluded = False
    bed.listen(15)
    assert line.motor_steps - began == counted - off, "nothing turned meanwhile"
    return Occlusion(line.patient_ul - before_ul, back_ul, stored_ul, off, up_most_pa)


def occlusion(rate_ul_h: int, ul_kpa: float, limit_pa: int, seed: int = 1) -> Occlusion:
    bed, began = at_rate(rate_ul_h, ul_kpa, limit_pa, seed)
    top = occlude(bed)
    line = bed.board.line
    stored_ul = (line.down_pa - line.vein_pa) * line.down_compliance_ul_pa
    settled(bed)
    assert bed.state() == "ALARM_STOPPED"
    assert bed.alarms() == ["DOWNSTREAM_OCCLUSION"]
    return released(bed, began, top, stored_ul, line.up_pa)


def check(seen: Occlusion) -> None:
    print(
        f"stored {seen.stored_ul:6.1f} uL, back {seen.back_ul:6.1f}, bolus {seen.bolus_ul:6.1f}, "
        f"counted above the motor {seen.uncredited_steps} steps"
    )
    assert seen.bolus_ul <= BOLUS_UL
    # The encoder's own step beyond the last one that was ordered.
    assert 0 <= seen.back_ul <= BACK_OFF_UL + 1 / STEPS_PER_UL
    # Credited as far as the encoder saw it: 0.6 uL either way.
    assert -ENCODER_STEPS <= seen.uncredited_steps <= COUNT_STEPS


@pytest.mark.req("L10")
@pytest.mark.parametrize(
    ("rate_ul_h", "ul_kpa", "limit_pa"), grid(RATES, COMPLIANCES_UL_KPA, LIMITS_PA)
)
def test_a_released_occlusion_gives_0_2_ml_at_most(rate_ul_h, ul_kpa, limit_pa):
    check(occlusion(rate_ul_h, ul_kpa, limit_pa))


@pytest.mark.nightly
@pytest.mark.req("L10")
@pytest.mark.parametrize("seed", (2, 3))
@pytest.mark.parametrize(
    ("rate_ul_h", "ul_kpa", "limit_pa"),
    grid(MORE_RATES, MORE_COMPLIANCES_UL_KPA, MORE_LIMITS_PA),
)
def test_a_released_occlusion_gives_0_2_ml_at_most_on_a_finer_grid(
    rate_ul_h, ul_kpa, limit_pa, seed
):
    check(occlusion(rate_ul_h, ul_kpa, limit_pa, seed))


@pytest.mark.req("L10")
def test_without_turning_back_the_softest_line_would_give_three_times_as_much():
    """Or the test above would show nothing."""
    seen = occlusion(120_000, 5.0, 130_000)
    assert seen.stored_ul > 3 * BOLUS_UL
    assert seen.back_ul > BACK_OFF_UL - 5


@pytest.mark.req("L10", "L3")
@pytest.mark.parametrize("after_ms", (3, 17, 120, 700, 2500, 5000))
@pytest.mark.parametrize("how", ("line", "key"))
def test_stop_ends_the_turning_back_within_50_ms(how, after_ms):
    bed, _ = at_rate(120_000, 5.0, 130_000)
    occlude(bed)
    at_us = bed.board.now_us + after_ms * 1000 + 137
    if how == "line":
        bed.send_at(at_us, b"\nSTOP\n")
    else:
        bed.fault_at(at_us, "stop-key")
    bed.board.run_until(at_us)
    assert bed.is_enabled()
    bed.listen(1)
    assert bed.board.last_edge_us <= at_us + 50_000
    fall = next(pin for pin in bed.changes("ENABLE", at_us) if pin.level == 0)
    assert fall.us <= at_us + 50_000
    assert bed.state() == "STOPPED"
    stood = bed.board.line.motor_steps
    bed.listen(20)
    assert bed.board.line.motor_steps == stood


@pytest.mark.req("L10")
@pytest.mark.parametrize("ul_kpa", (0.5, 1.5, 5.0))
@pytest.mark.parametrize("closed_after_s", (0.0, 1.0))
def test_with_the_inlet_closed_too_it_ends_by_itself_and_bursts_nothing(ul_kpa, closed_after_s):
    """The inlet takes as much as its own compliance at 30 kPa; the rest stays below the
    pump, and its alarm stays too."""
    bed, began = at_rate(120_000, ul_kpa, 130_000)
    top = occlude(bed)
    line = bed.board.line
    stored_ul = (line.down_pa - line.vein_pa) * line.down_compliance_ul_pa
    bed.listen(closed_after_s)
    bed.fault("upstream-occlusion")
    up_most_pa = line.up_pa
    for _ in range(1100):
        bed.board.run_tick()
        up_most_pa = max(up_most_pa, line.up_pa)
    assert not bed.is_enabled()
    assert bed.state() == "ALARM_STOPPED"
    assert up_most_pa <= 35_000
    seen = released(bed, began, top, stored_ul, up_most_pa)
    print(f"bolus {seen.bolus_ul:.0f} of {stored_ul:.0f} uL, inlet {up_most_pa:.0f} Pa")
    assert seen.bolus_ul <= stored_ul - seen.back_ul * 0.98 + 5
    assert seen.back_ul <= BACK_OFF_UL
    assert -ENCODER_STEPS <= seen.uncredited_steps <= COUNT_STEPS


@pytest.mark.req("L10", "L8")
def test_an_encoder_that_sees_half_of_it_credits_half_of_it():
    """The motor slips while it turns back: what was not seen is not given again."""
    bed, began = at_rate(120_000, 5.0, 130_000)
    top = occlude(bed)
    bed.listen(2.0)
    bed.fault("encoder-dead")
    settled(bed)
    counted = int(bed.client.query_fields("MOTION?")["counted_steps"])
    assert counted > bed.board.line.motor_steps - began
    assert counted <= top - began + COUNT_STEPS
