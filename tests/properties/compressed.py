"""Time compressed: hours of a ladder in minutes, by shorter limits.

A ladder takes hours and its interesting moments are far apart.  Divided by a
scale, the same logic meets a hundred times as many of them in a second of
computing.  Only the times between decisions are compressed, and the least
volume with them: slew, delays of alarms, detectors and the tick stay as they are.
"""

from pump.core import limits

# The limits whose times a person would notice, and the volume to go with them.
_SCALED = (
    "DWELL_MIN_MS",
    "DWELL_MAX_MS",
    "DELIVERY_MAX_MS",
    "QUESTION_WINDOW_MS",
    "QUESTION_REPEAT_MS",
    "QUESTION_UNANSWERED_MS",
    "CHECK_INTERVAL_MS",
    "CHECK_INTERVAL_RISK_MS",
    "LADDER_RESTART_MS",
    "PROGRAM_REMINDER_MS",
    "LEFT_PAUSED_MS",
    "PROGRAM_CLEAR_MS",
    "VTBI_MIN_UL",
)


class Compressed:
    """From ``begin`` to ``end`` the core's limits are divided by ``scale``."""

    def __init__(self, scale: int):
        self.scale = scale
        self._kept: dict[str, int] = {}

    def begin(self) -> None:
        for name in _SCALED:
            self._kept[name] = getattr(limits, name)
            setattr(limits, name, self._kept[name] // self.scale)

    def end(self) -> None:
        for name, value in self._kept.items():
            setattr(limits, name, value)
        self._kept.clear()
