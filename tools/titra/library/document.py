"""The library as a table for ``docs/library.md``."""

from collections.abc import Iterable

from titra.library.figures import Limit, Source
from titra.library.model import Indication, Library, Product
from titra.planning.wording import decimal_text

_RATE_COLUMNS = (
    "product",
    "for",
    "solution",
    "ladder",
    "dwell",
    "ladder from",
    "maximum",
    "at risk",
)
_SOURCE_COLUMNS = ("source", "of", "says", "read", "standing")


def markdown_table(library: Library | None = None) -> str:
    """The library (default: the built-in one) as Markdown: the figures, then their sources.

    Deterministic, ends with a line feed.
    """
    if library is None:
        from titra.library import load_library

        library = load_library()
    products = [library.products[key] for key in sorted(library.products)]
    rates: dict[tuple[str, ...], list[str]] = {}
    says: dict[tuple[str, ...], list[str]] = {}
    for product in products:
        for indication in product.indications.values():
            rates.setdefault(_cells(product, indication), []).append(indication.key)
        for source in product.sources:
            says.setdefault(_source_cells(product, source), []).append(f"`{product.key}`")
    lines = [_row(_RATE_COLUMNS), _row("---" for _ in _RATE_COLUMNS)]
    lines += [_row((name, ", ".join(keys), *rest)) for (name, *rest), keys in rates.items()]
    lines += ["", _row(_SOURCE_COLUMNS), _row("---" for _ in _SOURCE_COLUMNS)]
    lines += [_row((name, ", ".join(keys), *rest)) for (name, *rest), keys in says.items()]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _with_source(text: str, source: Source) -> str:
    return f"{text} ({source.key})"


def _percent(concentrations_mg_ml: Iterable[int]) -> str:
    return "/".join(str(mg_ml // 10) for mg_ml in concentrations_mg_ml) + " %"


def _cells(product: Product, indication: Indication) -> tuple[str, ...]:
    solution = _percent(product.concentrations_mg_ml)
    if product.first_infusion_mg_ml:
        solution += f", first infusion {_percent(product.first_infusion_mg_ml)}"
    steps = indication.ladder
    dwells = dict.fromkeys(
        _with_source(f"{step.dwell_ms // 60_000} min", step.dwell_source) for step in steps
    )
    caps: dict[Limit, list[str]] = {}
    for flag, cap in indication.risk.items():
        caps.setdefault(cap, []).append(flag)
    return (
        f"`{product.key}`",
        solution,
        "; ".join(_with_source(str(step.rate), step.rate.source) for step in steps),
        ", then ".join(dwells),
        indication.ladder_source,
        _with_source(str(indication.maximum), indication.maximum.source),
        "; ".join(
            ("any flag" if len(caps) == 1 else ", ".join(flags))
            + ": "
            + _with_source(str(cap), cap.source)
            for cap, flags in caps.items()
        ),
    )


def _source_cells(product: Product, source: Source) -> tuple[str, ...]:
    says = source.text
    if source.key == product.dose_source.key:
        day, course = product.day_mg_per_kg / 1000, product.course_mg_per_kg / 1000
        says += f" (enforced: {decimal_text(day)} g/kg a day, {decimal_text(course)} g/kg a course)"
    if source.own_choice:
        says += f"; own choice: {source.reason}"
    return source.key, says, source.date.isoformat(), source.standing
