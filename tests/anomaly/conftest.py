"""Fixtures of the tests in which something goes wrong at every tick or byte.

The bench of `tests/sim` serves this folder too.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "sim"))

from moments import LADDER, Moment, moment_of  # noqa: E402
from pump_bench import Bedside  # noqa: E402


@pytest.fixture(scope="session", params=["start", "rung change", "end"])
def moment(request) -> Moment:
    return moment_of(request.param)


@pytest.fixture
def before_start() -> Bedside:
    """READY; nobody has said START."""
    bed = Bedside(seed=3)
    bed.client.hello()
    bed.client.load(LADDER)
    return bed
