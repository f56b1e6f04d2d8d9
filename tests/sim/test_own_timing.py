"""STAMPS? and LOAD?: what the device says of its own timing, against its pins."""

import pytest
from pump_bench import Bedside, program

TICK_US = 10_000
BUSY_US = 1500


@pytest.fixture
def infusing() -> Bedside:
    bed = Bedside().start(program((120_000, 600), ml=4))
    bed.listen(3)
    return bed


def numbers(bed: Bedside, verb: str) -> list[int]:
    return [int(field) for field in bed.client.query(verb)]


@pytest.mark.req("L3")
def test_the_stamps_of_a_stop_are_those_of_the_tick_in_which_enable_fell(infusing):
    bed = infusing
    fell: list[int] = []
    bed.board.on_pin.append(
        lambda name, level: fell.append(bed.board.now_us) if name == "ENABLE" else None
    )
    bed.client.stop()
    bed.listen(0.1)
    tick, detected, decided, acted = numbers(bed, "STAMPS?")
    assert [acted] == fell
    assert tick <= detected <= decided <= acted < tick + TICK_US
    bed.listen(2)
    assert numbers(bed, "STAMPS?") == [tick, detected, decided, acted]


@pytest.mark.req("L24")
def test_the_load_is_that_of_the_ticks_since_it_was_asked(infusing):
    """The simulated processor takes no time but what is waited for in the tick."""
    bed = infusing
    numbers(bed, "LOAD?")
    bed.listen(1)
    ticks, mean_us, max_us, late_us = numbers(bed, "LOAD?")
    assert abs(ticks - 100) <= 3
    assert (mean_us, max_us, late_us) == (0, 0, 0)
    application = bed.board.application
    beat = application.guard.beat

    def slowly() -> None:
        bed.board.advance(BUSY_US)
        beat()

    application.guard.beat = slowly
    application.bind_parts()
    numbers(bed, "LOAD?")
    bed.listen(1)
    ticks, mean_us, max_us, _ = numbers(bed, "LOAD?")
    assert abs(ticks - 100) <= 3
    assert mean_us == pytest.approx(BUSY_US, rel=0.1)
    assert BUSY_US <= max_us < 2 * BUSY_US
