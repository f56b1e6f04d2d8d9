"""F1: a key bounces or a character comes twice: 4.8 becomes 44.8."""

from dataclasses import replace

import pytest
from fault_bench import refusal, stage
from planner_orders import TODAY, order_with
from pump_bench import Bedside, program, steps_above
from what_if import what_if

from host_sim.client import Program, ReadBackError, crc16, frame
from titra.library import load_library
from titra.planning.order import OrderError, parse_order
from titra.planning.planner import plan

ORDER = program((48_000, 600), (60_000, 600), ml=48)
SCALARS = ("vtbi_ul", "dose_mg", "concentration_mg_ml", "weight_g", "cap_ul_h", "slew_ul_h_s",
           "kvo_ul_h", "occlusion_pa", "check_s", "link_timeout_s")  # fmt: skip


def doubled(number: int) -> list[int]:
    """``number`` with each of its characters typed twice."""
    text = str(number)
    return [int(text[: i + 1] + text[i:]) for i in range(len(text))]


def every_double_key() -> list[tuple[str, Program]]:
    orders = [
        (f"{name}={wrong}", replace(ORDER, **{name: wrong}))
        for name in SCALARS
        for wrong in doubled(getattr(ORDER, name))
    ]
    for i, (rate, dwell) in enumerate(ORDER.rungs):
        for wrong in doubled(rate):
            rungs = (*ORDER.rungs[:i], (wrong, dwell), *ORDER.rungs[i + 1 :])
            orders.append((f"rate {i}={wrong}", replace(ORDER, rungs=rungs)))
        for wrong in doubled(dwell):
            rungs = (*ORDER.rungs[:i], (rate, wrong), *ORDER.rungs[i + 1 :])
            orders.append((f"dwell {i}={wrong}", replace(ORDER, rungs=rungs)))
    return orders


@pytest.fixture(scope="module")
def idle() -> Bedside:
    bed = Bedside()
    bed.client.hello()
    return bed


@pytest.mark.req("F1", "M4")
def test_what_was_meant_does_not_match_what_was_read_back_and_nothing_starts(idle):
    """The checksum of the order that was meant is committed."""
    meant = crc16("".join(line + "\n" for line in ORDER.read_back()).encode())

    def typed(order: Program) -> tuple[str, str, int]:
        for line in order.lines():
            verb, *arguments = line.split()
            refusal(idle, verb, *arguments)
        committed = refusal(idle, "COMMIT", meant)
        started = refusal(idle, "START")
        idle.listen(2)
        return committed, started, idle.board.step_edges

    for name, order in every_double_key():
        if order == ORDER:
            continue  # 0 and 00 are one number
        committed, started, edges = what_if(lambda order=order: typed(order))
        assert committed, name
        assert (started, edges) == ("NOT_IN_THIS_STATE", 0), name


@pytest.mark.req("F1", "L14")
def test_even_when_nobody_looks_a_double_key_delivers_neither_faster_nor_more(idle):
    """The read-back is committed unseen: what is plausible is not more than meant."""

    def blindly(order: Program) -> tuple[str, float, int]:
        code = stage(idle, order) or refusal(idle, "START")
        idle.listen(9)  # 6 s to the first rung at this slew
        vtbi = int(idle.client.status()["vtbi_ul"])
        return code, steps_above(idle.edges(), 48_000), vtbi

    accepted = 0
    for name, order in every_double_key():
        code, above, vtbi_ul = what_if(lambda order=order: blindly(order))
        if code:
            assert above == 0, name
        else:
            accepted += 1
            assert above < 1, name
            assert vtbi_ul == ORDER.vtbi_ul, name
    assert accepted  # a longer dwell, a higher cap above the same ladder


@pytest.mark.req("F1")
def test_a_character_that_the_line_doubles_is_refused_by_its_checksum(idle):
    seq = int(idle.client.status()["last_seq"]) + 1
    whole = frame(f"{seq} PROGRAM 48000 1440 30 70000 60000 2").rstrip(b"\n")

    def sent(line: bytes) -> str:
        idle.board.usb.host_write(line + b"\n")
        idle.board.run_until(idle.board.now_us + 200_000)
        answer = idle.board.usb.host_read().decode()
        return answer if " OK " in answer else idle.client.query_fields("STATUS?")["last_seq"]

    for i in range(len(whole)):
        line = whole[: i + 1] + whole[i:]
        assert what_if(lambda line=line: sent(line)) == str(seq - 1), line


@pytest.mark.req("F1")
def test_a_client_that_compares_notices_it_before_it_commits(idle):
    def typed() -> tuple[str, int]:
        wrong = replace(ORDER, vtbi_ul=448_000, dose_mg=13_440)
        lines = wrong.lines()
        # The person meant ORDER; what goes over the line is another one.
        client = idle.client
        request = client.request

        def other(verb, *arguments, **options):
            if verb == "PROGRAM":
                arguments = tuple(map(int, lines[0].split()[1:]))
            return request(verb, *arguments, **options)

        client.request = other
        with pytest.raises(ReadBackError):
            client.load(ORDER)
        return idle.state(), idle.board.step_edges

    assert what_if(typed) == ("IDLE", 0)


@pytest.mark.req("F1", "L12")
def test_an_ok_key_that_bounces_answers_one_question_and_no_more():
    bed = Bedside(seed=3)
    bed.start(program((60_000, 600), (90_000, 600), (120_000, 600), ml=40))
    bed.listen(620, until=lambda: bool(bed.questions()))
    for _ in range(4):
        bed.fault("ok-key")
        bed.undo("ok-key")
        bed.listen(0.03)
    bed.fault("ok-key")
    bed.listen(20)
    assert int(bed.client.status()["rung"]) == 1
    assert steps_above(bed.edges(), 90_000) < 1


# --- an order, typed into a file ------------------------------------------------------------


TYPED = {
    "patient.weight_kg": "70.0",
    "product.concentration_percent": "10",
    "dose.grams": "40.0",
}


@pytest.mark.req("F1", "M9")
@pytest.mark.parametrize("field", TYPED)
def test_a_double_character_in_an_order_is_refused_or_plans_nothing_faster(field):
    library = load_library()

    def rates(changes: dict) -> list[float] | None:
        try:
            planned = plan(parse_order(order_with(changes), "ORDER.toml", library), library, TODAY)
        except OrderError:
            return None
        if planned.refused:
            return None
        return [rung.rate_ul_h for day in planned.days for rung in day.rungs]

    text = TYPED[field]
    assert rates({}) is not None
    for i in range(len(text)):
        typed = text[: i + 1] + text[i:]
        if text[i] == "." or float(typed) == float(text):
            continue
        assert rates({field: typed}) is None, typed
