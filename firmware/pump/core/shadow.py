"""Critical variables a second time, so that what changes by itself shows.  (F25)

Those that a step uses are folded into one number before every step and after it: a
flipped bit of any of them, or several in one, changes it.  What a step uses of the
committed prescription is compared with its complement in every step, all of it before
an answer takes the pump to another rung, and else one field in every fourth step: only
COMMIT may change it.  In every fourth step, too, the volume of a step, which nothing
changes after boot, and of which volume and interlock each have their own.
"""

from array import array

from micropython import const

from pump.core import limits

# Fields of a prescription after its 2 x 12 of the ladder.
_SCALARS = const(12)
_LADDER = 2 * limits.RUNGS_MAX
_FIELDS = _LADDER + _SCALARS
# Not the one in which board and host are looked at.
_RX_MASK = const(3)
_RX_PHASE = const(1)
_CAP = _LADDER + 0
_SLEW = _LADDER + 1
_OCCLUSION = _LADDER + 2


class Shadow:
    """What a controller's critical variables were when a step left them."""

    def __init__(self):
        self._folded = 0
        self._step_inverse = 0
        self._rx_inverse = array("i", [0] * _FIELDS)
        self._next = 0

    def seal(self, c) -> None:
        """Store what the controller ``c`` has after a step."""
        self._folded = ~_fold(c)

    def seal_calibration(self, step_ulh_ms: int) -> None:
        """The volume of a step, which volume and interlock have each for itself."""
        self._step_inverse = ~step_ulh_ms

    def is_intact(self, c) -> bool:
        """Whether ``c`` is as it was sealed, and the prescription as it was
        committed, as far as this tick looks."""
        rung = c.titration.rung
        if not 0 <= rung < limits.RUNGS_MAX:
            return False  # before it is used as an index
        rx_inverse = self._rx_inverse
        rx = c.rx
        if c.phase & _RX_MASK == _RX_PHASE and not (
            self._is_next_intact(rx)
            and c.volume.step_ulh_ms ^ self._step_inverse == -1
            and c.interlock.step_ulh_ms ^ self._step_inverse == -1
        ):
            return False
        # A number and its complement differ in every bit; one bit that does not
        # shows in the whole.
        return (
            (_fold(c) ^ self._folded)
            & (rx.cap_ul_h ^ rx_inverse[_CAP])
            & (rx.slew_ul_h_s ^ rx_inverse[_SLEW])
            & (rx.occlusion_pa ^ rx_inverse[_OCCLUSION])
            & (rx.rate_ul_h[rung] ^ rx_inverse[rung])
        ) == -1

    def is_rx_intact(self, rx) -> bool:
        """Whether every field of the prescription is as it was committed: 0.4 ms."""
        for i in range(_FIELDS):
            if _field(rx, i) ^ self._rx_inverse[i] != -1:
                return False
        return True

    def _is_next_intact(self, rx) -> bool:
        i = self._next + 1
        if i == _FIELDS:
            i = 0
        self._next = i
        return _field(rx, i) ^ self._rx_inverse[i] == -1

    def seal_rx(self, rx) -> None:
        """The prescription was changed on purpose."""
        for i in range(_FIELDS):
            self._rx_inverse[i] = ~_field(rx, i)


def _fold(c) -> int:
    """All critical variables in one number, none of whose bits is lost."""
    volume = c.volume
    titration = c.titration
    interlock = c.interlock
    return (
        c.state
        ^ c.delivery_ms
        ^ titration.rung
        ^ titration.dwell_ms
        ^ c.ramp.rate_ul_h
        ^ volume.vtbi_steps
        ^ volume.granted_steps
        ^ volume.counted_steps
        ^ volume.missing_steps
        ^ volume.remainder
        ^ interlock.budget
        ^ c.alarms.active
    )


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
