"""Single bits that flip in RAM and in flash.

RAM is reached through the objects of the firmware that runs on the simulated
board: an integer of them is a cell, and nothing is called.
"""

from __future__ import annotations

from array import array
from random import Random
from typing import Any

from host_sim.board import Board
from host_sim.flash import Chip, Flash
from host_sim.power import Supply
from host_sim.shipped import firmware_files

# What a dose hangs on.
CRITICAL_PARTS = ("rx", "ramp", "titration", "volume", "interlock")
# A small integer has 31; the sign is left out, since no cell holds it apart.
BITS = 30
# Bytes of a file that are looked for on the chip.
# littlefs keeps files of up to an eighth of a block in the directory.
_INLINED_MOST = 512
_LOOKED_FOR = 24


def critical_cells(controller: object) -> list[tuple[str, Any, str | int]]:
    """(name, owner, attribute or index) of every integer of ``CRITICAL_PARTS``, by name."""
    cells: list[tuple[str, Any, str | int]] = []
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
    """Flip a bit of a firmware file on the flash chip, by the board's seed.  Says
    which it was.

    Whatever littlefs has of it in its cache stays as it was.
    """
    rng = Random(board.seed ^ board.now_us)
    # A small file lies in its directory's block, which littlefs checks and has twice: it
    # heals that one by itself.
    paths = [
        path
        for path in firmware_files()
        if len(_content(board.flash.chip.blocks, path) or b"") > _INLINED_MOST
    ]
    said = "flash-bit-flip: no file of the firmware can be read, nothing to flip"
    # A byte whose surroundings lie on two blocks is not found: another one then.
    flipped = ""
    while paths and not flipped:
        flipped = _flip_in(board.flash.chip, rng, rng.choice(paths))
    return flipped or said


def _flip_in(chip: Chip, rng: Random, path: str) -> str:
    """Flip a bit of ``path``; what was flipped, or nothing if it was not found."""
    data = _content(chip.blocks, path) or b""
    at, bit = rng.randrange(len(data)), rng.randrange(8)
    first = max(0, min(at, len(data) - _LOOKED_FOR))
    piece = data[first : first + _LOOKED_FOR]
    for number, block in enumerate(chip.blocks):
        where = block.find(piece)
        while where >= 0:
            # Older copies may lie about: it is this one if the file changes with it.
            flipped = bytearray(block)
            flipped[where + at - first] ^= 1 << bit
            blocks = [*chip.blocks[:number], bytes(flipped), *chip.blocks[number + 1 :]]
            if _content(blocks, path) != data:
                chip.blocks[number] = bytes(flipped)
                return f"flash-bit-flip: {path} byte {at} bit {bit}, in block {number}"
            where = block.find(piece, where + 1)
    return ""


def _content(blocks: list[bytes], path: str) -> bytes | None:
    """What a file holds, read from a copy of the chip; ``None`` if it cannot be."""
    try:
        with Flash(Supply(), tuple(blocks)).open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
