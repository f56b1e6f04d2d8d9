"""Line pressures: occlusion below and above the pump, empty bag, sensor fault."""

from pump.core import alarm_conditions as ac
from pump.core import limits

_DOWN = 1 << ac.DOWNSTREAM_OCCLUSION
_UP = 1 << ac.UPSTREAM_OCCLUSION
_BAG = 1 << ac.BAG_EMPTY
_SENSOR = 1 << ac.SENSOR_FAULT


class PressureCheck:
    """Judges both pressures; remembers the last valid verdict of each."""

    def __init__(self):
        self._down = 0
        self._up = 0

    def step(self, inputs, occlusion_pa: int) -> int:
        """Conditions seen in the two pressures, as bits.

        A reading that is not valid is judged at its worst: it is a sensor
        fault, and what the last valid one said holds on.  An inlet below
        ``UPSTREAM_LIMIT_PA`` is a closed line; one that has only lost its column
        of fluid, and stays there, is an empty bag.
        """
        seen = 0
        if inputs.down_ok:
            self._down = _DOWN if inputs.down_pa >= occlusion_pa else 0
        else:
            seen = _SENSOR
        if inputs.up_ok:
            up_pa = inputs.up_pa
            if up_pa > limits.BAG_EMPTY_PA:
                self._up = 0
            elif up_pa >= limits.BAG_EMPTY_LOWEST_PA:
                self._up = _BAG
            elif up_pa <= limits.UPSTREAM_LIMIT_PA:
                self._up = _UP
            else:
                self._up = 0
        else:
            seen = _SENSOR
        return seen | self._down | self._up
