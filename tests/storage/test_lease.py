"""Session, lease and what is recovered, with the FRAM there, gone, and absent."""

import gc
import tracemalloc

import pytest
from properties.core_bench import Order
from storage_bench import (
    ML_STEPS,
    ORDER,
    Infusion,
    StorageBoard,
    chain_holds,
    kinds,
    order_rx,
    plain,
    records,
)

from host_sim.power import PowerCut
from pump.app import journal as journal_module
from pump.core import event_log
from pump.core import infusion_state as st
from pump.core.checkpoint import Checkpoint, StoredPrescription
from pump.core.crc import Crc16
from pump.core.event_log import RamMemory
from pump.core.prescription import Prescription


@pytest.fixture
def running() -> Infusion:
    """A session that has delivered 2 mL at 1200 mL/h."""
    infusion = Infusion(StorageBoard())
    assert infusion.start()
    while infusion.true_steps < 2 * ML_STEPS:
        infusion.tick(21)
    return infusion


# --- the lease -----------------------------------------------------------------------


@pytest.mark.req("L19")
@pytest.mark.parametrize("steps", [1, 7, 21, 47])
def test_the_lease_is_written_before_it_is_used_up_and_never_waited_for(steps):
    """At 1200 mL/h and at twice that: every step that the ramp wants is granted, and
    what the memory says is never below what was granted."""
    board = StorageBoard()
    infusion = Infusion(board)
    assert infusion.start()
    for tick in range(1, 600):
        infusion.tick(steps)
        assert infusion.granted == steps * tick
        if tick % 13 == 0:
            found = Checkpoint(infusion.journal._fram, 0, 0x40, Crc16())
            assert found.load()
            assert infusion.granted <= found.lease_steps <= infusion.granted + ML_STEPS // 2
    assert infusion.bus_most == 1


@pytest.mark.req("L19")
def test_the_lease_ends_with_the_order():
    infusion = Infusion(StorageBoard())
    assert infusion.start()
    infusion.run(8000, 21)
    assert infusion.granted == infusion.vtbi_steps == infusion.journal.lease_steps == 128_000
    recovered = infusion.board.boot()
    assert recovered.recovered_steps == 128_000
    assert not recovered.can_resume


@pytest.mark.req("L19")
def test_a_lease_counts_only_once_it_was_read_back(running):
    """The part takes every byte and keeps none."""
    board = running.board
    journal = running.journal
    lease = journal.lease_steps
    frozen = bytes(board.fram.memory)

    def forget(address, data):
        board.fram.memory[:] = frozen

    board.fram.on_write = forget
    for _ in range(400):
        running.tick(21)
        board.fram.memory[:] = frozen
    assert running.granted == lease == journal.lease_steps
    assert not journal.ok


@pytest.mark.req("L19")
def test_a_motor_that_stands_still_is_settled_to_the_step(running):
    running.settle()
    recovered = running.board.boot()
    assert recovered.recovered_steps == running.true_steps == recovered._checkpoint.delivered_steps
    writes = running.board.fram.writes
    running.run(500, 0, may_move=False)
    assert running.board.fram.writes == writes, "settled once"


@pytest.mark.req("L19")
def test_nothing_moves_on_what_was_settled_until_a_new_lease_is_stored(running):
    running.settle()
    settled = running.true_steps
    assert running.journal.lease_steps == settled
    running.board.fram.is_deaf = True
    running.run(50, 21)
    assert running.true_steps == settled
    assert running.board.boot().recovered_steps in (settled, running.vtbi_steps)


@pytest.mark.req("L19")
@pytest.mark.parametrize("ticks", range(18, 30))
def test_a_motor_that_starts_while_it_is_settled_stays_within_what_is_stored(running, ticks):
    """The part takes nothing any more from the very tick on."""
    running.run(ticks, 0, may_move=False)
    running.board.fram.is_deaf = True
    running.run(20, 21)
    running.board.fram.is_deaf = False
    assert running.board.boot().recovered_steps >= running.true_steps


