"""One thing goes wrong at one tick, for every tick around START, a rung change and the end."""

from collections.abc import Callable, Iterator

import pytest
from pump_bench import Bedside, program, steps_above
from what_if import WhatIfFailed, what_if

from pump.hal import pinout

CAP_UL_H = 120_000
ORDERED_STEPS = 70_400
TICKS = 60  # around each moment; the last 200 steps take 94 of them
SENSORS = (pinout.PRESSURE_DOWN, pinout.PRESSURE_UP)


def every_tick(bed: Bedside, line: bytes, ticks: int = TICKS) -> Iterator[int]:
    """Each tick around a moment in turn, with ``line`` sent after a few of them."""
    for tick in range(ticks):
        if tick == 5 and line:
            bed.board.usb.host_write(line)
        yield tick
        bed.board.run_tick()


def taken_on(bed: Bedside, seconds: float) -> Bedside:
    """Nobody says anything more, and nothing reads: the pump goes on."""
    bed.board.run_until(bed.board.now_us + int(seconds * 1_000_000))
    return bed


@pytest.mark.req("F34")
@pytest.mark.req("L7")
@pytest.mark.parametrize("fault", ["reset", "power-cut"])
def test_after_a_reset_at_any_tick_nothing_moves(moment, fault):
    bed, line = moment

    def reset() -> tuple[int, bool, str]:
        before = bed.board.step_edges
        bed.fault(fault)
        taken_on(bed, 3)
        return bed.board.step_edges - before, bed.is_enabled(), bed.state()

    for tick in every_tick(bed, line):
        assert what_if(reset) == (0, False, "IDLE"), tick


@pytest.mark.req("L3")
def test_stop_at_any_tick_stops(moment):
    bed, line = moment

    def stop() -> tuple[bool, bool, bool]:
        fed_us = bed.board.now_us
        bed.board.usb.host_write(b"\nSTOP\n")
        taken_on(bed, 2)
        moving = bed.board.last_edge_us - fed_us > 50_000
        return moving, bed.is_enabled(), bed.state() in ("READY", "STOPPED", "COMPLETE")

    for tick in every_tick(bed, line, 120):
        assert what_if(stop) == (False, False, True), tick


def for_one_reading(bed: Bedside, begin: Callable[[], None], end: Callable[[], None]) -> None:
    begin()
    bed.board.run_tick()
    end()


def stick(bed: Bedside, gpio: int, count: int | None) -> None:
    bed.board.stuck_counts[gpio] = count


@pytest.mark.req("F31")
@pytest.mark.req("F10")
@pytest.mark.parametrize("count", [0, 4095])
def test_one_pressure_reading_out_of_range_at_any_tick_changes_no_step(moment, count):
    """A reading that is none is not an alarm yet, and never more motion."""
    bed, line = moment

    def digest() -> tuple[int, int]:
        taken_on(bed, 2)
        return bed.board.edge_digest, bed.board.step_edges

    def failing(gpio: int) -> tuple[int, int]:
        for_one_reading(bed, lambda: stick(bed, gpio, count), lambda: stick(bed, gpio, None))
        return digest()

    for tick in every_tick(bed, line):
        if line and tick == 5:
            continue  # START and a bad reading in one tick: refused, see below
        well = what_if(digest)
        for gpio in SENSORS:
            assert what_if(lambda gpio=gpio: failing(gpio)) == well, (tick, gpio)


@pytest.mark.req("F31")
@pytest.mark.parametrize("gpio", SENSORS)
def test_a_start_in_the_tick_of_a_bad_reading_is_refused(started, gpio):
    seq = int(started.client.status()["last_seq"]) + 1
    from host_sim.client import frame

    started.board.usb.host_write(frame(f"{seq} START"))
    for_one_reading(started, lambda: stick(started, gpio, 0), lambda: stick(started, gpio, None))
    taken_on(started, 2)
    assert started.board.step_edges == 0
    assert not started.is_enabled()


@pytest.mark.req("F31")
@pytest.mark.req("L4")
@pytest.mark.parametrize("gpio", SENSORS)
def test_a_sensor_that_goes_at_any_tick_has_stopped_the_motor_100_ms_later(moment, gpio):
    bed, line = moment

    def gone() -> tuple[int, bool]:
        gone_us = bed.board.now_us
        stick(bed, gpio, 0)
        taken_on(bed, 2)
        return bed.board.last_edge_us - gone_us, bed.is_enabled()

    for tick in every_tick(bed, line):
        after_us, is_enabled = what_if(gone)
        assert after_us <= 100_000, tick
        assert not is_enabled, tick


