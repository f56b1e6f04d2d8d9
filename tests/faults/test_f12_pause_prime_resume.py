"""F12: the line is primed in mid-infusion.

Priming is not built: a person clears air by hand, with the set taken out of the
mechanism.  What is shown here is that no verb primes, and that a pause and what
is done in it leave the dose as it was.
"""

import pytest
from fault_bench import CAP_UL_H, delivered_steps, forward_edges, refusal
from pump_bench import Bedside, program, steps_above

from pump.protocol import messages


@pytest.mark.req("F12", "M13")
@pytest.mark.parametrize("state", ("INFUSING", "PAUSED", "STOPPED", "HOLD"))
def test_no_verb_primes_in_any_state(pump, state):
    assert not [row[0] for row in messages.MESSAGES if b"PRIME" in row[0] or b"PURGE" in row[0]]

    def ask(bed: Bedside) -> tuple[str, int]:
        if state == "STOPPED":
            bed.client.stop()
        elif state != "INFUSING":
            bed.client.request({"PAUSED": "PAUSE", "HOLD": "HOLD"}[state])
        bed.listen(0.2)
        before = len(forward_edges(bed))
        code = refusal(bed, "PRIME", 1000)
        bed.listen(2)
        return code, len(forward_edges(bed)) - before

    code, edges = pump.ask(ask)
    assert code == "UNKNOWN_VERB"
    assert (edges > 0) == (state == "INFUSING")


@pytest.mark.req("F12", "L9", "L13")
def test_air_cleared_in_a_pause_leaves_the_dose_and_the_ladder_as_they_were(pump):
    def by_hand(bed: Bedside):
        bed.fault("air-bubble", 60)
        bed.listen(10, until=lambda: bool(bed.alarms()))
        bed.listen(1)
        before = delivered_steps(bed)
        bed.fault("door-open")
        bed.listen(5)
        bed.board.line.clear_air()
        bed.undo("door-open")
        bed.listen(30)
        moved = delivered_steps(bed) - before
        bed.client.request("RESET")
        bed.client.request("RESUME")
        bed.board.edge_log = []
        bed.listen(30)
        edges = forward_edges(bed)
        return moved, steps_above(edges, CAP_UL_H), delivered_steps(bed) - before - len(edges)

    moved, above, untold = pump.ask(by_hand)
    assert moved == 0
    assert above < 1
    assert abs(untold) <= 3  # those of the ticks in which it was asked


@pytest.mark.req("F12", "L17")
def test_a_pause_and_a_resume_deliver_what_was_ordered_and_no_step_more():
    bed = Bedside(seed=3).start(program((60_000, 600), ml=1))
    for _ in range(5):
        bed.listen(7)
        bed.client.request("PAUSE")
        bed.listen(3)
        bed.client.request("RESUME")
    bed.listen(90)
    assert bed.state() == "COMPLETE"
    assert len(forward_edges(bed)) == 6400
    assert steps_above(bed.edges(), 60_000) < 1
