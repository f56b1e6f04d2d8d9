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
        own = _read(Path(directory))
        if not own:
            message = "holds no product file, expected at least one *.toml"
            raise LibraryError(str(directory), [Problem("", message, "file-missing")])
        for product, path in own:
            if product.key in products:
                message = (
                    f"is {product.key}, which the library has already; expected a key of its own "
                    f"such as {product.key}-house, in a file of that name"
                )
                raise LibraryError(path, [Problem("key", message, "duplicate")])
            products[product.key] = product
    return Library(products)


@cache
def _built_in() -> dict[str, Product]:
    return {product.key: product for product, _ in _read(Path(__file__).parent)}


def _read(directory: Path) -> list[tuple[Product, str]]:
    if not directory.is_dir():
        raise LibraryError(str(directory), [Problem("", "is not a directory", "file-kind")])
    found = []
    for path in sorted(directory.glob("*.toml")):
        try:
            raw = read_bytes(str(path))
        except InputError as error:
            raise LibraryError(error.path, error.problems) from None
        found.append((product_from_toml(raw, str(path), path.stem), str(path)))
    return found
