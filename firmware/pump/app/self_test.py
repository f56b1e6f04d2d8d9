"""Power-on self-test: what must be true before anything is accepted.  (L16)

One item after the other, a tick at a time, so that queries and STOP are
answered meanwhile.  The first failure ends it, in FAULT.  What is not fitted
does not fail it: a bare board boots, says what it lacks, and refuses START by
what its open inputs read.
"""

from micropython import const

from pump.core import limits
from pump.core.calibration import IS_CALIBRATED, IS_DAMAGED
from pump.core.self_test_items import FAILED, PASSED, RUNNING
from pump.hal import firmware_image
from pump.protocol.framing import Crc16

# What an item says.
_GOES_ON = const(0)
_PASS = const(1)
_FAIL = const(2)
_ABSENT = const(3)

# Published check value of CRC-16/CCITT-FALSE.
_CHECK_INPUT = b"123456789"
_CHECK_VALUE = const(0x29B1)

_AT_REST = const(3)  # indexes of these items
_SOUNDER = const(7)
_REST_MS = const(100)
_PULSES = const(8)
_PULSE_SLOT_MS = const(10)
_PULSE_RATE_UL_H = const(450_000)  # 8 steps in 10 ms
_GUARD_MS = const(100)
_SOUND_MS = const(150)
_LIVE_MS = const(100)
_DRIVER_MAX_C = const(60)
_SECOND_OFF_MS = const(20)


