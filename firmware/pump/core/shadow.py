"""Critical variables a second time, as their complement.  (F25)

What changes in memory by itself differs from its complement.  The variables
that a step uses are compared before every step and stored again after it; the
committed prescription, which only COMMIT may change, is gone through one
field a tick, and what a step uses of it is compared in each.
"""

from array import array

from micropython import const

from pump.core import limits

# Fields of a prescription after its 2 x 12 of the ladder.
_SCALARS = const(12)
_LADDER = 2 * limits.RUNGS_MAX
_FIELDS = _LADDER + _SCALARS
_CAP = _LADDER + 0
_SLEW = _LADDER + 1
_OCCLUSION = _LADDER + 2


class Shadow:
    """Complements of a controller's critical variables."""

    def __init__(self):
        self._inverse = array("i", [0] * 14)
        self._rx_inverse = array("i", [0] * _FIELDS)
        self._next = 0

    def seal(self, c) -> None:
        """Store what the controller ``c`` has after a step."""
        inverse = self._inverse
        volume = c.volume
        titration = c.titration
        inverse[0] = ~c.state
        inverse[1] = ~titration.rung
        inverse[2] = ~titration.dwell_ms
        inverse[3] = ~c.ramp.rate_ul_h
        inverse[4] = ~volume.vtbi_steps
        inverse[5] = ~volume.granted_steps
        inverse[6] = ~volume.counted_steps
        inverse[7] = ~volume.missing_steps
        inverse[8] = ~volume.remainder
        inverse[9] = ~c.interlock.budget
        inverse[10] = ~c.delivery_ms
        inverse[11] = ~c.alarms.active
        inverse[12] = ~volume.step_ulh_ms
        inverse[13] = ~c.interlock.step_ulh_ms

    def is_intact(self, c) -> bool:
        """Whether ``c`` is as it was sealed, and the prescription as it was
        committed, as far as this tick looks."""
        inverse = self._inverse
        rx_inverse = self._rx_inverse
        volume = c.volume
        titration = c.titration
        rx = c.rx
        rung = titration.rung
        if rung ^ inverse[1] != -1:
            return False  # before it is used as an index
        i = self._next + 1
        if i == _FIELDS:
            i = 0
        self._next = i
        if i < limits.RUNGS_MAX:
            field = rx.rate_ul_h[i]
        else:
            field = _field(rx, i)
        # A number and its complement differ in every bit; one bit that does not
        # shows in the whole.
        return (
            (c.state ^ inverse[0])
            & (titration.dwell_ms ^ inverse[2])
            & (c.ramp.rate_ul_h ^ inverse[3])
            & (volume.vtbi_steps ^ inverse[4])
            & (volume.granted_steps ^ inverse[5])
            & (volume.counted_steps ^ inverse[6])
            & (volume.missing_steps ^ inverse[7])
            & (volume.remainder ^ inverse[8])
            & (c.interlock.budget ^ inverse[9])
            & (c.delivery_ms ^ inverse[10])
            & (c.alarms.active ^ inverse[11])
            & (volume.step_ulh_ms ^ inverse[12])
            & (c.interlock.step_ulh_ms ^ inverse[13])
            & (rx.cap_ul_h ^ rx_inverse[_CAP])
            & (rx.slew_ul_h_s ^ rx_inverse[_SLEW])
            & (rx.occlusion_pa ^ rx_inverse[_OCCLUSION])
            & (rx.rate_ul_h[rung] ^ rx_inverse[rung])
            & (field ^ rx_inverse[i])
        ) == -1

    def seal_rx(self, rx) -> None:
        """The prescription was changed on purpose."""
        for i in range(_FIELDS):
            self._rx_inverse[i] = ~_field(rx, i)


def _field(rx, index: int) -> int:
    """Field ``index`` of a prescription, 0 to 35."""
    if index < limits.RUNGS_MAX:
        return rx.rate_ul_h[index]
    if index < _LADDER:
        return rx.dwell_s[index - limits.RUNGS_MAX]
    if index == _CAP:
        return rx.cap_ul_h
    if index == _SLEW:
        return rx.slew_ul_h_s
    if index == _OCCLUSION:
        return rx.occlusion_pa
    index -= _LADDER
    if index == 3:
        return rx.n_rungs
    if index == 4:
        return rx.vtbi_ul
    if index == 5:
        return rx.dose_mg
    if index == 6:
        return rx.concentration_mg_ml
    if index == 7:
        return rx.weight_g
    if index == 8:
        return rx.kvo_ul_h
    if index == 9:
        return rx.check_s
    if index == 10:
        return rx.link_timeout_s
    return rx.has
