"""`prescription`: each reason to refuse, at its boundary; and what acceptance means."""

import pytest
from hypothesis import given
from properties import strategies
from properties.core_bench import Order, reach
from properties.order_rules import LONGER_THAN_6_H, order_problems

from pump.core import reasons
from pump.core.prescription import Prescription

BASE = Order()
# 10 g at 10 % in 100 mL, so that light and heavy people may have it.
SMALL = BASE.but(vtbi_ul=100_000, dose_mg=10_000)
# 30 mg/mL at 1200 mL/h: below 12 mg/kg/min from 50 kg up.
FAST = BASE.but(concentration_mg_ml=30, cap_ul_h=1_200_000, rungs=((1_200_000, 600),))


def ladder(*rungs):
    return BASE.but(rungs=rungs)


# (requirement, reason, just inside, just outside)
BOUNDARIES = [
    ("L14", "RX_WEIGHT", SMALL.but(weight_g=30_000), SMALL.but(weight_g=29_999)),
    ("L14", "RX_WEIGHT", SMALL.but(weight_g=200_000), SMALL.but(weight_g=200_001)),
    (
        "M9",
        "RX_CONCENTRATION",
        SMALL.but(concentration_mg_ml=30, dose_mg=3_000),
        SMALL.but(concentration_mg_ml=29, dose_mg=2_900),
    ),
    (
        "M9",
        "RX_CONCENTRATION",
        SMALL.but(concentration_mg_ml=120, dose_mg=12_000),
        SMALL.but(concentration_mg_ml=121, dose_mg=12_100),
    ),
    ("M4", "RX_VTBI", BASE.but(vtbi_ul=1_000, dose_mg=100), BASE.but(vtbi_ul=999, dose_mg=99)),
    (
        "M4",
        "RX_VTBI",
        FAST.but(vtbi_ul=2_000_000, dose_mg=60_000),
        FAST.but(vtbi_ul=2_000_001, dose_mg=60_000),
    ),
    # 40 g at 12 % are 333.333 mL, which hold 39.99996 g.
    (
        "M9",
        "RX_DOSE_VOLUME",
        BASE.but(vtbi_ul=333_333, concentration_mg_ml=120, dose_mg=40_000),
        BASE.but(vtbi_ul=333_333, concentration_mg_ml=120, dose_mg=40_001),
    ),
    (
        "M9",
        "RX_DOSE_VOLUME",
        BASE.but(vtbi_ul=333_333, concentration_mg_ml=120, dose_mg=39_999),
        BASE.but(vtbi_ul=333_333, concentration_mg_ml=120, dose_mg=39_998),
    ),
    # four times the concentration with the same bag
    ("M9", "RX_DOSE_VOLUME", SMALL, SMALL.but(concentration_mg_ml=25 * 4 + 20)),
    # 40 g are 1 g/kg at 40 kg.
    ("M4", "RX_DAY_DOSE", BASE.but(weight_g=40_000), BASE.but(weight_g=39_999)),
    (
        "L14",
        "RX_CAP",
        FAST.but(vtbi_ul=400_000, dose_mg=12_000),
        FAST.but(vtbi_ul=400_000, dose_mg=12_000, cap_ul_h=1_200_001),
    ),
    # 12 mg/kg/min at 70 kg are 840 mg/min: 8.4 mL/min of a 10 % solution.
    ("L14", "RX_CAP_FOR_WEIGHT", BASE.but(cap_ul_h=504_000), BASE.but(cap_ul_h=504_001)),
    ("L13", "RX_SLEW", BASE.but(slew_ul_h_s=1_000), BASE.but(slew_ul_h_s=999)),
    ("L13", "RX_SLEW", BASE.but(slew_ul_h_s=10_000), BASE.but(slew_ul_h_s=10_001)),
    ("L15", "RX_KVO", BASE.but(kvo_ul_h=0), BASE.but(kvo_ul_h=-1)),
    ("L15", "RX_KVO", BASE.but(kvo_ul_h=1_000), BASE.but(kvo_ul_h=1_001)),
    ("L4", "RX_OCCLUSION_LIMIT", BASE.but(occlusion_pa=20_000), BASE.but(occlusion_pa=19_999)),
    ("L4", "RX_OCCLUSION_LIMIT", BASE.but(occlusion_pa=130_000), BASE.but(occlusion_pa=130_001)),
    ("M15", "RX_CHECK_INTERVAL", BASE.but(check_s=900), BASE.but(check_s=899)),
    ("M15", "RX_CHECK_INTERVAL", BASE.but(check_s=1_800), BASE.but(check_s=1_801)),
    ("M15", "RX_CHECK_INTERVAL", BASE.but(check_s=900), BASE.but(check_s=901)),
    ("L21", "RX_LINK_TIMEOUT", BASE.but(link_timeout_s=0), BASE.but(link_timeout_s=-1)),
    ("L21", "RX_LINK_TIMEOUT", BASE.but(link_timeout_s=300), BASE.but(link_timeout_s=301)),
    ("L14", "RX_RATE", ladder((100, 600), (180_000, 600)), ladder((99, 600), (180_000, 600))),
    ("L14", "RX_RATE", ladder((180_000, 600)), ladder((1_200_100, 600))),
    ("L14", "RX_RATE_RESOLUTION", ladder((179_900, 600)), ladder((179_950, 600))),
    ("L14", "RX_ABOVE_CAP", ladder((180_000, 600)), ladder((180_100, 600))),
    (
        "L12",
        "RX_NOT_RISING",
        ladder((120_000, 600), (120_100, 600)),
        ladder((120_000, 600), (120_000, 600)),
    ),
    (
        "L12",
        "RX_NOT_RISING",
        ladder((60_000, 600), (120_000, 600), (180_000, 600)),
        ladder((60_000, 600), (180_000, 600), (120_000, 600)),
    ),
    ("L12", "RX_DWELL", ladder((180_000, 600)), ladder((180_000, 599))),
    ("L12", "RX_DWELL", ladder((180_000, 7_200)), ladder((180_000, 7_201))),
    # 100 mL/h for six hours; a second more is 27.8 uL.
    (
        "M3",
        "RX_TOO_LONG",
        Order(600_000, 18_000, 30, rungs=((100_000, 600),)),
        Order(600_028, 18_000, 30, rungs=((100_000, 600),)),
    ),
    # 72 mL in two hours at 36 mL/h, then four hours at 72 mL/h; a second more is 20 uL.
    (
        "M3",
        "RX_TOO_LONG",
        Order(360_000, 10_800, 30, rungs=((36_000, 7_200), (72_000, 600))),
        Order(360_020, 10_800, 30, rungs=((36_000, 7_200), (72_000, 600))),
    ),
]


