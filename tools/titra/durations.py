"""Times as people write them: ``90s``, ``45m``, ``1h30m``."""

import re

# A week: longer than any course of sessions that a simulation covers, and
# short enough that a slip such as 9000h is caught.
DURATION_MAX_MS = 7 * 24 * 3_600_000

_GRAMMAR = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?")
_EXPECTED = "expected a time such as 90s, 45m or 1h30m"


class DurationError(ValueError):
    """The text is no duration; the message says what was expected."""


def parse_duration(text: str) -> int:
    """Return the duration ``text`` in ms, from 0 to a week (`DURATION_MAX_MS`).

    The grammar is ``[<n>h][<n>m][<n>s]``: whole numbers, at least one part, each
    unit once and the larger first.  No blanks, signs, fractions or bare numbers:
    ``45`` could mean minutes or seconds.  Raises `DurationError`.
    """
    if not isinstance(text, str):
        raise DurationError(f"is not a text, {_EXPECTED}")
    match = _GRAMMAR.fullmatch(text)
    if not text or match is None:
        raise DurationError(f"is {text[:40]!r}, {_EXPECTED}")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    duration_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000
    if duration_ms > DURATION_MAX_MS:
        raise DurationError(f"is {text}, expected at most {DURATION_MAX_MS // 3_600_000}h")
    return duration_ms


def clock(duration_ms: int) -> str:
    """``duration_ms`` (0 or more) as ``H:MM:SS``, part seconds dropped."""
    minutes, seconds = divmod(duration_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
