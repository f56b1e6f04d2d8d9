"""For the folders whose boards must not crash: import ``no_crash`` into the conftest."""

import pytest

from host_sim.fakes import hub


def _crashes() -> tuple[object, int]:
    board = getattr(hub, "board", None)
    return board, len(getattr(board, "crashes", ()))


@pytest.fixture(autouse=True)
def no_crash():
    """An exception in the firmware is a reset to the board, and a failure here."""
    board_before, crashes_before = _crashes()
    yield
    board, crashes = _crashes()
    if board is board_before:
        crashes -= crashes_before
    assert crashes == 0, board.crashes
