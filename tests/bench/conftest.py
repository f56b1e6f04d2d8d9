"""Boards on a bench: bare, or with jumpers."""

from __future__ import annotations

import pytest
from bare_bench import BareBench

from host_sim.bare_board import BENCH_JUMPERS


@pytest.fixture
def bare() -> BareBench:
    """A Pico with the firmware and nothing else."""
    return BareBench()


@pytest.fixture
def bench() -> BareBench:
    """The bench configuration of ``docs/bench.md``."""
    return BareBench(jumpers=BENCH_JUMPERS, is_bench=True)
