"""Single bits that flip in RAM and in flash.

RAM is reached through the objects of the firmware that runs on the simulated
board: an integer of them is a cell, and nothing is called.
"""

from __future__ import annotations

from array import array
from random import Random

from host_sim.board import Board

# What a dose hangs on.
CRITICAL_PARTS = ("rx", "ramp", "titration", "volume", "interlock")
# A small integer has 31; the sign is left out, since no cell holds it apart.
BITS = 30


def critical_cells(controller: object) -> list[tuple[str, object, str | int]]:
    """(name, owner, attribute or index) of every integer of ``CRITICAL_PARTS``, by name."""
    cells: list[tuple[str, object, str | int]] = []
    for part_name in CRITICAL_PARTS:
        part = getattr(controller, part_name)
        for attribute, value in sorted(vars(part).items()):
            name = f"{part_name}.{attribute}"
            if type(value) is int:
                cells.append((name, part, attribute))
            elif isinstance(value, list | array | bytearray):
                cells += [
                    (f"{name}[{i}]", value, i) for i, item in enumerate(value) if type(item) is int
                ]
    return cells


def flip_ram(board: Board, number: int | None) -> str:
    """Flip bit ``number % 30`` of cell ``number // 30``, round and round the list; by
    the board's seed if ``None``.  Says which it was."""
    if board.application is None:
        return "bit-flip: no program runs, nothing to flip"
    cells = critical_cells(board.application.controller)
    if number is None:
        number = Random(board.seed ^ board.now_us).randrange(len(cells) * BITS)
    cell, bit = divmod(number % (len(cells) * BITS), BITS)
    name, owner, where = cells[cell]
    if isinstance(owner, array):
        bit %= owner.itemsize * 8 - 1
    elif isinstance(owner, bytearray):
        bit %= 8
    before = getattr(owner, where) if isinstance(where, str) else owner[where]
    after = before ^ 1 << bit
    if isinstance(where, str):
        setattr(owner, where, after)
    else:
        owner[where] = after
    return f"bit-flip: {name} bit {bit}: {before} becomes {after}"


def flip_flash(board: Board) -> str:
    """Flip a bit of a firmware file, by the board's seed.  Says which it was.

    ``board.flash.files`` is a dict of path to bytearray.
    """
    files = getattr(board.flash, "files", None)
    if not files:
        return "flash-bit-flip: no simulated flash with firmware files, nothing to flip"
    rng = Random(board.seed ^ board.now_us)
    path = rng.choice(sorted(files))
    data = files[path]
    if not data:
        return f"flash-bit-flip: {path} is empty, nothing to flip"
    at, bit = rng.randrange(len(data)), rng.randrange(8)
    data[at] ^= 1 << bit
    return f"flash-bit-flip: {path} byte {at} bit {bit}"