class SelfTest:
    """``step`` before each step of the controller, ``drive`` after it.

    ``result``       RUNNING, PASSED or FAILED
    ``item``         index of the item at hand, or of the one that failed
    ``absent_mask``  items that are not fitted
    ``elapsed_ms``   since boot
    ``moves``        the motor's pulses of this tick are its own
    """

    def __init__(
        self,
        dead_man,
        guard,
        image,
        journal,
        clock_chip,
        has_key: bool,
        has_sounder: bool,
        calibration: int,
    ):
        self.result = RUNNING
        self.item = 0
        self.absent_mask = 0
        self.elapsed_ms = 0
        self.moves = False
        self._dead_man = dead_man
        self._guard = guard
        self._image = image
        self._journal = journal
        self._clock_chip = clock_chip
        self._has_key = has_key
        self._has_sounder = has_sounder
        self._calibrated = calibration
        self._ms = 0  # since the item began
        self._stray_steps = 0  # before it drives anything itself
        self._stray_turns = 0
        self._edges = 0
        self._count = 0
        self._seen = 0
        self._last_pa = 0
        # What ``drive`` is to do in this tick.
        self._sound = False
        self._lamps = False
        self._probe = False
        self._pulses = -1
        self._items = (
            self._code,
            self._check_image,
            self._storage,
            self._motor_at_rest,
            self._check_guard,
            self._counters,
            self._check_dead_man,
            self._sounder,
            self._pressures,
            self._air_detector,
            self._door,
            self._driver,
            self._supply,
            self._keys,
            self._clock,
            self._date,
            self._calibration,
            self._device_key,
        )

    def step(self, inputs) -> None:
        """One tick of the item at hand; edges that it made itself are taken out of
        ``inputs``."""
        self.elapsed_ms += inputs.dt_ms
        self._ms += inputs.dt_ms
        self._sound = False
        self._lamps = False
        self._probe = False
        self._pulses = -1
        if self.item <= _AT_REST:
            self._stray_steps += inputs.step_edges
            self._stray_turns += inputs.encoder_edges
        verdict = self._items[self.item](inputs)
        if verdict == _GOES_ON:
            return
        if verdict == _FAIL:
            self.moves = False
            self.result = FAILED
            return
        if verdict == _ABSENT:
            self.absent_mask |= 1 << self.item
        if self.item == len(self._items) - 1:
            self.result = PASSED
            return
        self.item += 1
        self._ms = 0
        self._edges = 0
        self._count = 0
        self._seen = 0

    def lacks_sounder(self) -> bool:
        """Nobody would hear an alarm: nothing may be started."""
        return self.absent_mask >> _SOUNDER & 1 != 0

    def abort(self) -> None:
        """The controller has found a fault by itself: nothing is tried any more."""
        self.moves = False
        self.result = FAILED

    def drive(self, outputs) -> None:
        """Put what the item at hand needs into ``outputs``; ENABLE stays off."""
        if self._sound:
            outputs.sound = True
        if self._lamps:
            outputs.lamp_red = True
            outputs.lamp_yellow = True
            outputs.lamp_green = True
        if self._probe:
            outputs.air_probe = True
        if self.moves and self._pulses >= 0:
            # The slot of the pulses, then empty ones until they have come out.
            outputs.rate_ul_h = _PULSE_RATE_UL_H
            outputs.slot_ms = _PULSE_SLOT_MS
            outputs.steps = self._pulses
            outputs.last_step_us = _PULSE_SLOT_MS * 1000

    # --- items -------------------------------------------------------------------

    def _code(self, inputs) -> int:
        if Crc16().of(_CHECK_INPUT, len(_CHECK_INPUT)) != _CHECK_VALUE:
            return _FAIL
        return _PASS

    def _check_image(self, inputs) -> int:
        for _ in range(4):
            state = self._image.check_some()
            if state == firmware_image.INTACT:
                return _PASS
            if state == firmware_image.UNKNOWN:
                return _ABSENT
            if state == firmware_image.ALTERED:
                return _FAIL
        return _GOES_ON

    def _storage(self, inputs) -> int:
        journal = self._journal
        if journal.fram_fitted:
            return _PASS if journal.ok and journal.test_pattern() else _FAIL
        return _FAIL if journal.fram_is_missing else _ABSENT

    def _motor_at_rest(self, inputs) -> int:
        if self._stray_steps or self._stray_turns > limits.STRAY_COUNTS or inputs.enable_level:
            return _FAIL
        return _PASS if self._ms >= _REST_MS else _GOES_ON

    def _counters(self, inputs) -> int:
        self._pulses = 0
        if self._count == 0:
            self._count = 1
            self._pulses = _PULSES
            self.moves = True
            self._guard.load(limits.HARDWARE_CAP_UL_H, limits.VTBI_MAX_UL)
            self._guard.begin(0)
            return _GOES_ON
        self._edges += inputs.step_edges
        inputs.step_edges = 0
        if inputs.encoder_edges:
            return _FAIL
        if self._ms < _REST_MS:
            return _GOES_ON
        self.moves = False
        if self._edges != _PULSES or self._guard.total_steps() != _PULSES:
            return _FAIL
        return _PASS

    def _check_dead_man(self, inputs) -> int:
        if self._count == 0:
            self._count = 1
            self.moves = True
            self._dead_man.arm()
            return _GOES_ON
        if self._count == 1:
            self._count = 2
            return _GOES_ON if self._dead_man.level() else _FAIL
        if self._ms < _REST_MS:
            return _GOES_ON
        self.moves = False
        fell = not self._dead_man.level()
        self._dead_man.drop()
        return _PASS if fell else _FAIL

    def _check_guard(self, inputs) -> int:
        self._count += inputs.guard_beats
        if self._ms < _GUARD_MS:
            return _GOES_ON
        return _PASS if self._count >= 5 and not inputs.guard_trip else _FAIL

    def _sounder(self, inputs) -> int:
        if not self._has_sounder:
            return _ABSENT
        if self._ms <= _SOUND_MS:
            self._sound = True
            self._lamps = True
            if inputs.sound_heard:
                self._count += 1
            return _GOES_ON
        if self._ms <= _SOUND_MS + 2 * inputs.dt_ms:
            return _GOES_ON  # the sound dies away
        if self._count < 5 or inputs.sound_heard:
            return _FAIL
        return _PASS if self._ms >= 2 * _SOUND_MS else _GOES_ON

    def _pressures(self, inputs) -> int:
        if not inputs.down_ok or not inputs.up_ok:
            return _ABSENT
        if inputs.down_pa != self._last_pa:
            self._count += 1
            self._last_pa = inputs.down_pa
        if self._ms < _LIVE_MS:
            return _GOES_ON
        return _PASS if self._count > 1 else _ABSENT

    def _air_detector(self, inputs) -> int:
        if self._count == 0:
            # Reads air already: there is air, or no detector.
            if inputs.air:
                return _ABSENT
            self._count = 1
            self._probe = True
            return _GOES_ON
        return _PASS if inputs.air else _FAIL

    def _door(self, inputs) -> int:
        return _ABSENT if inputs.door_open else _PASS

    def _driver(self, inputs) -> int:
        if not inputs.driver_ok:
            return _ABSENT
        return _PASS if 0 <= inputs.driver_c <= _DRIVER_MAX_C else _FAIL

    def _supply(self, inputs) -> int:
        return _PASS if inputs.supply_mv >= limits.SUPPLY_EXHAUSTED_MV else _FAIL

    def _keys(self, inputs) -> int:
        return _ABSENT if inputs.stop_key or inputs.ok_key else _PASS

    def _clock(self, inputs) -> int:
        if not inputs.clock_fitted:
            return _ABSENT
        if self._ms > 4 * 1000:
            return _FAIL
        if self._count:
            self._seen += inputs.dt_ms
        if inputs.clock_seconds == 0:
            return _GOES_ON
        self._count += inputs.clock_seconds
        if self._count == 1:
            return _GOES_ON
        off = self._seen - (self._count - 1) * 1000
        if self._count < 3:
            return _GOES_ON
        # A tick of doubt at either end.
        most = 2 * limits.TICK_MS + (self._count - 1) * _SECOND_OFF_MS
        return _PASS if -most <= off <= most else _FAIL

    def _date(self, inputs) -> int:
        return _PASS if self._clock_chip.valid else _ABSENT

    def _calibration(self, inputs) -> int:
        if self._calibrated == IS_DAMAGED:
            return _FAIL
        return _PASS if self._calibrated == IS_CALIBRATED else _ABSENT

    def _device_key(self, inputs) -> int:
        return _PASS if self._has_key else _ABSENT
