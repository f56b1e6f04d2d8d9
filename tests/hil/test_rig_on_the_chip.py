"""The rig's firmware on genuine MicroPython, on an emulated RP2040: its PIO, its DMA, its line."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from emulator import image
from emulator.board import Board
from emulator.fork import in_fork
from emulator.link import EmulatedLink
from hil_tests.bench import channels
from hil_tests.bench.rig import Rig, RigRefused
from hil_tests.rig.deploy import files

UF2 = os.environ.get("TITRA_UF2", "")
pytestmark = [
    pytest.mark.emulator,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not Path(UF2).is_file(),
        reason="set TITRA_UF2 to the path of a MicroPython image (UF2) for the Pico",
    ),
]
# A look at the pins takes 0.32 us, a change twice that; then whole microseconds.
OFF_US = 1.7


class RigBoard:
    """A Pico with the rig on it; the pump's pins are driven from here."""

    def __init__(self):
        self.board = Board(UF2, image.build_files(files()))
        link = EmulatedLink(self.board)
        self.board.power_on()
        self.board.run(1.5)
        self.rig = Rig(link, 1)

    def drive(self, name: str, level: int) -> float:
        """Its time in us."""
        self.board.drive(channels.BIT[name], level)
        return self.board.clock.nanos / 1000


@pytest.fixture(scope="module")
def bed():
    return RigBoard()


def test_it_checks_itself_and_says_who_it_is(bed):
    about = in_fork(bed.rig.identify)
    assert about["version"] == channels.VERSION and about["self_check"] == "PASS"


def test_edges_have_their_times_to_the_microsecond(bed):
    """Against the emulator's own clock: pulses of 4 us, as STEP has them, and others."""

    def trial():
        rng = random.Random(1)
        watch = bed.rig.arm("STEP", "ENABLE")
        expected = []
        for _ in range(12):
            bed.board.run(rng.uniform(20e-6, 700e-6))
            expected.append(bed.drive("STEP", 1))
            bed.board.run(4e-6)
            expected.append(bed.drive("STEP", 0))
        bed.board.run(50e-6)
        expected.append(bed.drive("ENABLE", 1))
        bed.board.run(50e-6)
        bed.rig.read(watch)
        seen = [us for us, _ in watch.changes("STEP")] + watch.rising("ENABLE")
        return expected, seen

    expected, seen = in_fork(trial)
    assert len(seen) == len(expected) == 25
    # The rig's clock began when it booted: what counts is the time between edges.
    offsets = [s - e for s, e in zip(seen, expected, strict=True)]
    assert max(offsets) - min(offsets) <= OFF_US, offsets


def test_a_stimulus_comes_when_it_was_ordered(bed):
    def trial():
        watch = bed.rig.arm("DOOR")
        due_us = bed.rig.time_us() + 8000
        bed.rig.at(due_us, "DOOR", 1)
        bed.board.run(0.012)
        bed.rig.read(watch)
        return due_us, watch.rising("DOOR")

    due_us, (at_us,) = in_fork(trial)
    # Its time is the one that is sampled; that it is near the order is all that is asked.
    assert 0 <= at_us - due_us <= 1000


def test_what_it_cannot_do_is_refused(bed):
    for words in (("SET", "STEP", 1), ("SET", "NOBODY", 1), ("AT", 1, "DOOR", 1), ("WHAT",)):
        with pytest.raises(RigRefused):
            bed.rig.ask(*words)


def test_the_encoder_stands_in_for_a_shaft_that_turns_with_the_steps(bed):
    """An edge of the encoder for every second step with ENABLE high, none without."""

    def steps(n: int) -> int:
        changes = 0
        encoder = channels.BY_NAME["TURNS"].gpio
        level = bed.board.level(encoder)
        for _ in range(n):
            bed.drive("STEP", 1)
            bed.board.run(4e-6)
            bed.drive("STEP", 0)
            bed.board.run(20e-6)
            now = bed.board.level(encoder)
            changes += now != level
            level = now
        return changes

    def trial():
        bed.rig.rest()
        bed.drive("ENABLE", 0)
        off = steps(8)
        bed.drive("ENABLE", 1)
        return off, steps(40)

    assert in_fork(trial) == (0, 20)
