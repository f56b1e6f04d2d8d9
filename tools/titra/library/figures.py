"""The figures that labels print, kept as printed and compared exactly."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pump.core.limits import RATE_RESOLUTION_UL_H

# What each printed unit gives in uL/h, from the figure, the body mass in g and the
# concentration in mg/mL.  (mg/kg/min) x 60 / (mg/mL) = mL/kg/h; mL/kg x g = uL.
_TO_UL_H: dict[str, Callable[[Fraction, int, Fraction], Fraction]] = {
    "mg/kg/min": lambda value, weight_g, mg_ml: value * 60 * weight_g / mg_ml,
    "mg/kg/h": lambda value, weight_g, mg_ml: value * weight_g / mg_ml,
    "mL/kg/min": lambda value, weight_g, mg_ml: value * 60 * weight_g,
    "mL/kg/h": lambda value, weight_g, mg_ml: value * weight_g,
}
UNITS = tuple(_TO_UL_H)
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

    def ul_h(self, weight_g: int, concentration_mg_ml: Fraction) -> Fraction:
        """The exact rate in uL/h for a body mass in g and a concentration in mg/mL."""
        return _TO_UL_H[self.unit](Fraction(self.text), weight_g, concentration_mg_ml)

    def rate_ul_h(self, weight_g: int, concentration_mg_ml: Fraction) -> int:
        """The highest settable rate in uL/h that the figure allows: rounded down.

        Below a strict figure that is the largest step strictly under it.
        """
        exact = self.ul_h(weight_g, concentration_mg_ml)
        steps, rest = divmod(exact, RATE_RESOLUTION_UL_H)
        if self.strict and rest == 0:
            steps -= 1
        return int(steps) * RATE_RESOLUTION_UL_H

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
        return min(self.figures, key=lambda figure: figure.order(concentration_mg_ml))

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
