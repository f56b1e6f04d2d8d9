"""Where the board's power comes from: mains adapter or battery.

Asked once a second of virtual time and whenever somebody changes it.
"""

from __future__ import annotations

EXTERNAL_MV = 5000
# The comparator's threshold, and below what the regulator gives up; it starts
# again only with some more, as under-voltage lock-outs do.
COMPARATOR_MV = 3500
CUT_OFF_MV = 3000
RESTART_MV = 3200
# One lithium-ion cell under this load: (minutes left, mV), linear in between.
# The shape is that of such a cell (flat, then a knee); that 3.90 V are 20 min,
# 3.50 V 5 min and 3.00 V none is this project's own choice.
DISCHARGE = (
    (240.0, 4180.0),
    (120.0, 4100.0),
    (60.0, 4020.0),
    (20.0, 3900.0),
    (10.0, 3720.0),
    (5.0, 3500.0),
    (2.0, 3300.0),
    (0.0, 2990.0),
)
FULL_MIN = DISCHARGE[0][0]
LOW_MIN = 20.0
# ADC3 sees a third of the supply: mV to counts of 12 bit at 3.3 V.
COUNTS_PER_MV = 4095 / 3 / 3300


def battery_mv(minutes_left: float) -> float:
    """Voltage with ``minutes_left`` to cut-off."""
    if minutes_left >= FULL_MIN:
        return DISCHARGE[0][1]
    if minutes_left <= 0.0:
        return DISCHARGE[-1][1]
    for (more_min, above_mv), (less_min, below_mv) in zip(DISCHARGE, DISCHARGE[1:], strict=False):
        if minutes_left >= less_min:
            part = (minutes_left - less_min) / (more_min - less_min)
            return below_mv + (above_mv - below_mv) * part
    return DISCHARGE[-1][1]


class Supply:
    """``mv`` is the voltage at VSYS.

    ``on_battery``    the adapter is unplugged
    ``battery_min``   minutes until the battery is empty
    ``forced_mv``     a voltage that somebody forces upon it, or ``None``
    """

    def __init__(self):
        self.on_battery = False
        self.battery_min = FULL_MIN
        self.forced_mv: float | None = None
        self.mv = float(EXTERNAL_MV)
        self.counts = 0
        self.look()

    def step(self, dt_s: float) -> None:
        """Let ``dt_s`` pass."""
        if self.on_battery and self.battery_min > 0.0:
            self.battery_min -= dt_s / 60.0
        self.look()

    def look(self) -> None:
        """Take the voltage anew after a change."""
        if self.forced_mv is not None:
            self.mv = self.forced_mv
        elif self.on_battery:
            self.mv = battery_mv(self.battery_min)
        else:
            self.mv = float(EXTERNAL_MV)
        self.counts = int(self.mv * COUNTS_PER_MV)
