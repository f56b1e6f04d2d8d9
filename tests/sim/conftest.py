"""Fixtures of the tests that run the firmware on the simulated board."""

import pytest
from board_watch import no_crash  # noqa: E402, F401
from pump_bench import Bedside


@pytest.fixture
def bed() -> Bedside:
    """A board that has just been switched on, with a host beside it."""
    return Bedside()
