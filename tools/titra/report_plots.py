"""The figure of a report: rate, volume, pressures and a lane of events on one time axis.

It is drawn twice, once for wide pages and once for narrow ones, as SVG whose text stays
text and whose colours are CSS variables of the page (``--c-NAME``).

matplotlib is imported where it is used: starting ``titra`` must not wait for it.
"""

from __future__ import annotations

import io
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pump.core import limits
from pump.core.units import STEPS_PER_ML
from titra.planning.ladder import spans_of
from titra.report_lane import Lane, lane_of
from titra.summary import NO_INFUSION, RATE_WINDOW_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from titra.summary import Summary

# Longest time without telemetry that is still drawn as a line; one line a second is sent.
GAP_S = 5.0
# A point is left out where a straight line is nearer to it than this share of the axis.
_TOLERANCE = 0.001
_POINTS_MAX = 3000

# Colours by name.  The SVG gets one stand-in per name, which the page's variable replaces.
COLOURS = (
    "ink",
    "muted",
    "grid",
    "frame",
    "onbar",
    "plan",
    "commanded",
    "delivered",
    "patient",
    "ordered",
    "limit",
    "down",
    "inlet",
    "high",
    "medium",
    "low",
    "question",
    "answer",
    "command",
    "fault",
    "device",
    "st-idle",
    "st-infusing",
    "st-held",
    "st-hold",
    "st-paused",
    "st-kvo",
    "st-stopped",
    "st-alarm",
    "st-complete",
    "st-fault",
    "st-back",
    "st-silent",
)
_HEX = {name: f"#a1b2{number:02x}" for number, name in enumerate(COLOURS)}
_TICK_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


@dataclass(frozen=True)
class Layout:
    """Sizes in units of the SVG's view box; ``ticks`` is the most that the time axis carries."""

    name: str
    width: int
    font: float
    left: int
    right: int
    heights: tuple[int, int, int]
    ticks: int
    is_narrow: bool


LAYOUTS = (
    Layout("wide", 880, 12.5, 84, 16, (210, 150, 130), 13, False),
    Layout("narrow", 370, 11.5, 38, 8, (170, 130, 120), 6, True),
)


class _Step(NamedTuple):
    rate_ul_h: int
    dwell_ms: int


class _Panel(NamedTuple):
    """What all panels of a figure share."""

    figure: Figure
    layout: Layout
    end_s: float


def figures(header: dict, summary: Summary) -> dict[str, str]:
    """The SVG of each layout by its name."""
    import matplotlib

    # Text that a browser draws in its own font: what matplotlib's lacks does not matter.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        return {layout.name: _draw(header, summary, layout) for layout in LAYOUTS}


def planned_ladder(program: dict) -> tuple[list[float], list[float]]:
    """Seconds and mL/h of the ladder as planned: each dwell kept, each step up at once."""
    steps = [_Step(int(rate), int(dwell) * 1000) for rate, dwell in program["rungs"]]
    times, rates = [0.0], [0.0]
    slew = max(1, int(program.get("slew_ul_h_s", limits.SLEW_MIN_UL_H_S)))
    for step, span in zip(steps, spans_of(steps, int(program["vtbi_ul"]), slew), strict=False):
        times += [float(span.reached_ms) / 1000, float(span.end_ms) / 1000]
        rates += [step.rate_ul_h / 1000] * 2
    return times + times[-1:], rates + [0.0]


def thin(times: Any, values: Any, tolerance: float) -> tuple[Any, Any]:
    """The fewest points that keep every value within ``tolerance`` of the line between them.

    The lowest and the highest point always stay.  A series that would still be longer than
    ``_POINTS_MAX`` is thinned again with twice the tolerance.
    """
    import numpy as np

    times, values = np.asarray(times, float), np.asarray(values, float)
    if len(times) < 3:
        return times, values
    while True:
        keep = np.zeros(len(times), bool)
        marks = sorted({0, len(times) - 1, int(values.argmin()), int(values.argmax())})
        keep[marks] = True
        todo = list(zip(marks, marks[1:], strict=False))
        while todo:
            first, last = todo.pop()
            if last - first < 2:
                continue
            inner = slice(first + 1, last)
            line = np.interp(times[inner], times[[first, last]], values[[first, last]])
            off = np.abs(values[inner] - line)
            worst = int(off.argmax())
            if off[worst] > tolerance:
                middle = first + 1 + worst
                keep[middle] = True
                todo += [(first, middle), (middle, last)]
        if keep.sum() <= _POINTS_MAX:
            return times[keep], values[keep]
        tolerance *= 2


