"""Turns one library file into a `Product`, or says everything that is wrong with it."""

from datetime import date
from fractions import Fraction
from typing import Any

from pump.core.limits import (
    CONCENTRATION_MAX_MG_ML,
    CONCENTRATION_MIN_MG_ML,
    DAY_DOSE_MAX_MG_PER_KG,
    DWELL_MAX_MS,
    DWELL_MIN_MS,
    RATE_RESOLUTION_UL_H,
    RUNGS_MAX,
    WEIGHT_MIN_G,
)
from pump.core.units import MS_PER_MIN
from titra.library.figures import (
    UNITS,
    VOLUME_UNITS,
    Figure,
    Limit,
    Source,
    decimal_fraction,
)
from titra.library.model import INDICATIONS, RISK_FLAGS, Indication, LadderStep, Product
from titra.planning.toml_reader import InputError, Problem, Table, parse, show
from titra.planning.wording import decimal_text

# Dose limits of several labels: 2 g/kg over 2 to 5 days.
COURSE_DOSE_MAX_MG_PER_KG = 2000
# Labels round the two units of one rate apart by up to a tenth (3.3 mg/kg/min beside
# 0.03 mL/kg/min); more than that is a slip of the transcription.
_PRINTED_APART_MAX = Fraction(15, 100)
# Two rungs this far apart at the lightest patient still differ after both are rounded
# down, one of them perhaps strictly: a compiled ladder is then always rising.
_RUNG_STEP_MIN_UL_H = 2 * RATE_RESOLUTION_UL_H

# Sizes of vials; anything outside is a slip.
_VIAL_MIN_G, _VIAL_MAX_G = Fraction(1, 10), 100

_KEY = r"[a-z0-9]+(-[a-z0-9]+)*"


class LibraryError(InputError):
    """A library file is wrong; one problem per fault."""


def product_from_toml(raw: bytes, path: str, stem: str) -> Product:
    """Read one product.  ``stem`` is the file's name without ``.toml``, which its key must be.

    Raises `LibraryError`.
    """
    try:
        data, _ = parse(raw, path)
    except InputError as error:
        raise LibraryError(path, error.problems) from None
    reader = _ProductReader(data, stem)
    product = reader.read()
    if reader.problems or product is None:
        raise LibraryError(path, reader.problems)
    return product