@pytest.mark.parametrize(
    ("reason", "inside", "outside"),
    [pytest.param(*row[1:], marks=pytest.mark.req(row[0]), id=row[1]) for row in BOUNDARIES],
)
def test_the_boundary_itself_is_accepted_and_the_next_value_refused(
    staged, reason, inside, outside
):
    assert reasons.REASONS[staged(inside).check()][0] == "OK"
    assert reasons.REASONS[staged(outside).check()][0] == reason


@pytest.mark.req("L14")
def test_a_cap_below_the_lowest_rate_is_refused(staged):
    assert staged(BASE.but(cap_ul_h=99)).check() == reasons.RX_CAP
    assert staged(BASE.but(cap_ul_h=100)).check() == reasons.RX_ABOVE_CAP


@pytest.mark.req("L12")
@pytest.mark.parametrize("count", [0, 13])
def test_a_ladder_has_one_to_twelve_rungs(staged, count):
    rx = staged(BASE)
    rx.n_rungs = count
    assert rx.check() == reasons.RX_RUNG_COUNT


@pytest.mark.req("L12")
@pytest.mark.parametrize("count", [1, 12])
def test_the_shortest_and_the_longest_ladder_are_accepted(staged, count):
    rungs = tuple((180_000 - 100 * (count - 1 - i), 600) for i in range(count))
    assert staged(BASE.but(rungs=rungs)).check() == reasons.OK


