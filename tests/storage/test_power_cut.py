"""The power goes at every byte of every write of a whole session, and once in the
middle of every erase: what the next boot finds.

The session is run once and every write recorded with what stood before it; then
each prefix of each write is a board of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from storage_bench import (
    ML_STEPS,
    ORDER,
    Infusion,
    StorageBoard,
    chain_holds,
    order_rx,
    plain,
    records,
)

from host_sim.flash import Chip
from host_sim.power import PowerCut
from pump.core import event_log


@dataclass
class Write:
    """One write, what stood before it, and what was true then."""

    part: str  # "fram", "program" or "erase"
    place: tuple[int, int]  # (address, 0), or (block, offset)
    data: bytes
    memory: bytes
    blocks: list[bytes]
    phase: str  # "opening", "open", "closing" or "closed"
    true_steps: int
    log: range  # numbers of the records that can be read

    def cuts(self) -> range:
        return range(1 if self.part == "erase" else len(self.data) + 1)


@dataclass
class Recording:
    """A board whose writes are kept."""

    board: StorageBoard
    infusion: Infusion
    phase: str = "closed"
    writes: list[Write] = field(default_factory=list)

    def __post_init__(self):
        self.board.fram.on_write = lambda address, data: self.keep("fram", (address, 0), data)
        self.board.flash.chip.on_change = self.keep_flash

    def keep_flash(self, block: int, offset: int, data: bytes | None) -> None:
        self.keep("erase" if data is None else "program", (block, offset), data or b"")

    def keep(self, part: str, place: tuple[int, int], data: bytes) -> None:
        board = self.board
        log = self.infusion.journal.log
        self.writes.append(
            Write(
                part,
                place,
                data,
                bytes(board.fram.memory),
                list(board.flash.chip.blocks),
                self.phase,
                self.infusion.true_steps,
                range(log.first_seq, log.next_seq),
            )
        )


def whole_session(recording: Recording, session: int) -> None:
    """START, two leases and a bit, a pause that settles, on again, alarm, END."""
    infusion = recording.infusion
    journal = infusion.journal
    recording.phase = "opening"
    assert infusion.start(session)
    recording.phase = "open"
    infusion.run(100, 21)
    assert journal.amend(order_rx(), infusion.vtbi_steps - 6400)
    infusion.run(150, 21)
    journal.note(event_log.PERSON, 10, 0, 1)
    infusion.run(40, 0, may_move=False)
    infusion.run(120, 21)
    journal.note(event_log.ALARM_RAISED, 3, infusion.true_steps, 60_000)
    infusion.run(5, 0)
    infusion.run(40, 0, may_move=False)
    recording.phase = "closing"
    assert infusion.end()
    recording.phase = "closed"
    infusion.settle()


def after(write: Write, n: int) -> StorageBoard:
    """The board as ``n`` bytes of the write leave it."""
    board = StorageBoard()
    board.fram.memory[:] = write.memory
    board.flash.chip.blocks = list(write.blocks)
    place, offset = write.place
    if write.part == "fram":
        board.fram.memory[place : place + n] = write.data[:n]
        return board
    chip: Chip = board.flash.chip
    chip.supply.cut_after(n)
    if write.part == "erase":
        chip.erase(None, place)
    else:
        chip.prog(None, place, offset, write.data)
    return board


def judge(write: Write, n: int) -> list[str]:
    """What a boot after the cut gets wrong."""
    board = after(write, n)
    journal = board.boot()
    log = journal.log
    wrong = []
    if not journal.ok or not journal.fram_fitted:
        wrong.append("the storage is not well")
    true = write.true_steps
    if journal.interrupted:
        if not true <= journal.recovered_steps <= true + ML_STEPS:
            wrong.append(f"recovered {journal.recovered_steps}, true {true}")
        if write.phase == "closed":
            wrong.append("a closed session is open")
        rx = order_rx()
        rx.clear()
        if not journal.can_resume or not journal.restore(rx) or plain(rx) != plain(order_rx()):
            wrong.append("the prescription was lost")
    elif write.phase == "open":
        wrong.append("an open session was forgotten")
    found = records(journal)
    seqs = {record["seq"] for record in found}
    lost = set(write.log) - seqs
    # The slot being written holds the oldest record, which goes anyway.
    if lost - {min(write.log, default=0)} or len(lost) > (write.part == "fram"):
        wrong.append(f"records lost: {sorted(lost)}")
    if log.broken_seq != -1 or not chain_holds(found):
        wrong.append(f"the chain is broken at {log.broken_seq}")
    if log.next_seq - max(write.log, default=-1) not in (1, 2):
        wrong.append(f"head at {log.next_seq}")
    return wrong


def recorded(first_session: int = 1, worn: int = 0, full: bool = False) -> list[Write]:
    board = StorageBoard()
    infusion = Infusion(board)
    for session in range(1, worn + 1):
        # Sessions before: the file system is about to erase a block.
        assert infusion.start(session)
        assert infusion.end()
    if full:
        while infusion.journal.log.next_seq < 1317:
            infusion.journal.note(event_log.ALARM_RAISED, 1, 2, 3)
            infusion.journal.step(False, 0, 0, 0, 10_000)
            infusion.journal.step(False, 0, 0, 0, 10)
    infusion.settle()
    recording = Recording(board, infusion)
    whole_session(recording, worn + 1)
    return recording.writes


@pytest.fixture(scope="module")
def writes() -> list[Write]:
    return recorded(worn=2)


def region(write: Write) -> str:
    address = write.place[0]
    if write.part != "fram":
        return write.part
    return "checkpoint" if address < 0x80 else "prescription" if address < 0x440 else "log"


@pytest.mark.req("L19")
@pytest.mark.parametrize("name", ["checkpoint", "prescription", "log", "program", "erase"])
def test_a_power_cut_at_any_byte_of_any_write_loses_at_most_that_record(writes, name):
    concerned = [write for write in writes if region(write) == name]
    assert concerned, f"the session has no {name}"
    wrong = [
        (i, write.phase, n, problems)
        for i, write in enumerate(concerned)
        for n in write.cuts()
        if (problems := judge(write, n))
    ]
    assert wrong == []


@pytest.mark.req("L19")
def test_a_power_cut_at_any_byte_of_the_wrap_around_loses_at_most_that_record():
    wraps = [write for write in recorded(full=True) if region(write) == "log"]
    slots = {(write.place[0] - 0x440) // 24 for write in wraps}
    assert {1319, 0, 1} <= slots
    assert [p for w in wraps if w.place[0] < 0x500 for n in w.cuts() if (p := judge(w, n))] == []


@pytest.mark.req("L19")
@pytest.mark.parametrize("n", range(0, 4000, 97))
def test_a_supply_that_fails_in_a_running_session_is_survived(n):
    """The same with the supply itself: nothing runs after the cut, and after the
    next boot the session goes on, is cut again, and ends."""
    board = StorageBoard()
    infusion = Infusion(board)
    board.supply.cut_after(n)
    with pytest.raises(PowerCut):
        assert infusion.start()
        while True:
            infusion.run(30, 21)
            infusion.run(25, 0, may_move=False)
    true = infusion.true_steps
    journal = board.boot()
    if journal.interrupted:
        assert true <= journal.recovered_steps <= true + ML_STEPS
        again = Infusion(board, journal)
        again.vtbi_steps = ORDER.vtbi_ul * 64 // 10
        again.granted = again.true_steps = journal.recovered_steps
        again.run(60, 21)
        assert again.true_steps > journal.recovered_steps
        twice = board.boot()
        assert again.true_steps <= twice.recovered_steps <= again.true_steps + ML_STEPS
        assert twice.close_session(twice.recovered_steps)
        assert not board.boot().interrupted
    else:
        assert true == 0
