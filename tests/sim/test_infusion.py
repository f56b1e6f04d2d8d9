"""A short ladder lived through from the programming to the end."""

import pytest
from pump_bench import STEPS_PER_UL, Bedside, edge_times, program, steps_above

from host_sim.client import Refused

RUNGS = ((20_000, 600), (60_000, 720), (120_000, 600))
ML = 32


def climb(bed: Bedside) -> list[int]:
    """Confirm each step up at once; the times of the questions."""
    return [bed.confirm(within_s=800) for _ in RUNGS[1:]]


@pytest.fixture(scope="module")
def lived() -> tuple[Bedside, list[int]]:
    """A ladder of three rungs, each step confirmed at once, to its end."""
    bed = Bedside(seed=5).start(program(*RUNGS, ml=ML))
    asked = climb(bed)
    bed.listen(1200, until=lambda: any(line.mark == "!S" and line.fields["to"] == "COMPLETE"
                                       for line in bed.heard))  # fmt: skip
    bed.listen(5)
    return bed, asked


@pytest.mark.req("L8", "M20")
def test_what_was_ordered_is_delivered_to_the_step(lived):
    bed, _ = lived
    assert bed.board.step_edges == ML * 1000 * STEPS_PER_UL
    assert bed.client.status()["delivered_ul"] == str(ML * 1000)


@pytest.mark.req("L8")
def test_the_end_is_a_medium_alarm_and_a_disabled_driver(lived):
    bed, _ = lived
    assert bed.state() == "COMPLETE"
    assert bed.alarms() == ["INFUSION_COMPLETE"]
    assert not bed.is_enabled()
    assert bed.changes("SOUND", bed.board.last_edge_us)
    assert bed.changes("LAMP_YELLOW", bed.board.last_edge_us)
    assert not bed.changes("LAMP_RED")


@pytest.mark.req("L14", "M1")
def test_no_window_is_above_the_cap(lived):
    assert steps_above(lived[0].edges(), RUNGS[-1][0]) < 0.02


@pytest.mark.req("L12")
def test_no_rung_is_left_before_its_dwell_at_its_own_rate(lived):
    """The rate of a rung is first exceeded after the ramp up to it, its dwell,
    and the confirmation."""
    bed, asked = lived
    ramp_s, at_us = 0, bed.start_us
    for (rate, dwell_s), below, asked_us in zip(RUNGS, (0, RUNGS[0][0]), asked, strict=False):
        ramp_s = (rate - below) / 10_000
        assert asked_us - at_us >= (ramp_s + dwell_s) * 1_000_000 - 20_000
        window = [us for us in bed.edges() if us <= asked_us]
        assert steps_above(window, rate) < 0.02
        at_us = asked_us


@pytest.mark.req("L13")
def test_each_rise_is_one_ml_per_hour_a_second_times_the_slew(lived):
    """Over the ramp, v grows by a*t: the n-th step is at most a*t*t/2."""
    bed, asked = lived
    edges = [us for us in bed.edges() if us <= bed.start_us + 2_000_000]
    slew_ul_h_s = 10_000
    for number, us in enumerate(edges, 1):
        t_s = (us - bed.start_us) / 1e6
        most_ul = slew_ul_h_s / 3600 * t_s * t_s / 2
        assert number <= most_ul * STEPS_PER_UL + 1


@pytest.mark.req("L12")
def test_one_question_is_asked_for_each_step_up_and_none_on_a_short_last_rung(lived):
    bed, _ = lived
    assert [line.fields["kind"] for line in bed.questions()] == ["STEP_UP", "STEP_UP"]


def test_the_pushed_lines_number_themselves_without_a_gap(lived):
    counts = [int(line.fields["count"]) for line in lived[0].heard]
    assert counts == list(range(counts[0], counts[0] + len(counts)))


@pytest.mark.req("L8")
def test_a_completed_infusion_does_nothing_more_until_the_session_is_ended(lived):
    bed, _ = lived
    for verb in ("START", "RESUME", "HOLD", "PAUSE", "KVO", "CLIMB", "DOWN"):
        with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
            bed.client.request(verb)
    bed.client.request("END")
    assert bed.state() == "IDLE"
    assert bed.board.step_edges == ML * 1000 * STEPS_PER_UL


@pytest.mark.req("L8")
def test_the_smallest_order_is_delivered_to_the_step():
    bed = Bedside().start(program((1_200_000, 600), ml=1)).listen(40)
    assert bed.board.step_edges == 6400
    assert bed.state() == "COMPLETE"


# --- what a person can do in the middle -------------------------------------------------


def infusing(bed: Bedside, **settings) -> Bedside:
    return bed.start(program((60_000, 600), (120_000, 600), ml=60, **settings)).listen(10)


def still(bed: Bedside, seconds: float = 5) -> bool:
    """Whether there is no STEP edge from the next half tenth of a second on."""
    bed.listen(0.05)
    before = bed.board.step_edges
    bed.listen(seconds)
    return bed.board.step_edges == before


def rate_over(bed: Bedside, seconds: float) -> float:
    """Delivered rate from STEP edges, uL/h."""
    before = bed.board.step_edges
    bed.listen(seconds)
    return (bed.board.step_edges - before) / STEPS_PER_UL / seconds * 3600


@pytest.mark.req("L13")
def test_pause_is_off_and_resume_ramps_up_from_zero(bed):
    infusing(bed)
    bed.client.request("PAUSE")
    paused_us = bed.board.now_us
    assert bed.board.last_edge_us <= paused_us + 50_000
    assert still(bed)
    assert not bed.is_enabled()
    bed.client.request("RESUME")
    resumed_us = bed.board.now_us
    bed.listen(10)
    assert bed.is_enabled()
    resumed = [us for us in bed.edges() if us > resumed_us]
    assert resumed[0] - resumed_us >= 200_000  # half of a*t*t is a step after 0.34 s
    assert rate_over(bed, 10) == pytest.approx(60_000, rel=0.02)


