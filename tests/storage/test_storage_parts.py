"""The hardware layer of the storage over parts that behave: bus, FRAM, clock, flash."""

from datetime import date

import pytest
from storage_bench import (
    Infusion,
    StorageBoard,
    bus_module,
    clock_module,
    flash_module,
    fram_module,
)

from host_sim import fakes
from host_sim.i2c_devices import CLOCK_ADDRESS, FRAM_ADDRESS
from host_sim.power import PowerCut
from pump.hal import pinout

PIECE = bytes(range(24))


@pytest.fixture
def board() -> StorageBoard:
    board = StorageBoard()
    fakes.hub.board = board
    return board


def fram_of(board: StorageBoard):
    fakes.hub.board = board
    return fram_module.Fram(bus_module.open_bus())


# --- the bus ------------------------------------------------------------------------------


def test_both_parts_are_on_the_bus(board):
    assert bus_module.open_bus().scan() == [FRAM_ADDRESS, CLOCK_ADDRESS]


def test_a_part_that_holds_the_bus_is_clocked_free():
    """Nine pulses, only when SDA is low."""
    board = StorageBoard()
    fakes.hub.board = board
    bus_module.open_bus()
    assert [change for change in board.pin_changes if change[0] == pinout.SCL] == []
    board.driven_inputs.add(pinout.SDA)
    board.levels[pinout.SDA] = 0
    bus_module.open_bus()
    assert board.pin_changes.count((pinout.SCL, 0)) == 9


# --- FRAM -----------------------------------------------------------------------------------


@pytest.mark.req("L19")
@pytest.mark.parametrize("address", [0, 1, 0xFF, 0x100, 0x7FE8])
def test_the_fram_keeps_what_is_written_through_resets(board, address):
    assert fram_of(board).write(address, PIECE, 24)
    assert board.fram.memory[address : address + 24] == PIECE
    found = bytearray(24)
    assert fram_of(board).read(address, found, 24)
    assert found == PIECE
    assert sum(byte != 0 for byte in board.fram.memory) == 23, "and nothing else"


@pytest.mark.req("L19")
@pytest.mark.parametrize("n", range(25))
def test_a_power_cut_within_a_write_leaves_the_bytes_before_it(board, n):
    fram = fram_of(board)
    board.supply.cut_after(n)
    if n < 24:
        with pytest.raises(PowerCut):
            fram.write(0x40, PIECE, 24)
        with pytest.raises(PowerCut):
            fram.read(0, bytearray(1), 1)
    else:
        assert fram.write(0x40, PIECE, 24)
    assert board.fram.memory[0x40 : 0x40 + 24] == PIECE[:n] + bytes(24 - n)


@pytest.mark.req("L19")
@pytest.mark.parametrize("fault", ["absent", "deaf", "deaf within"])
def test_a_fram_that_does_not_answer_is_a_false_and_never_raises(board, fault):
    fram = fram_of(board)
    assert fram.fitted
    if fault == "absent":
        board.fram.is_present = False
    elif fault == "deaf":
        board.fram.is_deaf = True
    else:
        board.fram.deaf_after = 5
    assert fram.write(0, PIECE, 24) is False
    if fault != "deaf within":
        assert fram.read(0, bytearray(24), 24) is False
        assert not fram_of(board).fitted


# --- clock chip ---------------------------------------------------------------------------------


def clock_of(board: StorageBoard):
    return clock_module.ClockChip(bus_module.open_bus())


@pytest.mark.req("L20")
def test_every_day_of_the_century_is_set_and_read_back(board):
    clock = clock_of(board)
    first = date(2000, 1, 1)
    for day in [*range(1, 1500), *range(1500, 36_525, 13), 36_524]:
        assert clock.set_date(day, day * 7919 % 86_400)
        assert (clock.day, clock.second) == (day, day * 7919 % 86_400)
        assert board.clock.seconds() == day * 86_400 + clock.second
    assert (date(2099, 12, 31) - first).days == 36_524
    assert not clock.set_date(36_525, 0) and not clock.set_date(0, 0)
    assert not clock.set_date(1, 86_400)


@pytest.mark.req("L20")
def test_the_date_runs_on_while_the_board_is_off(board):
    clock = clock_of(board)
    assert clock.set_date(9800, 86_390)
    board.advance(25_000_000)
    clock = clock_of(board)
    assert clock.fitted and clock.read()
    assert (clock.day, clock.second) == (9801, 15)


