"""No alarm without a reason, over many hours of sound infusions.  (F10, F16)

Weights, rates, veins, bags, sensors' noise and what people do differ by seed; nothing
fails.  The only alarm that may be heard is INFUSION_COMPLETE, or DELIVERY_TIME when six
hours of delivery really are up.

``NUISANCE_HOURS`` (1000) are what `make nightly` lives through, in ``CHUNKS`` that run
side by side.  Each course prints a line.
"""

import os
from random import Random

import pytest
from pump_bench import Bedside

from host_sim.client import Program
from pump.core import limits
from pump.core.prescription import MAX_MG_PER_KG_MIN

HOUR_US = 3_600_000_000
HOURS = float(os.environ.get("NUISANCE_HOURS", "1000"))
CHUNKS = 50
RATE_MIN_ML_H = 5
RATE_MAX_ML_H = 600
# A course is over when its volume is; this bounds one that does not get there.
LONGEST_H = 8.0


def order_of(random: Random, longest_h: float) -> Program:
    """A ladder from 5 mL/h up to what this patient may have, for a part of a day."""
    weight_g = random.randrange(40_000, 130_001, 100)
    conc = random.choice((50, 100, 120))
    most = min(RATE_MAX_ML_H * 1000, MAX_MG_PER_KG_MIN * 60 * weight_g // conc)
    rate = random.choice((RATE_MIN_ML_H, 10, 20, 30, 60, 150)) * 1000
    rungs: list[tuple[int, int]] = []
    left_h = random.uniform(0.4, 1.0) * longest_h
    volume_ul = 0.0
    while True:
        dwell_s = random.choice((600, 900, 1800))
        is_last = len(rungs) == 7 or random.random() < 0.15 or left_h * 3600 <= dwell_s
        rungs.append((rate, dwell_s))
        hours = left_h if is_last else dwell_s / 3600
        volume_ul += rate * hours
        left_h -= hours
        higher = round(rate * random.uniform(1.3, 2.2)) // 100 * 100
        if is_last or higher > most:
            volume_ul += rate * max(0.0, left_h) * (not is_last)
            break
        rate = higher
    dose_most_ul = weight_g * limits.DAY_DOSE_MAX_MG_PER_KG // conc
    vtbi_ul = int(min(max(volume_ul, limits.VTBI_MIN_UL), dose_most_ul, 450_000))
    return Program(
        vtbi_ul=vtbi_ul,
        dose_mg=vtbi_ul * conc // 1000,
        concentration_mg_ml=conc,
        weight_g=weight_g,
        cap_ul_h=most // 100 * 100,
        rungs=tuple(rungs),
        slew_ul_h_s=random.choice((1000, 3000, 10_000)),
        check_s=random.choice((900, 1800)),
        kvo_ul_h=random.choice((0, 1000)),
    )


def lies_around(bed: Bedside, random: Random) -> None:
    """What differs from bed to bed."""
    line = bed.board.line
    line.vein_pa = random.uniform(500.0, 3000.0)
    line.bag_head_pa = random.uniform(5500.0, 7000.0)
    line.down_compliance_ul_pa = random.uniform(0.0005, 0.005)
    line.down_resistance_pa_s_ul = random.uniform(40.0, 120.0)
    bed.board.driver.ambient_c = random.uniform(15.0, 32.0)
    bed.board.rtc_ppm = random.randrange(-20, 21)


def live_through(seed: int, longest_h: float) -> tuple[float, list[str], str]:
    """One course to its end: hours of it, alarms, and the order in short."""
    random = Random(seed)
    bed = Bedside(seed)
    lies_around(bed, random)
    order = order_of(random, longest_h)
    bed.start(order)
    end_us = bed.start_us + int(LONGEST_H * HOUR_US)
    answered = 0
    while bed.board.now_us < end_us:
        known = answered
        bed.listen(600, lambda known=known: len(bed.questions()) > known or bool(bed.alarms()))
        if bed.alarms():
            break
        if len(bed.questions()) > answered:
            answered = len(bed.questions())
            bed.listen(random.uniform(2.0, 100.0))
            if bed.alarms():
                break  # complete before anybody answered
            bed.client.request("CONFIRM", int(bed.questions()[-1].fields["question"]))
        elif random.random() < 0.2:
            pause(bed, random)
    hours = (bed.board.now_us - bed.start_us) / HOUR_US
    bed.listen(2)
    # The log-in of a whole day, and what is on the line, without trouble too.
    assert bed.board.resets == 0
    rates = [rate / 1000 for rate, _ in order.rungs]
    return hours, bed.alarms(), f"{rates[0]:g} to {rates[-1]:g} mL/h"


def pause(bed: Bedside, random: Random) -> None:
    """Somebody is away from the pump for less than 5 min."""
    stop, go_on = random.choice((("PAUSE", "RESUME"), ("HOLD", "RELEASE")))
    bed.client.request(stop)
    bed.listen(random.uniform(1.0, 280.0))
    bed.client.request(go_on)


def chunk(number: int, hours: float, longest_h: float) -> None:
    """So many hours, course after course."""
    lived, n = 0.0, 0
    while lived < hours:
        seed = number * 10_000 + n
        n += 1
        course_h, alarms, text = live_through(seed, min(longest_h, max(0.2, hours - lived)))
        lived += course_h
        print(f"chunk {number}: {lived:.2f} of {hours:g} h, seed {seed}, {text}: {alarms}")
        # Pauses begin a dwell anew, so that a course may come to its six hours (M3).
        has_come_to_its_time = alarms == ["DELIVERY_TIME"] and course_h >= 6.0
        assert alarms in ([], ["INFUSION_COMPLETE"]) or has_come_to_its_time, f"seed {seed}"


@pytest.mark.req("F10", "F16")
@pytest.mark.parametrize("number", range(4))
def test_two_hours_of_sound_infusions_alarm_for_nothing(number):
    chunk(1000 + number, 0.5, 0.5)


@pytest.mark.nightly
@pytest.mark.req("F10", "F16")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("number", range(CHUNKS))
def test_a_thousand_hours_of_sound_infusions_alarm_for_nothing(number):
    chunk(number, HOURS / CHUNKS, 5.0)
