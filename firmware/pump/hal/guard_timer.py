"""The guard's timer interrupt: its own counters, its own way to cut the motor off.

``machine.Timer`` with ``hard=True`` calls back from the interrupt itself, with
the heap locked; an exception that escapes stops the timer for good and says so
only on the console.  Therefore none escapes, and the loop counts the beats.

Its time is the number of its calls: one that was held off is made up for at
once (the alarm is set anew from when it was due), so none is lost, and a
counter that jumps does not matter.
"""

from machine import Pin, Timer
from micropython import const

from pump.guard import guard
from pump.hal import pinout
from pump.hal.edge_counter import EdgeCounter

# Not the tick's period: four checks fit between the 32 ms that a late tick may
# need and 40 ms, and the two never stay in step.
PERIOD_MS = const(8)
BEATS_MASK = const(0x3FFFFFFF)


class GuardTimer:
    """``guard`` with its interrupt.

    ``trip``   code of ``guard.TRIP_NAMES``; the motor is off for good if not 0
    ``refused``  the guard did not take what it was told; kept here for the loop
    ``beats``  times that it ran, modulo 2**30; still for long: it has died
    """

    def __init__(self, dead_man, stepper):
        self.guard = guard.Guard()
        self.trip = 0
        self.refused = False
        self.beats = 0
        self._check = self.guard.check
        self._lock_enable = dead_man.lock
        self._lock_step = stepper.lock
        self._new_steps = EdgeCounter(pinout.SM_GUARD_STEP_COUNTER, pinout.STEP, False).new_edges
        self._new_turns = EdgeCounter(
            pinout.SM_GUARD_ENCODER_COUNTER, pinout.ENCODER, True
        ).new_edges
        self._direction = Pin(pinout.DIRECTION).value
        self._enable = Pin(pinout.ENABLE).value
        # Kept: a timer that nobody refers to is collected, and stops.
        self._timer = Timer(
            -1, mode=Timer.PERIODIC, period=PERIOD_MS, callback=self._run, hard=True
        )

    def take_turns_from(self, loop_back) -> None:
        """See the encoder through ``loop_back(new_edges)``; before anything moves."""
        self._new_turns = loop_back(self._new_turns).new_edges

    def _run(self, _timer) -> None:
        try:
            trip = self._check(
                self._new_steps(),
                self._new_turns(),
                self._direction(),
                self._enable(),
                PERIOD_MS,
            )
        except BaseException:
            trip = guard.HANDLER
        if trip and not self.trip:
            self.trip = trip
        if self.trip:
            # Each time: the loop may have been in the middle of switching on.
            self._lock_enable()
            self._lock_step()
        self.beats = self.beats + 1 & BEATS_MASK