@pytest.mark.req("L19")
@pytest.mark.parametrize("ticks", range(0, 240, 7))
def test_what_is_recovered_is_never_below_the_truth_and_at_most_a_millilitre_above(ticks):
    """A reset without a word, anywhere in starts, stops and runs, with the steps of
    the last two ticks still in the queue."""
    infusion = Infusion(StorageBoard())
    assert infusion.start()
    for tick in range(ticks):
        infusion.tick(21 if tick % 90 < 60 else 0, may_move=tick % 90 < 60)
    journal = infusion.board.boot()
    assert journal.interrupted and journal.can_resume and journal.recovered_session == 1
    true = infusion.true_steps
    assert true <= journal.recovered_steps <= true - 42 + ML_STEPS
    rx = Prescription()
    assert journal.restore(rx)
    assert plain(rx) == plain(order_rx())


@pytest.mark.req("L19")
def test_every_flipped_bit_of_the_checkpoint_is_towards_more_delivered(running):
    memory = running.board.fram.memory
    whole = bytes(memory)
    for base in (journal_module.CHECKPOINT_0, journal_module.CHECKPOINT_1):
        for bit in range(192):
            memory[:] = whole
            memory[base + bit // 8] ^= 1 << bit % 8
            journal = running.board.boot()
            assert journal.interrupted and journal.can_resume
            true = running.true_steps
            assert true <= journal.recovered_steps <= true + ML_STEPS
    for bit in range(0, 192, 7):
        memory[:] = whole
        memory[journal_module.CHECKPOINT_0 + bit // 8] ^= 1 << bit % 8
        memory[journal_module.CHECKPOINT_1 + (bit * 5 % 192) // 8] ^= 1 << bit % 8
        journal = running.board.boot()
        assert journal.recovered_steps == running.vtbi_steps, "both gone: all of it"
        assert not journal.can_resume


@pytest.mark.req("L19")
def test_every_flipped_bit_of_the_prescription_leaves_the_other_copy(running):
    memory = running.board.fram.memory
    whole = bytes(memory)
    for base in (journal_module.PRESCRIPTION_0, journal_module.PRESCRIPTION_1):
        for bit in range(0, 168 * 8, 11):
            memory[:] = whole
            memory[base + bit // 8] ^= 1 << bit % 8
            rx = Prescription()
            assert running.board.boot().restore(rx)
            assert plain(rx) == plain(order_rx())
    memory[:] = whole
    memory[journal_module.PRESCRIPTION_0 + 9] ^= 1
    memory[journal_module.PRESCRIPTION_1 + 9] ^= 1
    journal = running.board.boot()
    assert journal.interrupted and not journal.can_resume
    assert journal.recovered_steps >= running.true_steps


@pytest.mark.req("L19")
def test_every_field_of_a_prescription_is_stored():
    """A field that is added to it and forgotten here would come back as 0."""
    rx = Prescription()
    names = [name for name, value in vars(rx).items() if isinstance(value, int)]
    for i, name in enumerate(names):
        setattr(rx, name, 100 + i)
    for i in range(12):
        rx.rate_ul_h[i] = 1000 + i
        rx.dwell_s[i] = 2000 + i
    memory = RamMemory(1024)
    stored = StoredPrescription(memory, 0, 512, Crc16())
    stored.take(7, rx)
    stored.slots.begin()
    while stored.slots.advance() != 1:
        pass
    found = StoredPrescription(memory, 0, 512, Crc16())
    assert found.load() and found.session == 7
    back = Prescription()
    found.restore(back)
    assert plain(back) == plain(rx)


class CutMemory(RamMemory):
    """Takes ``left`` more bytes."""

    left = 1 << 30

    def write(self, address: int, buffer, n: int) -> bool:
        taken = min(n, self.left)
        self.left -= taken
        return super().write(address, buffer, taken) and taken == n


@pytest.mark.req("L19")
def test_two_power_cuts_one_after_the_other_leave_a_whole_copy():
    """The second while the first one's damage is being repaired, at every byte."""

    crc = Crc16()

    def write(memory: CutMemory, rung: int, left: int) -> None:
        memory.left = left
        checkpoint = Checkpoint(memory, 0, 24, crc)
        assert checkpoint.load() or rung == 0
        checkpoint.rung = rung
        checkpoint.begin()
        while checkpoint.slots.advance() == 0:
            pass

    for first in range(49):
        for second in range(49):
            memory = CutMemory(48)
            write(memory, 0, 1 << 30)
            write(memory, 1, first)
            write(memory, 2, second)
            found = Checkpoint(memory, 0, 24, crc)
            assert found.load(), (first, second)
            assert found.rung <= 2


@pytest.mark.req("L19")
def test_a_stored_prescription_that_is_not_safe_is_not_resumed():
    board = StorageBoard()
    rx = order_rx()
    rx.cap_ul_h = 1
    assert board.boot().open_session(1, rx, 128_000)
    journal = board.boot()
    assert journal.interrupted and not journal.can_resume
    assert not journal.restore(rx)
    assert rx.n_rungs == 0


# --- a session that goes on --------------------------------------------------------------


@pytest.mark.req("L19")
def test_a_recovered_session_grants_nothing_until_its_volume_was_taken_over(running):
    journal = running.board.boot()
    again = Infusion(running.board, journal)
    again.run(50, 21)
    assert again.true_steps == 0
    again.run(50, 0, may_move=False)
    assert running.board.boot().recovered_steps == journal.recovered_steps, "not settled to 0"
    again.granted = again.true_steps = journal.recovered_steps
    again.run(100, 21)
    # The first lease takes a few ticks.
    assert again.true_steps >= journal.recovered_steps + 94 * 21
    assert not journal.interrupted


@pytest.mark.req("L19")
def test_another_session_cannot_begin_over_one_that_was_interrupted(running):
    journal = running.board.boot()
    assert not journal.open_session(2, order_rx(), 1000)
    assert journal.close_session(journal.recovered_steps)
    assert not journal.open_session(1, order_rx(), 1000), "numbers only rise"
    assert journal.open_session(2, order_rx(), 1000)


@pytest.mark.req("L25")
def test_a_tighter_prescription_replaces_the_stored_one_while_infusing(running):
    tighter = order_rx(Order(**{**vars(ORDER), "vtbi_ul": 15_000, "dose_mg": 1500}))
    assert running.journal.amend(tighter, 96_000)
    assert not running.journal.amend(tighter, 96_001), "never looser"
    running.run(40, 0)
    assert running.bus_most == 1
    rx = Prescription()
    journal = running.board.boot()
    assert journal.restore(rx) and plain(rx) == plain(tighter)
    assert journal._vtbi_steps == 96_000


@pytest.mark.req("L19")
def test_the_lease_is_in_time_behind_an_amended_prescription():
    """At 1200 mL/h, amended again as soon as it may be."""
    infusion = Infusion(StorageBoard())
    assert infusion.start()
    for tick in range(1, 2000):
        infusion.journal.amend(order_rx(), infusion.vtbi_steps - tick)
        infusion.tick(22)
        assert infusion.granted == 22 * tick


@pytest.mark.req("L25")
def test_a_lease_on_its_way_does_not_outlive_an_amendment(running):
    """Amended between the tick that begins a renewal and the one that ends it."""
    journal = running.journal
    while journal._writing is None:
        running.tick(21)
    least = running.granted + 100
    assert journal.amend(order_rx(), least)
    running.run(100, 21)
    assert running.granted == journal.lease_steps == least
    assert running.board.boot().recovered_steps == least


@pytest.mark.req("L19")
@pytest.mark.parametrize("ticks", range(1, 40))
def test_steps_that_come_out_of_the_queue_late_are_in_what_is_recovered(running, ticks):
    """The driver is off and the edges of the last 100 ms are counted one by one."""
    journal = running.journal
    granted, counted = running.granted, running.granted - 10
    for _ in range(ticks):
        counted = min(counted + 1, granted)
        journal.step(False, granted, counted, 0, 10)
    recovered = running.board.boot().recovered_steps
    assert recovered >= counted
    assert ticks < 30 or recovered == counted


@pytest.mark.req("L19")
def test_a_copy_that_was_damaged_is_made_anew_at_boot(running):
    memory = running.board.fram.memory
    memory[journal_module.CHECKPOINT_0 + 5] ^= 1
    memory[journal_module.PRESCRIPTION_1 + 50] ^= 1
    running.board.boot()
    memory[journal_module.CHECKPOINT_1 + 5] ^= 1
    memory[journal_module.PRESCRIPTION_0 + 50] ^= 1
    journal = running.board.boot()
    assert journal.can_resume and journal.recovered_steps >= running.true_steps


# --- no FRAM, or one that goes ------------------------------------------------------------


@pytest.mark.req("L19")
def test_a_bare_board_counts_an_interrupted_day_as_delivered():
    board = StorageBoard(fram=False, clock=False)
    infusion = Infusion(board)
    assert infusion.start()
    assert infusion.journal.lease_steps == infusion.vtbi_steps
    infusion.run(100, 21)
    journal = board.boot()
    assert journal.interrupted and not journal.can_resume and not journal.restore(Prescription())
    assert journal.recovered_steps == infusion.vtbi_steps
    assert journal.lease_steps == 0
    assert board.boot().interrupted, "until somebody closes it"
    assert journal.close_session(0)
    journal = board.boot()
    assert not journal.interrupted and journal.last_session == 1


@pytest.mark.req("L19")
def test_a_damaged_marker_on_a_bare_board_counts_as_the_largest_order():
    board = StorageBoard(fram=False)
    infusion = Infusion(board)
    assert infusion.start()
    with board.flash.open("/session", "wb") as file:
        file.write(b"what is this")
    journal = board.boot()
    assert journal.interrupted and not journal.can_resume
    assert journal.recovered_steps == 12_800_000
    assert journal.close_session(0)
    assert not board.boot().interrupted


@pytest.mark.req("L19")
@pytest.mark.parametrize(("fram", "clock"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_board_says_what_it_lacks(fram, clock):
    journal = StorageBoard(fram=bool(fram), clock=bool(clock)).boot()
    assert (journal.fram_fitted, journal.clock_fitted) == (fram, clock)
    journal.step(False, 0, 0, 0, 10)
    journal.step(False, 0, 0, 0, 10)
    record = records(journal)[0]
    assert record["kind"] == event_log.STORAGE
    assert record["code"] == fram * event_log.HAS_FRAM + clock * (
        event_log.HAS_CLOCK | event_log.HAS_DATE
    )
    assert (record["day"] > 0) == bool(clock)


@pytest.mark.req("L19")
def test_a_bare_board_keeps_its_last_records_from_one_session_to_the_next():
    board = StorageBoard(fram=False)
    infusion = Infusion(board)
    for session in range(1, 41):
        assert infusion.start(session)
        infusion.run(3000, 0)
        infusion.tick()
        assert infusion.end()
        infusion.settle()
    assert infusion.journal.archive_due and infusion.journal.archive()
    journal = board.boot()
    assert journal.log.count == 64
    assert kinds(journal)[-2:] == ["START", "CLOSED"]
    assert chain_holds(records(journal))


@pytest.mark.req("L19")
@pytest.mark.parametrize("how", ["is_present", "is_deaf"])
def test_a_fram_that_vanishes_is_noticed_and_the_day_counts_as_delivered(running, how):
    lease = running.journal.lease_steps
    setattr(running.board.fram, how, how == "is_deaf")
    running.run(400, 21)
    assert running.true_steps == running.granted == lease, "no further than the lease"
    assert not running.journal.ok
    journal = running.board.boot()
    assert not journal.fram_fitted
    assert journal.interrupted and not journal.can_resume
    assert journal.recovered_steps == running.vtbi_steps


@pytest.mark.req("L19")
def test_a_fram_that_comes_back_does_not_reopen_what_was_closed_without_it(running):
    running.board.fram.is_present = False
    running.run(400, 0)
    assert running.end()
    running.board.fram.is_present = True
    journal = running.board.boot()
    assert journal.fram_fitted and not journal.interrupted
    assert not running.board.boot().interrupted


@pytest.mark.req("L19")
def test_another_fram_in_the_place_of_the_first_counts_as_all_delivered(running):
    running.board.fram.memory[:] = bytes(running.board.fram.SIZE)
    journal = running.board.boot()
    assert journal.interrupted and not journal.can_resume
    assert journal.recovered_steps == running.vtbi_steps


@pytest.mark.req("L19")
@pytest.mark.parametrize("session", [1, 2])
def test_the_fram_of_another_board_does_not_close_a_session(running, session):
    """Its last session has the same number, or a higher one, and is closed."""
    other = Infusion(StorageBoard())
    for number in range(1, session + 1):
        assert other.start(number) and other.end()
    for fram in (True, False):
        board = StorageBoard(fram=fram)
        infusion = Infusion(board)
        assert infusion.start()
        board.fram.is_present = True
        board.fram.memory[:] = other.board.fram.memory
        journal = board.boot()
        if fram and session == 1:
            continue  # the one that cannot be told; docs/storage.md
        assert journal.interrupted and journal.recovered_steps == infusion.vtbi_steps


@pytest.mark.req("L19")
def test_a_session_whose_opening_was_cut_off_is_missed_when_its_fram_vanishes_later():
    board = StorageBoard()
    journal = board.boot()
    board.supply.cut_after(2 * 168 + 2 * 24 + 1)
    with pytest.raises(PowerCut):
        journal.open_session(1, order_rx(), 128_000)
    journal = board.boot()
    assert journal.can_resume
    again = Infusion(board, journal)
    again.granted = again.true_steps = journal.recovered_steps
    again.run(100, 21)
    board.fram.is_present = False
    journal = board.boot()
    assert journal.interrupted and journal.recovered_steps == 128_000


@pytest.mark.req("L19")
def test_a_session_whose_closing_was_cut_off_stays_closed_when_its_fram_vanishes_later(running):
    running.board.supply.cut_after(2 * 24 + 1)
    with pytest.raises(PowerCut):
        running.end()
    assert not running.board.boot().interrupted
    running.board.fram.is_present = False
    assert not running.board.boot().interrupted


@pytest.mark.req("L19")
def test_no_session_opens_when_what_it_needs_cannot_be_stored():
    board = StorageBoard()
    journal = board.boot()
    board.fram.deaf_after = 100
    assert not journal.open_session(1, order_rx(), 128_000)
    assert journal.lease_steps == 0 and not journal.ok
    assert not board.boot().interrupted


@pytest.mark.req("L19")
def test_two_failures_are_tried_again_and_three_are_a_fault(running):
    journal = running.journal
    fram = running.board.fram
    for _ in range(5):
        while journal._writing is None:
            running.tick(21)
        fram.is_deaf = True
        running.run(2, 21)
        fram.is_deaf = False
        running.run(30, 21)
        assert journal.ok
    running.journal.note(event_log.BOOT, 0, 0, 0)
    fram.is_deaf = True
    running.run(3, 0)
    assert not journal.ok


# --- chatter ------------------------------------------------------------------------------


@pytest.mark.req("L19")
def test_chatter_uses_up_neither_the_lease_nor_the_room_of_alarms():
    """100,000 events of a client, one or more a tick, with the log read all the time."""
    infusion = Infusion(StorageBoard())
    assert infusion.start()
    journal = infusion.journal
    infusion.settle()
    infusion.run(10, 0)
    alarms = 0
    for tick in range(50_000):
        journal.note(event_log.PERSON, st.EV_STAY, tick, 1)
        journal.note(event_log.STATE, st.HOLD, st.INFUSING, tick)
        assert journal.read_record(tick % 7) == (tick % 7 < journal.log.next_seq)
        if tick % 1000 == 0:
            journal.note(event_log.ALARM_RAISED, 5, tick, 0)
            journal.note(event_log.STATE, st.ALARM_STOPPED, st.INFUSING, tick)
            alarms += 1
        wanted = infusion.granted + 2
        infusion.tick(2)
        assert infusion.granted == wanted
    infusion.settle()
    assert journal.ok and infusion.bus_most == 1
    found = records(journal)
    assert chain_holds(found) and journal.log.broken_seq == -1
    names = [event_log.LOG_KINDS[record["kind"]][0] for record in found]
    assert names.count("ALARM_RAISED") == alarms
    assert sum(r["kind"] == event_log.STATE and r["code"] == st.ALARM_STOPPED for r in found) == (
        alarms
    )
    assert names.count("PERSON") + names.count("STATE") - alarms <= 32 + 500 // 30
    # What is not there is accounted for, to the record.
    kept = sum(record["a"] for record in found if record["kind"] == event_log.KEPT_BACK)
    written = names.count("PERSON") + names.count("STATE") - alarms
    assert kept + written + journal._common.kept == 100_000


@pytest.mark.req("L19")
@pytest.mark.parametrize("fram", [True, False])
def test_a_record_is_read_at_once_while_others_are_being_written(fram):
    journal = StorageBoard(fram=fram).boot()
    for i in range(20):
        journal.note(event_log.ALARM_RAISED, i, 0, 0)
    for seq in range(15):
        written = journal.log.next_seq
        assert journal.read_record(seq) or seq >= written
        assert not journal.read_record(99)
        assert not journal.read_record(-1)
        for _ in range(3):
            journal.step(False, 0, 0, 0, 10)
    assert journal.log.next_seq >= 12, "and the writing went on"
    assert chain_holds(records(journal)) and len(records(journal)) == journal.log.next_seq


@pytest.mark.req("L19")
def test_eight_hours_of_chatter_leave_the_alarms_of_eight_hours():
    journal = StorageBoard().boot()
    journal.note(event_log.ALARM_RAISED, 1, 2, 3)
    for _ in range(8 * 3600):
        journal.note(event_log.PERSON, 1, 2, 3)
        journal.step(False, 0, 0, 0, 500)
        journal.step(False, 0, 0, 0, 500)
    found = kinds(journal)
    assert "ALARM_RAISED" in found
    assert len(found) < 1320 - 300


@pytest.mark.req("L23")
def test_ten_thousand_steps_allocate_nothing():
    infusion = Infusion(StorageBoard())
    assert infusion.start()
    journal = infusion.journal
    infusion.run(500, 5)
    step = journal.step
    note = journal.note
    granted = infusion.granted

    def ticks(n: int) -> None:
        nonlocal granted
        for i in range(n):
            if granted + 5 <= journal.lease_steps:
                granted += 5
            if i % 300 == 0:
                note(event_log.ALARM_RAISED, 1, 2, 3)
            note(event_log.PERSON, 1, 2, 3)
            step(True, granted, granted, 0, 10)

    ticks(2000)
    gc.collect()
    tracemalloc.start(1)
    before = tracemalloc.take_snapshot()
    ticks(10_000)
    gc.collect()
    grown = tracemalloc.take_snapshot().compare_to(before, "filename")
    tracemalloc.stop()
    firmware = [s for s in grown if "/firmware/pump/" in s.traceback[0].filename]
    # CPython keeps an int object for each changing attribute; nothing else grows.
    assert sum(s.size_diff for s in firmware) < 512
