"""A histogram of a limit's values.

Bars count values; the dashed lines are limit and goal.  The pale band beside the largest
value is the uncertainty, added against the device.  Where values lie close together
compared with the limit, a second histogram below shows them alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from titra.charts import Axis, drawing, path, rect, text
from titra.hil.results import Measurement
from titra.hil.statistics import Figures, number

_ROW = 15
_HEIGHT = 96
_BELOW = 34
# Room for a short label.
_LABEL = 80
# Values within this part of the axis would be one bar: they get a view of their own.
_CLOSE = 1 / 12


class Layout(NamedTuple):
    name: str
    width: int
    font: float
    bars: int


LAYOUTS = (Layout("wide", 760, 12.5, 64), Layout("narrow", 340, 12, 34))


def histograms(measurement: Measurement, figures: Figures) -> dict[str, Markup]:
    """The drawing of each layout by its name."""
    return {layout.name: _drawing(measurement, figures, layout) for layout in LAYOUTS}


def _drawing(measurement: Measurement, figures: Figures, layout: Layout) -> Markup:
    lines = [value for value in (measurement.bound, measurement.goal) if value is not None]
    most = max(figures.most + measurement.uncertainty, *lines, 0.0)
    low = min(0.0, figures.least)
    high = low + 1.04 * (most - low) if most > low else low + 1.0
    left, right = 6, layout.width - 6
    axis = Axis(low, high, left, right)
    panels = [_panel(measurement, figures, layout, axis, 0, True)]
    height = 3 * _ROW + _HEIGHT + _BELOW
    spread = figures.most - figures.least
    if 0 < spread < _CLOSE * (high - low):
        room = 0.08 * spread
        near = Axis(
            figures.least - room, figures.most + measurement.uncertainty + room, left, right
        )
        panels.append(_panel(measurement, figures, layout, near, height, False))
        height += _ROW + _HEIGHT + _BELOW
    label = f"{measurement.limit} {measurement.name}: {figures.n} values, limit and goal"
    return Markup(drawing(layout.name, layout.width, height, layout.font, label, "".join(panels)))


def _panel(
    measurement: Measurement,
    figures: Figures,
    layout: Layout,
    axis: Axis,
    top: float,
    is_whole: bool,
) -> str:
    """One histogram with what stands above and below it; ``is_whole`` reaches to the limit."""
    head = (3 if is_whole else 1) * _ROW
    base = top + head + _HEIGHT
    unit = measurement.unit
    parts = [_scale(axis, base, unit)]
    if measurement.uncertainty:
        left, right = axis.at(figures.most), axis.at(figures.most + measurement.uncertainty)
        # Never so narrow that it cannot be seen.
        parts.append(rect(left, top + head, max(1.5, right - left), _HEIGHT, "plan"))
    parts.append(_bars(measurement, axis, layout, base))
    if not is_whole:
        parts.append(text(axis.start, top + 11, "the same values, closer", "muted"))
        return "".join(parts)
    if measurement.goal is not None:
        parts.append(_mark(axis, measurement.goal, "goal", unit, "ordered", top, 0))
    if measurement.bound is not None:
        name = "limit" if measurement.judged == "max" else f"limit of {measurement.judged}"
        parts.append(_mark(axis, measurement.bound, name, unit, "limit", top, 1))
    where, anchor = _beside(axis, figures.most, [measurement.goal, measurement.bound])
    parts.append(text(where, top + 2 * _ROW + 11, f"max {number(figures.most)}", "ink", anchor))
    return "".join(parts)


def _bars(measurement: Measurement, axis: Axis, layout: Layout, base: float) -> str:
    counts = [0] * layout.bars
    for value in measurement.values:
        place = int((value - axis.low) / (axis.high - axis.low) * layout.bars)
        counts[min(layout.bars - 1, max(0, place))] += 1
    tallest = max(counts)
    width = (axis.end - axis.start) / layout.bars
    parts = []
    for index, count in enumerate(counts):
        if count:
            # One value in thousands stays visible.
            height = max(3.0, count / tallest * (_HEIGHT - 4))
            x = axis.start + index * width + 0.5
            parts.append(rect(x, base - height, width - 1, height, "delivered"))
    return "".join(parts)


def _scale(axis: Axis, base: float, unit: str) -> str:
    parts = [path(f"M{axis.start} {base:.1f}H{axis.end}", "frame")]
    for value, words in axis.ticks(8 if axis.end > 500 else 4):
        x = axis.at(value)
        parts.append(path(f"M{x:.1f} {base:.1f}v4", "frame"))
        anchor = "start" if x < 16 else "end" if x > axis.end - 20 else "middle"
        parts.append(text(x, base + 17, words, "muted", anchor))
    parts.append(text(axis.end, base + 31, unit, "muted", "end"))
    return "".join(parts)


def _mark(axis: Axis, value: float, name: str, unit: str, colour: str, top: float, row: int) -> str:
    x = axis.at(value)
    start, end = top + row * _ROW + 3, top + 3 * _ROW + _HEIGHT
    where, anchor = _beside(axis, value)
    label = text(where, top + row * _ROW + 11, f"{name} {number(value)} {unit}", colour, anchor)
    return path(f"M{x:.1f} {start:.1f}V{end:.1f}", colour, 1.4, "6 3") + label


def _beside(axis: Axis, value: float, lines: Sequence[float | None] = ()) -> tuple[float, str]:
    """Where the label of a line goes, and which of its ends is there: not across ``lines``."""
    x = axis.at(value)
    crosses = any(line is not None and x <= axis.at(line) < x + _LABEL for line in lines)
    goes_right = x < 0.6 * axis.end and (not crosses or x < _LABEL)
    return (x + 5, "start") if goes_right else (x - 5, "end")
