"""Caps, rungs and times on made-up ladders, where every flag and every dwell differs."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from titra.library import RISK_FLAGS, Figure, Indication, LadderStep, Limit, Source
from titra.planning.ladder import Cap, Rung, caps_of, duration_ms, lowest, rungs_of, spans_of

SOURCE = Source("made-up", "for this test", date(2026, 11, 20), checked=False)
# 100 kg at 60 mg/mL: 1 mg/kg/min is 100 mL/h.
WEIGHT_G, MG_ML = 100_000, 60
OPEN = Cap("label", 1_200_000, "none")


def limit(mg_kg_min: str) -> Limit:
    return Limit((Figure(mg_kg_min, "mg/kg/min"),), SOURCE)


def ladder(*rungs: tuple[str, int]) -> tuple[LadderStep, ...]:
    return tuple(LadderStep(limit(rate), minutes * 60_000, SOURCE) for rate, minutes in rungs)


def rung(rate_ul_h: int, minutes: int = 30) -> Rung:
    return Rung(rate_ul_h, minutes * 60_000, 1_200_000, "label", "")


def built(*ladders, cap=OPEN):
    return [
        (rung.rate_ul_h // 1000, rung.dwell_ms // 60_000)
        for rung in rungs_of(ladders, cap, WEIGHT_G, MG_ML)
    ]


INDICATION = Indication(
    key="pi",
    title="made up",
    source=SOURCE,
    ladder_source="label",
    ladder=ladder(("1", 30)),
    maximum=limit("9"),
    risk={flag: limit(str(8 - index)) for index, flag in enumerate(RISK_FLAGS)},
)


@pytest.mark.req("M2")
def test_the_lowest_cap_of_several_flags_holds_wherever_it_stands():
    caps = caps_of([INDICATION], ("cardiac", "allergy", "renal"), [], None, WEIGHT_G, MG_ML)
    assert [cap.rate_ul_h for cap in caps] == [900_000, 800_000, 300_000, 700_000, 1_200_000]
    assert lowest(caps).name == "risk:allergy"


def test_of_equal_caps_the_more_general_is_named():
    caps = [Cap("label", 100, ""), Cap("risk:renal", 100, "")]
    assert lowest(caps).name == "label"


@pytest.mark.req("L14")
def test_the_prescribers_cap_is_rounded_down():
    caps = caps_of([INDICATION], (), [], Fraction(100_199, 1), WEIGHT_G, MG_ML)
    assert lowest(caps) == Cap("prescriber", 100_100, "100.199 mL/h")


def test_one_ladder_is_kept_as_it_is():
    assert built(ladder(("1", 10), ("2", 20), ("4", 30))) == [(100, 10), (200, 20), (400, 30)]


@pytest.mark.req("M7")
def test_of_two_ladders_each_rung_is_the_lowest_and_each_dwell_the_longest():
    one = ladder(("1", 10), ("3", 40), ("6", 20))
    other = ladder(("2", 30), ("4", 20), ("5", 20))
    assert built(one, other) == built(other, one) == [(100, 30), (300, 40), (500, 20)]


@pytest.mark.req("M7")
def test_a_ladder_that_ends_early_holds_the_others_at_its_last_rung():
    assert built(ladder(("1", 30), ("2", 30)), ladder(("1", 30), ("2", 30), ("4", 30))) == [
        (100, 30),
        (200, 30),
    ]


@pytest.mark.req("L14")
def test_rungs_above_the_cap_are_cut_and_counted_once():
    cap = Cap("risk:renal", 250_000, "")
    rungs = rungs_of([ladder(("1", 30), ("2", 30), ("4", 30), ("8", 30))], cap, WEIGHT_G, MG_ML)
    assert [rung.rate_ul_h for rung in rungs] == [100_000, 200_000, 250_000]
    assert {(rung.cap_ul_h, rung.cap_source) for rung in rungs} == {(250_000, "risk:renal")}
    assert rungs[-1].why == "400 mL/h cut to the cap (risk:renal)"


@pytest.mark.req("L14")
def test_a_rung_at_the_cap_ends_the_ladder():
    assert built(ladder(("1", 30), ("2", 30), ("4", 30)), cap=Cap("label", 200_000, "")) == [
        (100, 30),
        (200, 30),
    ]


# --- time ---------------------------------------------------------------------------


@pytest.mark.req("M3")
def test_without_rises_the_time_is_dwells_and_the_rest():
    # 30 min at 100 mL/h give 50 mL; the other 100 mL take half an hour at 200.
    assert duration_ms([rung(100_000), rung(200_000)], 150_000, None) == 3_600_000


@pytest.mark.req("M3")
def test_a_volume_that_ends_within_a_dwell_never_reaches_the_next_rung():
    rungs = [rung(100_000), rung(200_000)]
    assert duration_ms(rungs, 25_000, None) == 900_000
    assert len(spans_of(rungs, 25_000, None)) == 1


@pytest.mark.req("M3")
def test_a_volume_that_ends_with_the_dwell_never_reaches_the_next_rung():
    assert len(spans_of([rung(100_000), rung(200_000)], 50_000, None)) == 1


@pytest.mark.req("M3")
def test_the_dwell_counts_from_when_the_rate_is_reached():
    first, second = spans_of([rung(100_000), rung(200_000)], 200_000, 1000)
    assert (first.start_ms, first.reached_ms, first.end_ms) == (0, 100_000, 1_900_000)
    assert (second.start_ms, second.reached_ms) == (1_900_000, 2_000_000)


@pytest.mark.req("M3")
def test_a_volume_that_ends_within_a_rise_is_timed_to_the_next_ms():
    # From zero at 1 mL/h per s: after 60 s 0.5 mL are delivered, well before 1000 mL/h.
    assert duration_ms([rung(1_000_000)], 500, 1000) == 60_000
    assert duration_ms([rung(1_000_000)], 501, 1000) == 60_060


@pytest.mark.req("M3")
def test_a_steeper_slew_takes_less_time():
    rungs = [rung(100_000), rung(200_000)]
    times = [duration_ms(rungs, 200_000, slew) for slew in (1000, 10_000, None)]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 3


@pytest.mark.req("M3")
@given(
    st.lists(st.integers(1, 12_000), min_size=1, max_size=6, unique=True),
    st.integers(1_000, 2_000_000),
    st.sampled_from([None, 1000, 3000, 10_000]),
)
@settings(deadline=None)
def test_spans_follow_each_other_without_gaps(tenths, volume_ul, slew):
    rungs = [rung(tenth * 100) for tenth in sorted(tenths)]
    spans = spans_of(rungs, volume_ul, slew)
    assert spans[0].start_ms == 0
    assert all(span.start_ms <= span.reached_ms <= span.end_ms for span in spans)
    assert all(one.end_ms == two.start_ms for one, two in zip(spans, spans[1:], strict=False))
