"""The bench of `tests/sim` serves this folder too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "sim"))

import pytest  # noqa: E402

from host_sim.fakes import hub  # noqa: E402


@pytest.fixture(autouse=True)
def no_crash():
    """An exception in the firmware is a reset to the board, and a failure here."""
    yield
    board = getattr(hub, "board", None)
    assert board is None or board.crashes == []
