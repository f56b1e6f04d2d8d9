"""The order: what a person asks for, read from TOML and checked field by field.

Wrong input stops here with every problem at once (`OrderError`, exit code 2).  Whether a
well-formed order is safe is the planner's to say (`titra.planning.planner`, exit code 3).
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pump.core.limits import (
    KVO_MAX_UL_H,
    OCCLUSION_DEFAULT_PA,
    OCCLUSION_MAX_PA,
    OCCLUSION_MIN_PA,
    RATE_MIN_UL_H,
    WEIGHT_MAX_G,
    WEIGHT_MIN_G,
)
from titra.durations import DurationError, parse_duration
from titra.library import (
    INDICATIONS,
    OFF_LABEL,
    RISK_FLAGS,
    Library,
    Product,
    load_library,
)
from titra.planning.toml_reader import InputError, Problem, Table, parse, read_bytes
from titra.planning.wording import decimal_text, kilo, one_of

__all__ = ["Order", "OrderError", "Problem", "load_order", "parse_order"]

TOLERANCES = ("naive", "unknown", "tolerated")
PLACES = ("clinic", "home")
ACTIONS = (
    "pause", "resume", "stop", "hold", "release", "stay",
    "climb", "down", "ack", "reset", "kvo", "end",
)  # fmt: skip

# Labels spread a course over 2 to 5 days.
DAYS_MAX = 5
# Plausibility bounds, far outside of what is ever accepted: they only keep slips such as a
# dose in mg out of the arithmetic.  The planner holds the safe bounds.
_GRAMS_MAX = 10_000
_RATE_MAX_ML_H = 100_000
_DILUENT_MAX_ML = 10_000
_PREMEDICATION_MAX_MIN = 240
# From a small bottle to the most that is given on one day.
_BAG_MIN_ML, _BAG_MAX_ML = 10, 2000
_CONFIRM_AFTER_MAX_S = 900

# Lots and course ids travel over the serial line, where blanks and `*` separate.
NAME = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,23}"
NAME_EXPECTED = "1 to 24 letters, digits, dots, dashes, slashes or underscores"


class OrderError(InputError):
    """The order is malformed or wrong; ``problems`` holds every reason."""


@dataclass(frozen=True)
class Patient:
    """``weight_g`` is rounded down to a whole g, which can only lower rates."""

    weight_g: int
    risk: tuple[str, ...]
    tolerance: str


@dataclass(frozen=True)
class Lot:
    """``dose_mg`` of one lot; ``diluent_ul`` of sterile water for a powder, else None;
    ``vial_mg`` in each of its vials when the order says, else None."""

    lot: str
    expiry: date
    dose_mg: int
    diluent_ul: int | None = None
    vial_mg: int | None = None


@dataclass(frozen=True)
class OrderedProduct:
    """A key of the library, one of its indications or off-label, and the stated solution;
    ``bag_ul`` is what one bag or bottle holds when the order says, else None."""

    name: str
    indication: str
    concentration_mg_ml: int
    lots: tuple[Lot, ...]
    bag_ul: int | None = None


@dataclass(frozen=True)
class Dose:
    """The whole course in mg, spread over 1 to `DAYS_MAX` days."""

    mg: int
    days: int


@dataclass(frozen=True)
class Setting:
    """``premedication_minutes`` is None when the order does not mention any."""

    place: str
    premedication_minutes: int | None


@dataclass(frozen=True)
class OrderLimits:
    """The prescriber's own limits; ``max_rate_ul_h`` is exact, not yet rounded.

    ``ceiling_ul_h`` is what a mild reaction left; it comes from a course record, never from an
    order.
    """

    max_rate_ul_h: Fraction | None
    occlusion_pa: int
    kvo_ul_h: int
    ceiling_ul_h: int | None = None


@dataclass(frozen=True)
class Course:
    """``last_dose`` is the day of the last dose before this course."""

    id: str | None
    last_dose: date | None


@dataclass(frozen=True)
class Action:
    """One thing that the simulated person does, ``at_ms`` after the first START."""

    at_ms: int
    do: str


@dataclass(frozen=True)
class Person:
    """The simulated person; ``actions`` in order of time."""

    confirms: bool
    confirm_after_s: int
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Order:
    """One order; ``text`` and ``sha256`` (of the bytes as stored) identify what was read."""

    path: str
    text: str
    sha256: str
    patient: Patient
    product: OrderedProduct
    dose: Dose
    setting: Setting
    limits: OrderLimits
    course: Course
    person: Person


def load_order(path: str, library: Library | None = None) -> Order:
    """Read and check the order file ``path`` (at most 64 KiB) against ``library``.

    ``library`` defaults to the built-in one.  Raises `OrderError` with all problems.
    """
    try:
        raw = read_bytes(path)
    except InputError as error:
        raise OrderError(path, error.problems) from None
    return parse_order(raw, path, library)


def parse_order(raw: bytes, path: str, library: Library | None = None) -> Order:
    """As `load_order`, from the file's bytes; ``path`` only names it in messages."""
    library = load_library() if library is None else library
    try:
        data, text = parse(raw, path)
    except InputError as error:
        raise OrderError(path, error.problems) from None
    problems: list[Problem] = []
    root = Table(data, "", problems)
    patient = _read_patient(root.table("patient"))
    product = _read_product(
        root.table("product", plural_hint="; brands are never mixed in one order"), library
    )
    dose = _read_dose(root.table("dose"))
    setting = _read_setting(root.table("setting", required=False))
    limits = _read_limits(root.table("limits", required=False))
    course = _read_course(root.table("course", required=False))
    person = _read_person(root.table("person", required=False))
    root.finish()
    if problems:
        raise OrderError(path, problems)
    sha256 = hashlib.sha256(raw).hexdigest()
    return Order(path, text, sha256, patient, product, dose, setting, limits, course, person)


