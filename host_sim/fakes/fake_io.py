"""`io` as far as the firmware uses it: files in the root of the flash file system."""

from __future__ import annotations

import errno
from io import BytesIO

from host_sim.fakes import hub


def open(name: str, mode: str) -> BytesIO:
    """A file of the board, to be read."""
    if mode != "rb":
        raise ValueError(f"mode {mode!r}")
    if name not in hub.board.files:
        raise OSError(errno.ENOENT, name)
    return BytesIO(hub.board.files[name])
