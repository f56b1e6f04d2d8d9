"""Who is at the other end: challenge, response, and for how long it holds.

The device key is 32 bytes that are set at flashing.  A role's key is
HMAC-SHA256(device key, role name), so that who has the operator's cannot
compute the supervisor's.  The response to a challenge is the first 16 bytes of
HMAC-SHA256(role key, nonce + serial number + role name), all names in ASCII.
Nothing secret passes on the line, and what passes is worth nothing a second
time.  HMAC as in RFC 2104.

Reads no clock: ``step`` says how much time has passed.
"""

from array import array
from hashlib import sha256

from micropython import const

from pump.core import reasons, roles

# Bytes.
KEY_LENGTH = const(32)
NONCE_LENGTH = const(16)
RESPONSE_LENGTH = const(16)
_BLOCK = const(64)  # of SHA-256

NONCE_VALID_MS = const(30_000)
# A role ends so long after the last framed line that was executed.
ROLE_TIMEOUT_MS = const(900_000)
FAILURES_MAX = const(5)
LOCK_MS = const(60_000)
LOCK_MAX_MS = const(900_000)
# L23: memory for so many is set aside while the motor may run.
ATTEMPTS_MAX = const(32)
# No reason code: the answer is still being judged.
JUDGING = const(-1)


class HmacSha256:
    """HMAC with one ``key`` of at most 64 bytes."""

    def __init__(self, key):
        # Made once: in the tick of a log-in they would cost more than the hashes.
        self._inner = bytearray(_BLOCK)
        self._outer = bytearray(_BLOCK)
        n = len(key)
        for i in range(_BLOCK):
            byte = key[i] if i < n else 0
            self._inner[i] = byte ^ 0x36
            self._outer[i] = byte ^ 0x5C

        self._hash = sha256(b"")
        self._stage = 0
        self._first = self._second = self._third = b""
        self.result = b""

    def digest(self, first, second, third):
        """32 bytes over the three parts one after the other.  Allocates less than
        400 bytes."""
        self.begin(first, second, third)
        while not self.go_on():
            pass
        return self.result

    def begin(self, first, second, third) -> None:
        """As ``digest``, in pieces: ``go_on`` until it says that ``result`` is there."""
        self._first = first
        self._second = second
        self._third = third
        self._stage = 0

    def go_on(self) -> bool:
        """The next piece: what allocates and what computes, each for itself."""
        stage = self._stage
        self._stage = stage + 1
        if stage == 0:
            self._hash = sha256(self._inner)
        elif stage == 1:
            self._hash.update(self._first)
            self._hash.update(self._second)
            self._hash.update(self._third)
        elif stage == 2:
            self.result = self._hash.digest()
        elif stage == 3:
            self._hash = sha256(self._outer)
        elif stage == 4:
            self._hash.update(self.result)
        else:
            self.result = self._hash.digest()
            return True
        return False


