"""The bench of `tests/sim` and the copies of `tests/anomaly` serve this folder too."""

import sys
from pathlib import Path

import pytest

for folder in ("sim", "anomaly", "faults"):
    sys.path.insert(0, str(Path(__file__).parent.parent / folder))

from board_watch import no_crash  # noqa: E402, F401  (a fixture)
from pump_bench import Bedside  # noqa: E402


@pytest.fixture
def bed() -> Bedside:
    """A board that has just been switched on, with a host beside it."""
    return Bedside()
