"""Pieces of plots as SVG: text stays text, colours are the page's variables ``--c-NAME``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from markupsafe import escape


class Axis(NamedTuple):
    """Values from ``low`` to ``high`` laid from ``start`` to ``end`` of the view box."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """At most ``most`` + 1 round values and how they are written."""
        step = round_step(self.high - self.low, most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        return [(n * step, minus(f"{n * step:,.{digits}f}")) for n in range(first, last + 1)]


def round_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten that gives ``most`` steps or fewer."""
    size = 10.0 ** math.floor(math.log10(span / most))
    return next(n * size for n in (1, 2, 5, 10, 20) if span / (n * size) <= most + 1e-9)


def minus(text: str) -> str:
    """With a minus sign that is as wide as a plus."""
    return text.replace("-", "\u2212")


def text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'fill="var(--c-{colour})">{escape(words)}</text>'
    )


def rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="var(--c-{colour})"/>'
    )


def path(d: str, colour: str, width: float = 0.8, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path d="{d}" fill="none" stroke="var(--c-{colour})" stroke-width="{width:g}"{dashed}/>'
    )


def polyline(points: Iterable[tuple[float, float]], colour: str, width: float, dash="") -> str:
    d = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return path(f"M{d}", colour, width, dash)


def dot(x: float, y: float, colour: str, radius: float = 3.2) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="var(--c-{colour})"/>'


def drawing(name: str, width: int, height: float, font: float, label: str, body: str) -> str:
    """A whole plot; ``name`` is wide or narrow, which the page shows by its own width."""
    return (
        f'<svg class="plot plot-{name}" viewBox="0 0 {width} {height:g}" role="img" '
        f'aria-label="{escape(label)}" font-size="{font:g}">{body}</svg>'
    )
