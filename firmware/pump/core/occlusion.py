"""Line pressures: occlusion below and above the pump, empty and nearly empty bag,
and sensors that cannot be believed."""

from pump.core import alarm_conditions as ac
from pump.core import limits

_DOWN = 1 << ac.DOWNSTREAM_OCCLUSION
_UP = 1 << ac.UPSTREAM_OCCLUSION
_BAG = 1 << ac.BAG_EMPTY
_NEAR_EMPTY = 1 << ac.BAG_NEAR_EMPTY
_SENSOR = 1 << ac.SENSOR_FAULT

# Noise of a sensor, in ticks: a jump counts for eight, a quiet tick takes one
# back, so every eighth reading may jump before it is a fault.
_JUMP_WEIGHT = 8
_JUMP_LIMIT = 40


class PressureSensor:
    """Whether one sensor can be believed.

    A converter of 12 bits is never still within its last bits; one that is says
    nothing new, because it is stuck or because it is late.
    """

    def __init__(self):
        self._pa = 0
        self._still_ms = 0
        self._jumps = 0

    def is_doubtful(self, pa: int, dt_ms: int) -> bool:
        """Account for a reading of ``pa``; whether it has been still or wild for
        too long."""
        change = pa - self._pa
        if change == 0:
            self._still_ms += dt_ms
            return self._still_ms >= limits.SENSOR_STILL_MS or self._jumps >= _JUMP_LIMIT
        self._still_ms = 0
        self._pa = pa
        if change > limits.SENSOR_JUMP_PA or change < -limits.SENSOR_JUMP_PA:
            if self._jumps < _JUMP_LIMIT:
                self._jumps += _JUMP_WEIGHT
        elif self._jumps:
            self._jumps -= 1
        return self._jumps >= _JUMP_LIMIT


class PressureCheck:
    """Judges both pressures; remembers the last valid verdict of each."""

    def __init__(self):
        self._down_is_doubtful = PressureSensor().is_doubtful
        self._up_is_doubtful = PressureSensor().is_doubtful
        self._look_up = self._judge_up
        self._down = 0
        self._up = 0

    def step(self, inputs, occlusion_pa: int, rate_ul_h: int, dt_ms: int) -> int:
        """Conditions seen in the two pressures, as bits.

        A reading that is not valid is judged at its worst: it is a sensor
        fault, and what the last valid one said holds on.  An inlet below
        ``UPSTREAM_LIMIT_PA`` is a closed line; one that has only lost its column
        of fluid, and stays there, is an empty bag; one that is losing it, the
        flow's own loss at ``rate_ul_h`` aside, a nearly empty one.
        """
        seen = 0
        if inputs.down_ok:
            if self._down_is_doubtful(inputs.down_pa, dt_ms):
                seen = _SENSOR
            self._down = _DOWN if inputs.down_pa >= occlusion_pa else 0
        else:
            seen = _SENSOR
        if inputs.up_ok:
            if self._up_is_doubtful(inputs.up_pa, dt_ms):
                seen = _SENSOR
            self._look_up(inputs.up_pa, rate_ul_h)
        else:
            seen = _SENSOR
        return seen | self._down | self._up

    def _judge_up(self, up_pa: int, rate_ul_h: int) -> None:
        if up_pa > limits.BAG_EMPTY_PA:
            head_pa = up_pa + rate_ul_h // limits.HEAD_LOSS_UL_H_PER_PA
            if head_pa >= limits.NEAR_EMPTY_PA:
                self._up = 0
            elif self._up != _BAG:
                # What is left in the tube stands higher once the flow has
                # ended: an empty bag is one until another hangs there.
                self._up = _NEAR_EMPTY
        elif up_pa >= limits.BAG_EMPTY_LOWEST_PA:
            self._up = _BAG
        elif up_pa <= limits.UPSTREAM_LIMIT_PA:
            self._up = _UP
        else:
            self._up = 0