def _read_patient(table: Table) -> Patient:
    weight_kg = table.number(
        "weight_kg", "kg", Fraction(WEIGHT_MIN_G, 1000), Fraction(WEIGHT_MAX_G, 1000)
    )
    risk = table.choices("risk", RISK_FLAGS)
    tolerance = table.choice("tolerance", TOLERANCES)
    table.finish()
    return Patient(int((weight_kg or 0) * 1000), risk or (), tolerance or "")


def _read_product(table: Table, library: Library) -> OrderedProduct:
    name = table.choice("name", sorted(library.products), code="unknown-product")
    product = library.products.get(name or "")
    indication = _read_indication(table, product)
    mg_ml = _read_concentration(table, product)
    rows = table.tables("lots", "a list of at least one table { lot, expiry, grams }", at_least=1)
    lots = [_read_lot(row, product) for row in rows]
    seen: dict[str, int] = {}
    for index, lot in enumerate(lots):
        first = seen.setdefault(lot.lot.casefold(), index)
        if first != index and lot.lot:
            table.problem(
                f"lots[{index}].lot",
                f"is {lot.lot} a second time (also lots[{first}]), expected one entry with "
                "the grams of both",
                "duplicate",
            )
    bag_ml = table.whole("bag_ml", "mL", _BAG_MIN_ML, _BAG_MAX_ML, default=None)
    table.finish()
    bag_ul = None if bag_ml is None else bag_ml * 1000
    return OrderedProduct(name or "", indication or "", mg_ml or 0, tuple(lots), bag_ul)


def _read_indication(table: Table, product: Product | None) -> str | None:
    if product is None:
        return table.choice("indication", (*INDICATIONS, OFF_LABEL), default="")
    labelled = list(product.indications)
    # Where the label knows one indication only, there is nothing to tell apart.
    default = {"default": labelled[0]} if len(labelled) == 1 else {}
    return table.choice("indication", [*labelled, OFF_LABEL], **default)