def _series(
    axes: Axes, rows: list[tuple[float, float]], tolerance: float, colour: str, **style: Any
) -> None:
    """A line through ``rows`` of (s, value), broken where nothing was seen for ``GAP_S``."""
    rows = sorted(row for row in rows if row[0] >= 0)
    pieces: list[list[tuple[float, float]]] = []
    for row in rows:
        if not pieces or row[0] - pieces[-1][-1][0] > GAP_S:
            pieces.append([])
        pieces[-1].append(row)
    times: list[float] = []
    values: list[float] = []
    for piece in pieces:
        seconds, numbers = zip(*piece, strict=True)
        thin_times, thin_values = thin(seconds, numbers, tolerance)
        times += [*thin_times, float("nan")]
        values += [*thin_values, float("nan")]
    axes.plot(times, values, color=_HEX[colour], solid_joinstyle="round", **style)


def _draw(header: dict, summary: Summary, layout: Layout) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": f"titra-{layout.name}",
            "text.parse_math": False,
            "font.size": layout.font,
            "axes.edgecolor": _HEX["frame"],
            "axes.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "text.color": _HEX["ink"],
            "xtick.color": _HEX["frame"],
            "ytick.color": _HEX["frame"],
            "xtick.labelcolor": _HEX["muted"],
            "ytick.labelcolor": _HEX["muted"],
            "xtick.labelsize": layout.font * 0.92,
            "ytick.labelsize": layout.font * 0.92,
            "legend.fontsize": layout.font * 0.95,
            "legend.frameon": False,
        }
    )
    end_s = _end_s(summary)
    lane_width = layout.width - layout.left - layout.right
    lane = lane_of(summary, end_s, lane_width, layout.font, layout.is_narrow, GAP_S)
    heads = 2 * layout.font * 1.75 if layout.is_narrow else layout.font * 2.1
    below = layout.font * 2.3
    heights = (*layout.heights, lane.height)
    # The lane has no legend, and the name of the time axis stands below it.
    last_head, last_below = layout.font * 2.0, layout.font * 3.6
    total = sum(heights) + 3 * (heads + below) + last_head + last_below
    figure = Figure(figsize=(layout.width / 72, total / 72), dpi=72)
    FigureCanvasSVG(figure)
    figure.patch.set_visible(False)
    panel = _Panel(figure, layout, end_s)
    top = 0.0
    for index, height in enumerate(heights):
        top += last_head if index == 3 else heads
        box = (
            layout.left / layout.width,
            1 - (top + height) / total,
            lane_width / layout.width,
            height / total,
        )
        axes = figure.add_axes(box)
        axes.patch.set_visible(False)
        _PANELS[index](axes, panel, header, summary, lane)
        _time_axis(axes, panel)
        _alarm_lines(axes, summary)
        top += height + below
    lowest = figure.axes[-1]
    lowest.set_xlabel("h:min since START" if end_s >= 240 else "h:min:s since START")
    lowest.xaxis.label.set_color(_HEX["muted"])
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return _for_page(text.getvalue(), layout)


def _alarm_lines(axes: Axes, summary: Summary) -> None:
    for priority in sorted({alarm.priority for alarm in summary.alarms}):
        axes.vlines(
            [alarm.raised_s for alarm in summary.alarms if alarm.priority == priority],
            0,
            1,
            transform=axes.get_xaxis_transform(),
            color=_HEX[priority.lower()],
            linewidth=1.1,
            linestyle=(0, (5, 2)),
            zorder=1.5,
        )


def _end_s(summary: Summary) -> float:
    last = [series[-1].t_s for series in (summary.samples, summary.telemetry) if series]
    return max([*last, *(event.t_s for event in summary.events), 1.0])


