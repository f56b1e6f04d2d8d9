"""`gc` on the host: CPython's own collector is not the board's, and costs time."""


def collect() -> None:
    """The simulated board's heap is never full."""
