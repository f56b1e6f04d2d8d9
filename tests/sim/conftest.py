"""Fixtures of the tests that run the firmware on the simulated board."""

import pytest
from pump_bench import Bedside

from host_sim.fakes import hub


@pytest.fixture
def bed() -> Bedside:
    """A board that has just been switched on, with a host beside it."""
    return Bedside()


@pytest.fixture(autouse=True)
def no_crash():
    """An exception in the firmware is a reset to the board, and a failure here."""
    yield
    board = getattr(hub, "board", None)
    assert board is None or board.crashes == []
