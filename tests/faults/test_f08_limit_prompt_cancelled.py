"""F8: a refused value is left standing and START follows."""

from dataclasses import replace

import pytest
from fault_bench import refusal, stage
from pump_bench import Bedside, program
from what_if import what_if

GOOD = program((20_000, 600), ml=5)
REFUSED = {
    "rate above the cap": replace(GOOD, cap_ul_h=10_000),
    "dose not that of the volume": replace(GOOD, dose_mg=9000),
    "weight": replace(GOOD, weight_g=2000),
    "day's dose": replace(GOOD, vtbi_ul=900_000, dose_mg=90_000, concentration_mg_ml=100),
    "cap for the weight": replace(
        GOOD, weight_g=30_000, cap_ul_h=1_200_000, concentration_mg_ml=100, dose_mg=500
    ),
    "ladder that falls": replace(GOOD, rungs=((20_000, 600), (10_000, 600))),
    "rate finer than a tenth": replace(GOOD, rungs=((19_999, 600),)),
    "occlusion limit": replace(GOOD, occlusion_pa=200_000),
    "dwell": replace(GOOD, rungs=((20_000, 10),)),
    "check": replace(GOOD, check_s=901),
    "longer than six hours": replace(GOOD, rungs=((100, 600),)),
}


@pytest.fixture(scope="module")
def idle() -> Bedside:
    bed = Bedside()
    bed.client.hello()
    return bed


@pytest.mark.req("F8", "M4")
@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("then", ((), ("CANCEL",), ("RESET",), ("ACK", "CANCEL")))
def test_start_behind_a_refusal_starts_nothing(idle, what, then):
    def leave_standing() -> tuple[str, str, int]:
        code = stage(idle, REFUSED[what])
        for verb in then:
            refusal(idle, verb)
        started = refusal(idle, "START")
        idle.listen(2)
        return code, started, idle.board.step_edges

    code, started, edges = what_if(leave_standing)
    assert code
    assert started == "NOT_IN_THIS_STATE"
    assert edges == 0


@pytest.mark.req("F8", "L14")
@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_change_leaves_the_committed_order_and_no_mixture_of_both(idle, what):
    def change() -> tuple[str, list[str], str]:
        assert stage(idle, GOOD) == ""
        code = stage(idle, REFUSED[what])
        order = [",".join(idle.client.query("ORDER?", line)) for line in range(3)]
        return code, order, refusal(idle, "START")

    code, order, started = what_if(change)
    assert code
    assert order == GOOD.read_back()
    assert started == ""


@pytest.mark.req("F8", "L14")
def test_cancel_and_then_start_starts_nothing(idle):
    def cancel() -> tuple[str, int]:
        assert stage(idle, GOOD) == ""
        idle.client.request("CANCEL")
        started = refusal(idle, "START")
        idle.listen(2)
        return started, idle.board.step_edges

    assert what_if(cancel) == ("NOT_IN_THIS_STATE", 0)


CHANGED = {
    "rate_ul_h": ("RX_ABOVE_CAP", 90_000),
    "cap_ul_h": ("RX_ABOVE_CAP", 10_000),
    "dose_mg": ("RX_DOSE_VOLUME", 1),
    "weight_g": ("RX_WEIGHT", 1),
}


@pytest.mark.req("F8", "M4")
@pytest.mark.parametrize("field", CHANGED)
def test_start_checks_all_of_it_again(idle, field):
    """What was committed is made unsafe behind the check, together with its second copy."""
    code, value = CHANGED[field]

    def change() -> tuple[str, int]:
        assert stage(idle, GOOD) == ""
        controller = idle.board.application.controller
        if field == "rate_ul_h":
            controller.rx.rate_ul_h[0] = value
        else:
            setattr(controller.rx, field, value)
        controller.shadow.seal_rx(controller.rx)
        controller.shadow.seal(controller)
        started = refusal(idle, "START")
        idle.listen(2)
        return started, idle.board.step_edges

    assert what_if(change) == (code, 0)