class Authentication:
    """The role of the conversation, and what it takes to get another.

    ``serial``  the board's serial number as ``*IDN?`` says it
    ``key``     the device key, 32 bytes, or None: then nobody can log in
    ``random``  bytes that nobody can foresee, as ``os.urandom(n)`` gives them
    ``role``    what the other end may do now, see ``pump.core.roles``
    ``nonce``   16 bytes, of the challenge given last
    ``has_key`` whether anybody can log in
    """

    def __init__(self, serial: str, key, random):
        self._serial = serial.encode()
        self._names = [name.encode() for name in roles.ROLE_NAMES]
        self._random = random
        self._hmacs: list = [None] * len(roles.ROLE_NAMES)  # with the key of each role
        self.role = roles.OBSERVER
        self.has_key = False
        self.nonce = bytearray(NONCE_LENGTH)
        self._challenged = roles.OBSERVER  # the role of the open challenge
        self._nonce_ms = 0
        self._role_ms = 0
        self._lock_ms = 0
        self._attempts = 0
        # Per role, since its last log-in: one who can log in as an operator
        # must not get more tries at the supervisor.
        self._failures = array("i", [0] * len(roles.ROLE_NAMES))
        self._next_lock_ms = array("i", [LOCK_MS] * len(roles.ROLE_NAMES))
        if key is not None:
            self.set_key(key)

    def set_key(self, key) -> bool:
        """Take another device key; whoever is logged in is so no longer.

        False, and nothing has changed, for what is not 32 bytes or is 32 times
        the same: memory that was never written.
        """
        if not is_key(key):
            return False
        device = HmacSha256(key)
        for role in range(roles.OPERATOR, len(self._names)):
            self._hmacs[role] = HmacSha256(device.digest(self._names[role], b"", b""))
        self.has_key = True
        self.logout()
        return True

    # --- time ----------------------------------------------------------------------

    def step(self, dt_ms: int, delivery_is_open: bool) -> None:
        """``dt_ms`` have passed.  ``delivery_is_open``: a session is under way
        that was not stopped; when it is not, attempts are counted anew."""
        if not delivery_is_open:
            self._attempts = 0
        if self._lock_ms > 0:
            self._lock_ms -= dt_ms
        if self._challenged != roles.OBSERVER:
            self._nonce_ms -= dt_ms
            if self._nonce_ms <= 0:
                self._challenged = roles.OBSERVER
        if self.role != roles.OBSERVER:
            self._role_ms -= dt_ms
            if self._role_ms <= 0:
                self.role = roles.OBSERVER

    def used(self) -> None:
        """A framed line was executed: the role holds for another 15 min."""
        self._role_ms = ROLE_TIMEOUT_MS

    # --- log-in ----------------------------------------------------------------------

    def challenge(self, role: int) -> int:
        """Make ``nonce``, for one attempt at ``role`` within 30 s; a reason code.

        One that was given before is void, also where none is given.
        """
        self._challenged = roles.OBSERVER
        if not self.has_key:
            return reasons.NO_KEY
        if self._lock_ms > 0:
            return reasons.LOCKED
        if self._attempts >= ATTEMPTS_MAX:
            return reasons.TOO_MANY_ATTEMPTS
        self._attempts += 1
        fresh = self._random(NONCE_LENGTH)
        for i in range(NONCE_LENGTH):
            self.nonce[i] = fresh[i]
        self._challenged = role
        self._nonce_ms = NONCE_VALID_MS
        return reasons.OK

    def login(self, role: int, response) -> int:
        """Judge 16 bytes of ``response`` in one go; a reason code."""
        reason = self.begin_login(role)
        while reason == JUDGING:
            reason = self.judge(role, response)
        return reason

    def begin_login(self, role: int) -> int:
        """The challenge is used up; ``JUDGING``, or why nothing is judged.

        Takes as long for a wrong answer as for the right one.
        """
        challenged = self._challenged
        self._challenged = roles.OBSERVER
        if not self.has_key:
            return reasons.NO_KEY
        if self._lock_ms > 0:
            return reasons.LOCKED
        if challenged == roles.OBSERVER or challenged != role:
            return reasons.NO_CHALLENGE
        self._hmacs[role].begin(self.nonce, self._serial, self._names[role])
        return JUDGING

    def judge(self, role: int, response) -> int:
        """The next piece of judging 16 bytes of ``response``: ``JUDGING``, or a reason
        code.  A wrong one leaves the role as it was."""
        hmac = self._hmacs[role]
        if not hmac.go_on():
            return JUDGING
        right = hmac.result
        difference = 0
        for i in range(RESPONSE_LENGTH):
            difference |= right[i] ^ response[i]
        if difference:
            self._fail(role)
            return reasons.BAD_RESPONSE
        self._failures[role] = 0
        self._next_lock_ms[role] = LOCK_MS
        self.role = role
        self._role_ms = ROLE_TIMEOUT_MS
        return reasons.OK

    def _fail(self, role: int) -> None:
        self._failures[role] += 1
        if self._failures[role] < FAILURES_MAX:
            return
        self._failures[role] = 0
        lock_ms = self._next_lock_ms[role]
        self._lock_ms = lock_ms
        self._next_lock_ms[role] = min(2 * lock_ms, LOCK_MAX_MS)

    def logout(self) -> None:
        """An observer from now on; an open challenge is void."""
        self.role = roles.OBSERVER
        self._challenged = roles.OBSERVER

    # --- seeing ------------------------------------------------------------------------

    def locked_s(self) -> int:
        """Seconds until somebody may try again, 0 to 900."""
        return (self._lock_ms + 999) // 1000 if self._lock_ms > 0 else 0

    def attempts_left(self) -> int:
        """Wrong answers in a row that are left before a lock, or log-ins that are
        left before the pump is stopped, whichever is fewer; 0 to 5."""
        if not self.has_key or self._lock_ms > 0:
            return 0
        left = ATTEMPTS_MAX - self._attempts
        for failures in self._failures:
            left = min(left, FAILURES_MAX - failures)
        return left


def is_key(key) -> bool:
    """Whether ``key`` may be a device key: 32 bytes, not all the same."""
    if len(key) != KEY_LENGTH:
        return False
    for byte in key:
        if byte != key[0]:
            return True
    return False
