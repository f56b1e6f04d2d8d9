"""Air in line: one bubble, all bubbles of a quarter of an hour, and a detector
that sees nothing any more.  (L9)"""

from array import array

from micropython import const

from pump.core import alarm_conditions as ac
from pump.core import limits, units

_AIR = 1 << ac.AIR_IN_LINE
_SENSOR = 1 << ac.SENSOR_FAULT
_BUBBLE_STEPS = units.steps_for_volume(limits.AIR_BUBBLE_UL)
_WINDOW_STEPS = units.steps_for_volume(limits.AIR_WINDOW_UL)
_FLUID_STEPS = units.steps_for_volume(limits.AIR_GAP_UL)
# The window slides in pieces of 5 s.  The piece that is leaving it still counts
# whole, so the sum is never less than that of any true window of 15 min.
_PIECE_MS = const(5000)
_PIECES = limits.AIR_WINDOW_MS // _PIECE_MS + 1


class AirDetector:
    """Measures air by the steps taken while the detector sees it.

    ``bubble_steps``  the bubble that is passing; froth is one bubble, it ends
                      only after 5 uL of unbroken fluid
    ``window_steps``  all air of the last 15 min
    ``probing``       the emitter is off, so the detector must say "air"
    ``is_watched``    a reading of fluid means something too: ``sees_air`` wants it
    ``is_counting``   steps mean something without air in sight: ``step`` wants them
    ``is_blind``      it did not

    Probing costs one reading in a hundred.  What passes meanwhile is judged at
    its worst: it is air if the reading before or the one behind says so.
    """

    def __init__(self):
        self.bubble_steps = 0
        self.window_steps = 0
        self.probing = False
        self.is_watched = False
        self.is_counting = False
        self.is_blind = False
        self._bubble_limit = _BUBBLE_STEPS
        self._window_limit = _WINDOW_STEPS
        self._sees_air = False
        self._is_unseen = False  # this tick was a probe
        self._unseen_steps = 0  # what passed in it, and was taken for fluid
        self._fluid_steps = 0
        self._pieces = array("i", [0] * _PIECES)
        self._piece = 0
        self._piece_ms = 0
        self._probe_ms = 0

    def calibrate(self, step_ulh_ms: int) -> None:
        """``step_ulh_ms`` is the volume of a step."""
        self._bubble_limit = units.steps_for_volume(limits.AIR_BUBBLE_UL, step_ulh_ms)
        self._window_limit = units.steps_for_volume(limits.AIR_WINDOW_UL, step_ulh_ms)

    def reset(self) -> None:
        """The line was primed: forget the bubble, and the window, whose alarm a
        person has seen."""
        self.bubble_steps = 0
        self.window_steps = 0
        self._fluid_steps = 0
        self._unseen_steps = 0
        for i in range(_PIECES):
            self._pieces[i] = 0

    def look_again(self) -> None:
        """A person has seen to the detector: probe it in the first tick of delivery."""
        self.is_blind = False
        self._probe_ms = limits.AIR_PROBE_MS

    def pass_time(self, dt_ms: int) -> None:
        """The window slides, whether the pump delivers or not."""
        self._piece_ms += dt_ms
        if self._piece_ms >= _PIECE_MS:
            self._piece_ms -= _PIECE_MS
            self._piece = (self._piece + 1) % _PIECES
            self.window_steps -= self._pieces[self._piece]
            self._pieces[self._piece] = 0

    def probe_is_due(self, dt_ms: int) -> bool:
        """While delivering: whether the emitter is to be off until the next step."""
        self._probe_ms += dt_ms
        if self._probe_ms < limits.AIR_PROBE_MS:
            return False
        self._probe_ms = 0
        self.probing = True
        self.is_watched = True
        return True

    def sees_air(self, air: bool) -> bool:
        """The detector's reading ``air`` as it is to be understood in this step;
        to be asked for when there is air, or while ``is_watched``."""
        self._is_unseen = self.probing
        if self.probing:
            self.probing = False
            self.is_blind = not air
        else:
            self._sees_air = air
        self.is_watched = self._is_unseen or self._sees_air
        return self._sees_air

    def step(self, step_edges: int) -> int:
        """The conditions as bits, after ``step_edges`` of delivery; wanted while
        ``is_watched`` or ``is_counting``, behind ``sees_air``."""
        if self._sees_air:
            step_edges += self._unseen_steps
            self._fluid_steps = 0
            self.bubble_steps += step_edges
            self.window_steps += step_edges
            self._pieces[self._piece] += step_edges
        elif self.bubble_steps:
            self._fluid_steps += step_edges
            if self._fluid_steps >= _FLUID_STEPS:
                self.bubble_steps = 0
        self._unseen_steps = step_edges if self._is_unseen and not self._sees_air else 0
        seen = _SENSOR if self.is_blind else 0
        if self.bubble_steps >= self._bubble_limit or self.window_steps >= self._window_limit:
            seen |= _AIR
        self.is_counting = seen != 0 or self.bubble_steps > 0 or self._unseen_steps > 0
        return seen
