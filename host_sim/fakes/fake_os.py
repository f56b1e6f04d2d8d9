"""`os` of MicroPython, as far as the firmware uses it, on the board's flash."""

from host_sim.fakes import hub


def rename(old: str, new: str) -> None:
    hub.board.flash.rename(old, new)


def remove(path: str) -> None:
    hub.board.flash.remove(path)


def listdir(path: str = "/") -> list[str]:
    return hub.board.flash.listdir(path)


def mkdir(path: str) -> None:
    hub.board.flash.mkdir(path)


def urandom(n: int) -> bytes:
    """From the board's seed, so that a run can be made again."""
    return hub.board.random.randbytes(n)


def dupterm(stream) -> None:
    hub.board.usb.second_terminal = stream
