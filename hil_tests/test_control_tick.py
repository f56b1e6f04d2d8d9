"""The control tick: when it comes, and what it takes of the processor."""

from __future__ import annotations

import pytest

from hil_tests.bench import dut
from hil_tests.bench.bench import Trial, order
from hil_tests.promised import JITTER_MS, TICK_MAX_MS, TICK_MEAN_MS, TICK_MS

# The air detector's emitter is switched off for one tick of each second.
WATCHED_S = {"sim": 600, "emulator": 4, "serial": 60}
# Of many times each may be shorter: together they are longer.
WATCHED_EACH_TIME_S = 60
pytestmark = [pytest.mark.timing]


@pytest.mark.req("L1")
@pytest.mark.needs_rig
def test_the_tick_comes_in_time_as_the_pins_show(bench, record):
    """AIR_PROBE changes in two ticks that follow each other, once a second: how far each
    interval is from whole ticks."""

    def trial(trial: Trial) -> list[int]:
        bench = trial.bench
        watch = bench.rig.arm("AIR_PROBE")
        left = WATCHED_S[bench.dut.kind]
        if bench.times > 1:
            left = min(left, WATCHED_EACH_TIME_S)
        while left > 0:
            bench.wait(min(10, left))
            bench.rig.read(watch)
            left -= 10
        return [us for us, _ in watch.changes("AIR_PROBE")]

    (edges,) = bench.trials(1, trial, order(60_000))
    gaps = [later - sooner for sooner, later in zip(edges, edges[1:], strict=False)]
    assert gaps, "AIR_PROBE stood still"
    tick_us = TICK_MS * 1000
    values = [abs(gap - tick_us * max(1, round(gap / tick_us))) / 1000 for gap in gaps]
    record(limit="L1", name="tick against its grid, at AIR_PROBE", bound=JITTER_MS, values=values)
    # A grid that is another one is no jitter, and as wrong: every other edge, a second apart.
    alike = edges[::2]
    seconds = len(alike) - 1
    assert abs(alike[-1] - alike[0] - seconds * 100 * tick_us) <= JITTER_MS * 1000
    assert min(gaps) > tick_us - JITTER_MS * 1000


@pytest.mark.req("L1", "L24")
@pytest.mark.needs(dut.PROCESSOR_TIME)
def test_the_tick_fits_the_processor(bench, record):
    """By the device's own clock over 60 s: also on a bare board."""
    assert "LOAD?" in bench.verbs  # promised by the protocol
    seconds = 60 if bench.dut.kind == "serial" else 6

    def trial(trial: Trial) -> list[int]:
        bench = trial.bench
        bench.client.query("LOAD?")  # begins a new count
        bench.wait(seconds)
        return [int(field) for field in bench.client.query("LOAD?")[:4]]

    (row,) = bench.trials(1, trial, order(60_000) if bench.has_rig else None)
    ticks, mean_us, max_us, jitter_us = row
    assert ticks >= 0.99 * seconds * 1000 / TICK_MS
    # The maximum of all of them is above their 99.9th percentile.
    record(
        limit="L1",
        name=f"jitter, worst of {ticks} ticks by device time",
        bound=JITTER_MS,
        values=[jitter_us / 1000],
        uncertainty=0.002,
    )
    record(
        limit="L24",
        name="tick, mean",
        bound=TICK_MEAN_MS,
        values=[mean_us / 1000],
        uncertainty=0.001,
    )
    record(
        limit="L24",
        name="tick, longest",
        bound=TICK_MAX_MS,
        values=[max_us / 1000],
        uncertainty=0.002,
    )
