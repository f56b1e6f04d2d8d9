"""The drug library: one TOML file per product, every figure with its source.

Rates, caps and dose limits come from product labels; what no label says is marked as this
product's own choice, with the reason.  Labels change: each source carries the date on which
it was read.  Not for use on people.
"""

from functools import cache
from pathlib import Path

from titra.library.document import markdown_table
from titra.library.figures import UNITS, Figure, Limit, Source
from titra.library.loader import LibraryError, product_from_toml
from titra.library.model import (
    INDICATIONS,
    OFF_LABEL,
    RISK_FLAGS,
    Indication,
    LadderStep,
    Library,
    Product,
)
from titra.planning.toml_reader import InputError, Problem, read_bytes

__all__ = [
    "INDICATIONS",
    "OFF_LABEL",
    "RISK_FLAGS",
    "UNITS",
    "Figure",
    "Indication",
    "LadderStep",
    "Library",
    "LibraryError",
    "Limit",
    "Product",
    "Source",
    "library_faults",
    "load_library",
    "markdown_table",
]


def load_library(directory: str | Path | None = None) -> Library:
    """The built-in library, and with ``directory`` a hospital's own files beside it.

    A file is named after the product's key.  A key that exists already is refused: whose
    figures hold must never depend on the order of loading.  Raises `LibraryError` with every
    fault of the first faulty file.
    """
    products = dict(_built_in())
    if directory is not None:
        for path in _files(Path(directory)):
            product = _own(path)
            products[product.key] = product
    return Library(products)


def library_faults(directory: str | Path) -> list[LibraryError]:
    """As `load_library`, but with the faults of every file: one error for each faulty one."""
    faults = []
    try:
        paths = _files(Path(directory))
    except LibraryError as error:
        return [error]
    for path in paths:
        try:
            _own(path)
        except LibraryError as error:
            faults.append(error)
    return faults


@cache
def _built_in() -> dict[str, Product]:
    return {path.stem: _read(path) for path in _files(Path(__file__).parent)}


def _files(directory: Path) -> list[Path]:
    """The product files, by name: no key can stand in two of them."""
    if not directory.is_dir():
        raise LibraryError(str(directory), [Problem("", "is not a directory", "file-kind")])
    found = sorted(directory.glob("*.toml"))
    if not found:
        message = "holds no product file, expected at least one *.toml"
        raise LibraryError(str(directory), [Problem("", message, "file-missing")])
    return found


def _own(path: Path) -> Product:
    product = _read(path)
    if product.key in _built_in():
        message = (
            f"is {product.key}, which the library has already; expected a key of its own "
            f"such as {product.key}-house, in a file of that name"
        )
        raise LibraryError(str(path), [Problem("key", message, "duplicate")])
    return product


def _read(path: Path) -> Product:
    try:
        raw = read_bytes(str(path))
    except InputError as error:
        raise LibraryError(error.path, error.problems) from None
    return product_from_toml(raw, str(path), path.stem)
