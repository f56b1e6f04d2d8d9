"""``titra library``: check, show, diff, compile and verify; each returns its exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from titra import exit_codes
from titra.files import write_whole_bytes
from titra.library import Library, LibraryError, load_library
from titra.library.changes import Change, changes
from titra.library.model import RISK_FLAGS
from titra.library.table import (
    SIGNATURE_BYTES,
    ProductRow,
    Rate,
    TableError,
    compile_table,
    read_table,
    rows_of,
)
from titra.library.table import Rung as TableRung
from titra.planning.toml_reader import InputError, read_bytes

BUILT_IN = "built-in"
_WEIGHTS_KG = (40, 70, 130)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _load(directory: Path | None) -> Library | None:
    try:
        return load_library(directory)
    except LibraryError as error:
        for line in error.lines():
            _say(line)
        return None


def check(directory: Path | None) -> int:
    """Read every file; 2 with a line per fault."""
    library = _load(directory)
    if library is None:
        return exit_codes.WRONG_INPUT
    indications = sum(len(product.indications) for product in library.products.values())
    own = library.products.keys() - load_library().products.keys()
    beside = f", {len(own)} of them from {directory}" if directory else ""
    unchecked = sum(
        not source.checked for product in library.products.values() for source in product.sources
    )
    print(f"{len(library.products)} products{beside}; {indications} indications")
    print(f"{unchecked} sources are not checked or own choices: see docs/library.md")
    return exit_codes.DONE


def compile_to(out: Path, directory: Path | None, key: bytes) -> int:
    """Write the signed table of the library to ``out``."""
    library = _load(directory)
    if library is None:
        return exit_codes.WRONG_INPUT
    try:
        raw = compile_table(library, key)
    except TableError as error:
        _say(f"library: {error}")
        return exit_codes.WRONG_INPUT
    write_whole_bytes(out, raw)
    print(f"{out}: {len(library.products)} products, {len(raw)} bytes, {SIGNATURE_BYTES} of them")
    print(f"signature  {raw[-SIGNATURE_BYTES:].hex()}")
    return exit_codes.DONE


def verify(path: Path, key: bytes) -> int:
    """3 for a table that is unsigned, altered or signed with another key; 2 for no file."""
    rows = _table_rows(path, key)
    if isinstance(rows, int):
        return rows
    print(f"{path}: {len(rows)} products, signature verified")
    return exit_codes.DONE


def _table_rows(path: Path, key: bytes) -> tuple[ProductRow, ...] | int:
    try:
        return read_table(read_bytes(str(path)), key)
    except InputError as error:
        for line in error.lines():
            _say(line.replace("a TOML file", "a library table"))
        return exit_codes.WRONG_INPUT
    except TableError as error:
        _say(f"{path}: refused: {error}")
        return exit_codes.REFUSED


def rows_from(place: str, key: bytes) -> tuple[ProductRow, ...] | int:
    """Rows of ``built-in``, of a folder of product files beside it, or of a signed table; or the
    exit code, with the reason told."""
    if place == BUILT_IN or Path(place).is_dir():
        library = _load(None if place == BUILT_IN else Path(place))
        return exit_codes.WRONG_INPUT if library is None else rows_of(library)
    return _table_rows(Path(place), key)


def diff(old: str, new: str, key: bytes, as_json: bool) -> int:
    """What changes from ``old`` to ``new``; 0 whether anything does or not."""
    before = rows_from(old, key)
    if isinstance(before, int):
        return before
    after = rows_from(new, key)
    if isinstance(after, int):
        return after
    found = changes(before, after)
    if as_json:
        print(json.dumps({"changes": [asdict(change) for change in found]}, indent=2))
    else:
        print("\n".join(diff_lines(found)))
    return exit_codes.DONE


def diff_lines(found: Sequence[Change]) -> list[str]:
    """For a person: by product and indication, at most 80 columns for usual names."""
    if not found:
        return ["no change of any rate, cap, dwell or dose"]
    lines, where = [], ""
    for change in found:
        if change.where != where:
            lines += [""] * bool(lines) + [change.where]
            where = change.where
        mark = {"FASTER": "FASTER", "slower": "slower"}.get(change.effect, "")
        lines.append(f"  {mark:6}  {change.what}: {change.old} -> {change.new}")
        for at in range(0, len(change.ml_h), 3):
            row = ", ".join(f"{kg}: {a} -> {b}" for kg, a, b in change.ml_h[at : at + 3])
            lines.append(f"          mL/h at {row}")
    count = {word: sum(change.effect == word for change in found) for word in ("FASTER", "slower")}
    lines += [
        "",
        f"{len(found)} changes: {count['FASTER']} allow more or faster, {count['slower']} less",
    ]
    return lines


def show(key: str | None, directory: Path | None) -> int:
    """The products, or one product's ladders, in the label's unit and in mL/h."""
    library = _load(directory)
    if library is None:
        return exit_codes.WRONG_INPUT
    rows = {row.key: row for row in rows_of(library)}
    if key is None:
        width = max(map(len, rows))
        for name, row in rows.items():
            uses = ", ".join(indication.key for indication in row.indications)
            print(f"{name:{width}}  {row.name}: {uses}")
        return exit_codes.DONE
    if key not in rows:
        _say(f"{key}: no such product, expected one of {', '.join(rows)}")
        return exit_codes.WRONG_INPUT
    print("\n".join(_shown(rows[key])))
    return exit_codes.DONE


def _shown(row: ProductRow) -> list[str]:
    percents = "/".join(f"{mg_ml / 10:g}" for mg_ml in row.concentrations_mg_ml)
    day, course = row.day_mg_per_kg / 1000, row.course_mg_per_kg / 1000
    lines = [f"{row.key}: {row.name}, {percents} %; {day:g} g/kg a day, {course:g} a course"]
    mg_ml = max(row.concentrations_mg_ml)
    head = "".join(f"{f'{kg} kg':>9}" for kg in _WEIGHTS_KG)
    for indication in row.indications:
        source = "practice" if indication.own_choice else "label"
        lines += ["", f"{indication.key}, ladder from {source}; mL/h of {mg_ml / 10:g} % at"]
        lines.append(f"{'':10}{head}  dwell   printed")
        for index, rung in enumerate(indication.rungs):
            lines.append(_line(f"rung {index}", rung.rate, mg_ml, rung))
        lines.append(_line("maximum", indication.maximum, mg_ml))
        caps: dict[Rate, list[str]] = {}
        for flag, rate in zip(RISK_FLAGS, indication.risk, strict=True):
            caps.setdefault(rate, []).append(flag)
        for rate, flags in caps.items():
            lines.append(_line("at risk", rate, mg_ml))
            if len(flags) < len(RISK_FLAGS):
                lines.append(f"{'':10}{', '.join(flags)}")
    return lines


def _line(name: str, rate: Rate, mg_ml: int, rung: TableRung | None = None) -> str:
    rates = "".join(f"{rate.rate_ul_h(kg * 1000, mg_ml) / 1000:9.1f}" for kg in _WEIGHTS_KG)
    dwell = f"{rung.dwell_s // 60} min" if rung else ""
    return f"{name:10}{rates}  {dwell:7} {rate.label}"
