"""What each kind of skip means for a reader of the report, and what to do about it.

The suite gives a reason in its own words; the first row whose pattern is found in it tells
what that leaves open.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Skip(NamedTuple):
    """``means`` is what the report cannot say because of it, ``do`` the way to fill it."""

    name: str
    pattern: str
    means: str
    do: str


SKIPS = (
    Skip(
        "wiring",
        r"wir|jumper|GP\d+\s*-\s*GP\d+",
        "A connection between two pins is not there, so nothing could be seen or driven on it.",
        "Make the connection that the reason names and run again.",
    ),
    Skip(
        "no rig",
        r"\brig\b",
        "No second board looked at the pins from outside, so what this test would have seen there "
        "is not known; time stamps of the device itself are no substitute.",
        "Attach the rig and give its port with --rig-port.",
    ),
    Skip(
        "no image",
        r"uf2|image",
        "There was no MicroPython image for the emulated chip, so nothing ran on it.",
        "Give the image's path with --uf2.",
    ),
    Skip(
        "known gap",
        r"known gap|expected to fail|xfail",
        "The firmware is known not to hold this. It is a gap that is written down, and no pass.",
        "Read the reason; the requirement's row in docs/requirements.toml says what is missing.",
    ),
    Skip(
        "out of reach",
        r"cannot be made|cannot be pulled|cannot keep|takes no time|from outside",
        "The bench has no means to bring this kind of device into that situation.",
        "Look for it in the report of another target, and on the list in docs/hil.md.",
    ),
    Skip(
        "not in this firmware",
        r"this firmware|does not list",
        "The firmware on the device does not offer the query that this needs.",
        "Flash the current firmware with titra flash and run again.",
    ),
    Skip(
        "other target",
        r"\bonly on\b|\bnot on\b|simulat|emulat|real board|hardware|--dut",
        "This cannot be done to this kind of device; it is shown on another kind.",
        "Look for it in the report of the target that the reason names.",
    ),
    Skip(
        "slow",
        r"slow|soak|hour",
        "Left out because it takes long. What only shows after hours is not covered.",
        "Run the slow set.",
    ),
    Skip(
        "balance",
        r"balance|gravimetric",
        "No balance was attached: flow accuracy was not weighed in this run.",
        "Attach a balance and see docs/flow_test.md.",
    ),
    Skip(
        "part not fitted",
        r"fitted|absent|sensor|fram|rtc|clock chip|battery",
        "The board says that this part is not there, so what depends on it was not tried.",
        "Fit the part; the board's own list of parts is in the bench configuration.",
    ),
)
UNKNOWN = Skip(
    "other",
    "",
    "Nothing was measured here, and the requirement is not shown by this run.",
    "Read the reason; see docs/hil.md.",
)


def meaning(reason: str) -> Skip:
    """The row of ``SKIPS`` for ``reason``, or ``UNKNOWN``."""
    for skip in SKIPS:
        if re.search(skip.pattern, reason, re.IGNORECASE):
            return skip
    return UNKNOWN
