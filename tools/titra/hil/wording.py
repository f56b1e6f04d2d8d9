"""How numbers and names are written in a report."""

from __future__ import annotations

from typing import Any

from titra.hil.statistics import number


def order(name: str) -> tuple[str, int, str]:
    """The place of a requirement: L2 before L10."""
    digits = name[1:]
    return name[:1], int(digits) if digits.isdigit() else 0, name


def pairs(table: Any) -> list[tuple[str, str]]:
    return [(str(name).replace("_", " "), value or "\u2013") for name, value in table.items()]


def with_unit(value: float | None, unit: str, otherwise: str = "\u2013") -> str:
    return otherwise if value is None else f"{number(value)} {unit}"


def percent(share: float | None) -> str:
    if share is None:
        return "\u2013"
    percent = 100 * share
    text = f"{percent:.0f}" if abs(percent) >= 9.95 or not percent else f"{percent:.2g}"
    return f"{text.replace('-', chr(0x2212))} %"


def minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def plural(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def list_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
