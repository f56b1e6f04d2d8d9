"""What the board itself may suffer from: supply, driver, keys, sounder."""

from pump.core import alarm_conditions as ac
from pump.core import limits

_LOW = 1 << ac.BATTERY_LOW
_EXHAUSTED = 1 << ac.BATTERY_EXHAUSTED
_HOT = 1 << ac.DRIVER_HOT
_SENSOR = 1 << ac.SENSOR_FAULT
_KEY = 1 << ac.KEY_STUCK
_SOUNDER = 1 << ac.SOUNDER_FAULT


class SupplyCheck:
    """Two ways to know that the supply is low, and neither is needed: the
    measured voltage, and a comparator of its own."""

    def __init__(self):
        self._low_ms = 0

    def step(self, inputs, dt_ms: int) -> int:
        """The conditions as bits."""
        seen = 0
        if inputs.supply_mv < limits.SUPPLY_LOW_MV or not inputs.supply_good:
            seen = _LOW
            self._low_ms += dt_ms
            if self._low_ms >= limits.SUPPLY_LOW_MAX_MS:
                self._low_ms = limits.SUPPLY_LOW_MAX_MS
                seen |= _EXHAUSTED
        elif self._low_ms:
            self._low_ms = 0
        if inputs.supply_mv < limits.SUPPLY_EXHAUSTED_MV:
            seen |= _EXHAUSTED
        return seen


def driver_check(inputs) -> int:
    """The driver's temperature; a sensor that says nothing is a fault."""
    if not inputs.driver_ok:
        return _SENSOR
    return _HOT if inputs.driver_c >= limits.DRIVER_MAX_C else 0


class Key:
    """One key: a press counts once, when it begins."""

    def __init__(self):
        self.is_down = False
        self._down_ms = 0

    def pressed(self, is_down: bool, dt_ms: int) -> bool:
        """Whether the key has just gone down."""
        if not is_down:
            self.is_down = False
            self._down_ms = 0
            return False
        if self._down_ms < limits.KEY_STUCK_MS:
            self._down_ms += dt_ms
        if self.is_down:
            return False
        self.is_down = True
        return True

    def stuck(self) -> int:
        """The condition as a bit."""
        return _KEY if self._down_ms >= limits.KEY_STUCK_MS else 0


class SounderCheck:
    """Sound that was ordered must be heard, and no other."""

    def __init__(self):
        self._deaf_ms = 0
        self._stray_ms = 0

    def step(self, was_ordered: bool, heard: bool, dt_ms: int) -> int:
        """The condition as a bit.  ``was_ordered``: by the step before."""
        if was_ordered and not heard:
            self._stray_ms = 0
            self._deaf_ms += dt_ms
            if self._deaf_ms >= limits.SOUNDER_DEAF_MS:
                self._deaf_ms = limits.SOUNDER_DEAF_MS
                return _SOUNDER
        elif was_ordered:
            self._deaf_ms = 0
            self._stray_ms = 0
        elif heard:
            self._stray_ms += dt_ms
            if self._stray_ms >= limits.SOUNDER_STUCK_MS:
                self._stray_ms = limits.SOUNDER_STUCK_MS
                return _SOUNDER
        else:
            self._stray_ms = 0
        return 0