def clock_label(seconds: float, with_seconds: bool = False) -> str:
    """``h:mm``, or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    text = f"{minutes // 60}:{minutes % 60:02}"
    return f"{text}:{rest:02}" if with_seconds else text


def _time_axis(axes: Axes, panel: _Panel) -> None:
    end_s = panel.end_s
    step = next((s for s in _TICK_STEPS_S if end_s / s <= panel.layout.ticks), 28800)
    ticks = [n * step for n in range(int(end_s / step) + 1)]
    axes.set_xlim(-0.006 * end_s, end_s * 1.006)
    axes.set_xticks(ticks, [clock_label(tick, step < 60) for tick in ticks])
    axes.tick_params(length=3, width=0.8)
    axes.grid(True, axis="x", color=_HEX["grid"], linewidth=0.7)
    axes.set_axisbelow(True)


def _heading(axes: Axes, panel: _Panel, title: str, unit: str = "") -> None:
    """The panel's name, and the legend of what was drawn so far."""
    layout = panel.layout
    handles, labels = axes.get_legend_handles_labels()
    lift = layout.font * (2.05 if layout.is_narrow and handles else 0.75)
    axes.annotate(
        f"{title}, {unit}" if unit else title,
        (0, 1),
        (-layout.left + 2, lift),
        xycoords="axes fraction",
        textcoords="offset points",
        fontweight="bold",
        fontsize=layout.font * 1.05,
        annotation_clip=False,
    )
    if not handles:
        return
    axes.legend(
        handles,
        labels,
        loc="lower left" if layout.is_narrow else "lower right",
        bbox_to_anchor=(-(layout.left - 2) / _inner(layout) if layout.is_narrow else 1, 1),
        ncols=len(handles),
        borderaxespad=0,
        borderpad=0.35,
        handlelength=1.5,
        handletextpad=0.45,
        columnspacing=1.0 if layout.is_narrow else 1.6,
    )


def _inner(layout: Layout) -> int:
    return layout.width - layout.left - layout.right


def _line_across(axes: Axes, panel: _Panel, value: float, text: str, colour: str) -> None:
    """A horizontal line with its name above the left end, where little else is."""
    axes.axhline(value, color=_HEX[colour], linewidth=1.2, linestyle=(0, (7, 3)), zorder=2)
    axes.annotate(
        text,
        (0, value),
        (5, 3.5),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        color=_HEX[colour],
        fontsize=panel.layout.font * 0.95,
        zorder=5,
    )


def _value_axis(axes: Axes, panel: _Panel, low: float, high: float) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(low, high)
    ticks = MaxNLocator(5).tick_values(low, high)
    # None at the very top, where the heading is.
    axes.set_yticks([tick for tick in ticks if low <= tick <= high - 0.07 * (high - low)])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "\u2212"))
    axes.grid(True, axis="y", color=_HEX["grid"], linewidth=0.7)


def _rate(axes: Axes, panel: _Panel, header: dict, summary: Summary, _lane: Lane) -> None:
    cap = summary.cap_ml_h
    times, rates = planned_ladder(header["program"])
    high = 1.2 * max(cap, summary.max_rate_ml_h, *rates)
    axes.fill_between(times, rates, color=_HEX["plan"], linewidth=0, label="planned", zorder=1)
    _series(
        axes,
        # The first samples have no whole window behind them.
        [(s.t_s, s.rate_ml_h) for s in summary.samples[RATE_WINDOW_S:]],
        high * _TOLERANCE,
        "delivered",
        linewidth=4,
        label=f"delivered, {RATE_WINDOW_S} s",
        zorder=3,
    )
    _series(
        axes,
        # Turning back is none of the ladder; it shows in the volume.
        [(r.t_s, 0.0 if r.state in NO_INFUSION else r.rate_ml_h) for r in summary.telemetry],
        high * _TOLERANCE,
        "commanded",
        linewidth=0.9,
        label="commanded",
        zorder=4,
    )
    _line_across(axes, panel, cap, f"cap {cap:g} mL/h", "limit")
    _value_axis(axes, panel, 0, high)
    _heading(axes, panel, "Rate", "mL/h")


def _volume(axes: Axes, panel: _Panel, _header: dict, summary: Summary, _lane: Lane) -> None:
    ordered = summary.ordered_ml
    samples = summary.samples
    high = 1.22 * max(ordered, summary.delivered_ml, summary.fluid_ml, 0.001)
    _series(
        axes,
        [(s.t_s, s.edges / STEPS_PER_ML) for s in samples],
        high * _TOLERANCE,
        "delivered",
        linewidth=4,
        label="delivered",
        zorder=3,
    )
    _series(
        axes,
        [(s.t_s, s.patient_ml) for s in samples],
        high * _TOLERANCE,
        "patient",
        linewidth=1.2,
        linestyle=(0, (4, 2)),
        label="in the patient",
        zorder=4,
    )
    _line_across(axes, panel, ordered, f"ordered {ordered:g} mL", "ordered")
    _value_axis(axes, panel, 0, high)
    _heading(axes, panel, "Volume", "mL")


