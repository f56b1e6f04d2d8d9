"""The display's letters: ``python -m titra.glyphs`` makes the firmware's table of them.

They are drawn in ``glyphs.txt``; the table holds five columns a letter, the lowest bit at
the top, for the characters from space to Z and two small letters behind them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from titra.files import write_whole

DRAWN = Path(__file__).with_name("glyphs.txt")
TABLE = Path(__file__).resolve().parents[2] / "firmware" / "pump" / "hal" / "glyphs.py"
WIDTH, HEIGHT = 5, 7
FIRST, LAST = ord(" "), ord("Z")
SMALL = "mh"
_BLANK = (0,) * WIDTH


def drawn(text: str) -> dict[str, tuple[int, ...]]:
    """Columns of each character of a drawing.  Raises ``ValueError`` with the line."""
    columns: dict[str, tuple[int, ...]] = {}
    lines = [
        (number, line.split())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("# ")
    ]
    for at in range(0, len(lines), HEIGHT + 1):
        names = lines[at][1]
        rows = lines[at + 1 : at + 1 + HEIGHT]
        for number, row in rows:
            if len(row) != len(names) or any(
                len(dots) != WIDTH or set(dots) > set("#.") for dots in row
            ):
                raise ValueError(f"line {number}: not {len(names)} rows of {WIDTH} dots")
        if len(rows) != HEIGHT:
            raise ValueError(f"line {lines[at][0]}: not {HEIGHT} rows of dots")
        for i, name in enumerate(names):
            columns[name] = tuple(
                sum((row[i][x] == "#") << y for y, (_, row) in enumerate(rows))
                for x in range(WIDTH)
            )
    return columns


def table() -> str:
    """The firmware's file."""
    columns = drawn(DRAWN.read_text(encoding="utf-8"))
    characters = [chr(code) for code in range(FIRST, LAST + 1)] + list(SMALL)
    lines = [
        '"""Letters of five columns, the lowest bit at the top: space to Z, then ``m`` and ``h``.',
        "",
        "Made by `python -m titra.glyphs` of the drawings in `tools/titra/glyphs.txt`.",
        '"""',
        "",
        "COLUMNS = (",
    ]
    for character in characters:
        values = "".join(f"\\x{value:02x}" for value in columns.get(character, _BLANK))
        lines.append(f'    b"{values}"  # {character if character in columns else "blank"}')
    return "\n".join(lines) + "\n)\n"


def main() -> int:
    """Write the table."""
    write_whole(TABLE, table())
    print(f"wrote {TABLE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