@pytest.mark.req("F31")
@pytest.mark.req("L5")
def test_a_door_that_rattles_for_one_reading_at_any_tick_stops(moment):
    bed, line = moment

    def rattle() -> tuple[int, bool]:
        open_us = bed.board.now_us
        for_one_reading(bed, lambda: bed.board.open_door(True), lambda: bed.board.open_door(False))
        taken_on(bed, 2)
        return bed.board.last_edge_us - open_us, bed.is_enabled()

    for tick in every_tick(bed, line):
        was_enabled = bed.is_enabled()
        after_us, is_enabled = what_if(rattle)
        if was_enabled or tick >= 5:
            assert after_us <= 50_000, tick
            assert not is_enabled, tick


@pytest.mark.req("F31")
@pytest.mark.req("F29")
def test_one_reading_of_air_at_any_tick_changes_no_step(moment):
    bed, line = moment

    def digest() -> int:
        taken_on(bed, 2)
        return bed.board.edge_digest

    def blip() -> int:
        bed.board.levels[pinout.FLUID] = 0  # until the line is looked at again
        return digest()

    for tick in every_tick(bed, line):
        if not (line and tick == 5):
            assert what_if(blip) == what_if(digest), tick


@pytest.mark.req("L8")
@pytest.mark.req("F33")
@pytest.mark.parametrize("late_ms", [15, 400])
def test_a_late_tick_anywhere_delivers_no_more_than_was_ordered(moment, late_ms):
    bed, line = moment

    def late() -> tuple[int, int]:
        bed.fault("flash-stall", late_ms)
        taken_on(bed, 40)
        return bed.board.step_edges, bed.board.resets

    for tick in every_tick(bed, line, 30):
        steps, resets = what_if(late)
        assert steps <= ORDERED_STEPS, tick
        assert resets == 0


def test_a_copy_that_raises_is_a_failure_here(started):
    """What every test above rests on."""

    def broken() -> None:
        started.board.usb.readinto = None
        started.board.usb.host_write(b"x\n")
        taken_on(started, 1)

    with pytest.raises(WhatIfFailed, match="TypeError"):
        what_if(broken)


def test_what_a_copy_does_is_not_seen_here(started):
    before = started.board.now_us
    what_if(lambda: taken_on(started, 5) and None)
    assert started.board.now_us == before


# --- two at once ---------------------------------------------------------------------------

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
    "reset": 0,
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
}  # fmt: skip
# These hide each other: what would show the one is taken away by the other.
HIDDEN = {
    ("downstream-occlusion", "pressure-sensor-stuck"),
    ("downstream-occlusion", "free-flow"),
    ("upstream-occlusion", "free-flow"),
}


@pytest.mark.req("F36")
def test_of_two_faults_at_once_neither_keeps_the_other_from_stopping_the_pump():
    bed = Bedside(seed=3).start(program((CAP_UL_H, 600), ml=40)).listen(20)
    every = {**STOPPING, **OTHERS}

    def both(first: str, second: str) -> tuple[bool, bool]:
        bed.fault(first, every[first])
        bed.fault(second, every[second])
        taken_on(bed, 20)
        before = bed.board.step_edges
        taken_on(bed, 5)
        return bed.is_enabled(), bed.board.step_edges > before

    for first in STOPPING:
        for second in every:
            if second != first and not {(first, second), (second, first)} & HIDDEN:
                assert what_if(lambda a=first, b=second: both(a, b)) == (False, False), (
                    first,
                    second,
                )


@pytest.mark.req("F36")
@pytest.mark.req("L14")
def test_no_pair_of_faults_brings_a_burst():
    """A late tick may shift a step by less than one; nothing adds up to two."""
    bed = Bedside(seed=3).start(program((CAP_UL_H, 600), ml=40)).listen(20)
    every = {**STOPPING, **OTHERS}
    del every["free-flow"]

    def fullest(first: str, second: str) -> float:
        bed.fault(first, every[first])
        bed.fault(second, every[second])
        taken_on(bed, 10)
        return steps_above(bed.edges(), CAP_UL_H)

    names = sorted(every)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            assert what_if(lambda a=first, b=second: fullest(a, b)) < 1, (first, second)
