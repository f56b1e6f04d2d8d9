"""Whether the motor does what was ordered: its ENABLE level and its shaft.  (F28, F35)"""

from micropython import const

from pump.core import alarm_conditions as ac
from pump.core import limits

_MOTOR = 1 << ac.MOTOR_FAULT

# Long enough after the last ordered step for the shaft to have come to rest.
_AT_REST_MS = const(160)
# One stray count in 10 s is a shaft settling, and is forgotten.
_FORGET_MS = const(10_000)


class MotorCheck:
    """Compares what was ordered with what the pins read back."""

    def __init__(self):
        self._rest_ms = 0  # since the motor was last told to move
        self._stuck_on_ms = 0  # ENABLE high although it was ordered low
        self._stray_counts = 0  # of the encoder, that nobody ordered
        self._forget_ms = 0

    def is_at_rest(self) -> bool:
        """Whether nothing has been ordered for so long that nothing can move."""
        return self._rest_ms > _AT_REST_MS

    def step(
        self,
        inputs,
        turns: int,
        back_turns: int,
        ordered_enable: bool,
        ordered_motion: bool,
        reversing: bool,
        dt_ms: int,
    ) -> int:
        """The conditions as bits.

        ``turns``           counts of the encoder in ``dt_ms``
        ``back_turns``      those of them that were backwards
        ``ordered_enable``  by the step before
        ``ordered_motion``  in ``dt_ms``
        ``reversing``       the queue holds backward steps, and no others
        """
        seen = 0
        if ordered_motion:
            self._rest_ms = 0
        elif self._rest_ms <= _AT_REST_MS:
            self._rest_ms += dt_ms
        if ordered_enable:
            self._stuck_on_ms = 0
        else:
            if inputs.enable_level:
                self._stuck_on_ms += dt_ms
                if self._stuck_on_ms > limits.ENABLE_WRONG_MS:
                    self._stuck_on_ms = 1000
                    seen = _MOTOR
            else:
                self._stuck_on_ms = 0
        if turns:
            if reversing:
                self._stray_counts += turns - back_turns
            else:
                self._stray_counts += back_turns
            if self._rest_ms > _AT_REST_MS and not inputs.door_open:
                # With the door open a hand may turn it, to put a set in.
                self._stray_counts += turns
        if self._stray_counts:
            if self._stray_counts >= limits.STRAY_COUNTS:
                self._stray_counts = limits.STRAY_COUNTS
                seen |= _MOTOR
            self._forget_ms += dt_ms
            if self._forget_ms >= _FORGET_MS:
                self._forget_ms = 0
                self._stray_counts -= 1
        return seen
