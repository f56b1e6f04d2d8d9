"""CHALLENGE, LOGIN and LOGOUT: what takes the heap and more than one tick."""

from micropython import heap_lock, heap_unlock

from pump.core import reasons
from pump.protocol import messages


class LogIn:
    """Asks ``authentication`` and puts into ``answers`` what the host is to know.

    The heap is open for the pieces that need it: up to 1 KiB an attempt.  (L23)
    """

    def __init__(self, authentication, answers):
        self._authentication = authentication
        self._answers = answers

    def begin(self, message: int, role: int) -> int:
        """A reason, or ``authentication.JUDGING``: ``go_on`` then."""
        answers = self._answers
        answers.clear()
        if message == messages.M_LOGIN:
            return self._authentication.begin_login(role)
        if message != messages.M_CHALLENGE:
            self._authentication.logout()
            return reasons.OK
        heap_unlock()
        reason = self._authentication.challenge(role)
        heap_lock()
        if reason == reasons.OK:
            answers.take_nonce()
        return reason

    def go_on(self, role: int, response) -> int:
        """The next piece of judging ``response``."""
        heap_unlock()
        reason = self._authentication.judge(role, response)
        heap_lock()
        if reason == reasons.OK:
            self._answers.take_role()
        return reason
