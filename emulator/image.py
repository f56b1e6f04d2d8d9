"""What lies in the flash: MicroPython from its UF2, and a littlefs with the board's files.

The file system's place and size are those of MicroPython's port for the
Raspberry Pi Pico: the last 1408 KiB of 2 MiB.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

FLASH_BYTES = 2 * 1024 * 1024
BLOCK_BYTES = 4096
BLOCKS = 352
FILES_BYTES = BLOCKS * BLOCK_BYTES
FILES_AT = FLASH_BYTES - FILES_BYTES
_FLASH_ADDRESS = 0x1000_0000
_UF2_BLOCK = 512
_UF2_MAGIC = (0x0A324655, 0x9E5D5157)
# What extmod/vfs_lfsx.c and the port's _boot.py ask littlefs for; a newer
# version of its format on disk would not be mounted.
_GEOMETRY = {
    "block_size": BLOCK_BYTES,
    "block_count": BLOCKS,
    "read_size": 32,
    "prog_size": 256,
    "cache_size": 1024,
    "lookahead_size": 32,
    "block_cycles": 100,
    "disk_version": 0x0002_0001,
}


class ImageError(Exception):
    """Not an image for this chip; the message says which file and why."""


def read_uf2(path: Path | str) -> list[tuple[int, bytes]]:
    """Pieces of a UF2 file as (offset in flash, bytes).  Raises ``ImageError``."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from None
    pieces = []
    for at in range(0, len(data) - _UF2_BLOCK + 1, _UF2_BLOCK):
        first, second, _, address, size = struct.unpack_from("<5I", data, at)
        offset = address - _FLASH_ADDRESS
        if (first, second) != _UF2_MAGIC or not 0 <= offset <= FLASH_BYTES - size:
            raise ImageError(f"{path}: not a UF2 file for the flash of an RP2040")
        pieces.append((offset, data[at + 32 : at + 32 + size]))
    if not pieces:
        raise ImageError(f"{path}: not a UF2 file")
    return pieces


def version_of(path: Path | str) -> str:
    """How the image calls itself, ``v1.28.0 ...``, and the first digits of its hash."""
    text = b"".join(piece for _, piece in read_uf2(path))
    at = text.find(b"; Raspberry Pi Pico")
    start = text.rfind(b"MicroPython v", 0, at) if at >= 0 else -1
    if start < 0:
        start = text.find(b"MicroPython v")
    end = min(i for i in (text.find(b"\0", start), text.find(b";", start)) if i >= 0)
    name = text[start:end].decode("ascii", "replace") if start >= 0 else "unknown"
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
    return f"{name} (sha256 {digest})"


def build_files(files: dict[str, bytes]) -> bytes:
    """A file system that holds ``files``, by their paths on the board."""
    from littlefs import LittleFS, UserContext

    system = LittleFS(context=UserContext(buffsize=FILES_BYTES), **_GEOMETRY)
    for path, data in sorted(files.items()):
        folder = path.rpartition("/")[0]
        if folder:
            system.makedirs("/" + folder, exist_ok=True)
        with system.open("/" + path, "wb") as file:
            file.write(data)
    system.unmount()
    return bytes(system.context.buffer)


def read_files(image: bytes) -> dict[str, bytes]:
    """The files in a file system, by their paths on the board."""
    from littlefs import LittleFS, UserContext

    system = LittleFS(context=UserContext(buffer=bytearray(image)), mount=False, **_GEOMETRY)
    system.mount()
    files = {}
    for folder, _, names in system.walk("/"):
        for name in names:
            path = folder.rstrip("/") + "/" + name
            with system.open(path, "rb") as file:
                files[path.lstrip("/")] = file.read()
    system.unmount()
    return files
