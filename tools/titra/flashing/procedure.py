"""What is to be done to a board at its prompt, and doing it.

The order makes it safe to be interrupted anywhere.  ``main.py`` goes first and comes
back last, after everything else has been read back: a board on which anything is
missing or half done has none and stays at the prompt, with ENABLE held low by
``boot.py`` or by its pull-down.  Each file is written beside the old one, its hash is
computed on the board, and then it takes the other's place by renaming, which littlefs
does whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pump.hal import pinout
from pump.hal.manifest import MANIFEST
from pump.protocol.authentication import KEY_LENGTH, is_key
from titra.flashing.entry import FlashRefused
from titra.flashing.image import KEPT, KEY, LAST, TEMPORARY, digest, folders, in_order
from titra.flashing.prompt import Chip, Contents, Prompt, as_version, compiled_for

# Timer callbacks in hard interrupts (``hard=True``) are from here on.
MICROPYTHON_MIN = (1, 26)


class FlashFailed(Exception):
    """The board did not take it; the message says what."""


def check_chip(chip: Chip, serial_number: str | None, files: dict[str, bytes]) -> None:
    """Raises ``FlashRefused`` with every reason why this is not the board."""
    reasons = []
    if serial_number and chip.serial_number.upper() != serial_number.upper():
        reasons.append(f"{serial_number} was meant, and {chip.serial_number} is at the prompt")
    if chip.platform != "rp2" or "RP2040" not in chip.machine:
        reasons.append(
            f"this is {chip.machine or chip.platform}, and the firmware is for an RP2040"
        )
    elif chip.version < MICROPYTHON_MIN:
        reasons.append(
            f"MicroPython {as_version(chip.version)} is on it, and "
            f"{as_version(MICROPYTHON_MIN)} or later is needed"
        )
    elif not all(compiled_for(chip, data) for path, data in files.items() if path.endswith(".mpy")):
        reasons.append(
            f"MicroPython {as_version(chip.version)} does not load what this version of "
            "mpy-cross compiles"
        )
    if reasons:
        raise FlashRefused(*reasons)


@dataclass(frozen=True)
class Plan:
    """What differs.

    ``write``      paths in the order of writing
    ``remove``     files, and then ``remove_folders``, deepest first
    ``make``       folders, outermost first
    ``unchanged``  files that are identical
    ``key``        "kept", "set", "replaced" or "none"
    ``foreign``    files that no version of ours has left there
    """

    write: list[str]
    remove: list[str]
    remove_folders: list[str]
    make: list[str]
    unchanged: int
    key: str
    foreign: list[str]

    @property
    def is_empty(self) -> bool:
        return not self.write


def plan(found: Contents, files: dict[str, bytes], has_key: bool, replaces_key: bool) -> Plan:
    """Compare.  ``has_key``: there is one to be set; ``replaces_key``: even where
    the board has one."""
    needed = folders(files)
    write = [path for path in in_order(files) if found.files.get(path) != digest(files[path])]
    make = [path for path in needed if path not in found.folders]
    remove = sorted(path for path in found.files if path not in files and path not in KEPT)
    gone = [path for path in found.folders if path not in needed]
    is_ours = MANIFEST in found.files or "pump/core" in found.folders
    foreign = [] if is_ours else sorted(set(found.files) - KEPT)
    has_one = KEY in found.files
    key = "kept" if has_one else "none"
    if has_key and (replaces_key or not has_one):
        key = "replaced" if has_one else "set"
    if LAST not in write and (write or remove or gone or make or key in ("set", "replaced")):
        write.append(LAST)  # it is removed meanwhile
    return Plan(
        write,
        remove,
        sorted(gone, key=lambda path: -path.count("/")),
        make,
        len(files) - len(write),
        key,
        foreign,
    )


class Flashing:
    """Carries out a ``Plan``.  ``said`` is told of each step, ``progress`` of bytes."""

    def __init__(
        self,
        prompt: Prompt,
        files: dict[str, bytes],
        said: Callable[[str], None],
        progress: Callable[[int], None],
    ):
        self._prompt = prompt
        self._files = files
        self._say = said
        self._progress = progress
        self._done = 0

    def carry_out(self, todo: Plan, found: Contents, key: bytes | None) -> None:
        """Everything in its order; ``main.py`` last.

        Raises ``FlashFailed`` if the board does not give back what was written.
        """
        prompt = self._prompt
        prompt.drive_low(pinout.ENABLE)
        if todo.is_empty:
            return
        if LAST in found.files:
            prompt.remove_file(LAST)
        for path in todo.remove:
            self._say(f"removing {path}")
            prompt.remove_file(path)
        for path in todo.remove_folders:
            prompt.remove_folder(path)
        for path in todo.make:
            prompt.make_folder(path)
        for path in todo.write:
            if path != LAST:
                self._put(path, self._files[path])
        if todo.key in ("set", "replaced"):
            assert key is not None
            self._put(KEY, key)
        self._verify()
        self._put(LAST, self._files[LAST])

    def _put(self, path: str, data: bytes) -> None:
        self._say(f"writing {path}")
        if not self._prompt.put(path, path + TEMPORARY, data, digest(data), self._count):
            raise FlashFailed(f"{path}: the board does not give back what was written")

    def _count(self, n: int) -> None:
        self._done += n
        self._progress(self._done)

    def _verify(self) -> None:
        """All of it once more, and nothing beside it, before anything may start."""
        found = self._prompt.contents()
        for path, data in sorted(self._files.items()):
            if path != LAST and found.files.get(path) != digest(data):
                raise FlashFailed(f"{path}: not on the board as it was written")
        left = set(found.files) - set(self._files) - KEPT
        if left:
            raise FlashFailed(f"still on the board: {', '.join(sorted(left))}")


def new_key(path: Path) -> bytes:
    """A new device key, kept in ``path``, which only its owner can read.

    Raises ``FileExistsError``: a key is never overwritten.
    """
    key = secrets.token_bytes(KEY_LENGTH)
    while not is_key(key):
        key = secrets.token_bytes(KEY_LENGTH)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, key.hex().encode("ascii") + b"\n")
        os.fsync(handle)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
    finally:
        os.close(handle)
    return key
