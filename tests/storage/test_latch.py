"""The mark of a severe reaction in flash, and the power that goes while it is
written.  (M12)"""

import pytest
from storage_bench import Infusion, StorageBoard

from host_sim.power import PowerCut


def infusing() -> Infusion:
    infusion = Infusion(StorageBoard())
    assert infusion.start(1)
    infusion.run(60, 21)
    return infusion


def total_bytes(write) -> int:
    infusion = infusing()
    before = infusion.board.supply.written
    assert write(infusion.journal)
    return infusion.board.supply.written - before


def cut_at(n: int, write, infusion: Infusion):
    """The journal of the boot after the power went at byte ``n`` of ``write``, and
    whether ``write`` had said that it was stored."""
    infusion.board.supply.cut_after(n)
    try:
        stored = write(infusion.journal)
    except PowerCut:
        stored = False
    return infusion.board.boot(), stored


@pytest.mark.req("M12", "F27")
def test_the_power_may_go_at_every_byte_of_storing_it():
    total = total_bytes(lambda journal: journal.store_latch())
    found = []
    for n in range(total + 2):
        journal, stored = cut_at(n, lambda journal: journal.store_latch(), infusing())
        assert journal.is_latched or not stored, n
        assert journal.interrupted, "the session is open in either case"
        found.append(journal.is_latched)
    print(f"{total} bytes: {found.count(False)} cuts before it is known")
    assert found[-1] and not found[0]
    # Once it is there, it stays there.
    assert found == sorted(found)


@pytest.mark.req("M12", "F27")
def test_the_power_may_go_at_every_byte_of_removing_it():
    """Released only if the whole of it was written."""

    def latched() -> Infusion:
        infusion = infusing()
        assert infusion.journal.store_latch()
        assert infusion.end()
        return infusion

    infusion = latched()
    before = infusion.board.supply.written
    assert infusion.journal.remove_latch()
    total = infusion.board.supply.written - before
    found = []
    for n in range(total + 2):
        journal, stored = cut_at(n, lambda journal: journal.remove_latch(), latched())
        assert not journal.is_latched or not stored, n
        found.append(journal.is_latched)
    assert found[0] and not found[-1]
    assert found == sorted(found, reverse=True)


@pytest.mark.req("M12")
@pytest.mark.parametrize(
    "content", [b"", b"\xa5", b"\xa5" * 8, b"\x00" * 7, b"\xff" * 7, b"\x5a" * 7]
)
def test_whatever_does_not_say_released_latches(content):
    board = StorageBoard()
    journal = board.boot()
    assert not journal.is_latched
    assert journal._flash.write("severe", content, len(content))
    assert board.boot().is_latched


@pytest.mark.req("M12")
@pytest.mark.parametrize("at", range(9))
def test_a_flipped_bit_of_the_mark_latches(at):
    board = StorageBoard()
    journal = board.boot()
    assert journal.store_latch() and journal.remove_latch()
    assert not board.boot().is_latched
    with board.flash.open("/severe", "rb") as file:
        data = bytearray(file.read())
    data[at] ^= 4
    with board.flash.open("/severe", "wb") as file:
        file.write(bytes(data))
    assert board.boot().is_latched


@pytest.mark.req("M12")
def test_storing_it_again_writes_nothing():
    infusion = infusing()
    assert infusion.journal.store_latch()
    before = infusion.board.supply.written
    assert infusion.journal.store_latch()
    assert infusion.board.supply.written == before
