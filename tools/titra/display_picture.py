"""Pictures of the display: as SVG for a page, as braille for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from host_sim.display import HEIGHT, WIDTH, Ssd1306, rows_of
from pump.app.screen import ROWS
from pump.hal.oled import CELL, PIECES, Oled

# Dots of a braille character, by row and column, and its first.
_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800
_RUNG = (" RUNG", "  2/5", " mL/h")
_EXAMPLES = (
    (
        "before an order",
        ("NOT FOR USE ON PEOPLE", "TITRA", "     ", "     ", "     ", "NO ORDER  ", " " * 10),
    ),
    (
        "delivering",
        ("INFUSING".ljust(21), " 70.0", *_RUNG, "   16.9 mL", "LEFT  1h03"),
    ),
    ("a question", ("INFUSING".ljust(21), " 70.0", *_RUNG, "STEP UP?  ", "PRESS OK  ")),
    (
        "an alarm",
        ("ALARM STOPPED    HIGH", "  0.0", *_RUNG, "OCCLUSION ", "BELOW PUMP"),
    ),
)


class _Wire:
    """A bus with nothing on it but the display."""

    def __init__(self, panel: Ssd1306):
        self._panel = panel

    def writeto(self, _address: int, data) -> None:
        self._panel.receive(bytes(data))


def dots_of_text(rows: Sequence[str]) -> list[str]:
    """The display as the firmware's own driver draws ``rows``, the texts of ``SCREEN?``."""
    panel = Ssd1306()
    oled = Oled(_Wire(panel))
    oled.set_up()
    for piece in range(PIECES):
        oled.clear(piece)
    for (page, x, scale, n), text in zip(ROWS, rows, strict=True):
        for i, character in enumerate(text[:n]):
            for part in range(scale):
                oled.show(ord(character), page, x + i * CELL * scale, scale, part)
    return panel.rows()


def _path(rows: Sequence[str]) -> str:
    """A rectangle for each run of dots."""
    runs = []
    for y, row in enumerate(rows):
        x = row.find("#")
        while x >= 0:
            end = row.find(".", x)
            end = WIDTH if end < 0 else end
            runs.append(f"M{x} {y}h{end - x}v1h-{end - x}z")
            x = row.find("#", end)
    return "".join(runs)


def svg(memory: str, label: str) -> str:
    """One picture of ``memory`` in hex, 2:1, as wide as it is let."""
    return (
        f'<svg class="display" viewBox="-4 -4 {WIDTH + 8} {HEIGHT + 8}" role="img" '
        f'aria-label="{label}" shape-rendering="crispEdges">'
        f'<rect x="-4" y="-4" width="{WIDTH + 8}" height="{HEIGHT + 8}" rx="3"/>'
        f'<path d="{_path(rows_of(bytes.fromhex(memory)))}"/></svg>'
    )


def examples_svg() -> str:
    """``docs/images/display.svg``: four things that it says, as the firmware draws them."""
    step_x, step_y = WIDTH + 16, HEIGHT + 22
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {2 * step_x + 8} {2 * step_y + 8}' "
        "font-family='sans-serif' font-size='7'>",
        "<rect width='100%' height='100%' fill='#ffffff'/>",
    ]
    for i, (title, rows) in enumerate(_EXAMPLES):
        x, y = 12 + i % 2 * step_x, 12 + i // 2 * step_y
        parts.append(
            f"<g transform='translate({x} {y})'>"
            f"<rect x='-4' y='-4' width='{WIDTH + 8}' height='{HEIGHT + 8}' rx='3' fill='#06121c'/>"
            f"<path shape-rendering='crispEdges' fill='#9fe0ff' d='{_path(dots_of_text(rows))}'/>"
            f"<text y='{HEIGHT + 12}' fill='#334155'>{title}</text></g>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def braille(rows: Sequence[str]) -> list[str]:
    """16 lines of 64 characters, two dots by four each."""
    return [
        "".join(
            chr(
                _BLANK
                + sum(
                    _BRAILLE[dy][dx]
                    for dy in range(4)
                    for dx in range(2)
                    if rows[y + dy][x + dx] == "#"
                )
            )
            for x in range(0, WIDTH, 2)
        )
        for y in range(0, HEIGHT, 4)
    ]
