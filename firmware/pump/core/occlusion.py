"""Line pressures: occlusion below and above the pump, empty bag, sensor fault."""

from pump.core import alarm_conditions as ac
from pump.core import limits

_DOWN = 1 << ac.DOWNSTREAM_OCCLUSION
_UP = 1 << ac.UPSTREAM_OCCLUSION
_BAG = 1 << ac.BAG_EMPTY
_SENSOR = 1 << ac.SENSOR_FAULT


def pressure_conditions(inputs, occlusion_pa: int) -> int:
    """Conditions seen in the two pressures, as bits.

    A reading that is not valid is judged at its worst: it is a sensor fault,
    and never "no occlusion".  An inlet below ``UPSTREAM_LIMIT_PA`` is a closed
    line; one that has only lost its column of fluid, and stays there, is an
    empty bag.
    """
    seen = 0
    if not inputs.down_ok or not inputs.up_ok:
        seen = _SENSOR
    if inputs.down_ok and inputs.down_pa >= occlusion_pa:
        seen |= _DOWN
    if inputs.up_ok:
        up_pa = inputs.up_pa
        if up_pa <= limits.BAG_EMPTY_PA:
            if up_pa >= limits.BAG_EMPTY_LOWEST_PA:
                seen |= _BAG
            elif up_pa <= limits.UPSTREAM_LIMIT_PA:
                seen |= _UP
    return seen
