"""Two faults at once: all pairs of those that a bench can inject."""

from bisect import bisect_left
from itertools import combinations

import pytest
from pump_bench import Bedside, program, steps_above
from what_if import what_if

# One fixture answers for all pairs.
pytestmark = pytest.mark.timeout(400)
CAP_UL_H = 120_000
# A fault of the first kind stops the pump within ten seconds.
STOPPING = {
    "downstream-occlusion": 0,
    "upstream-occlusion": 0,
    "air-bubble": 60,
    "door-open": 0,
    "bag-empty": 0,
    "motor-stall": 0,
    "pressure-sensor-absent": 0,
    "encoder-dead": 0,
    "cpu-hang": 0,
    "cpu-hang-irq-off": 0,
    "reset": 0,
    "power-cut": 0,
    "brown-out": 0,
    "enable-stuck-low": 0,
}
OTHERS = {
    "free-flow": 0,
    "pressure-sensor-stuck": 0,
    "link-silent": 0,
    "host-stops-reading": 0,
    "no-confirmation": 0,
    "sounder-dead": 0,
    "flash-stall": 400,
    "clock-jump": 300,
    "clock-drift": 1,
    "usb-stall": 0,
    "half-frame": 0,
    "second-client": 0,
    "motor-missed-steps": 0,
    "pressure-sensor-late": 500,
    "air-sensor-stuck": 0,
    "timer-dead": 0,
}
EVERY = {**STOPPING, **OTHERS}
# What stands in the drip chamber and the tube of an empty bag: 3 mL at 120 mL/h.
COLUMN_S = 90
# No pressure rises behind a clamp in a line that has slipped out of the mechanism: it
# shows only in that no drop falls any more.
NO_DROP_S = 30
OCCLUSIONS = {"downstream-occlusion", "upstream-occlusion"}


@pytest.fixture(scope="module")
def infusing() -> Bedside:
    return Bedside(seed=3).start(program((CAP_UL_H, 600), ml=40)).listen(15)


def let(bed: Bedside, seconds: float, *faults: str) -> None:
    if "bag-empty" in faults:
        seconds += COLUMN_S
    if "free-flow" in faults and OCCLUSIONS & set(faults):
        seconds += NO_DROP_S
    for fault in faults:
        bed.fault(fault, EVERY[fault])
    bed.board.run_until(bed.board.now_us + int(seconds * 1_000_000))


@pytest.mark.req("F36")
@pytest.mark.parametrize("fault", STOPPING)
def test_each_of_the_stopping_faults_alone_stops_the_pump(infusing, fault):
    def alone() -> bool:
        let(infusing, 10, fault)
        return infusing.is_enabled()

    assert not what_if(alone)


def together(bed: Bedside, first: str, second: str) -> tuple[bool, float]:
    """Whether the pump still delivers after both, and by how many steps its
    fullest window was above the cap."""
    bed.board.edge_log.clear()
    let(bed, 10, first, second)
    before = bed.board.step_edges
    let(bed, 1)
    delivers = bed.is_enabled() or bed.board.step_edges > before
    return delivers, steps_above(turning(bed), CAP_UL_H)


def turning(bed: Bedside) -> list[int]:
    """Edges that turn the motor forward: not those of the self-test after a reset,
    with the driver off, nor those that relieve an occlusion."""
    enabled = [(pin.us, pin.level) for pin in bed.changes("ENABLE")]
    forward = [(0, 1), *((pin.us, pin.level) for pin in bed.changes("DIRECTION"))]

    def level(changes: list[tuple[int, int]], us: int) -> int:
        before = bisect_left(changes, (us, 0))
        return changes[before - 1][1] if before else 0

    return [us for us in bed.edges() if level(enabled, us) and level(forward, us)]


@pytest.fixture(scope="module")
def answers(infusing) -> dict[tuple[str, str], tuple[bool, float]]:
    return {
        pair: what_if(lambda pair=pair: together(infusing, *pair))
        for pair in combinations(sorted(EVERY), 2)
    }


@pytest.mark.req("F36")
def test_of_two_faults_neither_keeps_the_other_from_stopping_the_pump(answers):
    delivering = [frozenset(pair) for pair, (delivers, _) in answers.items() if delivers]
    assert [set(pair) for pair in delivering if pair & set(STOPPING)] == []


@pytest.mark.req("F36")
@pytest.mark.req("L14")
def test_no_pair_of_faults_brings_a_burst(answers):
    """A step may come early by less than one period; nothing adds up to two."""
    assert {pair: above for pair, (_, above) in answers.items() if above >= 1} == {}
