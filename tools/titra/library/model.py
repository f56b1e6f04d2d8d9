"""What the library says of one product, as plain records."""

from dataclasses import dataclass
from fractions import Fraction

from titra.library.figures import Limit, Source

RISK_FLAGS = ("cardiac", "renal", "thrombosis", "diabetes", "circulation", "allergy")

# Every use without a labelled dose; never a key of a product's indications.
OFF_LABEL = "off-label"
INDICATIONS = ("pi", "cidp", "itp", "mmn", "dm")


@dataclass(frozen=True)
class LadderStep:
    """One rung as the label or practice has it; the dwell in ms."""

    rate: Limit
    dwell_ms: int
    dwell_source: Source


@dataclass(frozen=True)
class Indication:
    """How a product is given for one labelled indication.

    ``ladder_source`` is ``label``, or ``practice`` when a rung is this product's own choice.
    ``risk`` holds a cap for each of `RISK_FLAGS`.
    """

    key: str
    title: str
    source: Source
    ladder_source: str
    ladder: tuple[LadderStep, ...]
    maximum: Limit
    risk: dict[str, Limit]


@dataclass(frozen=True)
class Product:
    """One product; day and course limits in mg per kg of body mass.

    ``first_infusion_mg_ml`` lists the concentrations that a first infusion may have; empty
    when the label does not restrict them.  A powder is mixed with sterile water before use.
    ``vials_mg`` are the sizes in which it is sold, rising; empty when they are not known.
    """

    key: str
    name: str
    is_powder: bool
    concentrations_mg_ml: tuple[int, ...]
    day_mg_per_kg: Fraction
    course_mg_per_kg: Fraction
    dose_source: Source
    first_infusion_mg_ml: tuple[int, ...]
    first_infusion_source: Source | None
    indications: dict[str, Indication]
    sources: tuple[Source, ...]
    note: str = ""
    vials_mg: tuple[int, ...] = ()
    vials_source: Source | None = None


@dataclass(frozen=True)
class Library:
    """All products that may be ordered, by key."""

    products: dict[str, Product]