def _read_concentration(table: Table, product: Product | None) -> int | None:
    percent = table.number("concentration_percent", "%", Fraction(1, 10), 100)
    if percent is None or product is None:
        return None
    mg_ml = percent * 10
    if mg_ml not in product.concentrations_mg_ml:
        known = one_of(str(mg_ml // 10) for mg_ml in product.concentrations_mg_ml)
        table.problem(
            "concentration_percent",
            f"is {decimal_text(percent)}, expected {known} ({product.name})",
            "concentration",
        )
        return None
    return int(mg_ml)


def _milli(table: Table, key: str, unit: str, small: str, high: int, **default: None) -> int:
    """A positive number in ``unit``, as a whole number of thousandths (0 when wrong, or absent
    with ``default=None``)."""
    value = table.number(key, unit, Fraction(1, 1000), high, **default)
    if value is None:
        return 0
    if (value * 1000).denominator != 1:
        table.problem(key, f"is finer than 1 {small}, expected at most 3 decimals", "precision")
        return 0
    return int(value * 1000)


def _read_lot(table: Table, product: Product | None) -> Lot:
    lot = table.text("lot", NAME_EXPECTED, NAME)
    expiry = table.day("expiry")
    dose_mg = _milli(table, "grams", "g", "mg", _GRAMS_MAX)
    diluent_ul = None
    if "diluent_ml" in table or (product is not None and product.is_powder):
        diluent_ul = _milli(table, "diluent_ml", "mL", "uL", _DILUENT_MAX_ML)
        if product is not None and not product.is_powder:
            message = f"is given, but {product.name} is a liquid and is not mixed"
            table.problem("diluent_ml", message, "unexpected")
    vial_mg = _milli(table, "vial_grams", "g", "mg", _GRAMS_MAX, default=None) or None
    if vial_mg and dose_mg % vial_mg:
        message = f"is {kilo(dose_mg)}, expected whole vials of {kilo(vial_mg)} g"
        table.problem("grams", message, "vials")
    table.finish()
    return Lot(lot or "", expiry or date.min, dose_mg, diluent_ul, vial_mg)


def _read_dose(table: Table) -> Dose:
    dose_mg = _milli(table, "grams", "g", "mg", _GRAMS_MAX)
    days = table.whole("days", "days", 1, DAYS_MAX)
    table.finish()
    return Dose(dose_mg, days or 0)


def _read_setting(table: Table) -> Setting:
    place = table.choice("place", PLACES, default="clinic")
    minutes = table.whole("premedication_minutes", "min", 0, _PREMEDICATION_MAX_MIN, default=None)
    table.finish()
    return Setting(place or "", minutes)


def _read_limits(table: Table) -> OrderLimits:
    max_rate = table.number(
        "max_rate_ml_h", "mL/h", Fraction(RATE_MIN_UL_H, 1000), _RATE_MAX_ML_H, default=None
    )
    occlusion = table.number(
        "occlusion_kpa",
        "kPa",
        Fraction(OCCLUSION_MIN_PA, 1000),
        Fraction(OCCLUSION_MAX_PA, 1000),
        default=Fraction(OCCLUSION_DEFAULT_PA, 1000),
    )
    kvo = table.number("kvo_ml_h", "mL/h", 0, Fraction(KVO_MAX_UL_H, 1000), default=Fraction(0))
    table.finish()
    return OrderLimits(
        None if max_rate is None else max_rate * 1000,
        int((occlusion or 0) * 1000),
        int((kvo or 0) * 1000),
    )


def _read_course(table: Table) -> Course:
    course_id = table.text("id", NAME_EXPECTED, NAME, default=None)
    last_dose = table.day("last_dose", default=None)
    table.finish()
    return Course(course_id, last_dose)


def _read_person(table: Table) -> Person:
    confirms = table.flag("confirms", default=True)
    after_s = table.whole("confirm_after_s", "s", 0, _CONFIRM_AFTER_MAX_S, default=0)
    actions = [
        _read_action(row)
        for row in table.tables("actions", "a list of tables { at, do }", default=[])
    ]
    table.finish()
    actions.sort(key=lambda action: action.at_ms)
    return Person(bool(confirms), after_s or 0, tuple(actions))


def _read_action(table: Table) -> Action:
    at_ms = 0
    at = table.text("at", "a time such as 90s, 45m or 1h30m", r"(?s).*")
    if at is not None:
        try:
            at_ms = parse_duration(at)
        except DurationError as error:
            table.problem("at", str(error), "format")
    do = table.choice("do", ACTIONS)
    table.finish()
    return Action(at_ms, do or "")
