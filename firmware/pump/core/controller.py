"""The whole decision of one tick, in one call.

``Controller.step(inputs, outputs)`` is the only way in.  It reads no clock and
no pin, allocates nothing, and knows integers only.  Order inside a step:
memory intact, time, sensor health and alarm conditions, transition, volume,
titration, ramp, the interlock, and the seal on what is remembered.

``phase``, 0 to 7, counts ticks: whoever fills the inputs reads in one of four what
does not change from one to the next.  A call costs 7 us on the board and one by way
of two attributes 14, so those of every tick are bound beforehand.
"""

from pump.core import (
    air,
    alarm_signals,
    alarm_system,
    back_off,
    board_check,
    drip,
    flow_check,
    interlocks,
    limits,
    motor_check,
    reasons,
    shadow,
    units,
)
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
_OCCLUDED = 1 << ac.DOWNSTREAM_OCCLUSION
_EMPTY = 1 << ac.BAG_EMPTY
_NEAR_EMPTY = 1 << ac.BAG_NEAR_EMPTY
_SENSOR = 1 << ac.SENSOR_FAULT
_FREE_FLOW = 1 << ac.FREE_FLOW
_INTEGRITY = 1 << ac.INTEGRITY
_INTERRUPTED = 1 << ac.INTERRUPTED
_LEFT_PAUSED = 1 << ac.LEFT_PAUSED
_UNTESTED = 1 << ac.SELF_TEST_FAILED
_CUT_OFF = 1 << ac.MOTOR_CUT_OFF
_GUARD = 1 << ac.GUARD_TRIP
# Climbing or held on a rung of the ladder: delivery of the dose.
_ON_LADDER = 1 << st.INFUSING | 1 << st.RUNG_HELD
# The STOP key, or its wire, overrules what a person asks for but these.
_BESIDE_STOP_KEY = ~st.PERSON_EVENTS | 1 << st.EV_STOP | 1 << st.EV_SEVERE
_LEFT_ALONE = 1 << st.HOLD | 1 << st.PAUSED | 1 << st.STOPPED


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
        self.drip = drip.DripCheck()
        self.flow = flow_check.FlowCheck()
        self.motor = motor_check.MotorCheck()
        self.board = board_check.BoardCheck()
        self.back_off = back_off.BackOff()
        self.alarms = alarm_system.AlarmSystem()
        self.signals = alarm_signals.AlarmSignals()
        self.interlock = interlocks.Interlock()
        self.shadow = shadow.Shadow()
        self.late_ms = 0
        self.delivery_ms = 0  # time on the ladder in this session
        self.delivery_limit_ms = limits.DELIVERY_MAX_MS
        self.session_s = 0  # time since START
        self.session_limit_s = limits.SESSION_MAX_S
        self.idle_ms = 0  # time off the ladder in this session, since it was left
        self.ready_ms = 0  # time READY, waiting for START
        self.session = 0
        self._seen = 0  # conditions that this step found in the controller itself
        self._session_ms = 0  # below one second
        self._ordered_enable = False  # by the step before
        self._ordered_motion = False
        self._ordered_sound = False
        self._interrupted = False
        self._latched = False  # by a severe reaction before the reset
        self._stopping_world = 0  # what the sensors show that forbids delivery
        self._next = st.make_transition_map()
        self.phase = 0
        self.guard_ms = 0  # since the guard ran; GUARD_MISSING_MS once it has tripped
        self._keys_busy = True  # a key is down, or was a moment ago
        self.bind_parts()
        self.shadow.seal_rx(self.rx)
        self.shadow.seal_calibration(units.STEP_ULH_MS)
        self.shadow.seal(self)

    def bind_parts(self) -> None:
        """Find once what every step calls; anew when a part was changed."""
        self._is_intact = self.shadow.is_intact
        self._seal = self.shadow.seal
        self._judge_pressures = self.pressures.step
        self._judge_alarms = self.alarms.step
        self._judge_board = self.board.step
        self._judge_motor = self.motor.step
        self._judge_drops = self.drip.step
        self._pass_air_time = self.air.pass_time
        self._probe_is_due = self.air.probe_is_due
        self._judge_flow = self.flow.step
        self._advance = self.titration.advance
        self._grant = self.volume.grant
        self._conditions_now = self._conditions
        self._motion_now = self._judge_motion
        self._deliver_now = self._deliver

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
        outputs.last_step_us = 0
        outputs.reverse = False
        outputs.air_probe = False
        outputs.slot_ms = dt_ms
        outputs.event_result = reasons.OK
        outputs.sound = False
        outputs.lamp_red = False
        outputs.lamp_yellow = False

        volume = self.volume
        if not self._is_intact(self):
            # Nothing of what is remembered can be believed: off for good.
            self.state = st.FAULT
            self.titration.rung = 0  # it is used as an index
            self.ramp.zero()
            self._seen |= _INTEGRITY
        if self.back_off.reversing:
            steps = self.back_off.credit(inputs.step_edges, inputs.reverse_edges)
            if steps:
                volume.give_back(steps)
        else:
            volume.counted_steps += inputs.step_edges
        alarms = self.alarms
        active_before = alarms.active

        new = self._judge_alarms(self._conditions_now(inputs, dt_ms), self.state, dt_ms)
        if new:
            self.titration.void_question()
            if new & alarms.stop_mask:
                if new & alarms.stop_mask == _OCCLUDED and inputs.down_ok:
                    self._go(st.EV_OCCLUDED)
                else:
                    self._go(st.EV_ALARM_STOP)
            if new & alarms.fail_mask:
                self._go(st.EV_FAULT)
        stopped_by_key = False
        if inputs.ok_key or inputs.stop_key or self._keys_busy:
            stopped_by_key = self._keys(inputs, dt_ms)
        if inputs.event != st.NO_EVENT:
            if stopped_by_key and not 1 << inputs.event & _BESIDE_STOP_KEY:
                outputs.event_result = reasons.STOP_KEY
            else:
                outputs.event_result = self._person(inputs, inputs.event, inputs.argument)
        if (
            volume.counted_steps + volume.missing_steps >= volume.vtbi_steps > 0
            and not self._interrupted  # which is said first
        ):
            self._go(st.EV_VTBI_DONE)

        state_bit = 1 << self.state
        if state_bit & st.SESSION_STATES:
            self._session_ms += dt_ms
            if self._session_ms >= 1000:
                self._session_ms -= 1000
                self.session_s += 1
        if state_bit & st.DELIVERING_STATES:
            self._deliver_now(state_bit, inputs, outputs, dt_ms)
        elif self.state == st.BACK_OFF:
            self._idle(dt_ms)
            if not self.back_off.step(inputs, outputs, dt_ms):
                self._go(st.EV_BACKED_OFF)
            state_bit = 1 << self.state
        else:
            self._wait(state_bit, dt_ms)
        outputs.enable = state_bit & st.ENABLED_STATES != 0
        outputs.lamp_green = outputs.enable

        active = alarms.active
        if active != active_before:
            outputs.raised = active & ~active_before
            outputs.cleared = active_before & ~active
        else:
            outputs.raised = 0
            outputs.cleared = 0
        if active or active_before or self.signals.asking >= 0 or alarms.severe:
            self.signals.step(alarms.highest(), alarms.is_audible(), outputs, dt_ms)

        # The last line: whatever stands above, never more than this.
        if self.interlock.apply(outputs, self.state, self.rx.cap_ul_h):
            self._seen |= _INTERLOCK
        self._ordered_enable = outputs.enable
        self._ordered_motion = outputs.rate_ul_h != 0
        self._ordered_sound = outputs.sound
        self._seal(self)

    def open_question(self) -> int:
        """Number of the question that can be answered now, or 0."""
        asked = self.titration
        return asked.question_id if asked.question else 0

    # --- conditions ------------------------------------------------------------

    def _conditions(self, inputs, dt_ms: int) -> int:
        rx = self.rx
        state = self.state
        bit = 1 << state
        # What the sensors show now, whatever the state.
        seen = self._judge_pressures(inputs, rx.occlusion_pa, self.ramp.rate_ul_h, dt_ms)
        # Who asks for something is answered by what is seen now.
        if inputs.door_open:
            seen |= _DOOR
        air_detector = self.air
        sees_air = False
        if inputs.air or air_detector.is_watched:
            sees_air = air_detector.sees_air(inputs.air)
        self._stopping_world = (seen | _AIR if sees_air else seen) & ~_NEAR_EMPTY
        seen |= self._seen
        self._seen &= _INTERLOCK | _INTEGRITY
        volume = self.volume
        if volume.counted_steps > volume.granted_steps:
            seen |= _INTERLOCK  # the motor took a step that nobody granted
        if inputs.guard_beats and not inputs.guard_trip:
            self.guard_ms = 0
        else:
            self.guard_ms += dt_ms
            if inputs.guard_trip or self.guard_ms >= limits.GUARD_MISSING_MS:
                self.guard_ms = limits.GUARD_MISSING_MS
                seen |= _GUARD
        if self._ordered_enable and not inputs.enable_level and state != st.SELF_TEST:
            seen |= _CUT_OFF
        is_delivering = bit & st.DELIVERING_STATES
        steps = inputs.step_edges
        self.phase = self.phase + 1 & 7
        seen |= self._motion_now(inputs, is_delivering, dt_ms)
        seen |= self._judge_board(
            inputs,
            state != st.SELF_TEST,  # which makes and judges sound itself
            self._ordered_sound,
            dt_ms,
        )
        if is_delivering:
            # Air before the detector is judged by what the motor takes of it.
            if sees_air or air_detector.is_watched or air_detector.is_counting:
                seen |= air_detector.step(steps)
            if inputs.queue_dropped:
                volume.take_back()
            if self.delivery_ms >= self.delivery_limit_ms or self.session_s >= self.session_limit_s:
                seen |= _TIME
            timeout_s = rx.link_timeout_s
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
            elif bit & _LEFT_ALONE and self.idle_ms >= limits.LEFT_PAUSED_MS:
                seen |= _LEFT_PAUSED
            if self._interrupted and state == st.ALARM_STOPPED:
                self._interrupted = False
                seen |= _INTERRUPTED
        return seen

    def _judge_motion(self, inputs, is_delivering: int, dt_ms: int) -> int:
        """Motor, drops, flow, and the window of air."""
        turns = inputs.encoder_edges
        back_turns = inputs.reverse_edges
        back_off = self.back_off
        seen = 0
        if self.state != st.SELF_TEST:  # which drives the motor itself
            seen = self._judge_motor(
                inputs,
                turns,
                back_turns,
                self._ordered_enable,
                self._ordered_motion,
                back_off.reversing,
                dt_ms,
            )
            if back_off.reversing and self.motor.is_at_rest() and self.state != st.BACK_OFF:
                back_off.reversing = False  # nothing backward is on its way any more
        if inputs.drop or inputs.step_edges or self.drip.is_seen:
            forward = 0 if back_off.reversing else inputs.step_edges
            seen |= self._judge_drops(inputs.drop, forward)
        self._pass_air_time(dt_ms)
        if is_delivering:
            seen |= self._judge_flow(
                self.volume.last_grant, inputs.step_edges, turns - 2 * back_turns, dt_ms
            )
        return seen

    def _keys(self, inputs, dt_ms: int) -> bool:
        """The two keys; whether STOP is down, which nothing may overrule."""
        ok_key = self.board.ok_key
        if inputs.ok_key or ok_key.is_down:
            up_ms = ok_key.up_ms
            if ok_key.pressed(inputs.ok_key, dt_ms):
                if self.alarms.is_unseen():
                    self._person(inputs, st.EV_ACK, 0)
                elif self.titration.question and up_ms >= limits.KEY_APART_MS:
                    self._person(inputs, st.EV_CONFIRM, self.titration.question_id)
        if inputs.stop_key or self.board.stop_key.is_down:
            self.board.stop_key.pressed(inputs.stop_key, dt_ms)
            if inputs.stop_key:
                self._keys_busy = True
                self._go(st.EV_STOP)
                return True
        if ok_key.up_ms < limits.KEY_APART_MS:
            ok_key.up_ms += dt_ms
        self._keys_busy = (
            ok_key.is_down
            or self.board.stop_key.is_down
            or inputs.ok_key
            or ok_key.up_ms < limits.KEY_APART_MS
        )
        return False

    # --- transitions -------------------------------------------------------------

    def _go(self, event: int) -> bool:
        """Take the transition for ``event``; false if the table has none."""
        old = self.state
        new = self._next[old * st.N_EVENTS + event]
        if new == st.ILLEGAL:
            return False
        self.state = new
        if new == st.BACK_OFF:
            self.back_off.begin()
        elif new == st.SEVERE and old != new:
            self.alarms.report_severe()
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

    def _person(self, inputs, event: int, argument: int) -> int:
        """One event from a person; returns a reason code."""
        if self._next[self.state * st.N_EVENTS + event] == st.ILLEGAL:
            if self.state == st.SEVERE:
                return reasons.SEVERE_LATCHED
            return reasons.NOT_IN_THIS_STATE
        if event == st.EV_CONFIRM:
            if not self.shadow.is_rx_intact(self.rx):
                self._seen |= _INTEGRITY
                return reasons.ALARM_PRESENT
            return self.titration.confirm(argument)
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
            self.shadow.seal_rx(self.rx)
            self.ready_ms = 0
        elif event == st.EV_START or event == st.EV_RESUME or event == st.EV_RELEASE:
            reason = self._may_deliver()
            if reason != reasons.OK:
                return reason
            if event == st.EV_START:
                # Not on a supply that ends soon; and without a lease the step before
                # has seen a reason not to start, so that no session was opened.
                if self.board.is_low or inputs.lease_steps == 0:
                    return reasons.ALARM_PRESENT
                self._begin_session()
        elif event == st.EV_KVO:
            if self.rx.kvo_ul_h == 0:
                return reasons.KVO_NOT_ORDERED
            reason = self._may_deliver()
            if reason != reasons.OK:
                return reason
        elif event == st.EV_RESET:
            reason = self._reset(inputs)
            if reason != reasons.OK:
                return reason
        elif event == st.EV_END or event == st.EV_CANCEL:
            self._end_session()
        elif event == st.EV_SEVERE:
            # In FAULT everything stays as it is, to be read; and the first report
            # has ended the session.
            if self.state != st.FAULT and self.state != st.SEVERE:
                self._end_session()
        elif event == st.EV_POST_PASSED and self._latched:
            event = st.EV_LATCHED
            self._interrupted = False
            self._end_session()
        elif event == st.EV_POST_PASSED and self._interrupted:
            event = st.EV_INTERRUPTED
        elif event == st.EV_POST_FAILED:
            self._seen |= _UNTESTED
        self._go(event)
        return reasons.OK

    def _may_deliver(self) -> int:
        """The prescription checked again, and no reason in sight to stop."""
        if self.alarms.needs_supervisor():
            return reasons.NEEDS_SUPERVISOR
        if (
            self._stopping_world
            or self.board.blocking
            or self.alarms.active & self.alarms.stop_mask
        ):
            return reasons.ALARM_PRESENT
        return self.rx.check()

    def _reset(self, inputs) -> int:
        # Drops that have fallen stay fallen: what counts is whether more will.
        present = self.alarms.present & self.alarms.stop_mask & ~_FREE_FLOW
        if self._stopping_world or present or self.board.blocking & self.alarms.active:
            return reasons.ALARM_PRESENT
        was_active = self.alarms.active
        self.alarms.present &= ~_FREE_FLOW
        reason = self.alarms.reset(inputs.role)
        if reason != reasons.OK:
            return reason
        if was_active & _TIME:
            self.delivery_limit_ms = self.delivery_ms + limits.DELIVERY_EXTENSION_MS
            self.session_limit_s = self.session_s + limits.DELIVERY_EXTENSION_MS // 1000
        if was_active & _AIR:
            self.air.reset()  # a person has seen it, and primed the line
        if was_active & _SENSOR:
            self.air.look_again()
        if was_active & (_FREE_FLOW | _EMPTY):
            self.drip.restart()
        self.titration.void_question()
        self.titration.unanswered_ms = 0  # somebody is there
        return reasons.OK

    def _begin_session(self) -> None:
        self.session += 1
        self.volume.begin(self.rx.vtbi_ul)
        self.titration.begin()
        self.air.reset()
        self.air.look_again()
        self.drip.restart()
        self.delivery_ms = 0
        self.delivery_limit_ms = limits.DELIVERY_MAX_MS
        self.session_s = 0
        self.session_limit_s = limits.SESSION_MAX_S
        self.idle_ms = 0
        self._interrupted = False

    def may_start(self) -> bool:
        """Whether START would be accepted, as things were in the step before."""
        return (
            self.state == st.READY
            and not self.board.is_low
            and not self.board.stop_key.is_down
            and self._may_deliver() == reasons.OK
        )

    def calibrate(self, step_ulh_ms: int) -> None:
        """Before the first step: a motor step moves ``step_ulh_ms``, 506_250 to
        618_750 uL/h x ms."""
        self.volume.step_ulh_ms = step_ulh_ms
        self.interlock.step_ulh_ms = step_ulh_ms
        self.air.calibrate(step_ulh_ms)
        steps = units.steps_for_volume(limits.BACK_OFF_MAX_UL, step_ulh_ms)
        # Never more steps than the guard lets pass.
        if steps < self.back_off.most_steps:
            self.back_off.most_steps = steps
            self.interlock.back_off_steps = steps
        self.shadow.seal_calibration(step_ulh_ms)

    def rx_steps(self) -> int:
        """The committed volume in whole steps."""
        return units.steps_for_volume(self.rx.vtbi_ul, self.volume.step_ulh_ms)

    def report_altered_image(self) -> None:
        """The firmware in flash is not what was shipped.  (F25)"""
        self._seen |= _INTEGRITY

    def recover(self, session: int, vtbi_steps: int, delivered_steps: int, delivery_s: int) -> None:
        """Before the self-test has passed: a reset interrupted ``session``, whose
        prescription is in ``rx``.  What may have been delivered counts as
        delivered, and the ladder starts again at rung 0, since nobody knows for
        how long nothing was delivered.  (L7, L19)"""
        self.session = session
        self.volume.recover(vtbi_steps, delivered_steps)
        self.delivery_ms = delivery_s * 1000
        self._interrupted = True
        self.shadow.seal_rx(self.rx)
        self.shadow.seal(self)

    def latch(self) -> None:
        """Before the self-test has passed: a severe reaction was reported before the
        reset, so that SEVERE follows the self-test and nothing else.  (M12)"""
        self._latched = True

    def _end_session(self) -> None:
        """The delivered volume stays to be read until the next START."""
        self.rx.clear()
        self.staged.clear()
        self.shadow.seal_rx(self.rx)
        self.volume.vtbi_steps = 0
        self.alarms.end_session()

    # --- motion --------------------------------------------------------------------

    def _deliver(self, state_bit: int, inputs, outputs, dt_ms: int) -> None:
        rx = self.rx
        self.back_off.reversing = False
        if state_bit & _ON_LADDER:
            titration = self.titration
            self.delivery_ms += dt_ms
            target = rx.rate_ul_h[titration.rung]
            may_climb = self.state == st.INFUSING
            question_id = titration.question_id
            if self._advance(rx, self.ramp.rate_ul_h == target, may_climb, dt_ms):
                self._seen |= _UNANSWERED
            if titration.question_id != question_id:
                self.signals.ask()
        else:
            self._idle(dt_ms)
            target = rx.kvo_ul_h
            rung_rate = rx.rate_ul_h[self.titration.rung]
            if target > rung_rate:
                target = rung_rate
        rate = self.ramp.step(target, rx.slew_ul_h_s, dt_ms)
        outputs.rate_ul_h = rate
        outputs.steps = self._grant(rate, dt_ms, inputs.lease_steps)
        outputs.last_step_us = self.volume.last_step_us
        outputs.air_probe = self._probe_is_due(dt_ms)

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
