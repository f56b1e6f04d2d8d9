"""From a board that does whatever it does to MicroPython's prompt, and back.

Two ways in: the firmware leaves by itself when maintenance asks for it, and a strap
from GP20 to ground at a reset keeps it from starting.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from host_sim.client import REPLY_TIMEOUT_S, Client, Refused
from host_sim.links import LinkError, SerialLink
from host_sim.simulator_key import SIMULATOR_KEY
from pump.core import infusion_state as st
from titra.ports import Place, PortError, locate_again

# For one look: a firmware answers a query within a tick or two.
_ANSWER_S = 0.3
_PROMPT_S = 0.5
# A board that starts reads its log, three seconds of it, before it answers.  Until then
# nothing but questions: a Ctrl-C would stop a program that is not ours, and may be.
_ONLY_ASK_S = 4.0
# A board that says nothing may be starting: its self-test answers after a second.
_STARTING_S = 6.0
_BETWEEN_S = 0.3
# The firmware sends its answer before it resets.
_BEFORE_RESET_S = 0.4
# What a restart may take at least, self-test included.
_RESTART_S = 20.0
# Ctrl-B: out of the raw prompt, if that is where it was left.
_TO_PROMPT = b"\r\x02"
_PROMPT = b">>> "
# Whatever runs, or half a command, is ended.
_INTERRUPT = b"\r\x03\x03"
_IN_SESSION = {name for i, name in enumerate(st.STATE_NAMES) if st.SESSION_STATES >> i & 1}

STRAP = (
    "Connect GP20 (pin 26) to ground (pin 28) and reset the board, or plug it in again: "
    "it then stays at MicroPython's prompt. Waiting for it; Ctrl-C ends."
)


class FlashRefused(Exception):
    """Not done, for safety; each reason."""

    def __init__(self, *reasons: str):
        super().__init__("; ".join(reasons))
        self.reasons = list(reasons)


@dataclass(frozen=True)
class Running:
    """A firmware of ours that answers."""

    serial_number: str
    version: str
    state: str
    delivered_ul: int

    @property
    def is_in_session(self) -> bool:
        return self.state in _IN_SESSION


AT_PROMPT = "prompt"


def look(place: Place, interrupts: bool = False) -> Running | str | None:
    """What is there: a firmware that runs, ``AT_PROMPT``, or nothing that answers."""
    return running(place) or (AT_PROMPT if at_prompt(place, interrupts) else None)


def running(place: Place) -> Running | None:
    """The firmware that answers, if one does."""
    try:
        with _open(place) as link:
            client = Client(link, key=None, reply_timeout_s=_ANSWER_S * place.slowness)
            link.write(b"\n")
            maker, board, serial_number, version = client.query("*IDN?")
            status = client.status()
            if (maker, board) != ("Titra", "RP2040"):
                return None
            return Running(serial_number, version, status["state"], int(status["delivered_ul"]))
    except (PortError, LinkError, Refused, ValueError, KeyError):
        return None


def at_prompt(place: Place, interrupts: bool) -> bool:
    """Whether MicroPython's prompt is there; ``interrupts``: whatever runs is ended, to
    come to it."""
    try:
        with _open(place) as link:
            for before in (b"", _INTERRUPT) if interrupts else (b"",):
                link.write(before + _TO_PROMPT)
                heard = b""
                until = link.now() + _PROMPT_S
                while (left := until - link.now()) > 0:
                    heard += link.read(left)
                    if heard.endswith(_PROMPT):
                        return True
    except (PortError, LinkError):
        pass
    return False


@contextlib.contextmanager
def _open(place: Place) -> Iterator[SerialLink]:
    link = SerialLink(locate_again(place).url)
    try:
        yield link
    finally:
        link.close()


def wait_until(seen: Callable[[float], object], timeout_s: float) -> object:
    """What ``seen`` says once that is something, or nothing; it is given the seconds
    that have passed."""
    began = time.monotonic()
    while True:
        passed_s = time.monotonic() - began
        found = seen(passed_s)
        if found or passed_s > timeout_s:
            return found
        time.sleep(_BETWEEN_S)


def first_look(place: Place, interrupts: bool) -> object:
    """Whatever answers within the time that a board may take to start."""
    return wait_until(
        lambda s: look(place, interrupts and s > _ONLY_ASK_S * place.slowness),
        _STARTING_S * place.slowness,
    )


def get_in(
    place: Place, key: bytes | None, wait_s: float, say: Callable[[str], None]
) -> str | None:
    """Bring the board to its prompt; its serial number, if it or its USB has said it.

    Raises ``FlashRefused`` if that must not be, ``LinkError`` if it did not come
    there within ``wait_s``.
    """
    found = first_look(place, interrupts=True)
    if isinstance(found, Running):
        _must_be(place, found)
        if found.is_in_session:
            raise FlashRefused(
                f"an infusion is in progress: {found.state}, "
                f"{found.delivered_ul / 1000:.2f} mL delivered; end it first"
            )
        say(f"version {found.version} runs on {found.serial_number}, {found.state}")
        if key is not None and _ask(place, found, key, say):
            if not wait_until(
                lambda _s: at_prompt(place, False), max(wait_s, _RESTART_S * place.slowness)
            ):
                raise LinkError(f"{place.url}: the board did not come to its prompt")
            return found.serial_number
        if key is None:
            say("no device key was given (--key-file), so this board cannot be asked to let go")
    elif found is None:
        say(f"{place.url}: nothing answers there")
    if found != AT_PROMPT:
        say(STRAP)
        if not wait_until(lambda s: at_prompt(place, s > _ONLY_ASK_S * place.slowness), wait_s):
            raise LinkError(
                f"{place.url}: no board at its prompt within {wait_s:g} s; one without "
                "MicroPython needs that first, see titra flash --help"
            )
    return found.serial_number if isinstance(found, Running) else place.serial_number


def _must_be(place: Place, found: Running) -> None:
    """That what answers is what is plugged in."""
    if place.serial_number and place.serial_number.upper() != found.serial_number.upper():
        raise FlashRefused(
            f"{place.url}: the port is that of {place.serial_number}, and "
            f"{found.serial_number} answers"
        )


def _ask(place: Place, found: Running, key: bytes, say: Callable[[str], None]) -> bool:
    """Log in and have the firmware leave; false if nobody can log in there."""
    if key == SIMULATOR_KEY:
        raise FlashRefused("that is the simulator's key, which everybody knows: not a board's")
    try:
        with _open(place) as link:
            client = Client(link, key, "maintenance", REPLY_TIMEOUT_S * place.slowness)
            try:
                client.hello()
            except Refused as refusal:
                if refusal.code != "TABLE_MISMATCH":
                    raise
                # Another version: what is needed of its verbs is the same in all.
                client.hello(*map(int, client.query("TABLE?")))
            # Its answer may go with the line.
            with contextlib.suppress(LinkError):
                client.request("REPL")
    except Refused as refusal:
        if refusal.code in ("NO_KEY", "TABLE_MISMATCH", "UNKNOWN_VERB"):
            say(f"{found.serial_number}: {refusal.text}")
            return False
        raise FlashRefused(f"{found.serial_number}: {refusal}") from None
    time.sleep(_BEFORE_RESET_S * place.slowness)
    return True


@dataclass(frozen=True)
class Started:
    """What a board says after its restart."""

    serial_number: str
    version: str
    self_test: str
    item: str
    absent: int
    has_key: bool


def read_back(place: Place, wait_s: float) -> Started:
    """What runs now, once its self-test has ended.  Raises ``LinkError``."""
    found = wait_until(lambda _s: running(place), max(wait_s, _RESTART_S * place.slowness))
    if not isinstance(found, Running):
        raise LinkError(f"{place.url}: the firmware does not answer after the restart")
    with _open(place) as link:
        link.write(b"\n")
        client = Client(link, None, reply_timeout_s=REPLY_TIMEOUT_S * place.slowness)
        until = time.monotonic() + max(wait_s, _RESTART_S * place.slowness)
        test: dict[str, str] = {}
        fitted: dict[str, str] = {}
        while not fitted:
            try:
                test = client.query_fields("POST?")
                if test["result"] == "RUNNING":
                    client.receive(0.2)
                else:
                    fitted = client.query_fields("FITTED?")
            except LinkError:
                if time.monotonic() > until:
                    raise
            if not fitted and time.monotonic() > until:
                raise LinkError(f"{place.url}: the self-test does not end")
    return Started(
        found.serial_number,
        found.version,
        test["result"],
        test["item"],
        int(test["absent"]),
        fitted["key"] == "1",
    )
