"""What one step is told: every input of the core in one record."""

from pump.core import infusion_state as st


class Inputs:
    """Filled by the application before each step.

    ``dt_ms``          measured time since the step before, >= 0 ms
    ``down_pa``        downstream line pressure; judged only if ``down_ok``
    ``up_pa``          inlet pressure; judged only if ``up_ok``
    ``air``            the detector sees air
    ``door_open``      the door is open or the set is removed
    ``drop``           a drop began to fall since the step before
    ``step_edges``     rising STEP edges counted since the step before
    ``encoder_edges``  encoder counts since the step before, both directions
    ``reverse_edges``  those of them that were backwards
    ``enable_level``   level of the ENABLE pin, read back
    ``queue_dropped``  the stepper threw its queue away since the step before
    ``supply_mv``      supply voltage
    ``supply_good``    the comparator's verdict on the same supply
    ``driver_c``       temperature of the motor's driver in degrees Celsius;
                       judged only if ``driver_ok``
    ``sound_heard``    the loop-back hears the sounder
    ``stop_key``       the STOP key is pressed
    ``ok_key``         the OK key is pressed
    ``clock_seconds``  seconds of the clock chip since the step before
    ``clock_fitted``   there is a clock chip
    ``osc_percent``    without it: ring oscillator against its frequency at
                       boot, in percent of that; 100 is no change
    ``guard_trip``     why the guard cut the motor off, or 0
    ``guard_beats``    times that the guard ran since the step before
    ``lease_steps``    total of steps since START that may be granted: what
                       the checkpoint says may have been delivered
    ``storage_ok``     log and checkpoint take what is written to them
    ``host_silent_ms`` time since the last valid line from the host
    ``event``          one event from a person, or ``NO_EVENT``
    ``argument``       of that event; its meaning is the event's
    ``role``           of the person, see ``roles``
    """

    def __init__(self):
        self.dt_ms = 0
        self.down_pa = 0
        self.down_ok = True
        self.up_pa = 0
        self.up_ok = True
        self.air = False
        self.door_open = False
        self.drop = False
        self.step_edges = 0
        self.encoder_edges = 0
        self.reverse_edges = 0
        self.enable_level = False
        self.queue_dropped = False
        self.supply_mv = 5000
        self.supply_good = True
        self.driver_c = 25
        self.driver_ok = True
        self.sound_heard = False
        self.stop_key = False
        self.ok_key = False
        self.clock_seconds = 0
        self.clock_fitted = False
        self.osc_percent = 100
        self.guard_trip = 0
        self.guard_beats = 1
        self.lease_steps = 1 << 29
        self.storage_ok = True
        self.host_silent_ms = 0
        self.event = st.NO_EVENT
        self.argument = 0
        self.role = 0
