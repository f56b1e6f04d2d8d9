"""Examples for ``docs/``: commands as typed, and what they print, by running them."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

from host_sim.simulator_key import SIMULATOR_KEY
from titra.library import table
from titra.library.library_command import check, compile_to, diff, show, verify

ROOT = Path(__file__).resolve().parents[2]
HOSPITAL, NEXT = Path("examples/hospital"), Path("examples/hospital-next")
TABLE = Path("house.tlib")


def _ran(typed: str, run: Callable[[], int]) -> str:
    """``typed``, then what ``run`` printed, and its exit code unless that is 0."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = run()
    end = f"(exit code {code})\n" if code else ""
    return f"$ titra {typed}\n{out.getvalue()}{end}"


def _block(*examples: str) -> str:
    return "```\n" + "\n".join(examples) + "```\n"


def library_check() -> str:
    """``titra library check`` on an example, as a block of Markdown."""
    with contextlib.chdir(ROOT):
        return _block(_ran(f"library check --library {HOSPITAL}", lambda: check(HOSPITAL)))


def library_show() -> str:
    """``titra library show``."""
    with contextlib.chdir(ROOT):
        return _block(
            _ran(
                f"library show privigen-house --library {HOSPITAL}",
                lambda: show("privigen-house", HOSPITAL),
            )
        )


def library_diff() -> str:
    """``titra library diff``."""
    with contextlib.chdir(ROOT):
        return _block(
            _ran(
                f"library diff {HOSPITAL} {NEXT}",
                lambda: diff(str(HOSPITAL), str(NEXT), b"", False),
            )
        )


def library_table() -> str:
    """``titra library compile`` and ``verify``, the latter on an altered table too."""
    key = SIMULATOR_KEY
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        made = _ran(
            f"library compile {TABLE} --library {HOSPITAL} --simulator-key",
            lambda: compile_to(TABLE, ROOT / HOSPITAL, key),
        )
        sound = _ran(f"library verify {TABLE} --simulator-key", lambda: verify(TABLE, key))
        raw = bytearray(TABLE.read_bytes())
        raw[len(raw) // 2] ^= 1
        TABLE.write_bytes(raw)
        altered = _ran(
            f"library verify {TABLE} --simulator-key   # one bit of it changed",
            lambda: verify(TABLE, key),
        )
    return _block(made, sound, altered)


def library_format() -> str:
    """The layout of the table, from where it is defined."""
    return (table.__doc__ or "").partition("\n\n")[2].replace("``", "`")


GENERATORS: dict[str, Callable[[], str]] = {
    "library-check": library_check,
    "library-show": library_show,
    "library-diff": library_diff,
    "library-table": library_table,
    "library-format": library_format,
}
