"""Temperature of the motor's driver, as its NTC tells the converter."""

from __future__ import annotations

from math import exp

AMBIENT_C = 25.0
# Holding current warms the driver by this much in the end, and this fast.
RISE_C = 20.0
WARMING_S = 300.0
# With its cooling gone (fault): warmer by this much, and faster.
OVERHEATED_C = 70.0
OVERHEATING_S = 20.0
# The thermistor: R = 10 k * exp(B * (1/T - 1/298.15 K)), B = 3950 K, from the
# input to ground; 10 k from the input to the 3.3 V that the converter measures
# against.  So count = 4095 * R / (R + 10 k), 2047 at 25 C and 400 at 85 C.
NTC_B_K = 3950.0
NTC_25_OHM = 10_000.0
PULL_UP_OHM = 10_000.0
ZERO_C_K = 273.15
TABLE_MIN_C = -40
TABLE_MAX_C = 150


def ntc_counts(celsius: float) -> int:
    """Count of a 12-bit converter at ``celsius``."""
    ohm = NTC_25_OHM * exp(NTC_B_K * (1 / (celsius + ZERO_C_K) - 1 / (25 + ZERO_C_K)))
    return int(4095 * ohm / (ohm + PULL_UP_OHM))


# In whole degrees, so that no run depends on a library's last digits.
_TABLE = tuple(ntc_counts(celsius) for celsius in range(TABLE_MIN_C, TABLE_MAX_C + 1))


class Driver:
    """``celsius`` follows ``ambient_c`` and the current through the motor.

    ``is_overheated``  cooling is gone, by fault
    """

    def __init__(self):
        self.ambient_c = AMBIENT_C
        self.celsius = AMBIENT_C
        self.is_overheated = False
        self.counts = 0
        self.step(0.0, False)

    def step(self, dt_s: float, is_powered: bool) -> None:
        """Let ``dt_s`` pass (1 s, or 0 to take the count anew)."""
        target_c = self.ambient_c + (RISE_C if is_powered else 0.0)
        within_s = WARMING_S
        if self.is_overheated:
            target_c += OVERHEATED_C
            within_s = OVERHEATING_S
        self.celsius += (target_c - self.celsius) * dt_s / within_s
        at = min(max(self.celsius, TABLE_MIN_C), TABLE_MAX_C - 1) - TABLE_MIN_C
        below = int(at)
        step = _TABLE[below + 1] - _TABLE[below]
        self.counts = int(_TABLE[below] + step * (at - below))
