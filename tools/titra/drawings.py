"""The drawings of ``docs/images``, made from the tables of ``wiring``.

Plain SVG with its own background, so that it can be read on a dark page too.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from titra.display_picture import examples_svg
from titra.wiring import HEADER, JUMPERS, KINDS, WIRES, gpio_of, header_pin, pins

COLOURS = {
    "motion": "#c2410c",
    "line": "#0369a1",
    "person": "#15803d",
    "sound": "#a21caf",
    "bus": "#4338ca",
    "power": "#b91c1c",
}
_INK, _MUTED, _PAPER, _BOARD, _GOLD = "#1f2937", "#6b7280", "#fbfaf7", "#14532d", "#e7c76a"
_FONT = "font-family='ui-sans-serif, Helvetica, Arial, sans-serif'"
PITCH = 38
TOP = 150
BOARD_WIDTH = 250


class Drawing:
    """Lines of SVG, gathered."""

    def __init__(self, width: int, height: int, title: str):
        self.parts = [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
            f"width='{width}' height='{height}' role='img' {_FONT}>",
            f"<title>{escape(title)}</title>",
            f"<rect width='{width}' height='{height}' fill='{_PAPER}'/>",
        ]

    def text(self, x, y, text, size=14, anchor="start", fill=_INK, weight="normal"):
        self.parts.append(
            f"<text x='{x}' y='{y}' font-size='{size}' text-anchor='{anchor}' fill='{fill}' "
            f"font-weight='{weight}'>{escape(text)}</text>"
        )

    def rect(self, x, y, width, height, fill, stroke="none", radius=6):
        self.parts.append(
            f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='{radius}' "
            f"fill='{fill}' stroke='{stroke}' stroke-width='1.5'/>"
        )

    def path(self, d, stroke, width=2.5, dash=""):
        extra = f" stroke-dasharray='{dash}'" if dash else ""
        self.parts.append(
            f"<path d='{d}' fill='none' stroke='{stroke}' stroke-width='{width}' "
            f"stroke-linejoin='round' stroke-linecap='round'{extra}/>"
        )

    def dot(self, x, y, fill, radius=4.5):
        self.parts.append(f"<circle cx='{x}' cy='{y}' r='{radius}' fill='{fill}'/>")

    def resistor(self, x, y, value, rail, colour):
        """A resistor at ``x`` on a wire at ``y`` to its rail, up or down."""
        up = rail == "3V3"
        sign = -1 if up else 1
        self.dot(x, y, colour, 3)
        self.path(f"M{x} {y} v{5 * sign}", _INK, 1.3)
        top = y - 15 if up else y + 5
        self.rect(x - 3.5, top, 7, 10, "#ffffff", _INK, 1)
        self.text(
            x + 8, y - 6 if up else y + 14, f"{value} {'↑3V3' if up else '↓GND'}", 10, fill=_MUTED
        )

    def done(self) -> str:
        return "\n".join([*self.parts, "</svg>"]) + "\n"


def _place(number: int, x: int) -> tuple[int, int, bool]:
    """Where header pin ``number`` (1 to 40) of a Pico at ``x`` is, and whether left."""
    if number <= 20:
        return x, TOP + (number - 1) * PITCH, True
    return x + BOARD_WIDTH, TOP + (40 - number) * PITCH, False


def _pico(drawing: Drawing, x: int) -> None:
    drawing.rect(x, TOP - 46, BOARD_WIDTH, 20 * PITCH + 58, _BOARD, radius=14)
    drawing.rect(x + BOARD_WIDTH // 2 - 38, TOP - 64, 76, 44, "#cbd5e1", _MUTED, 5)
    drawing.text(x + BOARD_WIDTH // 2, TOP - 37, "USB", 14, "middle")
    drawing.rect(x + BOARD_WIDTH // 2 - 36, TOP + 9 * PITCH, 72, 72, "#111827", radius=4)
    drawing.text(x + BOARD_WIDTH // 2, TOP + 9 * PITCH + 41, "RP2040", 13, "middle", "#e5e7eb")
    drawing.text(
        x + BOARD_WIDTH // 2, TOP + 15 * PITCH + 8, "Pico", 26, "middle", "#dcfce7", "bold"
    )
    for number, what in enumerate(HEADER, start=1):
        px, py, is_left = _place(number, x)
        drawing.dot(px, py, _GOLD, 7)
        drawing.dot(px, py, "#3f3f46", 2.5)
        name = what if isinstance(what, str) else f"GP{what}"
        side = 1 if is_left else -1
        anchor = "start" if is_left else "end"
        drawing.text(px + side * 13, py + 4.5, str(number), 11, anchor, "#bbf7d0")
        drawing.text(px + side * 33, py + 4.5, name, 13, anchor, "#ffffff", "bold")


def wiring_svg() -> str:
    """``docs/images/wiring.svg``: every pin, its part and its resistor."""
    x = 505
    drawing = Drawing(1260, TOP + 20 * PITCH + 150, "Titra: what is wired to which pin of a Pico")
    drawing.text(40, 48, "Wiring", 26, weight="bold")
    drawing.text(
        150, 48, "a resistor decides what a pin says while nothing drives it", 15, fill=_MUTED
    )
    _pico(drawing, x)
    for name, gpio, _ in pins():
        number = header_pin(gpio)
        if not number:
            continue
        px, py, is_left = _place(number, x)
        wire = WIRES[name]
        colour = COLOURS[wire.kind]
        side = -1 if is_left else 1
        edge = px + side * 265
        drawing.path(f"M{px} {py} H{edge}", colour)
        box_x = edge - 200 if is_left else edge
        drawing.rect(box_x, py - 15, 200, 30, "#ffffff", colour)
        drawing.text(box_x + 100, py + 5, wire.to, 14, "middle")
        if wire.pull:
            value, rail = wire.pull.split()
            drawing.resistor(px + side * (200 if is_left else 165), py, value, rail, colour)
        anchor = "end" if is_left else "start"
        drawing.text(px + side * 14, py - 5, name, 11, anchor, colour, "bold")
    for number, note in (
        (36, "3.3 V for sensors and pull resistors"),
        (39, "own supply, 1.8-5.5 V, by a diode"),
        (40, "5 V from USB"),
    ):
        px, py, _ = _place(number, x)
        drawing.path(f"M{px} {py} h70", COLOURS["power"])
        drawing.text(px + 80, py + 5, note, 13)
    for number, what in enumerate(HEADER, start=1):
        if what in ("GND", "AGND"):
            px, py, is_left = _place(number, x)
            side = -1 if is_left else 1
            drawing.path(
                f"M{px} {py} h{side * 20} m0 -8 v16 m{side * 5} -13 v10 m{side * 5} -7 v4",
                _INK,
                1.5,
            )
    y = TOP + 20 * PITCH + 38
    for n, (kind, text) in enumerate(KINDS.items()):
        at = 40 + n * 195
        drawing.path(f"M{at} {y} h28", COLOURS[kind], 4)
        drawing.text(at + 36, y + 5, text, 14)
    drawing.text(
        40, y + 38,
        "GP29 measures VSYS / 3 inside the Pico; GP23 to GP25 (regulator, USB sense, LED) "
        "are not on the header.",
        13, fill=_MUTED,
    )  # fmt: skip
    drawing.text(
        40, y + 60,
        "ENABLE high means power: a driver whose own input is low for on gets an inverting "
        "transistor, and a resistor that keeps it off.",
        13, fill=_MUTED,
    )  # fmt: skip
    return drawing.done()


def bench_svg() -> str:
    """``docs/images/bench.svg``: the jumpers of the bench configuration, and nothing else."""
    x = 420
    drawing = Drawing(1090, TOP + 20 * PITCH + 60, "Titra: the jumpers of the bench configuration")
    drawing.text(40, 48, "Bench: jumpers only", 26, weight="bold")
    drawing.text(350, 48, "USB and these six; nothing else may be connected", 15, fill=_MUTED)
    _pico(drawing, x)
    colours = ("#15803d", "#0f766e", "#0369a1", "#b91c1c", "#a21caf", "#c2410c")
    # Far enough apart that no two wires lie on each other.
    grounds = {"DOOR": 8, "STOP_KEY": 13}
    for n, (begin, end, _, pulled) in enumerate(JUMPERS):
        colour = colours[n]
        px, py, is_left = _place(header_pin(gpio_of(begin)), x)
        other = grounds[begin] if end == "GND" else 36 if end == "3V3" else header_pin(gpio_of(end))
        qx, qy, other_left = _place(other, x)
        if is_left and other_left:
            reach = 55 if end == "GND" else 95
            drawing.path(f"M{px} {py} H{px - reach} V{qy} H{qx}", colour, 4)
            tag = px - reach
        elif not is_left and not other_left:
            drawing.path(f"M{px} {py} H{px + 60} V{qy} H{qx}", colour, 4)
            tag = px + 60
        else:
            over = TOP - 84
            drawing.path(f"M{px} {py} H{px - 28} V{over} H{qx + 95} V{qy} H{qx}", colour, 4)
            tag = px - 28
        drawing.dot(px, py, colour, 6)
        drawing.dot(qx, qy, colour, 6)
        label_y = (py + qy) // 2 if is_left == other_left else TOP - 40
        anchor = "end" if is_left else "start"
        side = -1 if is_left else 1
        drawing.text(
            tag + side * 12, label_y - 4, f"{n + 1}  {begin} - {end}", 15, anchor, colour, "bold"
        )
        drawing.text(tag + side * 12, label_y + 14, f"pulled: {pulled}", 12, anchor, _MUTED)
    drawing.text(
        40, TOP + 20 * PITCH + 35,
        "3V3 is one pin: a row of the breadboard makes it two. A red, a yellow and a green "
        "LED, each with 330 ohm to ground, may be added at GP11, GP12 and GP13.",
        13, fill=_MUTED,
    )  # fmt: skip
    return drawing.done()


DRAWINGS = {"wiring.svg": wiring_svg, "bench.svg": bench_svg, "display.svg": examples_svg}
