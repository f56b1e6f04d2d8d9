"""The figures that labels print, kept as printed and compared exactly."""

import re
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property

from pump.core.limits import RATE_RESOLUTION_UL_H

# Each printed unit as (times an hour, whether it is a mass of protein): the figure x body mass
# in g x times an hour is uL/h, or for a mass mg/h, which the concentration in mg/mL divides.
_PARTS: dict[str, tuple[int, bool]] = {
    "mg/kg/min": (60, True),
    "mg/kg/h": (1, True),
    "mL/kg/min": (60, False),
    "mL/kg/h": (1, False),
}
UNITS = tuple(_PARTS)
# These units mean a dose rate only together with one concentration.
VOLUME_UNITS = ("mL/kg/min", "mL/kg/h")

_DECIMAL = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?")


def decimal_fraction(text: object) -> Fraction | None:
    """The exact value of a decimal string such as ``"0.005"``; None for anything else."""
    if isinstance(text, str) and _DECIMAL.fullmatch(text):
        return Fraction(text)
    return None


@dataclass(frozen=True)
class Source:
    """Where a figure comes from.

    ``checked`` is true when somebody read it at the source, false when it is from memory.
    ``own_choice`` marks what no label says: then ``reason`` says why this product chose it.
    ``date`` is the day of the reading; labels change.
    """

    key: str
    text: str
    date: date
    checked: bool
    own_choice: bool = False
    reason: str = ""

    @property
    def standing(self) -> str:
        """``checked``, ``not checked`` or ``own choice``."""
        if self.own_choice:
            return "own choice"
        return "checked" if self.checked else "not checked"


@dataclass(frozen=True)
class Figure:
    """One printed rate; ``strict`` is a printed ``<``, which the rate itself does not meet."""

    text: str
    unit: str
    strict: bool = False

    def __str__(self) -> str:
        return f"{'< ' if self.strict else ''}{self.text} {self.unit}"

    @cached_property
    def exact(self) -> Fraction:
        """The printed number."""
        return Fraction(self.text)

    def _ratio(self, weight_g: int, concentration_mg_ml: Fraction) -> tuple[int, int]:
        """Numerator and denominator of the exact rate in uL/h; the denominator is positive."""
        an_hour, is_mass = _PARTS[self.unit]
        numerator = self.exact.numerator * an_hour * weight_g
        if not is_mass:
            return numerator, self.exact.denominator
        return (
            numerator * concentration_mg_ml.denominator,
            self.exact.denominator * concentration_mg_ml.numerator,
        )

    def ul_h(self, weight_g: int, concentration_mg_ml: Fraction) -> Fraction:
        """The exact rate in uL/h for a body mass in g and a concentration in mg/mL."""
        return Fraction(*self._ratio(weight_g, concentration_mg_ml))

    def rate_ul_h(self, weight_g: int, concentration_mg_ml: Fraction) -> int:
        """The highest settable rate in uL/h that the figure allows: rounded down.

        Below a strict figure that is the largest step strictly under it.
        """
        numerator, denominator = self._ratio(weight_g, concentration_mg_ml)
        steps, rest = divmod(numerator, denominator * RATE_RESOLUTION_UL_H)
        if self.strict and rest == 0:
            steps -= 1
        return steps * RATE_RESOLUTION_UL_H

    def order(self, concentration_mg_ml: Fraction) -> tuple[Fraction, int]:
        """Sorts figures of any unit: per kg of body mass, `< x` just before `x`."""
        return self.ul_h(1000, concentration_mg_ml), 0 if self.strict else 1


@dataclass(frozen=True)
class Limit:
    """A rate as a label prints it, perhaps in two units that disagree by rounding.

    The lower of them is enforced, whichever unit it is in.
    """

    figures: tuple[Figure, ...]
    source: Source

    def __str__(self) -> str:
        return " / ".join(str(figure) for figure in self.figures)

    def binding(self, concentration_mg_ml: Fraction) -> Figure:
        """The lowest of the printed figures at this concentration (mg/mL)."""
        found = self._binding.get(concentration_mg_ml)
        if found is None:
            found = min(self.figures, key=lambda figure: figure.order(concentration_mg_ml))
            self._binding[concentration_mg_ml] = found
        return found

    @cached_property
    def _binding(self) -> dict[Fraction, Figure]:
        """What was found, by concentration: a sweep asks millions of times."""
        return {}

    def order(self, concentration_mg_ml: Fraction) -> tuple[Fraction, int]:
        """Sorts limits as `Figure.order` sorts figures."""
        return self.binding(concentration_mg_ml).order(concentration_mg_ml)

    def rate_ul_h(self, weight_g: int, concentration_mg_ml: Fraction) -> int:
        """The highest settable rate in uL/h, rounded down to 100 uL/h."""
        return self.binding(concentration_mg_ml).rate_ul_h(weight_g, concentration_mg_ml)

    @property
    def disagrees(self) -> bool:
        """True when the printed figures differ (for 10 % solutions, where labels print both)."""
        return len({figure.order(Fraction(100))[0] for figure in self.figures}) > 1
