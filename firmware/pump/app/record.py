"""What becomes a record of the event log, and with which figures."""

from pump.core import event_log, reasons
from pump.core import infusion_state as st
from pump.core.alarm_conditions import N_CONDITIONS


class Record:
    """Watches each step and notes what a reader of the log will ask for."""

    def __init__(self, journal, controller):
        self._note = journal.note
        self._controller = controller
        self._rung = 0
        self._trip = 0
        self._role = 0

    def booted(self, cause_of_reset: int, planned: bool, table: int) -> None:
        """``cause_of_reset`` as the chip says it; a planned one said so before."""
        self._note(event_log.BOOT, cause_of_reset, 1 if planned else 0, table)

    def tested(self, self_test) -> None:
        """The self-test has ended."""
        self._note(event_log.POST, self_test.result, self_test.item, self_test.absent_mask)

    def step(self, inputs, outputs, state_before: int) -> None:
        """After a step of the controller, in which something happened or not."""
        controller = self._controller
        state = controller.state
        event = inputs.event
        if 1 << event & st.PERSON_EVENTS:
            self._person(inputs, outputs, event)
        if state != state_before:
            self._note(event_log.STATE, state, state_before, event)
            if 1 << state_before & st.DELIVERING_STATES:
                self._note(
                    event_log.DELIVERED,
                    controller.titration.rung,
                    controller.session,
                    controller.volume.delivered_steps(),
                )
            if state == st.SEVERE and state_before != st.SELF_TEST:
                # Once in a boot, whatever is said how often.
                delivered_ul = controller.volume.delivered_ul()
                self._note(event_log.REACTION, event_log.SEVERE, delivered_ul, inputs.role)
        if outputs.raised:
            self._alarms(event_log.ALARM_RAISED, outputs.raised, outputs.rate_ul_h)
        if outputs.cleared:
            self._alarms(event_log.ALARM_CLEARED, outputs.cleared, outputs.rate_ul_h)
        if controller.titration.rung != self._rung:
            self._rung = controller.titration.rung
            self._note(
                event_log.RUNG,
                self._rung,
                controller.rx.rate_ul_h[self._rung],
                controller.volume.delivered_ul(),
            )
        if inputs.guard_trip != self._trip:
            self._trip = inputs.guard_trip
            self._note(event_log.GUARD, self._trip, 0, 0)
        if inputs.role != self._role:
            self._role = inputs.role
            self._note(event_log.LOGIN, self._role, 0, 0)

    def _person(self, inputs, outputs, event: int) -> None:
        if outputs.event_result != reasons.OK:
            return
        if event == st.EV_COMMIT:
            self._note(event_log.COMMIT, inputs.role, inputs.argument, self._controller.rx.vtbi_ul)
        else:
            self._note(event_log.PERSON, event, inputs.argument, inputs.role)

    def _alarms(self, kind: int, mask: int, rate_ul_h: int) -> None:
        delivered_ul = self._controller.volume.delivered_ul()
        for i in range(N_CONDITIONS):
            if mask >> i & 1:
                self._note(kind, i, delivered_ul, rate_ul_h)
