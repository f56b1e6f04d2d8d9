"""F11: steps were granted, dropped or turned back around an occlusion."""

import pytest
from fault_bench import Pump, delivered_steps, forward_edges, infusing
from pump_bench import STEPS_PER_UL, Bedside

COUNT_STEPS = 4  # of the encoder
# What the encoder cannot show of a back-off: less than a count at either end, and
# the first count, which may come after a single step and is not credited.
UNSEEN_STEPS = 3 * COUNT_STEPS
# At 600 mL/h: on their way when the pump is asked, and when the motor turns round.
THREE_TICKS = 32


@pytest.fixture(scope="module", params=(20_000, CAP := 120_000, 600_000))
def at_rate(request) -> Pump:
    return Pump(infusing(request.param))


def occlude(bed: Bedside, times: int, encoder_dies: bool = False) -> tuple[int, int, int, int]:
    """(forward edges, counts of the encoder back, delivered as it says, true position)."""
    line = bed.board.line
    at_start = len(forward_edges(bed))
    reverse_before = line.reverse_edges
    said_before = delivered_steps(bed)
    position_before = line.motor_steps
    for turn in range(times):
        bed.fault("downstream-occlusion")
        bed.listen(60, until=lambda n=turn: len(bed.alarms()) > n)
        if encoder_dies:
            bed.fault("encoder-dead")
        bed.listen(14)
        bed.fault("occlusion-release")
        bed.listen(2)
        if turn + 1 < times:
            bed.client.request("RESET")
            bed.client.request("RESUME")
            bed.listen(5)
    return (
        len(forward_edges(bed)) - at_start,
        line.reverse_edges - reverse_before,
        delivered_steps(bed) - said_before,
        line.motor_steps - position_before,
    )


@pytest.mark.req("F11", "L8", "L10")
@pytest.mark.parametrize("times", (1, 2))
def test_delivered_is_what_came_out_less_what_the_encoder_saw_turn_back(at_rate, times):
    forward, back, said, position = at_rate.ask(lambda bed: occlude(bed, times))
    # Edges that were on their way when the pump was asked count a tick later.
    assert said == pytest.approx(forward - COUNT_STEPS * back, abs=25)
    assert said == pytest.approx(position, abs=THREE_TICKS + times * UNSEEN_STEPS)
    assert back > 0


@pytest.mark.req("F11", "L10")
def test_to_the_step_where_it_is_asked_at_rest():
    bed = infusing()
    bed.client.request("PAUSE")
    bed.listen(0.2)
    at_rest = delivered_steps(bed)
    assert at_rest == len(forward_edges(bed))
    bed.client.request("RESUME")
    bed.listen(5)
    bed.fault("downstream-occlusion")
    bed.listen(20)
    back = bed.board.line.reverse_edges
    seen = len(forward_edges(bed)) - COUNT_STEPS * back
    assert seen <= delivered_steps(bed) <= seen + COUNT_STEPS
    assert int(bed.client.status()["delivered_ul"]) == int(delivered_steps(bed) / STEPS_PER_UL)


@pytest.mark.req("F11", "L10")
def test_a_back_off_that_the_encoder_does_not_see_is_not_credited():
    bed = infusing()
    forward, back, said, position = occlude(bed, 1, encoder_dies=True)
    assert said >= position
    assert said >= forward - COUNT_STEPS * back - 25
    assert back <= 4
