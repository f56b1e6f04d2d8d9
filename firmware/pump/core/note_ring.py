"""Records waiting to be written, and how many of them may come."""

from array import array

# What four bytes of a record hold.
_LEAST = -0x40000000
_MOST = 0x3FFFFFFF


def _bounded(value: int) -> int:
    if value < _LEAST:
        return _LEAST
    if value > _MOST:
        return _MOST
    return value


class NoteRing:
    """Room for ``room`` records and an allowance of ``burst``, of which one
    comes back every ``refill_ms``.

    What exceeds either is kept back and counted in ``kept``.  The record that
    says so uses up allowance too: whatever comes, no more than one record per
    ``refill_ms`` goes into the log for long.

    ``allowed``  records that may come now, up to ``burst``
    ``count``  records waiting; the oldest is ``ticket[head]`` and so on
    """

    def __init__(self, room: int, burst: int, refill_ms: int):
        self._room = room
        self._burst = burst
        self._refill_ms = refill_ms
        self._credit_ms = 0
        self.allowed = burst
        self.kept = 0
        self.head = 0
        self.count = 0
        self.ticket = array("i", [0] * room)
        self.day = array("i", [0] * room)
        self.ms = array("i", [0] * room)
        self.kind = array("i", [0] * room)
        self.code = array("i", [0] * room)
        self.a = array("i", [0] * room)
        self.b = array("i", [0] * room)

    def pass_time(self, dt_ms: int) -> None:
        """Let the allowance come back."""
        if self.allowed >= self._burst:
            return
        self._credit_ms += dt_ms
        if self._credit_ms >= self._refill_ms:
            self._credit_ms -= self._refill_ms
            self.allowed += 1

    def owes_report(self) -> bool:
        """Records were kept back, and there is room and allowance to say so and
        for one more."""
        return self.kept > 0 and self.allowed >= 2 and self.count + 1 < self._room

    def admits(self) -> bool:
        """Whether a record may come in now; one that may not is counted."""
        if self.kept or self.allowed == 0 or self.count >= self._room:
            if self.kept < _MOST:
                self.kept += 1
            return False
        return True

    def put(self, ticket: int, day: int, ms: int, kind: int, code: int, a: int, b: int) -> None:
        """Add a record; ask ``admits`` or ``owes_report`` first."""
        at = (self.head + self.count) % self._room
        self.ticket[at] = ticket
        self.day[at] = day
        self.ms[at] = ms
        self.kind[at] = kind
        self.code[at] = code
        self.a[at] = _bounded(a)
        self.b[at] = _bounded(b)
        self.count += 1
        self.allowed -= 1

    def drop_oldest(self) -> None:
        """It has been written."""
        self.head = (self.head + 1) % self._room
        self.count -= 1
