"""Start-up and trumpet curve from weights, by the method of IEC 60601-2-24.

The method as facts/safety.md gives it (from a secondary source; the standard's own text was
not at hand): a sample every 0.5 min, start-up over the first 120 min, and over the second
hour, for observation windows of 2, 5, 11, 19 and 31 min, the largest and the smallest
percentage by which the mean flow of any such window differs from the rate that was set.
A is that percentage for the whole second hour.  The standard says how to measure and what
to disclose; it fixes no accuracy that every pump must have, and nothing here judges one.

Everything in this module is arithmetic on numbers that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SAMPLE_S = 30.0
START_UP_MIN = 120
ANALYSIS_FROM_MIN = 60
WINDOWS_MIN = (2, 5, 11, 19, 31)


class CurveError(Exception):
    """The numbers cannot make a curve; the message says which and why."""


@dataclass(frozen=True)
class Conditions:
    """What turns grams on a balance into millilitres that flowed.

    ``density_g_ml``      of the fluid, 0.9 to 1.3.  0.9982: water at 20 degrees C (CRC
                          Handbook; 0.9970 at 25).  IVIG of 10 % is about 1.03
    ``evaporation_g_h``   loss of the vessel, 0 to 5.  Weigh it with nothing flowing for an
                          hour and give what went; 0 under a film of oil
    ``air_g_ml``          density of air, 0 to 0.0014, for buoyancy.  0.0012: 20 degrees C,
                          1013 hPa, 50 % humidity (OIML R 111).  0 leaves it out (0.1 %)
    ``weights_g_ml``      density of the weights that the balance was adjusted with: 8.0 by
                          convention (OIML D 28)
    """

    density_g_ml: float = 0.9982
    evaporation_g_h: float = 0.0
    air_g_ml: float = 0.0012
    weights_g_ml: float = 8.0

    RANGES = {
        "density_g_ml": (0.9, 1.3),
        "evaporation_g_h": (0.0, 5.0),
        "air_g_ml": (0.0, 0.0014),
        "weights_g_ml": (7.0, 9.0),
    }

    def __post_init__(self):
        for name, (low, high) in self.RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise CurveError(f"{name}: {value:g}, expected {low:g} to {high:g}")

    @property
    def ml_per_g(self) -> float:
        """Volume for each gram that the balance shows, buoyancy taken out."""
        shown = 1 - self.air_g_ml / self.weights_g_ml
        return shown / (self.density_g_ml - self.air_g_ml)

    def volume_ml(self, seconds: float, grams: float) -> float:
        """What flowed, where the vessel shows ``grams`` more than ``seconds`` ago."""
        return (grams + self.evaporation_g_h * seconds / 3600) * self.ml_per_g

    def grams(self, seconds: float, volume_ml: float) -> float:
        """The other way round: what the balance shows."""
        return volume_ml / self.ml_per_g - self.evaporation_g_h * seconds / 3600


# Pure volume, such as a simulation knows it: a gram is a millilitre.
VOLUME = Conditions(density_g_ml=1.0, air_g_ml=0.0)


@dataclass(frozen=True)
class Extremes:
    """Of all windows of this length: the largest and the smallest error, in per cent."""

    window_min: int
    max_percent: float
    min_percent: float


@dataclass(frozen=True)
class Trumpet:
    """``overall_percent`` is A: the error of the mean flow over the whole second hour."""

    rate_ml_h: float
    overall_percent: float
    windows: tuple[Extremes, ...]


def on_grid(
    readings: Sequence[tuple[float, float]], minutes: int = START_UP_MIN, sample_s: float = SAMPLE_S
) -> list[float]:
    """A value for every ``sample_s`` from 0 to ``minutes``, between readings of (s, value).

    Readings ascend in time, from 0 or before to the end or after.  Raises ``CurveError``
    where one is missing, so that a curve is never drawn across a gap.
    """
    end_s = minutes * 60.0
    if len(readings) < 2 or readings[0][0] > 0 or readings[-1][0] < end_s:
        got = f"{readings[0][0]:g} to {readings[-1][0]:g} s" if readings else "none"
        raise CurveError(f"readings: {got}, expected 0 to {end_s:g} s")
    for (before_s, _), (after_s, _) in zip(readings, readings[1:], strict=False):
        if after_s <= before_s:
            raise CurveError(f"the reading at {after_s:g} s is not after the one at {before_s:g} s")
    grid = []
    at = 0
    for index in range(int(end_s / sample_s) + 1):
        t_s = index * sample_s
        while at + 2 < len(readings) and readings[at + 1][0] <= t_s:
            at += 1
        (t0, w0), (t1, w1) = readings[at], readings[min(at + 1, len(readings) - 1)]
        if t1 - t0 > 1.5 * sample_s:
            raise CurveError(
                f"no reading between {t0:g} and {t1:g} s, expected one each {sample_s:g} s"
            )
        grid.append(w0 + (w1 - w0) * (t_s - t0) / (t1 - t0))
    return grid


def volumes(
    weights_g: Sequence[float], conditions: Conditions, sample_s: float = SAMPLE_S
) -> list[float]:
    """mL since the first sample, corrected for density, buoyancy and evaporation."""
    first = weights_g[0]
    return [
        conditions.volume_ml(index * sample_s, weight - first)
        for index, weight in enumerate(weights_g)
    ]


def start_up(volumes_ml: Sequence[float], sample_s: float = SAMPLE_S) -> list[float]:
    """mL/h of each sample interval; the first ends at ``sample_s``.

    Their sum times the interval is the volume of the last sample less that of the first.
    """
    return [
        (after - before) * 3600 / sample_s
        for before, after in zip(volumes_ml, volumes_ml[1:], strict=False)
    ]


def trumpet(
    volumes_ml: Sequence[float],
    rate_ml_h: float,
    sample_s: float = SAMPLE_S,
    analysis_min: tuple[int, int] = (ANALYSIS_FROM_MIN, START_UP_MIN),
    windows_min: Sequence[int] = WINDOWS_MIN,
) -> Trumpet:
    """The curve over the minutes ``analysis_min`` of samples that begin at 0.

    A window begins at every sample for which it ends within.  Its error is the mean flow in
    it, which is what came in it and nothing else, against ``rate_ml_h``.  Raises
    ``CurveError`` where there are too few samples, a window does not fit, or the rate is
    not above 0.
    """
    if not rate_ml_h > 0:
        raise CurveError(f"rate_ml_h: {rate_ml_h:g}, expected more than 0")
    first, last = (round(minutes * 60 / sample_s) for minutes in analysis_min)
    if len(volumes_ml) <= last:
        raise CurveError(
            f"samples: {len(volumes_ml)}, expected {last + 1} for {analysis_min[1]} min"
        )
    part = volumes_ml[first : last + 1]

    def errors(length: int) -> list[float]:
        expected = rate_ml_h * length * sample_s / 3600
        return [
            100 * ((after - before) / expected - 1)
            for before, after in zip(part, part[length:], strict=False)
        ]

    rows = []
    for window in windows_min:
        length = round(window * 60 / sample_s)
        if not 0 < length <= last - first:
            raise CurveError(f"window: {window} min, expected at most {last - first} samples")
        of_window = errors(length)
        rows.append(Extremes(window, max(of_window), min(of_window)))
    return Trumpet(rate_ml_h, errors(last - first)[0], tuple(rows))


def resolution_percent(readability_g: float, rate_ml_h: float, window_min: float) -> float:
    """By how much rounding to ``readability_g`` alone can move the error of a window.

    Half a digit at either end: a digit, as a part of what flows in the window.
    """
    return 100 * readability_g / (rate_ml_h * window_min / 60)
