"""F14: a command, a key or a reset in mid-session; nothing clears the volume."""

import pytest
from fault_bench import ML_STEPS, delivered_steps, forward_edges, infusing, refusal
from pump_bench import Bedside, program

from pump.protocol import messages

# Verbs that change something, with arguments that are in range.
ARGUMENTS = {
    "PROGRAM": (50_000, 1500, 30, 70_000, 60_000, 1),
    "SETTINGS": (1000, 0, 60_000, 1800, 0),
    "RUNG": (0, 60_000, 600),
    "COMMIT": (1234,),
    "CONFIRM": (1,),
    "DATE": (9800, 1),
    "KEY": (0, "00" * 8),
    "KEY_COMMIT": (0,),
    "HELLO": (2, 0),
    "CHALLENGE": (1,),
    "LOGIN": (1, "00" * 16),
}
VERBS = [
    row[messages.COL_VERB].decode()
    for row in messages.MESSAGES
    if row[messages.COL_KIND] not in (messages.QUERY, messages.NOTICE)
]


def said_ul(bed: Bedside) -> int:
    return int(bed.client.status()["delivered_ul"])


@pytest.mark.req("F14", "L8")
@pytest.mark.parametrize("paused", (False, True))
@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_clears_it(pump, verb, paused):
    def ask(bed: Bedside) -> tuple[int, int]:
        if paused:
            bed.client.request("PAUSE")
            bed.listen(0.1)
        before = delivered_steps(bed)
        refusal(bed, verb, *ARGUMENTS.get(verb, ()))
        bed.listen(0.5)
        bed.board.run_tick()
        return before, delivered_steps(bed)

    before, after = pump.ask(ask)
    assert before <= after <= before + 300


@pytest.mark.req("F14")
@pytest.mark.parametrize("key", ("stop-key", "ok-key", "stop-key-stuck", "ok-key-stuck"))
def test_no_key_clears_it(pump, key):
    def ask(bed: Bedside) -> tuple[int, int, int]:
        before = said_ul(bed)
        bed.fault(key)
        bed.listen(3)
        bed.client.stop()
        bed.listen(0.5)
        return before, delivered_steps(bed), len(forward_edges(bed))

    before, said, edges = pump.ask(ask)
    assert before > 0
    assert said == edges


@pytest.mark.req("F14", "L19")
@pytest.mark.parametrize("fault", ("reset", "power-cut", "brown-out", "cpu-hang"))
@pytest.mark.parametrize("again", (1, 3))
def test_no_reset_clears_it_and_what_is_said_is_a_millilitre_above_at_most(pump, fault, again):
    def ask(bed: Bedside) -> tuple[int, int]:
        for _ in range(again):
            bed.fault(fault)
            bed.listen(9)
        bed.client.hello()
        return delivered_steps(bed), bed.board.line.motor_steps

    said, true = pump.ask(ask)
    assert true <= said <= true + ML_STEPS


@pytest.mark.req("F14")
def test_the_end_of_the_session_leaves_it_to_be_read_and_start_begins_anew():
    bed = infusing(ml=5)
    bed.client.stop()
    bed.listen(0.2)
    at_stop = said_ul(bed)
    bed.client.request("END")
    bed.listen(5)
    assert said_ul(bed) == at_stop > 0
    bed.client.load(program((60_000, 600), ml=2))
    assert said_ul(bed) == at_stop
    bed.client.request("START")
    assert said_ul(bed) == 0
