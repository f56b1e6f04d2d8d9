"""F6: a start is put off, or asked for, while KVO runs or is ordered."""

import pytest
from fault_bench import refusal
from pump_bench import STEP_ULH_US, Bedside, program, steps_above
from what_if import what_if

KVO_UL_H = 1000
LADDER = program((20_000, 600), (40_000, 600), ml=12, kvo_ul_h=KVO_UL_H, slew_ul_h_s=1000)


@pytest.fixture(scope="module")
def keeping_open() -> Bedside:
    """KVO, asked for in a pause behind a step up to the second rung."""
    bed = Bedside(seed=3)
    bed.start(LADDER)
    bed.confirm(700)
    bed.listen(30)
    bed.client.request("PAUSE")
    bed.listen(1)
    bed.client.request("KVO")
    bed.board.edge_log = []
    return bed


@pytest.mark.req("F6", "L15")
def test_kvo_has_its_own_rate_and_a_start_does_not_change_it(keeping_open):
    def ask_for_a_start() -> tuple[str, list[int]]:
        keeping_open.listen(20)
        code = refusal(keeping_open, "START")
        keeping_open.listen(40)
        return code, keeping_open.edges()

    code, edges = what_if(ask_for_a_start)
    assert code == "NOT_IN_THIS_STATE"
    assert steps_above(edges, KVO_UL_H) < 1
    period_us = STEP_ULH_US / KVO_UL_H
    assert len(edges) == pytest.approx(60e6 / period_us, abs=2)


@pytest.mark.req("F6", "L13")
def test_after_kvo_the_rate_rises_by_the_slew_and_not_at_once(keeping_open):
    def resume() -> list[int]:
        keeping_open.listen(5)
        keeping_open.client.request("RESUME")
        keeping_open.board.edge_log = []
        keeping_open.resumed_us = keeping_open.board.now_us
        keeping_open.listen(30)
        return [us - keeping_open.resumed_us for us in keeping_open.edges()]

    edges = what_if(resume)
    # 1 mL/h a second for 30 s from nothing: half of 30 s at 30 mL/h is 800 steps.
    most = 0.5 * 30 * 30_000 / 562.5
    assert len(edges) <= most + 3
    for i, us in enumerate(edges):
        assert i <= 0.5 * (us / 1e6) ** 2 * 1000 / 562.5 + 3


@pytest.mark.nightly
@pytest.mark.req("F6", "L13", "L15")
def test_half_an_hour_of_kvo_leads_back_to_rung_0_inside_the_volume(keeping_open):
    def wait() -> tuple[int, int, str]:
        before = keeping_open.board.line.motor_steps
        keeping_open.listen(1830)
        steps = keeping_open.board.line.motor_steps - before
        keeping_open.client.request("RESUME")
        keeping_open.listen(60)
        status = keeping_open.client.status()
        return steps, int(status["rung"]), status["rate_ul_h"]

    steps, rung, rate = what_if(wait)
    assert steps * 562.5 / 1830 <= KVO_UL_H + 1
    assert (rung, rate) == (0, "20000")


@pytest.mark.req("F6", "L15")
def test_the_volume_of_kvo_is_part_of_the_order():
    bed = Bedside(seed=3)
    bed.start(program((60_000, 600), ml=1, kvo_ul_h=KVO_UL_H))
    bed.wait_for(lambda: bed.board.step_edges >= 6390, 90)
    bed.client.request("PAUSE")
    bed.client.request("KVO")
    bed.listen(60)
    assert bed.board.step_edges == 6400
    assert bed.state() == "COMPLETE"


@pytest.mark.req("F6")
def test_a_start_that_is_put_off_begins_at_rung_0_with_the_slew():
    bed = Bedside(seed=3)
    bed.client.hello()
    bed.client.load(LADDER)
    bed.listen(280)
    assert bed.board.step_edges == 0
    bed.client.request("START")
    start_us = bed.board.now_us
    bed.listen(10)
    edges = [us - start_us for us in bed.edges()]
    assert edges
    for i, us in enumerate(edges):
        assert i <= 0.5 * (us / 1e6) ** 2 * 1000 / 562.5 + 3


@pytest.mark.req("F6", "L15")
def test_kvo_that_was_not_ordered_is_refused(pump):
    def ask(bed) -> tuple[str, bool]:
        bed.client.request("PAUSE")
        return refusal(bed, "KVO"), bed.is_enabled()

    assert pump.ask(ask) == ("KVO_NOT_ORDERED", False)