@pytest.mark.req("L20")
def test_a_clock_that_stood_still_has_no_date_until_it_is_set(board):
    board.clock.lose_battery()
    clock = clock_of(board)
    assert clock.fitted and not clock.read() and not clock.valid
    assert clock.set_date(9800, 0)
    assert clock_of(board).read()


@pytest.mark.req("L20")
@pytest.mark.parametrize("register", range(7))
def test_registers_that_are_no_date_are_none(board, register):
    """0xFF in any of them but the weekday, which nobody reads."""
    clock = clock_of(board)
    time = board.clock._time()
    wrong = time[:register] + b"\xff" + time[register + 1 :]
    board.clock._time = lambda: wrong
    assert clock.read() == (register == 3)


@pytest.mark.req("L20")
def test_the_square_wave_is_off_until_it_is_started(board):
    assert not board.clock.has_square_wave
    assert clock_of(board).start_square_wave()
    assert board.clock.has_square_wave


@pytest.mark.req("L20")
def test_an_absent_clock_is_a_false_and_never_raises(board):
    board.clock.is_present = False
    clock = clock_of(board)
    assert not clock.fitted
    assert not clock.read() and not clock.set_date(9800, 0) and not clock.start_square_wave()


# --- flash ----------------------------------------------------------------------------------------


@pytest.mark.req("L19")
def test_a_record_in_flash_is_read_back_after_a_reset(board):
    store = flash_module.FlashStore()
    into = bytearray(64)
    assert store.read("key", into) == flash_module.MISSING
    for n in (0, 1, 14, 64):
        assert store.write("key", PIECE * 3, n)
        board.flash.power_on()
        assert flash_module.FlashStore().read("key", into) == n
        assert into[:n] == (PIECE * 3)[:n]
    assert store.read("key", bytearray(63)) == flash_module.DAMAGED, "does not fit"
    assert board.flash.listdir() == ["key"]


@pytest.mark.req("L19")
def test_a_flipped_bit_of_a_record_in_flash_is_found(board):
    store = flash_module.FlashStore()
    for bit in range(16 * 8):
        data = bytearray(PIECE[:14])
        assert store.write("key", data, 14)
        with board.flash.open("/key", "rb") as file:
            stored = bytearray(file.read())
        stored[bit // 8] ^= 1 << bit % 8
        with board.flash.open("/key", "wb") as file:
            file.write(stored)
        assert store.read("key", bytearray(14)) == flash_module.DAMAGED


@pytest.mark.req("L19")
@pytest.mark.parametrize("size", [14, 1536])
def test_a_power_cut_at_any_byte_of_a_write_to_flash_keeps_the_old_or_the_new(size):
    """As small as the marker, as large as the archive; erases among them."""
    old, new = bytes([1]) * size, bytes([2]) * size
    board = StorageBoard()
    fakes.hub.board = board
    store = flash_module.FlashStore()
    for _ in range(4):
        assert store.write("record", old, size)
    blocks = list(board.flash.chip.blocks)
    written = board.supply.written
    assert store.write("record", new, size)
    total = board.supply.written - written
    assert total > 700
    seen = set()
    for n in range(0, total + 1, 1 if size < 100 else 7):
        board = StorageBoard()
        fakes.hub.board = board
        board.flash.chip.blocks = list(blocks)
        board.supply.cut_after(n)
        if n < total:
            with pytest.raises(PowerCut):
                flash_module.FlashStore().write("record", new, size)
        board.supply.restore()
        board.flash.power_on()
        into = bytearray(size)
        assert flash_module.FlashStore().read("record", into) == size
        assert into in (old, new)
        seen.add(bytes(into))
    assert len(seen) == 2


@pytest.mark.req("L23")
def test_the_wear_of_flash_is_what_the_documents_say():
    """Per session 6 pages and not quite 0.6 erases, moved on every 100 erases."""
    board = StorageBoard()
    infusion = Infusion(board)
    for session in range(1, 501):
        assert infusion.start(session) and infusion.end()
        infusion.settle()
    chip = board.flash.chip
    assert 0.5 < sum(chip.erases) / 500 < 0.6
    assert max(chip.erases) <= 101
    assert 6 * 256 <= chip.programmed / 500 < 6.1 * 256


def test_a_new_board_does_not_format_its_flash_anew():
    """The formatted image is made once; a new board copies a list of blocks."""
    from host_sim.flash import _formatted

    first, second = StorageBoard(), StorageBoard()
    assert first.flash.chip.blocks[100] is second.flash.chip.blocks[100]
    assert _formatted() is _formatted()
