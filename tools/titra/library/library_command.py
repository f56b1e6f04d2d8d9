"""``titra library``: check, show, diff, compile and verify; each returns its exit code."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from titra import exit_codes
from titra.files import write_whole_bytes
from titra.library import (
    Indication,
    Library,
    LibraryError,
    Limit,
    Product,
    library_faults,
    load_library,
)
from titra.library.changes import FASTER, SLOWER, WEIGHTS_KG, Change, changes
from titra.library.model import RISK_FLAGS
from titra.library.table import (
    FORMAT,
    SIGNATURE_BYTES,
    ProductRow,
    TableError,
    compile_table,
    read_table,
    rows_of,
)
from titra.planning.toml_reader import InputError, read_bytes
from titra.planning.wording import decimal_text

BUILT_IN = "built-in"
_COLUMNS = 80


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
    """Read every file; 2 with a line per fault, of all files."""
    faults = library_faults(directory) if directory else []
    for error in faults:
        for line in error.lines():
            _say(line)
    if faults:
        return exit_codes.WRONG_INPUT
    library = load_library(directory)
    indications = sum(len(product.indications) for product in library.products.values())
    own = library.products.keys() - load_library().products.keys()
    beside = f", {len(own)} of them from {directory}: {', '.join(sorted(own))}" if own else ""
    print(f"{len(library.products)} products, {indications} indications{beside}")
    sources = [source for product in library.products.values() for source in product.sources]
    standings = ("checked", "not checked", "own choice")
    counts = (f"{sum(s.standing == word for s in sources)} {word}" for word in standings)
    print(f"{len(sources)} sources: {', '.join(counts)}")
    return exit_codes.DONE


def compile_to(out: Path, directory: Path | None, key: bytes) -> int:
    """Write the signed table of the library to ``out``; 2 and nothing written if it cannot be."""
    library = _load(directory)
    if library is None:
        return exit_codes.WRONG_INPUT
    try:
        raw = compile_table(library, key)
        write_whole_bytes(out, raw)
    except TableError as error:
        _say(f"library: {error}")
        return exit_codes.WRONG_INPUT
    except OSError as error:
        _say(f"{out}: cannot be written: {error.strerror}")
        return exit_codes.WRONG_INPUT
    print(f"{out}: {len(library.products)} products, format {FORMAT}, {len(raw)} bytes")
    print(f"signature {raw[-SIGNATURE_BYTES:].hex()}")
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
        mark = change.effect if change.effect in (FASTER, SLOWER) else ""
        lines.append(f"  {mark:6}  {change.what}: {change.old} -> {change.new}")
        for at in range(0, len(change.ml_h), len(WEIGHTS_KG)):
            row = change.ml_h[at : at + len(WEIGHTS_KG)]
            lines.append(f"          mL/h at {', '.join(f'{kg}: {a} -> {b}' for kg, a, b in row)}")
    faster, slower = (sum(c.effect == word for c in found) for word in (FASTER, SLOWER))
    changed = "1 change" if len(found) == 1 else f"{len(found)} changes"
    other = len(found) - faster - slower
    lines += ["", f"{changed}: {faster} allow more or faster, {slower} less, {other} neither"]
    return lines


def show(key: str | None, directory: Path | None) -> int:
    """The products, or one product's ladders and caps, as printed and in mL/h."""
    library = _load(directory)
    if library is None:
        return exit_codes.WRONG_INPUT
    products = library.products
    if key is None:
        width = max(map(len, products))
        for name in sorted(products):
            uses = ", ".join(products[name].indications)
            print(f"{name:{width}}  {products[name].name}: {uses}")
        return exit_codes.DONE
    if key not in products:
        _say(f"{key}: no such product, expected one of {', '.join(sorted(products))}")
        return exit_codes.WRONG_INPUT
    print("\n".join(_shown(products[key])))
    return exit_codes.DONE


def _shown(product: Product) -> list[str]:
    form = "powder" if product.is_powder else "liquid"
    percents = "/".join(f"{mg_ml / 10:g}" for mg_ml in product.concentrations_mg_ml)
    day, course = product.day_mg_per_kg / 1000, product.course_mg_per_kg / 1000
    lines = [
        f"{product.key}: {product.name}, {form}, {percents} %",
        f"at most {decimal_text(day)} g/kg a day and {decimal_text(course)} g/kg a course "
        f"({product.dose_source.key})",
    ]
    if product.first_infusion_mg_ml:
        first = "/".join(f"{mg_ml / 10:g}" for mg_ml in product.first_infusion_mg_ml)
        lines.append(f"a first infusion only at {first} %")
    if product.vials_mg and product.vials_source:
        sizes = "/".join(decimal_text(Fraction(mg, 1000)) for mg in product.vials_mg)
        lines.append(f"vials of {sizes} g ({product.vials_source.key})")
    # Uses with the same figures are shown once.
    uses: dict[tuple[str, ...], list[str]] = {}
    for indication in product.indications.values():
        uses.setdefault(tuple(_figures(product, indication)), []).append(indication.key)
    for figures, keys in uses.items():
        lines += ["", f"{', '.join(keys)}: {figures[0]}", *figures[1:]]
    lines += ["", "sources"]
    for source in product.sources:
        text = f"{source.key}, {source.standing}, read {source.date}: {source.text}"
        lines += textwrap.wrap(text, _COLUMNS, initial_indent="  ", subsequent_indent="    ")
        if source.own_choice:
            lines += textwrap.wrap(
                f"chosen: {source.reason}",
                _COLUMNS,
                initial_indent="    ",
                subsequent_indent="    ",
            )
    return lines


def _figures(product: Product, indication: Indication) -> list[str]:
    mg_ml = max(product.concentrations_mg_ml)
    several = len(product.concentrations_mg_ml) > 1
    more = " (a weaker one takes more mL/h)" if several else ""
    lines = [f"ladder from {indication.ladder_source}; mL/h of the {mg_ml / 10:g} % solution{more}"]
    lines.append(f"{'':8}" + "".join(f"{f'{kg} kg':>8}" for kg in WEIGHTS_KG) + "  dwell   printed")
    for index, step in enumerate(indication.ladder):
        lines.append(_line(f"rung {index}", step.rate, mg_ml, f"{step.dwell_ms // 60_000} min"))
    lines.append(_line("maximum", indication.maximum, mg_ml))
    caps: dict[Limit, list[str]] = {}
    for flag in RISK_FLAGS:
        caps.setdefault(indication.risk[flag], []).append(flag)
    for cap, flags in caps.items():
        lines.append(_line("at risk", cap, mg_ml))
        if len(caps) > 1:
            lines.append(f"{'':8}for {', '.join(flags)}")
    return lines


def _line(name: str, rate: Limit, mg_ml: int, dwell: str = "") -> str:
    exact = Fraction(mg_ml)
    rates = "".join(f"{rate.rate_ul_h(kg * 1000, exact) / 1000:8.1f}" for kg in WEIGHTS_KG)
    return f"{name:8}{rates}  {dwell:7} {rate} ({rate.source.key})"
