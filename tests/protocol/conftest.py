"""The bench of `tests/sim` serves this folder too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "sim"))

import pytest  # noqa: E402
from wire import Wire  # noqa: E402


@pytest.fixture
def wire() -> Wire:
    """A board that has booted and said so."""
    wire = Wire()
    wire.listen(50)
    return wire
