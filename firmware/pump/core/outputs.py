"""What one step decides: every output of the core in one record."""


class Outputs:
    """Written by each step, from nothing: what a step does not ask for is off.

    ``enable``          driver enabled
    ``rate_ul_h``       commanded rate, after the interlock
    ``slot_ms``         length of the slot that the grant covers
    ``steps``           motor steps granted for that slot
    ``last_step_us``    when in the slot the last of them is due
    ``reverse``         those steps are backwards, to relieve an occlusion
    ``air_probe``       the air detector's emitter is to be off until the next step
    ``event_result``    reason code for the event of this step
    ``raised``          alarm conditions that became active, one bit each
    ``cleared``         alarm conditions that ceased to be active
    ``sound``           the sounder is on
    ``lamp_red``, ``lamp_yellow``, ``lamp_green``
    """

    def __init__(self):
        self.enable = False
        self.rate_ul_h = 0
        self.slot_ms = 0
        self.steps = 0
        self.last_step_us = 0
        self.reverse = False
        self.air_probe = False
        self.event_result = 0
        self.raised = 0
        self.cleared = 0
        self.sound = False
        self.lamp_red = False
        self.lamp_yellow = False
        self.lamp_green = False
