"""The whole decision of one tick, in one call.

``Controller.step(inputs, outputs)`` is the only way in.  It reads no clock and
no pin, allocates nothing, and knows integers only.  Order inside a step: time,
sensor health and alarm conditions, transition, volume, titration, ramp, and
the interlock as the last line.
"""

from pump.core import air, alarm_signals, alarm_system, flow_check, interlocks, limits, reasons
from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core.occlusion import PressureCheck
from pump.core.prescription import Prescription
from pump.core.rate_ramp import RateRamp
from pump.core.titration import Titration
from pump.core.volume import Volume

_DOOR = 1 << ac.DOOR_OPEN
_AIR = 1 << ac.AIR_IN_LINE
_UNANSWERED = 1 << ac.NO_CONFIRMATION
_TIME = 1 << ac.DELIVERY_TIME
_SILENT = 1 << ac.LINK_SILENT
_INTERLOCK = 1 << ac.INTERLOCK
_COMPLETE = 1 << ac.INFUSION_COMPLETE
_PROGRAM_IDLE = 1 << ac.PROGRAM_IDLE
# Climbing or held on a rung of the ladder: delivery of the dose.
_ON_LADDER = 1 << st.INFUSING | 1 << st.RUNG_HELD


class Controller:
    """State of one pump.

    ``staged``    the prescription being programmed; the application fills it
    ``rx``        the committed one, a copy that only COMMIT replaces
    ``late_ms``   time that came late and was not integrated (L20)
    """

    def __init__(self):
        self.state = st.SELF_TEST
        self.staged = Prescription()
        self.rx = Prescription()
        self.volume = Volume()
        self.titration = Titration()
        self.ramp = RateRamp()
        self.pressures = PressureCheck()
        self.air = air.AirDetector()
        self.flow = flow_check.FlowCheck()
        self.alarms = alarm_system.AlarmSystem()
        self.signals = alarm_signals.AlarmSignals()
        self.interlock = interlocks.Interlock()
        self.late_ms = 0
        self.delivery_ms = 0  # time on the ladder in this session
        self.idle_ms = 0  # time off the ladder in this session, since it was left
        self.ready_ms = 0  # time READY, waiting for START
        self.session = 0
        self._seen = 0  # conditions that this step found in the controller itself
        self._next = st.make_transition_map()

    # --- the step ------------------------------------------------------------

    def step(self, inputs, outputs) -> None:
        """Decide one tick; every field of ``outputs`` is written."""
        dt_ms = inputs.dt_ms
        if dt_ms > limits.TICK_INTEGRATE_MAX_MS:
            self.late_ms += dt_ms - limits.TICK_INTEGRATE_MAX_MS
            dt_ms = limits.TICK_INTEGRATE_MAX_MS
        outputs.enable = False
        outputs.rate_ul_h = 0
        outputs.steps = 0
        outputs.slot_ms = dt_ms
        outputs.event_result = reasons.OK
        outputs.sound = False
        outputs.lamp_red = False
        outputs.lamp_yellow = False

        volume = self.volume
        volume.counted_steps += inputs.step_edges
        alarms = self.alarms
        active_before = alarms.active

        new = alarms.step(self._conditions(inputs, dt_ms), self.state, dt_ms)
        if new:
            self.titration.void_question()
        if new & alarms.stop_mask:
            self._go(st.EV_ALARM_STOP)
        if new & alarms.fail_mask:
            self._go(st.EV_FAULT)
        if inputs.event != st.NO_EVENT:
            outputs.event_result = self._person(inputs)
        if volume.counted_steps + volume.missing_steps >= volume.vtbi_steps > 0:
            self._go(st.EV_VTBI_DONE)

        state_bit = 1 << self.state
        if state_bit & st.DELIVERING_STATES:
            self._deliver(state_bit, outputs, dt_ms)
        else:
            self._wait(state_bit, dt_ms)
        outputs.enable = state_bit & st.ENABLED_STATES != 0
        outputs.lamp_green = outputs.enable

        if alarms.active != active_before:
            outputs.raised = alarms.active & ~active_before
            outputs.cleared = active_before & ~alarms.active
        else:
            outputs.raised = 0
            outputs.cleared = 0
        if alarms.active or active_before:
            self.signals.step(alarms.highest(), alarms.acknowledged == 0, outputs, dt_ms)

        # The last line: whatever stands above, never more than this.
        if self.interlock.apply(outputs, self.state, self.rx.cap_ul_h):
            self._seen |= _INTERLOCK

    def open_question(self) -> int:
        """Number of the question that can be answered now, or 0."""
        asked = self.titration
        return asked.question_id if asked.question else 0

    # --- conditions ------------------------------------------------------------

    def _world(self, inputs) -> int:
        """Conditions that the sensors show now, whatever the state."""
        seen = self.pressures.step(inputs, self.rx.occlusion_pa)
        if inputs.door_open:
            seen |= _DOOR
        return seen

    def _conditions(self, inputs, dt_ms: int) -> int:
        seen = self._world(inputs) | self._seen
        self._seen &= _INTERLOCK
        volume = self.volume
        if volume.counted_steps > volume.granted_steps:
            seen |= _INTERLOCK  # the motor took a step that nobody granted
        state = self.state
        bit = 1 << state
        if bit & st.DELIVERING_STATES:
            if inputs.air or self.air.bubble_steps:
                seen |= self.air.step(inputs)
            seen |= self.flow.step(
                volume.last_grant(), inputs.step_edges, inputs.encoder_edges, dt_ms
            )
            if inputs.queue_dropped:
                volume.take_back()
            if self.delivery_ms >= limits.DELIVERY_MAX_MS:
                seen |= _TIME
            timeout_s = self.rx.link_timeout_s
            if timeout_s and inputs.host_silent_ms >= timeout_s * 1000:
                seen |= _SILENT
        else:
            # The queue is empty by now: what was not counted will never come.
            volume.take_back()
            if state == st.COMPLETE:
                seen |= _COMPLETE
            elif state == st.READY:
                if self.ready_ms >= limits.PROGRAM_REMINDER_MS:
                    seen |= _PROGRAM_IDLE
            elif state == st.IDLE and self.staged.age_ms >= limits.PROGRAM_REMINDER_MS:
                seen |= _PROGRAM_IDLE
        return seen

    # --- transitions -------------------------------------------------------------

    def _go(self, event: int) -> bool:
        """Take the transition for ``event``; false if the table has none."""
        old = self.state
        new = self._next[old * st.N_EVENTS + event]
        if new == st.ILLEGAL:
            return False
        self.state = new
        if 1 << old & _ON_LADDER and not 1 << new & _ON_LADDER:
            self.titration.interrupt()
            self.ramp.zero()
            self.idle_ms = 0
        elif old != new and new == st.INFUSING and old != st.RUNG_HELD:
            # Delivery begins again, from a rate of zero.
            self.ramp.zero()
            self.flow.restart()
            if self.idle_ms >= limits.LADDER_RESTART_MS:
                self.titration.restart_ladder()
        elif new == st.KVO or old == st.KVO:
            self.ramp.zero()
            self.flow.restart()
        return True

    def _person(self, inputs) -> int:
        """One event from a person; returns a reason code."""
        event = inputs.event
        if self._next[self.state * st.N_EVENTS + event] == st.ILLEGAL:
            return reasons.NOT_IN_THIS_STATE
        if event == st.EV_CONFIRM:
            return self.titration.confirm(inputs.argument)
        if event == st.EV_DOWN:
            return self.titration.down()
        if event == st.EV_STAY:
            self.titration.stay()
        elif event == st.EV_ACK:
            self.alarms.acknowledge()
        elif event == st.EV_COMMIT:
            reason = self.staged.check()
            if reason != reasons.OK:
                return reason
            self.rx.copy_from(self.staged)
            self.ready_ms = 0
        elif event == st.EV_START or event == st.EV_RESUME or event == st.EV_RELEASE:
            reason = self._may_deliver(inputs)
            if reason != reasons.OK:
                return reason
            if event == st.EV_START:
                self._begin_session()
        elif event == st.EV_KVO:
            if self.rx.kvo_ul_h == 0:
                return reasons.KVO_NOT_ORDERED
            reason = self._may_deliver(inputs)
            if reason != reasons.OK:
                return reason
        elif event == st.EV_RESET:
            if self._world(inputs) or inputs.air:
                return reasons.ALARM_PRESENT
            self.alarms.reset()
            self.air.reset()
            self.titration.void_question()
        elif event == st.EV_END or event == st.EV_CANCEL:
            self._end_session()
        self._go(event)
        return reasons.OK

    def _may_deliver(self, inputs) -> int:
        """The prescription checked again, and no reason in sight to stop."""
        if self._world(inputs) or inputs.air or self.alarms.active & self.alarms.stop_mask:
            return reasons.ALARM_PRESENT
        return self.rx.check()

    def _begin_session(self) -> None:
        self.session += 1
        self.volume.begin(self.rx.vtbi_ul)
        self.titration.begin()
        self.air.reset()
        self.delivery_ms = 0
        self.idle_ms = 0

    def _end_session(self) -> None:
        """The delivered volume stays to be read until the next START."""
        self.rx.clear()
        self.staged.clear()
        self.volume.vtbi_steps = 0
        self.alarms.end_session()

    # --- motion --------------------------------------------------------------------

    def _deliver(self, state_bit: int, outputs, dt_ms: int) -> None:
        rx = self.rx
        if state_bit & _ON_LADDER:
            titration = self.titration
            self.delivery_ms += dt_ms
            target = rx.rate_ul_h[titration.rung]
            may_climb = self.state == st.INFUSING
            if titration.advance(rx, self.ramp.rate_ul_h == target, may_climb, dt_ms):
                self._seen |= _UNANSWERED
        else:
            self._idle(dt_ms)
            target = rx.kvo_ul_h
            rung_rate = rx.rate_ul_h[self.titration.rung]
            if target > rung_rate:
                target = rung_rate
        rate = self.ramp.step(target, rx.slew_ul_h_s, dt_ms)
        outputs.rate_ul_h = rate
        outputs.steps = self.volume.grant(rate, dt_ms)
        outputs.last_step_us = self.volume.last_step_us

    def _wait(self, state_bit: int, dt_ms: int) -> None:
        if state_bit & st.SESSION_STATES:
            self._idle(dt_ms)
        elif self.state == st.READY:
            self.ready_ms += dt_ms
            if self.ready_ms >= limits.PROGRAM_CLEAR_MS:
                self._end_session()
                self._go(st.EV_CANCEL)
        elif self.state == st.IDLE and self.staged.has:
            self.staged.age_ms += dt_ms
            if self.staged.age_ms >= limits.PROGRAM_CLEAR_MS:
                self.staged.clear()

    def _idle(self, dt_ms: int) -> None:
        """Time off the ladder, counted as far as it means anything."""
        if self.idle_ms < limits.LADDER_RESTART_MS:
            self.idle_ms += dt_ms
