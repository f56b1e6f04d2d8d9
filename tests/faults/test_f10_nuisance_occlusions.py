"""F10: noise, bumps and spikes of pressure; occlusions that are real."""

import math
from random import Random

import pytest
from fault_bench import Pump, infusing, watch
from pump_bench import Bedside

from pump.hal import pinout
from pump.hal.pressure_scale import PA_PER_COUNT

LIMIT_PA = 60_000
LIMIT_COUNTS_ABOVE = 3000  # far above 60 kPa, still a pressure
# The vein's pressure, as a cough or an arm that is lain on makes it.
BUMP_PA = 52_000
BUMP_S = 2.0
PERIOD_S = 5.0


def bumps(bed: Bedside, seed: int) -> None:
    """Half a sine of the vein's pressure now and then, up to 55 kPa in the line."""
    rng = Random(seed)
    board = bed.board
    began_us = board.now_us
    rest_pa = board.line.vein_pa
    height_pa = BUMP_PA

    def step() -> None:
        nonlocal height_pa
        t = (board.now_us - began_us) / 1e6 % PERIOD_S
        if t < 0.01:
            height_pa = rng.uniform(0.4, 1.0) * (BUMP_PA - rest_pa)
        part = math.sin(math.pi * t / BUMP_S) if t < BUMP_S else 0.0
        board.line.vein_pa = rest_pa + height_pa * part
        board.at(board.now_us + 10_000, step)

    step()


def spikes(bed: Bedside, readings: int, every: int) -> None:
    """``readings`` in a row of every ``every`` readings are far above the limit."""
    count = 0

    def read() -> int:
        nonlocal count
        count += 1
        if count % every < readings:
            return LIMIT_COUNTS_ABOVE
        return bed.board.sound_counts(pinout.PRESSURE_DOWN)

    bed.board.stuck_counts[pinout.PRESSURE_DOWN] = read


@pytest.mark.req("F10", "L4")
@pytest.mark.parametrize("seed", (1, 2))
def test_five_minutes_of_bumps_below_the_limit_are_no_alarm(pump, seed):
    def question(bed: Bedside):
        bumps(bed, seed)
        peak_pa = 0.0
        for _ in range(1200):
            bed.listen(0.25)
            peak_pa = max(peak_pa, bed.board.line.down_pa)
        return bed.alarms(), bed.is_enabled(), 45_000 < peak_pa < LIMIT_PA

    assert pump.ask(question) == ([], True, True)


@pytest.mark.req("F10")
@pytest.mark.parametrize("readings", (1, 2))
def test_one_or_two_readings_above_the_limit_stop_nothing(pump, readings):
    seen = pump.when(lambda bed: spikes(bed, readings, 100), 60)
    assert (seen.names(), seen.is_enabled) == ([], True)


@pytest.mark.req("F10")
def test_the_pressure_may_stand_just_below_the_limit(pump):
    def stand(bed: Bedside) -> None:
        bed.board.line.vein_pa = LIMIT_PA - 3333 - 2500  # the flow's own loss, and noise

    seen = pump.when(stand, 60)
    assert (seen.names(), seen.is_enabled) == ([], True)


@pytest.mark.req("F10", "L4")
@pytest.mark.parametrize("disturbed", ("quiet", "bumps", "spikes"))
@pytest.mark.parametrize("rate_ul_h", (20_000, 300_000))
def test_no_real_occlusion_is_missed_among_them(rate_ul_h, disturbed):
    bed = infusing(rate_ul_h)
    if disturbed == "bumps":
        bumps(bed, 3)
    elif disturbed == "spikes":
        spikes(bed, 1, 100)

    seen = Pump(bed).when(
        lambda b: b.fault("downstream-occlusion"),
        15,
        since=lambda b: b.board.line.down_pa >= LIMIT_PA - 2 * PA_PER_COUNT,  # less its noise
    )
    assert seen.names() == ["DOWNSTREAM_OCCLUSION"]
    assert seen.last_ms <= 100
    assert seen.sound_ms <= 500


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.req("F10")
@pytest.mark.parametrize("seed", range(5))
def test_twenty_minutes_of_bumps_are_no_alarm(seed):
    bed = infusing(seed=seed)
    bumps(bed, seed)
    seen = watch(bed, 1200, lambda: None)
    assert (seen.names(), seen.is_enabled) == ([], True)
