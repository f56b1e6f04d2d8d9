"""A simulated balance whose time passes only when somebody waits for it."""

from __future__ import annotations

import pytest

from hil_tests.flow.balance import Balance
from hil_tests.flow.simulated_balance import Pan, SimulatedBalance


class Clock:
    """Virtual seconds."""

    def __init__(self):
        self.t_s = 0.0

    def now(self) -> float:
        return self.t_s

    def sleep(self, seconds: float) -> None:
        self.t_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bench(clock):
    """``bench(pan, **more)`` gives (simulated balance, open reader)."""
    opened = []

    def start(pan: Pan | None = None, **more) -> tuple[SimulatedBalance, Balance]:
        simulated = SimulatedBalance(pan or Pan(lambda t_s: 100.0), clock.now, **more)
        opened.append(simulated)
        reader = Balance(simulated.port, now=clock.now, answer_s=0.4, settle_s=0.4)
        opened.insert(0, reader)
        return simulated, reader

    yield start
    for each in opened:
        each.close()
