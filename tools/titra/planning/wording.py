"""Numbers and words as a person reads them."""

import difflib
from collections.abc import Iterable
from fractions import Fraction


def decimal_text(value: Fraction | int, places: int = 4) -> str:
    """``value`` as a decimal number, cut (not rounded) to ``places`` decimals, ends trimmed."""
    sign = "-" if value < 0 else ""
    whole, part = divmod(int(abs(Fraction(value)) * 10**places), 10**places)
    decimals = f"{part:0{places}}".rstrip("0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def kilo(value: Fraction | int) -> str:
    """A thousandth of ``value`` in decimals: g as kg, mg as g, uL as mL."""
    return decimal_text(Fraction(value) / 1000, 3)


def one_of(words: Iterable[str]) -> str:
    """``a, b or c``."""
    *head, last = words
    return f"{', '.join(head)} or {last}" if head else last


def nearest(word: str, words: Iterable[str]) -> str:
    """`` (did you mean x?)``, or nothing when no word is close."""
    close = difflib.get_close_matches(word[:60], list(words), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