def test_hold_is_zero_with_the_driver_enabled(bed):
    infusing(bed)
    bed.client.request("HOLD")
    assert still(bed)
    assert bed.is_enabled()
    assert bed.state() == "HOLD"
    bed.client.request("RELEASE")
    bed.listen(8)
    assert rate_over(bed, 10) == pytest.approx(60_000, rel=0.02)


@pytest.mark.req("L12")
def test_nobody_is_asked_to_step_up_on_a_rung_that_is_to_be_stayed_on(bed):
    infusing(bed)
    bed.client.request("STAY")
    assert bed.listen(700).questions() == []
    assert bed.state() == "RUNG_HELD"
    assert rate_over(bed, 10) == pytest.approx(60_000, rel=0.02)
    bed.client.request("CLIMB")
    bed.confirm(within_s=1)
    bed.listen(10)
    assert rate_over(bed, 10) == pytest.approx(120_000, rel=0.02)


@pytest.mark.req("L13")
def test_down_is_at_once_and_its_dwell_starts_again(bed):
    infusing(bed)
    bed.confirm(within_s=700)
    bed.listen(10)
    bed.client.request("DOWN")
    down_us = bed.board.now_us
    bed.listen(0.05)
    assert rate_over(bed, 5) == pytest.approx(60_000, rel=0.02)
    with pytest.raises(Refused, match="LOWEST_RUNG"):
        bed.client.request("DOWN")
    asked_us = bed.confirm(within_s=700)
    assert asked_us - down_us >= 600_000_000


@pytest.mark.req("L15", "F6")
def test_kvo_keeps_one_ml_per_hour_at_most_and_counts_inside_the_order(bed):
    infusing(bed, kvo_ul_h=1000)
    bed.client.request("PAUSE")
    bed.client.request("KVO")
    bed.listen(30)
    assert rate_over(bed, 300) == pytest.approx(1000, rel=0.1)
    assert int(bed.client.status()["delivered_ul"]) == int(bed.board.step_edges / STEPS_PER_UL)
    bed.client.request("RESUME")
    bed.listen(8)
    assert rate_over(bed, 10) == pytest.approx(60_000, rel=0.02)


@pytest.mark.req("L15")
def test_kvo_is_refused_where_none_was_ordered(bed):
    infusing(bed)
    bed.client.request("PAUSE")
    with pytest.raises(Refused, match="KVO_NOT_ORDERED"):
        bed.client.request("KVO")
    assert still(bed)


def test_end_closes_the_session_and_nothing_starts_without_a_new_prescription(bed):
    infusing(bed)
    bed.client.request("PAUSE")
    delivered = bed.board.step_edges
    bed.client.request("END")
    assert bed.state() == "IDLE"
    for verb in ("START", "RESUME"):
        with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
            bed.client.request(verb)
    assert int(bed.client.status()["delivered_ul"]) == int(delivered / STEPS_PER_UL)


@pytest.mark.nightly
@pytest.mark.req("L13")
def test_after_half_an_hour_without_delivery_the_ladder_starts_at_rung_0(bed):
    infusing(bed)
    bed.confirm(within_s=700)
    bed.listen(10)
    bed.client.request("PAUSE")
    bed.listen(1801)
    bed.client.request("RESUME")
    bed.listen(15)
    assert bed.client.status()["rung"] == "0"
    assert rate_over(bed, 10) == pytest.approx(60_000, rel=0.02)


@pytest.mark.req("L12")
@pytest.mark.parametrize("interruption", ["PAUSE RESUME", "HOLD RELEASE", "STOP RESET RESUME"])
def test_an_answer_to_a_question_from_before_an_interruption_steps_nothing_up(bed, interruption):
    infusing(bed)
    bed.listen(700, until=lambda: bool(bed.questions()))
    question = int(bed.questions()[-1].fields["question"])
    for verb in interruption.split():
        bed.client.request(verb)
    with pytest.raises(Refused, match="NO_OPEN_QUESTION"):
        bed.client.request("CONFIRM", question)
    bed.listen(10)
    assert rate_over(bed, 10) == pytest.approx(60_000, rel=0.02)


@pytest.mark.req("L12")
def test_an_answer_counts_within_two_minutes_of_its_question_and_not_after(bed):
    infusing(bed)
    bed.listen(700, until=lambda: bool(bed.questions()))
    first = int(bed.questions()[-1].fields["question"])
    bed.listen(121)
    with pytest.raises(Refused, match="WINDOW_CLOSED"):
        bed.client.request("CONFIRM", first)
    bed.listen(181)
    again = int(bed.questions()[-1].fields["question"])
    assert again != first
    with pytest.raises(Refused, match="WRONG_QUESTION"):
        bed.client.request("CONFIRM", first)
    bed.client.request("CONFIRM", again)
    bed.listen(10)
    assert rate_over(bed, 10) == pytest.approx(120_000, rel=0.02)


@pytest.mark.req("L18")
def test_a_prescription_left_waiting_reminds_after_five_minutes_and_is_dropped_after_ten(bed):
    bed.client.hello()
    bed.client.load(program())
    loaded_us = bed.board.now_us
    bed.listen(400, until=lambda: bool(bed.alarms()))
    assert bed.alarms() == ["PROGRAM_IDLE"]
    assert bed.board.now_us - loaded_us == pytest.approx(300e6, abs=1e6)
    bed.listen(301)
    assert bed.state() == "IDLE"
    with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
        bed.client.request("START")
    assert edge_times(bed.board) == []
