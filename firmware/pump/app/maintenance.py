"""Maintenance verbs; all need the motor off, and are done at once.  (No part of L24:
what they store stalls the processor, and there is no motion that it could disturb.)"""

from pump.core import event_log, reasons
from pump.core import infusion_state as st
from pump.protocol import messages
from pump.protocol.authentication import is_key

_MAY_CALIBRATE = 1 << st.IDLE | 1 << st.FAULT


class Maintenance:
    """``repl_asked``     MicroPython's prompt is wanted
    ``restart_asked``  what was stored takes effect with a restart
    ``key``            parts of a new device key, as they came
    """

    def __init__(self, controller, crc, writer, authentication, journal, key_store, calibrator):
        self._controller = controller
        self._crc = crc
        self._writer = writer  # for a checksum, before it is answered
        self._authentication = authentication
        self.journal = journal
        self.key_store = key_store
        self._calibrator = calibrator
        self.key = bytearray(messages.KEY_PARTS * messages.KEY_PART_BYTES)
        self.key_parts = 0  # those received, one bit each
        self.repl_asked = False
        self.restart_asked = False

    def care(self, message: int, a, octets, motor_is_on: bool) -> int:
        """Verb ``message`` with its arguments ``a`` and ``octets``; a reason."""
        state_bit = 1 << self._controller.state
        if state_bit & st.ENABLED_STATES or motor_is_on:
            return reasons.MOTOR_ON
        if message == messages.M_DATE:
            if not self.journal.set_date(a[0], a[1], self._authentication.role):
                return reasons.STORAGE
        elif message == messages.M_KEY:
            at = a[0] * messages.KEY_PART_BYTES
            for i in range(messages.KEY_PART_BYTES):
                self.key[at + i] = octets[i]
            self.key_parts |= 1 << a[0]
        elif message == messages.M_KEY_COMMIT:
            reason = self._commit_key(a[0])
            self.forget_key()
            return reason
        elif message == messages.M_CALIBRATE or message == messages.M_CAL_COMMIT:
            return self._calibrate(message, a, state_bit)
        elif message == messages.M_UNLATCH:
            return self._unlatch(state_bit)
        elif state_bit & st.SESSION_STATES:
            return reasons.NOT_IN_THIS_STATE
        else:
            self.repl_asked = True
        return reasons.OK

    def _calibrate(self, message: int, a, state_bit: int) -> int:
        """Between two infusions, or where a damaged record lets none begin."""
        if not state_bit & _MAY_CALIBRATE:
            return reasons.NOT_IN_THIS_STATE
        if message == messages.M_CALIBRATE:
            return self._calibrator.stage(a[0], a[1], a[2])
        reason = self._calibrator.commit(a[0], self._writer, self._authentication.role)
        self.restart_asked = reason == reasons.OK
        return reason

    def _unlatch(self, state_bit: int) -> int:
        """The one way out of SEVERE: the mark goes, and the pump starts anew.  (M12)"""
        if not state_bit & 1 << st.SEVERE:
            return reasons.NOT_IN_THIS_STATE
        if not self.journal.remove_latch():
            return reasons.STORAGE
        self.journal.note(event_log.REACTION, event_log.UNLATCHED, 0, self._authentication.role)
        self.restart_asked = True
        return reasons.OK

    def forget_key(self) -> None:
        """No part of a key has come."""
        self.key_parts = 0
        for i in range(len(self.key)):
            self.key[i] = 0

    def _commit_key(self, checksum: int) -> int:
        key = self.key
        if self.key_parts != (1 << messages.KEY_PARTS) - 1:
            return reasons.KEY_MISMATCH
        if self._crc.of(key, len(key)) != checksum or not is_key(key):
            return reasons.KEY_MISMATCH
        if not self.key_store.set_key(key):
            return reasons.STORAGE
        self._authentication.set_key(key)
        return reasons.OK
