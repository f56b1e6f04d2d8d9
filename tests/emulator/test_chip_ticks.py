"""What a tick takes, when it begins, and what it leaves on the heap."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
from emulated_bench import IDLE, INFUSING, WRAP_S, Pump, distribution, figures

from emulator import tick_probe
from emulator.fork import in_fork, in_forks
from pump.hal import pinout

TICK_US = 10_000
JITTER_US = 2000
MEAN_US = 2000
MAX_US = 5000
WRAPS = 20


def _ticks(pump: Pump, seconds: float, state: int) -> dict:
    pump.probe.clear()
    pump.listen(seconds)
    begins = [
        begin / 1000 for begin, _, before, after in pump.probe.ticks if before == after == state
    ]
    jitter = [abs(later - earlier - TICK_US) for earlier, later in pairwise(begins)]
    return {"length_us": pump.lengths_us(state), "jitter_us": jitter}


@pytest.fixture(scope="module")
def infusing(pump):
    def trial():
        pump.at_rate(350_000)
        return _ticks(pump, 10.5, INFUSING)

    return in_fork(trial)


@pytest.fixture(scope="module")
def idle(pump):
    return in_fork(lambda: _ticks(pump, 3.0, IDLE))


@pytest.mark.req("L1")
def test_the_tick_begins_in_time(infusing):
    jitter = distribution(infusing["jitter_us"])
    figures("L1", limit="p99.9 at most 2 ms while INFUSING", jitter_us=jitter)
    assert jitter["n"] >= 1000
    assert jitter["p99.9"] <= JITTER_US


@pytest.mark.req("L24")
@pytest.mark.parametrize("state", ("IDLE", "INFUSING"))
def test_a_tick_leaves_the_processor_time(infusing, idle, state):
    length = distribution((infusing if state == "INFUSING" else idle)["length_us"])
    figures(f"L24-{state}", limit="mean 2 ms, max 5 ms", length_us=length)
    assert length["mean"] <= MEAN_US
    assert length["max"] <= MAX_US


@pytest.mark.req("L23")
def test_nothing_is_allocated_in_ticks_that_deliver(pump):
    """Telemetry and FRAM writes included."""

    def trial():
        pump.at_rate(350_000)
        pump.probe.command(tick_probe.COUNT_HEAP)
        pump.run(0.1)
        pump.probe.clear()
        pump.run(3.0)
        pump.probe.command(tick_probe.COUNT_HEAP)
        ticks = len(pump.probe.ticks)
        pump.run(0.1)
        return ticks, [value for _, value in pump.probe.marks]

    ticks, (before, _, after, _) = in_fork(trial)
    figures("L23", limit="0 bytes a tick", ticks=ticks, allocated=after - before)
    assert ticks >= 290
    assert after == before


def _wrap(pump: Pump, number: int) -> dict:
    """Through the wrap with its moment at another place of the tick."""
    pump.board.stall(number * TICK_US / WRAPS * 1000)
    pump.run(WRAP_S - 0.05 - pump.board.now_s)
    steps_at = pump.board.now_s
    pump.run(0.3)
    gaps = [later - earlier for earlier, later in pairwise(pump.steps(steps_at))]
    return {
        "longest_us": max(gaps) / 1000,
        "falls": len(pump.edges.falling(pinout.ENABLE, steps_at)),
        "state": pump.state(),
        "late_us": max(
            abs(b[0] - a[0] - TICK_US * 1000) / 1000 for a, b in pairwise(pump.probe.ticks[-30:])
        ),
    }


@pytest.mark.req("L1", "L20")
def test_the_microsecond_counter_wraps_while_infusing(pump):
    """Each wrap is a real one, at another moment of the tick."""

    def trials():
        pump.at_rate(350_000)
        pump.run(WRAP_S - 0.3 - pump.board.now_s)
        return in_forks([partial(_wrap, pump, i) for i in range(WRAPS)])

    rows = in_fork(trials)
    figures(
        "wraps",
        limit="no gap, no stop",
        wraps=len(rows),
        longest_gap_us=distribution([row["longest_us"] for row in rows]),
        late_us=distribution([row["late_us"] for row in rows]),
    )
    assert all(row["state"] == "INFUSING" and row["falls"] == 0 for row in rows)
    assert max(row["longest_us"] for row in rows) < 1.1 * 562_500_000 / 350_000
