"""F27: power goes at any byte of any write, on the whole board."""

import pytest
from fault_bench import ML_STEPS, Pump, forward_edges, infusing
from pump_bench import Bedside

from titra.event_log import read_log

SAMPLE = 60
# Writes of a pause, an alarm and some delivery: records, lease, checkpoint.
SECONDS = 8


@pytest.fixture(scope="module")
def writing() -> Pump:
    return Pump(infusing())


def busy(bed: Bedside) -> None:
    """What is written about: a person, an alarm, states, delivery."""
    bed.board.at(bed.board.now_us + 500_000, lambda: bed.board.usb.host_write(b""))
    bed.board.at(bed.board.now_us + 1_000_000, lambda: bed.fault("ok-key"))
    bed.board.at(bed.board.now_us + 3_000_000, lambda: bed.fault("door-open"))
    bed.board.at(bed.board.now_us + 5_000_000, lambda: bed.undo("door-open"))


def bytes_written(bed: Bedside) -> int:
    before = bed.board.memory_supply.written
    busy(bed)
    bed.board.run_until(bed.board.now_us + SECONDS * 1_000_000)
    return bed.board.memory_supply.written - before


def cut(bed: Bedside, n: int) -> list[str]:
    """What is wrong after a cut at byte ``n`` and the boot behind it."""
    log_before = read_log(bed.client)
    resets = bed.board.resets
    busy(bed)
    bed.fault("power-cut-at-byte", n)
    until_us = bed.board.now_us + SECONDS * 1_000_000
    while bed.board.resets == resets and bed.board.now_us < until_us:
        bed.board.run_tick()
    wrong = []
    if bed.board.resets != resets + 1:
        return ["no power cut"]
    if bed.is_enabled():
        wrong.append("ENABLE is high without power")
    cut_us = bed.board.now_us
    true = bed.board.line.motor_steps
    if bed.board.last_edge_us > cut_us + 60_000:
        wrong.append("stepped on")
    bed.board.open_door(False)
    bed.listen(3)
    bed.client.hello()
    bed.listen(1)
    if forward_edges(bed, cut_us + 60_000):
        wrong.append("moved after the boot")
    said = int(bed.client.query_fields("MOTION?")["counted_steps"])
    said += int(bed.client.query_fields("MOTION?")["missing_steps"])
    if not true <= said <= true + ML_STEPS:
        wrong.append(f"says {said}, true {true}")
    if "INTERRUPTED" not in bed.alarms():
        wrong.append("the open session is no alarm")
    log = read_log(bed.client)
    if log.broken or log.unreadable or log.head["broken_seq"] != -1:
        wrong.append(f"chain: {log.broken}, {log.head}")
    if log.records[: len(log_before.records)] != log_before.records:
        wrong.append("an earlier record is lost")
    return wrong


def judge(writing: Pump, numbers) -> dict[int, list[str]]:
    answers = {n: writing.ask(lambda bed, n=n: cut(bed, n)) for n in numbers}
    return {n: answer for n, answer in answers.items() if answer}


@pytest.mark.req("F27", "L19")
def test_a_power_cut_at_sixty_bytes_of_what_is_written_loses_nothing_else(writing):
    total = writing.ask(bytes_written)
    assert total > SAMPLE
    assert judge(writing, [1 + i * (total - 1) // SAMPLE for i in range(SAMPLE)]) == {}


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.req("F27", "L19")
def test_a_power_cut_at_every_byte_of_what_is_written_loses_nothing_else(writing):
    total = writing.ask(bytes_written)
    assert judge(writing, range(1, total)) == {}