@pytest.mark.req("F8")
def test_a_part_that_was_never_sent_makes_it_incomplete():
    rx = Prescription()
    assert rx.check() == reasons.RX_INCOMPLETE
    BASE.stage(rx)
    assert rx.check() == reasons.OK
    # PROGRAM again forgets the rungs and the settings that belonged to the one before.
    rx.set_program(400_000, 40_000, 100, 70_000, 180_000, 3)
    assert rx.check() == reasons.RX_INCOMPLETE
    rx.set_settings(10_000, 0, 60_000, 1800, 0)
    rx.set_rung(0, 60_000, 600)
    rx.set_rung(2, 180_000, 600)
    assert rx.check() == reasons.RX_INCOMPLETE
    rx.set_rung(1, 120_000, 600)
    assert rx.check() == reasons.OK
    rx.set_rung(3, 180_100, 600)
    assert rx.check() == reasons.RX_INCOMPLETE


def test_clear_and_copy_leave_nothing_behind(staged):
    rx = staged(BASE)
    other = staged(SMALL.but(kvo_ul_h=7, slew_ul_h_s=1_234))
    rx.copy_from(other)
    assert Order.of(rx) == Order.of(other)
    assert rx.check() == reasons.OK
    rx.clear()
    assert rx.check() == reasons.RX_INCOMPLETE
    assert (rx.vtbi_ul, rx.cap_ul_h, rx.n_rungs, list(rx.rate_ul_h)) == (0, 0, 0, [0] * 12)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("vtbi_ul", 400_000 ^ 1 << 20, "RX_DOSE_VOLUME"),
        ("dose_mg", 40_000 ^ 1 << 16, "RX_DOSE_VOLUME"),
        ("concentration_mg_ml", 100 ^ 1 << 6, "RX_DOSE_VOLUME"),
        ("weight_g", 70_000 ^ 1 << 16, "RX_WEIGHT"),
        ("cap_ul_h", 180_000 ^ 1 << 20, "RX_CAP"),
        ("n_rungs", 2, "RX_INCOMPLETE"),
        ("slew_ul_h_s", 10_000 ^ 1 << 14, "RX_SLEW"),
        ("kvo_ul_h", 500 | 1 << 10, "RX_KVO"),
        ("occlusion_pa", 60_000 | 1 << 17, "RX_OCCLUSION_LIMIT"),
        ("check_s", 0, "RX_CHECK_INTERVAL"),
        ("link_timeout_s", 1 << 9, "RX_LINK_TIMEOUT"),
        ("has", 0, "RX_INCOMPLETE"),
        ("rungs_set", 0, "RX_INCOMPLETE"),
    ],
)
@pytest.mark.req("F8", "L14")
def test_start_validates_again_what_commit_had_accepted(field, value, reason):
    bench = reach("READY")
    setattr(bench.controller.rx, field, value)
    bench.seal()  # not seen as a fault of the memory: the check stands by itself
    assert bench.send("START") == reason
    assert bench.state == "READY"
    assert not bench.is_moving


@pytest.mark.parametrize("rung", [0, 1, 2])
@pytest.mark.req("F25")
def test_a_rung_that_changed_after_commit_is_not_started(rung):
    bench = reach("READY")
    bench.controller.rx.rate_ul_h[rung] = 180_100
    bench.seal()
    assert bench.send("START") == "RX_ABOVE_CAP"
    bench = reach("READY")
    bench.controller.rx.dwell_s[rung] = 5
    bench.seal()
    assert bench.send("START") == "RX_DWELL"


@pytest.mark.req("F8")
def test_a_refused_commit_keeps_the_order_before():
    bench = reach("READY")
    assert bench.commit(BASE.but(cap_ul_h=1_200_001)) == "RX_CAP"
    assert bench.state == "READY"
    assert Order.of(bench.controller.rx) == BASE


@given(strategies.any_orders())
@pytest.mark.req("L14", "M4")
def test_what_is_accepted_is_what_an_independent_reading_accepts(order):
    rx = Prescription()
    order.stage(rx)
    problems = order_problems(order)
    if rx.check() == reasons.OK:
        assert problems <= {LONGER_THAN_6_H.NEARLY}
    else:
        assert problems


@given(strategies.valid_orders())
@pytest.mark.req("L14")
def test_every_order_of_the_strategy_is_accepted(order):
    rx = Prescription()
    order.stage(rx)
    assert reasons.REASONS[rx.check()][0] == "OK"
    below = 0
    for rate, dwell in order.rungs:
        assert below < rate <= order.cap_ul_h
        assert dwell >= 600
        below = rate
