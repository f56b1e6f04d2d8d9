"""What belongs on a board, and what of it stays when another version comes."""

from __future__ import annotations

import hashlib

import pump
from pump.hal.manifest import MANIFEST
from titra.compile import compiled_firmware, with_manifest

# Started by MicroPython in this order; without the second a board stays at the prompt.
FIRST = "boot.py"
LAST = "main.py"
# One line: what is on the board, for whoever reads it without starting it.
VERSION_FILE = "version"
KEY = "key"
# The board's own records (docs/storage.md), also while one takes the place of another.
_RECORDS = (KEY, "session", "log", "calibration")
KEPT = frozenset(_RECORDS + tuple(f"{name}.new" for name in _RECORDS))
# Beside a file while it is written and until its hash is right.
TEMPORARY = ".tmp"


def image() -> dict[str, bytes]:
    """Every file of this version by its path on the board, manifest included.

    Raises ``titra.compile.CompileError``.
    """
    return with_manifest({**compiled_firmware(), VERSION_FILE: f"{pump.VERSION}\n".encode()})


def folders(files: dict[str, bytes]) -> list[str]:
    """The folders that ``files`` need, each after the one it is in."""
    needed = set()
    for path in files:
        parts = path.split("/")[:-1]
        needed.update("/".join(parts[: n + 1]) for n in range(len(parts)))
    return sorted(needed)


def in_order(files: dict[str, bytes]) -> list[str]:
    """The order in which they are put there.

    ``boot.py`` first: it holds the driver off.  ``main.py`` last, after the manifest:
    while it is missing nothing starts, so whatever is half done stays at the prompt.
    """
    middle = sorted(set(files) - {FIRST, MANIFEST, LAST})
    return [FIRST, *middle, MANIFEST, LAST]


def digest(data: bytes) -> str:
    """As the board computes it."""
    return hashlib.sha256(data).hexdigest()
