"""Challenge and response: who gets a role, for how long, and how often one may try."""

import hashlib
import hmac
import re
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from host_sim.client import response
from host_sim.simulator_key import SIMULATOR_KEY
from pump.core import reasons, roles
from pump.core.roles import MAINTENANCE, OBSERVER, OPERATOR, SUPERVISOR
from pump.protocol import authentication
from pump.protocol.authentication import Authentication, HmacSha256

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
SERIAL = "E661541A00000000"
TO_BE_HAD = (OPERATOR, SUPERVISOR, MAINTENANCE)
KEYS = some.binary(min_size=32, max_size=32).filter(lambda key: len(set(key)) > 1)


class Door:
    """An authentication, and somebody in front of it who has ``key``."""

    def __init__(self, key: bytes = SIMULATOR_KEY, stored: bytes | None = SIMULATOR_KEY):
        self.key = key
        self.access = Authentication(SERIAL, stored, Random(1).randbytes)

    def answer(self, role: int) -> bytes:
        return response(self.key, bytes(self.access.nonce), SERIAL, roles.ROLE_NAMES[role])

    def login(self, role: int = OPERATOR) -> str:
        code = self.access.challenge(role)
        if code == reasons.OK:
            code = self.access.login(role, self.answer(role))
        return reasons.REASONS[code][0]

    def fail(self, role: int = OPERATOR) -> str:
        code = self.access.challenge(role)
        if code == reasons.OK:
            code = self.access.login(role, bytes(16))
        return reasons.REASONS[code][0]

    def wait(self, ms: int, delivering: bool = False) -> None:
        """In ticks of 10 ms, as far as they go."""
        for _ in range(ms // 10):
            self.access.step(10, delivering)
        self.access.step(ms % 10, delivering)

    def ms_locked(self) -> int:
        """How long until an attempt is taken again; to the tick."""
        for ms in range(0, 1_000_000, 10):
            if self.access.challenge(OPERATOR) != reasons.LOCKED:
                return ms
            self.access.step(10, False)
        pytest.fail("locked for ever")


@pytest.fixture
def door() -> Door:
    return Door()


# --- HMAC -----------------------------------------------------------------------------------


def test_hmac_of_the_published_example():
    """RFC 4231, test case 2."""
    digest = HmacSha256(b"Jefe").digest(b"what do ya want ", b"for nothing", b"?")
    assert digest.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@given(some.binary(max_size=64), some.tuples(*[some.binary(max_size=100)] * 3))
def test_hmac_is_that_of_the_standard_library(key, parts):
    ours = HmacSha256(key)
    ours.digest(b"something", b"else", b"before")
    assert ours.digest(*parts) == hmac.new(key, b"".join(parts), hashlib.sha256).digest()


@given(KEYS, some.sampled_from(TO_BE_HAD))
def test_who_has_the_key_gets_the_role_that_was_asked_for(key, role):
    door = Door(key, key)
    assert door.login(role) == "OK"
    assert door.access.role == role


@given(KEYS, KEYS, some.sampled_from(TO_BE_HAD))
def test_who_has_another_key_does_not(key, stored, role):
    door = Door(key, stored)
    assert (door.login(role) == "OK") == (key == stored)


@pytest.mark.parametrize("has", TO_BE_HAD)
@pytest.mark.parametrize("wants", TO_BE_HAD)
def test_the_key_of_a_role_opens_that_role_only(door, has, wants):
    """Given away alone, an operator's key is not the supervisor's."""

    def hmac_sha256(key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, hashlib.sha256).digest()

    role_key = hmac_sha256(SIMULATOR_KEY, roles.ROLE_NAMES[has].encode())
    door.access.challenge(wants)
    message = bytes(door.access.nonce) + SERIAL.encode() + roles.ROLE_NAMES[wants].encode()
    code = door.access.login(wants, hmac_sha256(role_key, message)[:16])
    assert (code == reasons.OK) == (has == wants)


def documented(name: str) -> str:
    """What stands in docs/protocol.md between the marks of ``name``."""
    text = PROTOCOL.read_text(encoding="utf-8")
    return text.partition(f"<!-- generated: {name} -->\n")[2].partition("<!-- end")[0]


def test_the_log_in_that_the_document_works_out_is_taken_by_a_board():
    frames = re.findall(r"^([<>]) (.*)\*....$", documented("log-in"), re.MULTILINE)
    (_, asked), (_, challenged), (_, answered), (_, granted) = frames
    nonce = bytes.fromhex(challenged.rpartition(",")[2])
    (serial,) = re.findall(r"nonce, then '([0-9A-F]{16})OPERATOR'", documented("log-in"))
    access = Authentication(serial, SIMULATOR_KEY, lambda n: nonce)
    _, verb, role = asked.split()
    assert verb == "CHALLENGE"
    assert access.challenge(int(role)) == reasons.OK
    assert bytes(access.nonce) == nonce
    _, verb, role, text = answered.split()
    assert verb == "LOGIN"
    assert access.login(int(role), bytes.fromhex(text)) == reasons.OK
    assert granted.endswith("OK LOGIN," + roles.ROLE_NAMES[access.role])
    assert SIMULATOR_KEY.hex() in documented("log-in-figures")


def test_the_python_in_the_document_is_right(door):
    (source,) = re.findall(r"```python\n(def response.*?)```", PROTOCOL.read_text(), re.DOTALL)
    names: dict = {"hmac": hmac}
    exec(source, names)
    for role in TO_BE_HAD:
        door.access.challenge(role)
        answer = names["response"](
            SIMULATOR_KEY, bytes(door.access.nonce), SERIAL, roles.ROLE_NAMES[role]
        )
        assert door.access.login(role, answer) == reasons.OK


def test_the_answer_for_another_board_is_wrong(door):
    door.access.challenge(OPERATOR)
    other = response(SIMULATOR_KEY, bytes(door.access.nonce), "E661541A00000001", "OPERATOR")
    assert door.access.login(OPERATOR, other) == reasons.BAD_RESPONSE


@given(some.integers(0, 127))
def test_every_bit_of_the_answer_counts(bit):
    door = Door()
    door.access.challenge(OPERATOR)
    answer = bytearray(door.answer(OPERATOR))
    answer[bit // 8] ^= 1 << bit % 8
    assert door.access.login(OPERATOR, answer) == reasons.BAD_RESPONSE
    assert door.access.role == OBSERVER


def test_an_answer_is_judged_with_the_same_work_wherever_it_is_wrong():
    """Lines of Python executed, as a stand-in for time."""

    def work(wrong_at: int) -> int:
        door = Door()
        door.access.challenge(OPERATOR)
        answer = bytearray(door.answer(OPERATOR))
        answer[wrong_at] ^= 0xFF
        lines = 0

        def count(frame, event, arg):
            nonlocal lines
            lines += event == "line"
            return count

        sys.settrace(count)
        door.access.login(OPERATOR, answer)
        sys.settrace(None)
        return lines

    kept = sys.gettrace()
    try:
        assert len({work(i) for i in range(16)}) == 1
    finally:
        sys.settrace(kept)


# --- nonce ----------------------------------------------------------------------------------


def test_an_answer_is_worth_nothing_a_second_time(door):
    door.access.challenge(OPERATOR)
    answer = door.answer(OPERATOR)
    assert door.access.login(OPERATOR, answer) == reasons.OK
    door.access.logout()
    assert door.access.login(OPERATOR, answer) == reasons.NO_CHALLENGE
    door.access.challenge(OPERATOR)
    assert door.access.login(OPERATOR, answer) == reasons.BAD_RESPONSE
    assert door.access.role == OBSERVER


def test_a_nonce_is_for_one_attempt_wrong_or_right(door):
    door.access.challenge(OPERATOR)
    answer = door.answer(OPERATOR)
    assert door.access.login(OPERATOR, bytes(16)) == reasons.BAD_RESPONSE
    assert door.access.login(OPERATOR, answer) == reasons.NO_CHALLENGE


@pytest.mark.parametrize(("ms", "code"), [(29_999, reasons.OK), (30_000, reasons.NO_CHALLENGE)])
def test_a_nonce_is_for_30_s(door, ms, code):
    door.access.challenge(OPERATOR)
    door.wait(ms)
    assert door.access.login(OPERATOR, door.answer(OPERATOR)) == code


def test_a_nonce_is_for_the_role_that_was_named(door):
    door.access.challenge(OPERATOR)
    assert door.access.login(SUPERVISOR, door.answer(SUPERVISOR)) == reasons.NO_CHALLENGE
    assert door.access.login(OPERATOR, door.answer(OPERATOR)) == reasons.NO_CHALLENGE


def test_a_new_challenge_voids_the_one_before(door):
    door.access.challenge(OPERATOR)
    answer = door.answer(OPERATOR)
    door.access.challenge(OPERATOR)
    assert door.access.login(OPERATOR, answer) == reasons.BAD_RESPONSE


def test_no_two_nonces_are_the_same(door):
    nonces = set()
    for _ in range(1000):
        door.access.challenge(OPERATOR)
        door.access.step(10, False)
        nonces.add(bytes(door.access.nonce))
    assert len(nonces) == 1000


# --- lock-out -------------------------------------------------------------------------------


def test_five_wrong_answers_lock_and_each_further_five_lock_twice_as_long(door):
    waited = []
    for _ in range(7):
        assert [door.fail() for _ in range(5)] == ["BAD_RESPONSE"] * 5
        assert door.login() == "LOCKED"
        assert door.access.role == OBSERVER
        waited.append(door.ms_locked())
    assert waited == [60_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000]


def test_four_wrong_answers_do_not_lock(door):
    for _ in range(3):
        assert [door.fail() for _ in range(4)] == ["BAD_RESPONSE"] * 4
        assert door.login() == "OK"


def test_the_right_answer_is_not_judged_while_locked(door):
    for _ in range(4):
        door.fail()
    door.access.challenge(OPERATOR)
    door.fail()
    assert door.access.login(OPERATOR, door.answer(OPERATOR)) == reasons.LOCKED
    assert door.access.role == OBSERVER


def test_an_operator_who_logs_in_gets_no_more_tries_at_the_supervisor(door):
    for _ in range(4):
        assert door.fail(SUPERVISOR) == "BAD_RESPONSE"
        assert door.login(OPERATOR) == "OK"
    assert door.fail(SUPERVISOR) == "BAD_RESPONSE"
    assert door.login(SUPERVISOR) == "LOCKED"
    assert door.login(OPERATOR) == "LOCKED"


def test_the_lock_is_as_short_as_the_first_after_a_log_in(door):
    for _ in range(10):
        door.fail()
        if door.access.locked_s():
            door.wait(60_000)
    assert door.access.locked_s() == 60
    door.wait(60_000)
    assert door.login() == "OK"
    for _ in range(5):
        door.fail()
    assert door.access.locked_s() == 60


def test_a_lock_takes_no_role_away(door):
    door.login()
    for _ in range(5):
        assert door.access.role == OPERATOR
        door.fail(SUPERVISOR)
    assert door.access.locked_s() == 60
    assert door.access.role == OPERATOR


# --- attempts a session ---------------------------------------------------------------------


@pytest.mark.req("L23")
def test_32_attempts_while_an_infusion_may_run_and_then_none():
    door = Door()
    door.access.step(10, True)
    for _ in range(31):
        assert door.login() == "OK"
    door.access.challenge(OPERATOR)
    door.wait(30_000, delivering=True)
    assert door.access.attempts_left() == 0
    assert door.login() == "TOO_MANY_ATTEMPTS"
    door.wait(6 * 3600 * 1000, delivering=True)
    assert door.login() == "TOO_MANY_ATTEMPTS"
    door.access.step(10, False)
    assert door.login() == "OK"


@pytest.mark.req("L23")
def test_a_challenge_that_nobody_answers_is_an_attempt(door):
    """It takes memory as well."""
    door.access.step(10, True)
    codes = [door.access.challenge(OPERATOR) for _ in range(40)]
    assert codes == [reasons.OK] * 32 + [reasons.TOO_MANY_ATTEMPTS] * 8
    assert door.access.login(OPERATOR, door.answer(OPERATOR)) == reasons.NO_CHALLENGE


# --- the role -------------------------------------------------------------------------------


@pytest.mark.parametrize("role", TO_BE_HAD)
def test_a_role_ends_after_15_min_in_which_nothing_was_executed(door, role):
    door.login(role)
    door.wait(899_990)
    assert door.access.role == role
    door.access.used()
    door.wait(899_990)
    assert door.access.role == role
    door.access.step(10, False)
    assert door.access.role == OBSERVER


def test_a_wrong_answer_leaves_the_role_as_it_was(door):
    door.login(OPERATOR)
    door.fail(MAINTENANCE)
    assert door.access.role == OPERATOR


def test_a_log_in_may_take_a_lesser_role(door):
    door.login(MAINTENANCE)
    assert door.login(OPERATOR) == "OK"
    assert door.access.role == OPERATOR


# --- the key --------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [None, b"", bytes(32), b"\xff" * 32, b"short", bytes(range(33))])
def test_without_a_key_nobody_can_log_in(stored):
    door = Door(stored=stored)
    for role in TO_BE_HAD:
        assert door.login(role) == "NO_KEY"
        assert door.access.login(role, door.answer(role)) == reasons.NO_KEY
    assert not door.access.has_key
    assert door.access.attempts_left() == 0


def test_a_new_key_ends_the_role_and_the_old_one_is_worth_nothing(door):
    new = bytes(range(32))
    door.login(MAINTENANCE)
    assert door.access.set_key(bytearray(new))
    assert door.access.role == OBSERVER
    assert door.login() == "BAD_RESPONSE"
    door.key = new
    assert door.login() == "OK"


def test_a_key_that_is_none_changes_nothing(door):
    door.login(MAINTENANCE)
    assert not door.access.set_key(bytes(32))
    assert door.access.role == MAINTENANCE
    assert door.login() == "OK"


def test_the_two_ends_agree_on_lengths():
    assert len(SIMULATOR_KEY) == authentication.KEY_LENGTH
    assert len(response(SIMULATOR_KEY, bytes(16), "", "OPERATOR")) == authentication.RESPONSE_LENGTH
