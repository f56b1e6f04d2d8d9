"""The ring of records: head, chain, damage, wear."""

import binascii
import struct

import pytest
from storage_bench import StorageBoard, chain_holds, kinds, records

from pump.app import journal
from pump.core import event_log
from pump.core.crc import Crc16
from pump.core.event_log import EventLog, RamMemory

SLOTS = 64
EXTREMES = (-(1 << 30), -1, 0, 1, (1 << 30) - 1)


def log_of(memory: RamMemory, slots: int = SLOTS) -> EventLog:
    log = EventLog(memory, 0, slots, Crc16())
    assert log.scan()
    return log


def filled(n: int, slots: int = SLOTS) -> tuple[RamMemory, EventLog]:
    memory = RamMemory(slots * 24)
    log = log_of(memory, slots)
    for i in range(n):
        assert log.append(9800, i, event_log.PERSON, i % 7, i, -i)
        assert log.confirm()
    return memory, log


@pytest.mark.req("L19")
def test_there_is_room_for_a_thousand_records():
    board = StorageBoard()
    pump = board.boot()
    for i in range(2500):
        assert pump.log.append(9800, i, event_log.PERSON, 0, i, 0)
        assert pump.log.confirm()
    log = board.boot().log
    assert log.count == journal.LOG_SLOTS == 1320
    assert (log.first_seq, log.next_seq, log.broken_seq) == (2500 - 1320, 2500, -1)
    assert journal.LOG_BASE + journal.LOG_SLOTS * 24 == board.fram.SIZE


@pytest.mark.req("L19")
def test_a_record_is_what_the_table_of_bytes_says():
    """By hand, with the standard library's CRC."""
    memory, _ = filled(2)
    fields = struct.unpack_from("<IHIBBiiHH", memory.data, 24)
    first_crc = struct.unpack_from("<H", memory.data, 22)[0]
    body = bytes(memory.data[24:46])
    assert fields == (1, 9800, 1, 5, 1, 1, -1, first_crc, binascii.crc_hqx(body, 0xFFFF))


@pytest.mark.req("L19")
@pytest.mark.parametrize("a", EXTREMES)
def test_both_values_of_a_record_keep_what_small_integers_hold(a):
    _, log = filled(0)
    assert log.append(0, 0, event_log.STATE, 255, a, -1 - a) and log.confirm()
    assert log.fetch(0)
    assert (log.a, log.b, log.code, log.prev) == (a, -1 - a, 255, 0xFFFF)


@pytest.mark.req("L19")
@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 65, 127, 128, 129, 200])
def test_the_head_is_found_wherever_it_is(n):
    memory, log = filled(n)
    found = log_of(memory)
    for name in ("first_seq", "next_seq", "count", "broken_seq"):
        assert getattr(found, name) == getattr(log, name), name
    assert found.next_seq == n and found.count == min(n, SLOTS)
    assert found.append(1, 2, 3, 4, 5, 6) and found.confirm()
    again = log_of(memory)
    assert (again.next_seq, again.broken_seq) == (n + 1, -1)


@pytest.mark.req("L19")
@pytest.mark.parametrize("n", [40, 64, 100])
def test_every_flipped_bit_costs_one_record_and_is_found(n):
    memory, log = filled(n)
    for seq in range(log.first_seq, n):
        for bit in range(0, 192, 17):
            at = seq % SLOTS * 24 + bit // 8
            memory.data[at] ^= 1 << bit % 8
            found = log_of(memory)
            memory.data[at] ^= 1 << bit % 8
            assert found.count == min(n, SLOTS) - 1
            if seq == n - 1:
                # The newest cannot be told from one that was cut off.
                assert (found.next_seq, found.broken_seq) == (seq, -1)
            elif seq == log.first_seq and n >= SLOTS:
                # Nor the oldest from one that is half overwritten.
                assert (found.first_seq, found.broken_seq) == (seq + 1, -1)
            else:
                assert (found.next_seq, found.broken_seq) == (n, seq)


@pytest.mark.req("L19")
def test_a_record_put_in_the_place_of_another_breaks_the_chain():
    """Valid by its own checksum, but not what followed."""
    memory, _ = filled(40)
    other, _ = filled(20)
    forged = log_of(other)
    assert forged.append(1, 1, event_log.LOGIN, 3, 0, 0) and forged.confirm()
    memory.data[20 * 24 : 21 * 24] = other.data[20 * 24 : 21 * 24]
    assert log_of(memory).broken_seq == 21


@pytest.mark.req("L19")
def test_what_was_not_read_back_is_not_part_of_the_log():
    memory, log = filled(5)
    assert log.append(0, 0, event_log.BOOT, 0, 0, 0)
    memory.data[5 * 24 + 13] ^= 4
    assert not log.confirm()
    assert log.next_seq == 5
    assert log.append(0, 0, event_log.BOOT, 0, 0, 0) and log.confirm()
    assert log_of(memory).count == 6


@pytest.mark.req("L19")
@pytest.mark.parametrize("byte", [0x00, 0xFF, 0xA5])
def test_a_new_part_holds_no_records(byte):
    memory = RamMemory(SLOTS * 24)
    memory.data[:] = bytes([byte]) * len(memory.data)
    log = log_of(memory)
    assert (log.first_seq, log.next_seq, log.count, log.broken_seq) == (0, 0, 0, -1)


@pytest.mark.req("L19")
def test_a_damaged_record_is_forgotten_when_it_is_overwritten():
    memory, _ = filled(64)
    memory.data[10 * 24] ^= 1
    log = log_of(memory)
    assert log.broken_seq == 10
    for i in range(11):
        assert log.append(0, i, 0, 0, 0, 0) and log.confirm()
    assert (log.broken_seq, log.count) == (-1, 64)
    again = log_of(memory)
    assert (again.broken_seq, again.count) == (-1, 64)


@pytest.mark.req("L19")
def test_records_are_written_in_the_order_in_which_they_were_noted():
    board = StorageBoard()
    pump = board.boot()
    for i in range(6):
        pump.note(event_log.PERSON if i % 2 else event_log.ALARM_RAISED, i, 0, 0)
    for _ in range(40):
        pump.step(False, 0, 0, 0, 10)
    assert kinds(pump) == ["STORAGE"] + ["ALARM_RAISED", "PERSON"] * 3
    assert chain_holds(records(pump))


@pytest.mark.req("L19")
def test_records_carry_the_date_and_go_on_past_midnight():
    board = StorageBoard()
    pump = board.boot()
    assert pump.set_date(9810, 86_399, 3)
    for _ in range(300):
        pump.step(False, 0, 0, 0, 10)
    pump.note(event_log.BOOT, 0, 0, 0)
    for _ in range(10):
        pump.step(False, 0, 0, 0, 10)
    found = {event_log.LOG_KINDS[record["kind"]][0]: record for record in records(pump)}
    assert (found["DATE_SET"]["day"], found["DATE_SET"]["a"]) == (9800, 9800)
    assert (found["BOOT"]["day"], found["BOOT"]["ms"]) == (9811, 2000)


def test_every_kind_has_its_name_and_its_number():
    names = [row[event_log.COL_NAME] for row in event_log.LOG_KINDS]
    assert len(names) == len(set(names)) == event_log.N_KINDS
    assert [getattr(event_log, name) for name in names] == list(range(len(names)))
