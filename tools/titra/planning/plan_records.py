"""What the planner hands back: ladders for each day, or the reasons why there are none."""

from dataclasses import dataclass, field
from datetime import date

from titra.library import Source
from titra.planning.ladder import Cap, Rung
from titra.planning.order import Lot


@dataclass(frozen=True)
class Reason:
    """Why an order is refused, or what a person should know; ``field`` of the order."""

    code: str
    message: str
    field: str = ""

    def line(self, path: str) -> str:
        """The one line that a person sees."""
        return f"{path}: {self.field}: {self.message}" if self.field else f"{path}: {self.message}"


@dataclass(frozen=True)
class LotUse:
    """How much of a lot one day takes, in mg."""

    lot: str
    expiry: date
    dose_mg: int


@dataclass(frozen=True)
class DayPlan:
    """One day's infusion; units in the names.

    ``concentration_mg_ml`` is the stated one, or for a powder that came out stronger the
    mixed one rounded up.  ``duration_ms`` counts rises as instant, ``duration_with_slew_ms``
    as they are; neither counts the time that people take to answer.  ``caps`` holds every
    cap, ``cap_ul_h`` and ``cap_source`` the one in force.  ``ladder_source`` is ``label`` or
    ``practice``.
    """

    day: int
    dose_mg: int
    volume_ul: int
    concentration_mg_ml: int
    weight_g: int
    rungs: tuple[Rung, ...]
    cap_ul_h: int
    cap_source: str
    caps: tuple[Cap, ...]
    ladder_source: str
    duration_ms: int
    duration_with_slew_ms: int
    slew_ul_h_s: int
    check_interval_ms: int
    risk: bool
    first_dose: bool
    home: bool
    lots: tuple[LotUse, ...]


@dataclass(frozen=True)
class Plan:
    """``days`` is empty exactly when ``refused`` is not: nobody runs a refused ladder.
    ``today`` is the day for which it was made, ``lots`` what there was to take from."""

    order_sha256: str
    product: str
    indication: str
    refused: tuple[Reason, ...]
    warnings: tuple[Reason, ...]
    days: tuple[DayPlan, ...]
    sources: tuple[Source, ...]
    today: date
    lots: tuple[Lot, ...]


@dataclass
class Findings:
    """Collects reasons while an order is planned; nothing stops at the first."""

    refused: list[Reason] = field(default_factory=list)
    warnings: list[Reason] = field(default_factory=list)

    def refuse(self, code: str, message: str, field: str) -> None:
        """The order is not safe to run."""
        self.refused.append(Reason(code, message, field))

    def warn(self, code: str, message: str, field: str) -> None:
        """A person should know."""
        self.warnings.append(Reason(code, message, field))
