"""The page of a flow test: both curves as inline SVG, the table, and how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from hil_tests.flow import curves
from titra.charts import Axis, dot, drawing, minus, path, polyline, text
from titra.hil.statistics import number

if TYPE_CHECKING:
    from titra.flow_curves import FlowTest

BANNER = (
    "Titra is a bench and research device. It is not a medical device and must never be "
    "used on people. These curves show what one pump did on one bench, or what its firmware "
    "did on a simulated one."
)
_TEMPLATES = Path(__file__).parent / "templates"
_TOP, _HEIGHT, _BELOW = 22, 210, 40


class _Layout(NamedTuple):
    name: str
    width: int
    font: float
    left: int


_LAYOUTS = (_Layout("wide", 760, 12.5, 62), _Layout("narrow", 340, 12, 46))


def render(test: FlowTest) -> str:
    """The page; the same test gives the same bytes."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = test.trumpet.windows
    widest = max(max(abs(row.max_percent), abs(row.min_percent)) for row in rows)
    return environment.get_template("flow.html.j2").render(
        banner=BANNER,
        title=f"{number(test.rate_ml_h)} mL/h {'simulated' if test.is_simulated else 'weighed'}",
        is_simulated=test.is_simulated,
        tiles=[
            ("Set rate", number(test.rate_ml_h), "mL/h", ""),
            ("Overall error A", _signed(test.trumpet.overall_percent), "%", "second hour"),
            ("Widest error", number(widest), "%", "of any window, either way"),
            ("Delivered", number(test.volumes_ml[-1]), "mL", "in two hours"),
        ],
        start_up=[Markup(_start_up(test, layout)) for layout in _LAYOUTS],
        trumpet=[Markup(_trumpet(test, layout)) for layout in _LAYOUTS],
        windows=[
            (
                row.window_min,
                _signed(row.max_percent),
                _signed(row.min_percent),
                number(test.resolution_percent(row.window_min)) if test.readability_g else "none",
            )
            for row in rows
        ],
        about=list(test.about.items()) + _conditions(test),
    )


def _signed(percent: float) -> str:
    return minus(f"{percent:+.2f}")


def _conditions(test: FlowTest) -> list[tuple[str, str]]:
    if test.is_simulated:
        return []
    conditions = test.conditions
    return [
        ("Density of the fluid", f"{conditions.density_g_ml:g} g/mL"),
        ("Evaporation added back", f"{conditions.evaporation_g_h:g} g/h"),
        ("Air, for buoyancy", f"{conditions.air_g_ml:g} g/mL"),
        ("Last digit of the balance", f"{test.readability_g:g} g"),
    ]


def _start_up(test: FlowTest, layout: _Layout) -> str:
    minutes = curves.START_UP_MIN
    x = Axis(0, minutes, layout.left, layout.width - 16)
    # Low end included: a curve that is cut off looks better than it is.
    most = max(*test.flow_ml_h, test.rate_ml_h)
    low = min(0.0, *test.flow_ml_h)
    y = Axis(low, most + 0.08 * (most - low), _TOP + _HEIGHT, _TOP)
    step = curves.SAMPLE_S / 60
    points = [(x.at((n + 1) * step), y.at(flow)) for n, flow in enumerate(test.flow_ml_h)]
    set_rate = y.at(test.rate_ml_h)
    body = [
        _frame(x, y, layout, "minutes since START", "mL/h", range(0, minutes + 1, 20)),
        path(f"M{x.start} {set_rate:.1f}H{x.end}", "ordered", 1.2, "6 3"),
        polyline(points, "delivered", 1.8),
        text(x.end, set_rate + 16, f"set {number(test.rate_ml_h)}", "ordered", "end"),
    ]
    return _whole(layout, "Start-up curve: flow over the first 120 minutes", body)


def _trumpet(test: FlowTest, layout: _Layout) -> str:
    rows = test.trumpet.windows
    x = Axis(0, 33, layout.left, layout.width - 16)
    values = [row.max_percent for row in rows] + [row.min_percent for row in rows]
    high, low = max(0.0, *values), min(0.0, *values)
    # Never so close that what is small looks large.
    room = max(0.12 * (high - low), 0.5)
    y = Axis(low - room, high + room, _TOP + _HEIGHT, _TOP)
    overall = test.trumpet.overall_percent
    body = [
        _frame(x, y, layout, "length of the window, min", "% of the set rate", curves.WINDOWS_MIN),
        path(f"M{x.start} {y.at(0):.1f}H{x.end}", "frame", 1.2),
        path(f"M{x.start} {y.at(overall):.1f}H{x.end}", "ordered", 1.2, "6 3"),
        # Above the end of the upper line, which is near A wherever the flow is even.
        text(
            x.end,
            y.at(max(overall, rows[-1].max_percent)) - 9,
            f"A {_signed(overall)} %",
            "ordered",
            "end",
        ),
    ]
    for name, colour in (("max_percent", "high"), ("min_percent", "question")):
        points = [(x.at(row.window_min), y.at(getattr(row, name))) for row in rows]
        body.append(polyline(points, colour, 1.8))
        body += [dot(*point, colour) for point in points]
    return _whole(layout, "Trumpet curve: largest and smallest error by window", body)


def _frame(x: Axis, y: Axis, layout: _Layout, below: str, unit: str, at) -> str:
    base = _TOP + _HEIGHT
    parts = [text(0, 12, unit, "muted")]
    for value, words in y.ticks(6):
        parts.append(path(f"M{x.start} {y.at(value):.1f}H{x.end}", "grid"))
        parts.append(text(x.start - 6, y.at(value) + 4, words, "muted", "end"))
    parts.append(path(f"M{x.start} {base}H{x.end}", "frame"))
    for value in at:
        parts.append(path(f"M{x.at(value):.1f} {base}v4", "frame"))
        parts.append(text(x.at(value), base + 17, str(value), "muted", "middle"))
    parts.append(text(x.end, base + 34, below, "muted", "end"))
    return "".join(parts)


def _whole(layout: _Layout, label: str, body: list[str]) -> str:
    height = _TOP + _HEIGHT + _BELOW
    return drawing(layout.name, layout.width, height, layout.font, label, "".join(body))
