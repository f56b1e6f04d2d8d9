"""`os` as far as the firmware uses it."""

from host_sim.fakes import hub


def urandom(n: int) -> bytes:
    """From the board's seed, so that a run can be made again."""
    return hub.board.random.randbytes(n)
