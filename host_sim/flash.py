"""The board's flash chip with a real littlefs on it.

Programming clears bits and erasing sets a whole block of them, as on the chip;
the geometry is that of MicroPython on a Pico.  A power cut leaves the bytes
that were programmed before it, and an erase cut short leaves a block that is
neither.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from littlefs import LittleFSError, lfs
from littlefs.context import UserContext

from host_sim.power import PowerCut, Supply

BLOCK_BYTES = 4096
BLOCKS = 352  # 1408 KiB
PAGE_BYTES = 256
_BLANK = b"\xff" * BLOCK_BYTES
_HALF_ERASED = b"\xff" * (BLOCK_BYTES // 2) + b"\x5a" * (BLOCK_BYTES // 2)
# What extmod/vfs_lfsx.c and the port's _boot.py ask littlefs for.
_GEOMETRY = {
    "block_size": BLOCK_BYTES,
    "block_count": BLOCKS,
    "read_size": 32,
    "prog_size": PAGE_BYTES,
    "cache_size": 4 * PAGE_BYTES,
    "lookahead_size": 32,
    "block_cycles": 100,
}
_IO_FAILED = -5


class Chip(UserContext):
    """The chip below the file system, for littlefs to call.

    ``blocks``      what is on it; a block is replaced and never changed, so a
                    copy of the list is a snapshot
    ``erases``      of each block so far
    ``on_change``   is told (block, offset, data) before a program, (block, 0,
                    None) before an erase
    """

    def __init__(self, supply: Supply, blocks: list[bytes]):
        self.supply = supply
        self.blocks = blocks
        self.erases = [0] * BLOCKS
        self.programmed = 0
        self.on_change: Callable[[int, int, bytes | None], None] | None = None

    def read(self, cfg, block: int, off: int, size: int) -> bytearray:
        return bytearray(self.blocks[block][off : off + size])

    def prog(self, cfg, block: int, off: int, data: bytes) -> int:
        if self.on_change:
            self.on_change(block, off, bytes(data))
        stored = self.supply.take(len(data))
        self.programmed += stored
        self.blocks[block] = programmed(self.blocks[block], off, data[:stored])
        return 0 if self.supply.is_on else _IO_FAILED

    def erase(self, cfg, block: int) -> int:
        if self.on_change:
            self.on_change(block, 0, None)
        if not self.supply.is_on:
            return _IO_FAILED
        # An erase counts as one byte: the power fails before it, or within it.
        whole = self.supply.take(1)
        self.erases[block] += 1
        self.blocks[block] = _BLANK if whole else _HALF_ERASED
        return 0 if self.supply.is_on else _IO_FAILED

    def sync(self, cfg) -> int:
        return 0


def programmed(block: bytes, offset: int, data: bytes) -> bytes:
    """``block`` with ``data`` programmed into it: bits only fall."""
    end = offset + len(data)
    old = int.from_bytes(block[offset:end], "big")
    new = old & int.from_bytes(data, "big")
    return block[:offset] + new.to_bytes(len(data), "big") + block[end:]


@cache
def _formatted() -> tuple[bytes, ...]:
    """A chip with an empty file system, made once."""
    chip = Chip(Supply(), [_BLANK] * BLOCKS)
    lfs.format(lfs.LFSFilesystem(), lfs.LFSConfig(context=chip, **_GEOMETRY))
    return tuple(chip.blocks)


class Flash:
    """``open``, ``rename``, ``remove``, ``listdir`` and ``mkdir`` of the board.

    Below Python's file objects, which would close themselves when they are
    collected: after a power cut nobody closes anything.
    """

    def __init__(self, supply: Supply, blocks: tuple[bytes, ...] | None = None):
        self.supply = supply
        self.chip = Chip(supply, list(blocks or _formatted()))
        self._config: lfs.LFSConfig | None = None
        self._system: lfs.LFSFilesystem | None = None
        self._files: list[lfs.LFSFile] = []  # what littlefs still points to

    def power_on(self) -> None:
        """The processor was reset: whatever was open is forgotten."""
        self._system = None
        self._files = []

    def open(self, path: str, mode: str = "r") -> File:
        if "b" not in mode:
            raise ValueError("the firmware reads and writes bytes")
        file = self.do(lambda fs: lfs.file_open(fs, path, mode))
        self._files.append(file)
        return File(self, file)

    def rename(self, old: str, new: str) -> None:
        self.do(lambda fs: lfs.rename(fs, old, new))

    def remove(self, path: str) -> None:
        self.do(lambda fs: lfs.remove(fs, path))

    def mkdir(self, path: str) -> None:
        self.do(lambda fs: lfs.mkdir(fs, path))

    def listdir(self, path: str = "/") -> list[str]:
        names = []
        handle = self.do(lambda fs: lfs.dir_open(fs, path))
        while entry := self.do(lambda fs: lfs.dir_read(fs, handle)):
            names.append(entry.name)
        self.do(lambda fs: lfs.dir_close(fs, handle))
        return [name for name in names if name not in (".", "..")]

    def close(self, file: lfs.LFSFile) -> None:
        # Kept until littlefs has let go of it, or until the next power-on.
        self.do(lambda fs: lfs.file_close(fs, file))
        self._files.remove(file)

    def do(self, action: Callable):
        """``action`` on the mounted file system, its failures as MicroPython has
        them; a power cut within it ends everything."""
        if not self.supply.is_on:
            raise PowerCut
        try:
            if self._system is None:
                self._config = lfs.LFSConfig(context=self.chip, **_GEOMETRY)
                system = lfs.LFSFilesystem()
                lfs.mount(system, self._config)
                self._system = system
            return action(self._system)
        except LittleFSError as failure:
            raise OSError(-failure.code, str(failure)) from None
        finally:
            if not self.supply.is_on:
                raise PowerCut


class File:
    """An open file; every access passes through the chip and its power."""

    def __init__(self, flash: Flash, file: lfs.LFSFile):
        self._flash = flash
        self._file = file

    def read(self, n: int = -1) -> bytes:
        def read(fs: lfs.LFSFilesystem) -> bytes:
            size = lfs.file_size(fs, self._file) if n < 0 else n
            return lfs.file_read(fs, self._file, size)

        return self._flash.do(read)

    def readinto(self, buffer: bytearray) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readline(self) -> bytes:
        """To the next line feed, which is part of it, or the end."""
        line = b""
        while not line.endswith(b"\n"):
            byte = self.read(1)
            if not byte:
                break
            line += byte
        return line

    def write(self, data) -> int:
        return self._flash.do(lambda fs: lfs.file_write(fs, self._file, bytes(data)))

    def close(self) -> None:
        self._flash.close(self._file)

    def __enter__(self) -> File:
        return self

    def __exit__(self, *exception) -> None:
        self.close()
