"""Pumps shortly before something happens to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest
from pump_bench import Bedside, program
from what_if import what_if

from host_sim.client import frame

Answer = TypeVar("Answer")
# The moment comes about ten ticks from the beginning; the first step follows
# START after thirty.
NEAR = pytest.param(50, id="near")
FAR = pytest.param(400, id="far", marks=[pytest.mark.nightly, pytest.mark.timeout(900)])
around = pytest.mark.parametrize("ticks", [NEAR, FAR])
# Ten minutes on 60 mL/h, then a step up, and half a minute later the end.
LADDER = program((60_000, 600), (120_000, 600), ml=11)
ORDERED_STEPS = 70_400
LEAD_TICKS = 10


@dataclass(frozen=True)
class Moment:
    """A pump to which ``name`` happens some ticks from now, all by itself.

    Shared by the tests of a module: what they do with it, they do in copies.
    """

    name: str
    bed: Bedside


def moment_of(name: str) -> Moment:
    bed = Bedside(seed=3)
    bed.client.hello()
    bed.client.load(LADDER)
    verbs = ["START", "CONFIRM 1"]
    if name != "start":
        bed.client.request("START")
        bed.listen(650, until=lambda: bool(bed.questions()))
        del verbs[0]
    if name == "end":
        bed.client.request("CONFIRM", 1)
        bed.wait_for(lambda: bed.board.step_edges >= ORDERED_STEPS - 2 * LEAD_TICKS, 60)
        return Moment(name, bed)
    seq = int(bed.client.status()["last_seq"]) + 1
    bed.send_at(bed.board.now_us + LEAD_TICKS * 10_000 - 5000, frame(f"{seq} {verbs[0]}"))
    return Moment(name, bed)


def taken_on(bed: Bedside, seconds: float) -> Bedside:
    """Nobody says anything more, and nobody reads: the pump goes on."""
    bed.board.run_until(bed.board.now_us + int(seconds * 1_000_000))
    return bed


def at_every_tick(
    moment: Moment, ticks: int, question: Callable[[Bedside, int], Answer]
) -> list[tuple[int, Answer]]:
    """The answers to ``question``, put at each of the next ``ticks`` ticks."""

    def all_of_them() -> list[tuple[int, Answer]]:
        return list(one_by_one())

    def one_by_one() -> Iterator[tuple[int, Answer]]:
        bed = moment.bed
        for tick in range(ticks):
            yield tick, what_if(lambda tick=tick: question(bed, tick))
            bed.board.run_tick()

    return what_if(all_of_them)


def wrong(answers: list[tuple[int, Answer]], right: Callable[[Answer], bool]) -> list:
    """The ticks at which the answer was not right, and the answer."""
    return [(tick, answer) for tick, answer in answers if not right(answer)]
