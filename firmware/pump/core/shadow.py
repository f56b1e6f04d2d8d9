"""Critical variables a second time, as their complement.  (F25)

What changes in memory by itself differs from its complement.  The variables
that a step uses are compared before every step and stored again after it; the
committed prescription, which only COMMIT may change, is gone through one
field a tick.
"""

from array import array

from micropython import const

from pump.core import limits

# Fields of a prescription after its 2 x 12 of the ladder.
_SCALARS = const(10)
_FIELDS = 2 * limits.RUNGS_MAX + _SCALARS


class Shadow:
    """Complements of a controller's critical variables."""

    def __init__(self):
        self._inverse = array("i", [0] * 16)
        self._rx_inverse = array("i", [0] * _FIELDS)
        self._next = 0

    def seal(self, c) -> None:
        """Store what the controller ``c`` has after a step."""
        inverse = self._inverse
        volume = c.volume
        titration = c.titration
        rx = c.rx
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
        inverse[12] = ~rx.cap_ul_h
        inverse[13] = ~rx.rate_ul_h[titration.rung]
        inverse[14] = ~rx.slew_ul_h_s
        inverse[15] = ~rx.occlusion_pa

    def is_intact(self, c) -> bool:
        """Whether ``c`` is as it was sealed, and the prescription as it was
        committed, as far as this tick looks."""
        inverse = self._inverse
        volume = c.volume
        titration = c.titration
        rx = c.rx
        rung = titration.rung
        if c.state ^ inverse[0] != -1 or rung ^ inverse[1] != -1:
            return False
        self._next = (self._next + 1) % _FIELDS
        return (
            titration.dwell_ms ^ inverse[2] == -1
            and c.ramp.rate_ul_h ^ inverse[3] == -1
            and volume.vtbi_steps ^ inverse[4] == -1
            and volume.granted_steps ^ inverse[5] == -1
            and volume.counted_steps ^ inverse[6] == -1
            and volume.missing_steps ^ inverse[7] == -1
            and volume.remainder ^ inverse[8] == -1
            and c.interlock.budget ^ inverse[9] == -1
            and c.delivery_ms ^ inverse[10] == -1
            and c.alarms.active ^ inverse[11] == -1
            and rx.cap_ul_h ^ inverse[12] == -1
            and rx.rate_ul_h[rung] ^ inverse[13] == -1
            and rx.slew_ul_h_s ^ inverse[14] == -1
            and rx.occlusion_pa ^ inverse[15] == -1
            and _field(rx, self._next) ^ self._rx_inverse[self._next] == -1
        )

    def seal_rx(self, rx) -> None:
        """The prescription was changed on purpose."""
        for i in range(_FIELDS):
            self._rx_inverse[i] = ~_field(rx, i)


def _field(rx, index: int) -> int:
    """Field ``index`` of a prescription, 0 to 33."""
    if index < limits.RUNGS_MAX:
        return rx.rate_ul_h[index]
    if index < 2 * limits.RUNGS_MAX:
        return rx.dwell_s[index - limits.RUNGS_MAX]
    index -= 2 * limits.RUNGS_MAX
    if index == 0:
        return rx.n_rungs
    if index == 1:
        return rx.vtbi_ul
    if index == 2:
        return rx.dose_mg
    if index == 3:
        return rx.concentration_mg_ml
    if index == 4:
        return rx.weight_g
    if index == 5:
        return rx.cap_ul_h
    if index == 6:
        return rx.kvo_ul_h
    if index == 7:
        return rx.check_s
    if index == 8:
        return rx.link_timeout_s
    return rx.has