class _ProductReader:
    def __init__(self, data: dict[str, Any], stem: str):
        self.problems: list[Problem] = []
        self._root = Table(data, "", self.problems)
        self._stem = stem
        self._sources: dict[str, Source] = {}
        self._used: set[str] = set()
        self._concentrations: tuple[int, ...] = ()

    def read(self) -> Product | None:
        root = self._root
        key = root.choice("key", [self._stem])
        name = root.text("name", "the product's name")
        form = root.choice("form", ["liquid", "powder"])
        note = root.text("note", "a remark", default="")
        self._read_sources()
        self._concentrations = self._read_concentrations(root)
        day, course, dose_source = self._read_dose()
        first, first_source = self._read_first_infusion()
        vials, vials_source = self._read_vials()
        indications = self._read_indications()
        root.finish()
        for unused in sorted(self._sources.keys() - self._used):
            self._note(f"sources.{unused}", "is not used by any figure", "unused")
        if self.problems or key is None or name is None or note is None:
            return None
        if day is None or course is None or dose_source is None:
            return None
        return Product(
            key=key,
            name=name,
            is_powder=form == "powder",
            concentrations_mg_ml=self._concentrations,
            day_mg_per_kg=day,
            course_mg_per_kg=course,
            dose_source=dose_source,
            first_infusion_mg_ml=first,
            first_infusion_source=first_source,
            indications=indications,
            sources=tuple(self._sources.values()),
            note=note,
            vials_mg=vials,
            vials_source=vials_source,
        )

    def _note(self, field: str, message: str, code: str) -> None:
        self.problems.append(Problem(field, message, code))

    def _read_sources(self) -> None:
        table = self._root.table("sources")
        if not table.names():
            self._note("sources", "is empty, expected a table for each source", "missing")
        for key in table.names():
            row = table.table(key)
            text = row.text("text", "where the figures stand")
            day = row.day("date")
            checked = row.flag("checked")
            own_choice = row.flag("own_choice", default=False)
            reason = row.text("reason", "why this product chose the figure", default="")
            row.finish()
            if own_choice and not reason:
                row.problem("reason", "is missing, expected the reason of an own choice", "missing")
            if own_choice and checked:
                row.problem(
                    "checked", "is true, expected false: no label says an own choice", "choice"
                )
            # Kept even when faulty, so that its users are not reported as well.
            self._sources[key] = Source(
                key, text or "", day or date.min, bool(checked), bool(own_choice), reason or ""
            )

    def _source(self, table: Table, key: str = "source") -> Source | None:
        name = table.choice(key, self._sources or ["a key of [sources]"])
        if name is None:
            return None
        self._used.add(name)
        return self._sources[name]

    def _read_concentrations(self, table: Table) -> tuple[int, ...]:
        key, field = "concentrations_percent", table.field("concentrations_percent")
        expected = 'a list of decimal texts such as ["10"]'
        values = []
        for index, item in enumerate(table.items(key, expected, at_least=1)):
            percent = decimal_fraction(item)
            mg_ml = percent * 10 if percent is not None else Fraction(0)
            if (
                mg_ml.denominator != 1
                or not CONCENTRATION_MIN_MG_ML <= mg_ml <= CONCENTRATION_MAX_MG_ML
            ):
                low, high = CONCENTRATION_MIN_MG_ML // 10, CONCENTRATION_MAX_MG_ML // 10
                self._note(
                    f"{field}[{index}]",
                    f'is {show(item)}, expected a decimal text from "{low}" to "{high}" '
                    "that is a whole number of mg/mL",
                    "range",
                )
            elif int(mg_ml) in values:
                self._note(f"{field}[{index}]", f'is "{item}" a second time', "duplicate")
            else:
                values.append(int(mg_ml))
        return tuple(values)

    def _read_dose(self) -> tuple[Fraction | None, Fraction | None, Source | None]:
        table = self._root.table("dose")
        day = self._per_kg(table, "day_g_per_kg", DAY_DOSE_MAX_MG_PER_KG)
        course = self._per_kg(table, "course_g_per_kg", COURSE_DOSE_MAX_MG_PER_KG)
        source = self._source(table)
        table.finish()
        if day and course and course < day:
            table.problem("course_g_per_kg", "is below day_g_per_kg", "range")
        return day, course, source

    def _per_kg(self, table: Table, key: str, high_mg: int) -> Fraction | None:
        expected = f'a decimal text above "0", at most "{decimal_text(Fraction(high_mg, 1000))}"'
        text = table.text(key, expected)
        if text is None:
            return None
        value = decimal_fraction(text)
        if value is None or not 0 < value * 1000 <= high_mg:
            table.problem(key, f"is {show(text)}, expected {expected}", "range")
            return None
        return value * 1000

    def _read_first_infusion(self) -> tuple[tuple[int, ...], Source | None]:
        if "first_infusion" not in self._root:
            self._root.table("first_infusion", required=False)
            return (), None
        table = self._root.table("first_infusion")
        values = self._read_concentrations(table)
        source = self._source(table)
        table.finish()
        if not set(values) <= set(self._concentrations):
            table.problem(
                "concentrations_percent", "names one that the product does not have", "choice"
            )
        return values, source

    def _read_vials(self) -> tuple[tuple[int, ...], Source | None]:
        """The sizes of vials in mg, for lists of supplies only: no rate depends on them."""
        if "vials" not in self._root:
            self._root.table("vials", required=False)
            return (), None
        table = self._root.table("vials")
        expected = f'a decimal text from "{decimal_text(_VIAL_MIN_G)}" to "{_VIAL_MAX_G}"'
        sizes: list[int] = []
        for index, item in enumerate(table.items("grams", f"a list of {expected}", at_least=1)):
            grams = decimal_fraction(item)
            field = f"{table.field('grams')}[{index}]"
            if grams is None or not _VIAL_MIN_G <= grams <= _VIAL_MAX_G:
                self._note(field, f"is {show(item)}, expected {expected}", "range")
            elif (grams / _VIAL_MIN_G).denominator != 1:
                self._note(field, f'is "{item}", expected whole steps of 0.1 g', "precision")
            elif sizes and grams * 1000 <= sizes[-1]:
                self._note(field, f'is "{item}", expected more than the one before', "order")
            else:
                sizes.append(int(grams * 1000))
        source = self._source(table)
        table.finish()
        return tuple(sizes), source

    def _read_indications(self) -> dict[str, Indication]:
        table = self._root.table("indications")
        if not table.names():
            self._note("indications", "is empty, expected at least one indication", "missing")
        indications = {}
        for key in table.names():
            if key not in INDICATIONS:
                table.problem(
                    key, f"is unknown, expected one of {', '.join(INDICATIONS)}", "choice"
                )
                continue
            indications[key] = self._read_indication(key, table.table(key))
        return indications

    def _read_indication(self, key: str, table: Table) -> Indication | None:
        title = table.text("title", "the indication in words")
        source = self._source(table)
        ladder_source = table.choice("ladder_source", ["label", "practice"])
        maximum_table = table.table("maximum")
        maximum = self._limit(maximum_table)
        maximum_table.finish()
        steps = [self._read_step(row) for row in table.tables("ladder", "tables of rungs")]
        ladder = tuple(step for step in steps if step is not None)
        risk = self._read_risk(table)
        table.finish()
        if self.problems or source is None or maximum is None:
            # The comparisons below need every figure.
            return None
        if title is None or ladder_source is None:
            return None
        self._check_ladder(table, ladder, maximum, ladder_source)
        for flag, cap in risk.items():
            if any(cap.order(mg_ml) > maximum.order(mg_ml) for mg_ml in self._mg_ml()):
                table.problem("risk", f"{flag}: {cap} is above the maximum {maximum}", "order")
        return Indication(key, title, source, ladder_source, ladder, maximum, risk)

    def _mg_ml(self) -> list[Fraction]:
        return [Fraction(mg_ml) for mg_ml in self._concentrations]

    def _read_step(self, row: Table) -> LadderStep | None:
        rate = self._limit(row)
        low, high = DWELL_MIN_MS // MS_PER_MIN, DWELL_MAX_MS // MS_PER_MIN
        dwell_min = row.whole("dwell_min", "min", low, high)
        dwell_source = self._source(row, "dwell_source")
        row.finish()
        if rate is None or dwell_min is None or dwell_source is None:
            return None
        return LadderStep(rate, dwell_min * MS_PER_MIN, dwell_source)

    def _read_risk(self, table: Table) -> dict[str, Limit]:
        caps: dict[str, Limit] = {}
        seen: set[str] = set()
        for row in table.tables("risk", "tables of flags and rates"):
            flags = row.choices("flags", RISK_FLAGS) or ()
            cap = self._limit(row)
            row.finish()
            for flag in flags:
                if flag in seen:
                    row.problem("flags", f"names {flag}, which has a cap already", "duplicate")
                seen.add(flag)
                if cap is not None:
                    caps[flag] = cap
        missing = [flag for flag in RISK_FLAGS if flag not in seen]
        if missing:
            table.problem("risk", f"has no cap for {', '.join(missing)}", "missing")
        return caps

    def _limit(self, table: Table) -> Limit | None:
        """Reads ``rate`` (a list of figures) and ``source`` of ``table``."""
        rows = table.tables("rate", "a list of at least one table { value, unit }", at_least=1)
        read = [self._figure(row) for row in rows]
        figures = [figure for figure in read if figure is not None]
        source = self._source(table)
        if source is None or not figures or len(figures) < len(read):
            return None
        limit = Limit(tuple(figures), source)
        for mg_ml in self._mg_ml():
            rates = [figure.ul_h(1000, mg_ml) for figure in figures]
            if max(rates) > min(rates) * (1 + _PRINTED_APART_MAX):
                table.problem(
                    "rate", f"{limit}: the figures differ by more than rounding explains", "order"
                )
        return limit

    def _figure(self, row: Table) -> Figure | None:
        expected = 'a decimal text above "0" such as "0.5"'
        text = row.text("value", expected)
        unit = row.choice("unit", UNITS)
        strict = row.flag("strict", default=False)
        row.finish()
        if text is None or unit is None or strict is None:
            return None
        if not decimal_fraction(text):
            row.problem("value", f"is {show(text)}, expected {expected}", "format")
            return None
        if unit in VOLUME_UNITS and len(self._concentrations) > 1:
            row.problem(
                "unit", f"is {unit}, which says nothing with several concentrations", "choice"
            )
            return None
        return Figure(text, unit, strict)

    def _check_ladder(
        self, table: Table, ladder: tuple[LadderStep, ...], maximum: Limit, ladder_source: str
    ) -> None:
        if not 1 <= len(ladder) <= RUNGS_MAX:
            message = f"has {len(ladder)} rungs, expected 1 to {RUNGS_MAX}"
            table.problem("ladder", message, "range")
            return
        own = any(step.rate.source.own_choice for step in ladder)
        if own != (ladder_source == "practice"):
            expected = "practice" if own else "label"
            table.problem(
                "ladder_source", f"is {ladder_source}, but its rungs make it {expected}", "choice"
            )
        for mg_ml in self._mg_ml():
            if ladder[-1].rate.order(mg_ml) > maximum.order(mg_ml):
                table.problem(
                    f"ladder[{len(ladder) - 1}].rate",
                    f"is {ladder[-1].rate}, above the label's maximum of {maximum}",
                    "order",
                )
                return
            lightest = [step.rate.binding(mg_ml).ul_h(WEIGHT_MIN_G, mg_ml) for step in ladder]
            for index in range(1, len(ladder)):
                if lightest[index] < lightest[index - 1] + _RUNG_STEP_MIN_UL_H:
                    table.problem(
                        f"ladder[{index}].rate",
                        f"is {ladder[index].rate}, expected clearly more than the rung before "
                        f"({ladder[index - 1].rate})",
                        "order",
                    )
                    return
