"""`io` as far as the flash store uses it: files of the board's own flash."""

from host_sim.fakes import hub


def open(path: str, mode: str = "r"):
    return hub.board.flash.open(path, mode)