def _pressure(axes: Axes, panel: _Panel, header: dict, summary: Summary, _lane: Lane) -> None:
    limit = header["program"].get("occlusion_pa", limits.OCCLUSION_DEFAULT_PA) / 1000
    inlet_limit = limits.UPSTREAM_LIMIT_PA / 1000
    down = [(s.t_s, s.down_kpa) for s in summary.samples]
    inlet = [(s.t_s, s.up_kpa) for s in summary.samples]
    high = 1.25 * max([limit, *(value for _, value in down)])
    lowest = min([0.0, *(value for _, value in down + inlet)])
    # The inlet's limit is far from where it usually is: drawn where it came into play.
    shows_inlet_limit = lowest <= inlet_limit / 2
    low = min(lowest, inlet_limit) - 0.14 * high if shows_inlet_limit else 1.15 * lowest
    tolerance = (high - low) * _TOLERANCE
    _series(axes, down, tolerance, "down", linewidth=1.8, label="downstream", zorder=3)
    _series(axes, inlet, tolerance, "inlet", linewidth=1.8, label="inlet", zorder=3)
    _line_across(axes, panel, limit, f"downstream alarm limit {limit:g} kPa", "limit")
    if shows_inlet_limit:
        shown = f"{inlet_limit:g}".replace("-", "\u2212")
        _line_across(axes, panel, inlet_limit, f"inlet alarm limit {shown} kPa", "limit")
    _value_axis(axes, panel, low, high)
    _heading(axes, panel, "Pressure", "kPa")


def _lane(axes: Axes, panel: _Panel, _header: dict, _summary: Summary, lane: Lane) -> None:
    """Here the vertical axis counts units of the view box, downwards from the top."""
    font = panel.layout.font
    axes.set_ylim(lane.height, 0)
    axes.set_yticks([])
    for spine in ("left", "bottom"):
        axes.spines[spine].set_visible(False)
    for rule in lane.rules:
        axes.axhline(rule, color=_HEX["grid"], linewidth=0.7, zorder=0.5)
    for bar in lane.bars:
        # A state too short for the scale still leaves a mark.
        least = panel.end_s / _inner(panel.layout) * 1.5
        axes.broken_barh(
            [(bar.start_s, max(bar.end_s - bar.start_s, least))],
            (bar.top, bar.height),
            color=_HEX[bar.colour],
            linewidth=0,
            zorder=2.5,
        )
    for colour, marker in sorted({(mark.colour, mark.marker) for mark in lane.marks}):
        marks = [m for m in lane.marks if (m.colour, m.marker) == (colour, marker)]
        axes.plot(
            [mark.t_s for mark in marks],
            [mark.y for mark in marks],
            linestyle="none",
            marker=marker,
            markersize=font * 0.55,
            markerfacecolor=_HEX[colour],
            markeredgecolor=_HEX[colour],
            markeredgewidth=1.2,
            zorder=4,
            clip_on=False,
        )
    for leader in lane.leaders:
        axes.plot(
            [leader.t_s] * 2,
            [leader.top, leader.bottom],
            color=_HEX[leader.colour],
            linewidth=0.8,
            zorder=3,
        )
    for label in lane.labels:
        axes.annotate(
            label.text,
            (label.t_s, label.y),
            (label.dx, 0),
            textcoords="offset points",
            ha=label.align,
            va="center_baseline",
            color=_HEX[label.colour],
            fontsize=font * 0.92,
            fontweight="bold" if label.is_bold else "normal",
            zorder=5,
        )
    for name, y in lane.names:
        axes.annotate(
            name,
            (0, y),
            (-panel.layout.left + 2, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center_baseline",
            color=_HEX["muted"],
            fontsize=font * 0.95,
            annotation_clip=False,
        )
    _heading(axes, panel, "What happened")


_PANELS = (_rate, _volume, _pressure, _lane)


def _for_page(svg: str, layout: Layout) -> str:
    """``svg`` as an element inside a page: ids of its own, the page's fonts and colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.S)
    found = re.search(r'viewBox="[^"]*"', svg)
    assert found is not None, "matplotlib always writes one"
    box = found[0]
    opening = (
        f'<svg class="plot plot-{layout.name}" {box} role="img" '
        'aria-label="Rate, volume, pressures and events over time">'
    )
    svg = re.sub(r"<svg[^>]*>", opening, svg, count=1)
    prefix = layout.name[0]
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = svg.replace("url(#", f"url(#{prefix}-")
    svg = re.sub(r'xlink:href="#', f'href="#{prefix}-', svg)
    svg = re.sub(
        r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg, flags=re.S
    )
    for name, stand_in in _HEX.items():
        svg = svg.replace(stand_in, f"var(--c-{name})")
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--sans)", svg)
    return re.sub(r"\s*\n\s*", "\n", svg).strip()
