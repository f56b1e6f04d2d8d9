"""What was measured on this board: volume of a motor step, and both pressure sensors.

A record of 20 bytes, kept in flash beside its checksum (``hal.flash_store``):

======  =====  =================================================================
offset  bytes  what
======  =====  =================================================================
0       1      format, 1
1       1      ``parts`` that were measured, one bit each; the others are nominal
2       4      ``step_ulh_ms``: volume of a step, in uL/h x ms
6       2      ``zero`` of the downstream sensor, in sixteenths of a count
8       2      ``gain`` of the downstream sensor, in 1/64 Pa per count
10      4      the same two of the upstream sensor
14      6      day of each part's measurement since 2000-01-01, 2 bytes each;
               0: the date was not known
======  =====  =================================================================
"""

from array import array

from micropython import const

from pump.core import reasons, units
from pump.core.packing import get16, get32, put16, put32

CALIBRATION_BYTES = const(20)
_FORMAT = const(1)

# Parts; ``NOMINAL_ALL`` is none of them, for CALIBRATE.
VOLUME = const(0)
DOWN = const(1)
UP = const(2)
NOMINAL_ALL = const(3)

# A tube of a set is within a few percent of its kind; a tenth off is another set,
# or a weighing gone wrong.
STEP_MIN_ULH_MS = const(506_250)
STEP_MAX_ULH_MS = const(618_750)
# Sensors of this kind are within 2.5 % of their span of 298 kPa at zero, 7.5 kPa,
# and the gain within 5 %; beyond 10 kPa and a tenth it is broken or not the one.
# With both at their ends a line at the highest limit of 130 kPa still reads below
# the end of the scale.
ZERO_NOMINAL = const(21_920)
ZERO_OFF_MAX = const(2192)
GAIN_NOMINAL = const(4672)
GAIN_OFF_MAX = const(467)

# How a record was found.
STATE_NAMES = (b"NOMINAL", b"CALIBRATED", b"DAMAGED")
IS_NOMINAL = const(0)
IS_CALIBRATED = const(1)
IS_DAMAGED = const(2)


class Calibration:
    """``zero`` and ``gain`` by part, DOWN and UP; index 0 is not used.

    pressure in Pa = (16 x counts - zero) x gain / 1024, the nominal one exactly
    (counts - 1370) x 73.
    """

    def __init__(self):
        self.zero = array("i", [0, 0, 0])
        self.gain = array("i", [0, 0, 0])
        self.day = array("i", [0, 0, 0])
        self.make_nominal()

    def make_nominal(self) -> None:
        """The mechanism and the sensors as their makers describe them."""
        self.parts = 0
        self.step_ulh_ms = units.STEP_ULH_MS
        for part in range(3):
            self.zero[part] = ZERO_NOMINAL
            self.gain[part] = GAIN_NOMINAL
            self.day[part] = 0

    def measure(self, part: int, a: int, b: int, day: int) -> int:
        """Take what was measured on ``day``: of VOLUME ``a`` is the step's volume in
        uL/h x ms and ``b`` 0, of a sensor ``a`` is zero and ``b`` gain.  A reason."""
        if part == NOMINAL_ALL:
            self.make_nominal()
            return reasons.OK
        if part == VOLUME:
            if b != 0 or not STEP_MIN_ULH_MS <= a <= STEP_MAX_ULH_MS:
                return reasons.CALIBRATION_BOUNDS
            self.step_ulh_ms = a
        else:
            if abs(a - ZERO_NOMINAL) > ZERO_OFF_MAX or abs(b - GAIN_NOMINAL) > GAIN_OFF_MAX:
                return reasons.CALIBRATION_BOUNDS
            self.zero[part] = a
            self.gain[part] = b
        self.parts |= 1 << part
        self.day[part] = day
        return reasons.OK

    def copy(self, other) -> None:
        """Become what ``other`` is."""
        self.parts = other.parts
        self.step_ulh_ms = other.step_ulh_ms
        for part in range(3):
            self.zero[part] = other.zero[part]
            self.gain[part] = other.gain[part]
            self.day[part] = other.day[part]

    def put(self, data) -> None:
        """Write the record into ``data``, 20 bytes."""
        data[0] = _FORMAT
        data[1] = self.parts
        put32(data, 2, self.step_ulh_ms)
        put16(data, 6, self.zero[DOWN])
        put16(data, 8, self.gain[DOWN])
        put16(data, 10, self.zero[UP])
        put16(data, 12, self.gain[UP])
        for part in range(3):
            put16(data, 14 + 2 * part, self.day[part])

    def take(self, data, n: int) -> bool:
        """Become what the record ``data[0:n]`` says; false, and nominal, if it is
        none, or says what cannot be."""
        self.make_nominal()
        if n != CALIBRATION_BYTES or data[0] != _FORMAT or data[1] > 7:
            return False
        parts = data[1]
        for part in range(3):
            if not parts >> part & 1:
                continue
            if part == VOLUME:
                a = get32(data, 2)
                b = 0
            else:
                a = get16(data, 2 + 4 * part)
                b = get16(data, 4 + 4 * part)
            if self.measure(part, a, b, get16(data, 14 + 2 * part)) != reasons.OK:
                self.make_nominal()
                return False
        return True
