"""What one step is told: every input of the core in one record."""

from pump.core import infusion_state as st


class Inputs:
    """Filled by the application before each step.

    ``dt_ms``          measured time since the step before, >= 0 ms
    ``down_pa``        downstream line pressure; judged only if ``down_ok``
    ``up_pa``          inlet pressure; judged only if ``up_ok``
    ``air``            the detector sees air
    ``door_open``      the door is open or the set is removed
    ``step_edges``     rising STEP edges counted since the step before
    ``encoder_edges``  encoder counts since the step before
    ``queue_dropped``  the stepper threw its queue away since the step before
    ``host_silent_ms`` time since the last valid line from the host
    ``event``          one event from a person, or ``NO_EVENT``
    ``argument``       of that event; its meaning is the event's
    """

    def __init__(self):
        self.dt_ms = 0
        self.down_pa = 0
        self.down_ok = True
        self.up_pa = 0
        self.up_ok = True
        self.air = False
        self.door_open = False
        self.step_edges = 0
        self.encoder_edges = 0
        self.queue_dropped = False
        self.host_silent_ms = 0
        self.event = st.NO_EVENT
        self.argument = 0
