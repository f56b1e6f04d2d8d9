"""What the board itself may suffer from: supply, driver, keys, sounder, clocks,
a memory that takes nothing."""

from micropython import const

from pump.core import alarm_conditions as ac
from pump.core import limits
from pump.core.clock_check import ClockCheck

_LOW = 1 << ac.BATTERY_LOW
_EXHAUSTED = 1 << ac.BATTERY_EXHAUSTED
_HOT = 1 << ac.DRIVER_HOT
_SENSOR = 1 << ac.SENSOR_FAULT
_KEY = 1 << ac.KEY_STUCK
_SOUNDER = 1 << ac.SOUNDER_FAULT
_CLOCK = 1 << ac.CLOCK_FAULT
_STORAGE = 1 << ac.STORAGE_FAULT

# Supply and temperature do not change in a tick: they are judged every so often.
_SLOW_MS = const(160)


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
        elif self._low_ms > 0:
            # A good reading among bad ones does not begin anew.
            self._low_ms -= dt_ms
        if inputs.supply_mv < limits.SUPPLY_EXHAUSTED_MV:
            seen |= _EXHAUSTED
        return seen


def driver_check(inputs) -> int:
    """The driver's temperature; a sensor that says nothing is a fault."""
    if not inputs.driver_ok:
        return _SENSOR
    return _HOT if inputs.driver_c >= limits.DRIVER_MAX_C else 0


class Key:
    """One key: a press counts once, when it begins.

    ``up_ms``  since it was let go, counted by whoever asks
    """

    def __init__(self):
        self.is_down = False
        self.up_ms = limits.KEY_APART_MS
        self._down_ms = 0

    def pressed(self, is_down: bool, dt_ms: int) -> bool:
        """Whether the key has just gone down."""
        if not is_down:
            self.is_down = False
            self._down_ms = 0
            return False
        if self._down_ms < limits.KEY_STUCK_MS:
            self._down_ms += dt_ms
        self.up_ms = 0
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


class BoardCheck:
    """All of them.

    ``blocking``  what is wrong now and forbids delivery, latched or not
    """

    def __init__(self):
        self.blocking = 0
        self.stop_key = Key()
        self.ok_key = Key()
        self.is_low = False  # the supply, so that nothing is begun
        self.has_sounder = True  # without one nothing is begun either
        self._judge_clock = ClockCheck().step
        self._supply = SupplyCheck()
        self._sounder = SounderCheck()
        self._slow_seen = 0
        self._slow_ms = 0
        self._sounder_seen = 0
        self._heard_before = False

    def step(
        self,
        inputs,
        sounds: bool,
        ordered_sound: bool,
        dt_ms: int,
    ) -> int:
        """The conditions as bits.

        ``sounds``: false while the self-test makes and judges sound itself.
        """
        seen = 0
        if self._judge_clock(
            inputs.clock_fitted, inputs.clock_seconds, inputs.osc_percent, inputs.dt_ms
        ):
            seen |= _CLOCK
        if not inputs.storage_ok:
            seen |= _STORAGE
        if sounds and (
            ordered_sound or inputs.sound_heard or self._heard_before or self._sounder_seen
        ):
            self._sounder_seen = self._sounder.step(ordered_sound, inputs.sound_heard, dt_ms)
        self._heard_before = inputs.sound_heard
        self._slow_ms += dt_ms
        if self._slow_ms >= _SLOW_MS:
            supply = self._supply.step(inputs, self._slow_ms)
            self.is_low = supply != 0
            self._slow_seen = (
                supply | driver_check(inputs) | self.stop_key.stuck() | self.ok_key.stuck()
            )
            self._slow_ms = 0
        found = self._slow_seen | self._sounder_seen
        if self.has_sounder:
            self.blocking = found & ~_LOW
        else:
            self.blocking = found & ~_LOW | _SOUNDER
        return seen | found
