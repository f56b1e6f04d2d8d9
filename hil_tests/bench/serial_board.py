"""A real board as device under test, and a real rig: serial lines in real time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable

import pump
from hil_tests.bench import dut, places
from hil_tests.bench.errors import BenchError, NoDevice
from hil_tests.bench.places import Place, cannot_open, locate, locate_again
from hil_tests.bench.rig import Rig
from hil_tests.promised import SLEW_MAX_UL_H_S
from host_sim.client import unframe
from host_sim.links import LinkError, SerialLink

# A board that is reset is gone from USB, and is back after this long at most.
RETURNS_S = 15.0
_LOOK_S = 0.2
# Of the first words that are had from a board, before anything else is tried.
_HEAR_S = 1.0
_TRIES = 3
_PROMPT = b">>>"
_NOISE = bytes(range(128, 256)) * 4 + b"0 START*0000\n" * 38
_FLASH = "from titra.cli import main; main()"


def open_link(place: Place, baud: int) -> SerialLink:
    """Raises ``NoDevice`` with what to do."""
    try:
        return SerialLink(place.url, baud)
    except LinkError as error:
        raise cannot_open(place.url, str(error).partition(": ")[2] or str(error)) from None


class ReturningLink:
    """The line of a board that may be reset: it goes, and comes back under whatever name
    it then has.  Going when nobody reset it is the end of the run."""

    def __init__(self, place: Place, baud: int):
        self.place = place
        self._baud = baud
        self._link: SerialLink | None = open_link(place, baud)
        self._expected_until = 0.0

    def expect_reset(self) -> None:
        """From now on it may go, for a while."""
        self._expected_until = time.monotonic() + RETURNS_S

    def write(self, data: bytes) -> None:
        try:
            self._held().write(data)
        except LinkError as error:
            self._gone(error)

    def read(self, timeout_s: float) -> bytes:
        try:
            return self._held().read(timeout_s)
        except LinkError as error:
            self._gone(error)
            return b""

    def now(self) -> float:
        return time.monotonic()

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _held(self) -> SerialLink:
        return self._link if self._link is not None else self._return()

    def _return(self) -> SerialLink:
        """Wait until it is back."""
        while True:
            try:
                self.place = locate_again(self.place)
                self._link = open_link(self.place, self._baud)
                return self._link
            except NoDevice as error:
                if time.monotonic() > self._expected_until:
                    raise NoDevice(
                        f"the board has not come back within {RETURNS_S:g} s of its reset: {error}"
                    ) from None
            time.sleep(_LOOK_S)

    def _gone(self, error: LinkError) -> None:
        self.close()
        if time.monotonic() < self._expected_until:
            return
        text = str(error)
        if "another program reads" in text and os.path.exists(self.place.url):
            by = places.holder(self.place.url)
            raise NoDevice(
                f"{self.place.url}: another program reads from the same port{by}: close it, "
                "then start again"
            )
        raise NoDevice(self._where_it_went())

    def _where_it_went(self) -> str:
        """A while later: pulled, or back under another name."""
        old = self.place.url
        time.sleep(2.0)
        try:
            again = locate_again(self.place)
        except NoDevice:
            return (
                f"{old} went away in mid-run: cable pulled, or power lost? Plug it in, start again"
            )
        return (
            f"{old} went away in mid-run and is back as {again.url}: a loose cable, or a reset "
            "that nobody asked for; look at `titra log`, then start again"
        )


def who_answers(link, url: str) -> str:
    """The firmware's version.  Raises ``NoDevice`` with what is there instead."""
    heard = b""
    for _ in range(_TRIES):
        link.write(b"\n*IDN?\n")
        end = link.now() + _HEAR_S
        while link.now() < end:
            heard += link.read(0.1)
            for line in heard.split(b"\n"):
                body = unframe(line)
                if body and body.startswith("- OK *IDN?"):
                    return body.rsplit(",", 1)[-1].strip()
                if line.startswith(b"busy: "):
                    raise NoDevice(f"{url}: {line.decode('ascii', 'replace').strip()}")
    if _PROMPT in heard:
        raise NoDevice(
            f"{url}: MicroPython's prompt answers, not the firmware: `titra flash {url}`"
        )
    if heard.strip():
        raise NoDevice(
            f"{url}: what comes is no line of this pump ({heard[:24]!r}): another device, or "
            "another --baud"
        )
    raise NoDevice(
        f"{url} is there and says nothing: power-cycle the board; if it stays silent, `titra flash "
        f"{url}`"
    )


def open_serial(
    port: str, baud: int, skip_autoflash: bool, rig_port: str | None, key_file: str | None = None
) -> SerialDut:
    """Find it, see that it is the right one with the right firmware on it."""
    taken = locate(rig_port, "--rig-port").url if rig_port else None
    place = locate(port, but_not=taken)
    link = ReturningLink(place, baud)
    try:
        version = who_answers(link, place.url)
    except NoDevice:
        link.close()
        if skip_autoflash:
            raise
        version = ""
    if version != pump.VERSION:
        if skip_autoflash:
            link.close()
            raise BenchError(
                f"{place.url} has firmware {version}, this suite is of {pump.VERSION}: leave out "
                "--skip-autoflash, or check out that version"
            )
        link.close()
        _flash(place, key_file)
        link = ReturningLink(locate_again(place), baud)
        version = who_answers(link, place.url)
    return SerialDut(link, version)


def _flash(place: Place, key_file: str | None) -> None:
    """By the command; the suite knows nothing of how it is done."""
    words = ["flash", place.url, *(["--key-file", key_file] if key_file else [])]
    done = subprocess.run(
        [sys.executable, "-c", _FLASH, *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BenchError(f"titra flash {place.url} failed: {why}", done.returncode)


class SerialDut:
    kind = "serial"
    can: frozenset[str] = frozenset((dut.PROCESSOR_TIME,))

    def __init__(self, link: ReturningLink, version: str):
        self.link = link
        self._flood: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self.about = {
            "port": link.place.url,
            "usb_serial": link.place.serial_number or "",
            "micropython": "as flashed",
        }

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def expect_reset(self) -> None:
        self.link.expect_reset()

    def send(self, data: bytes, after_us: int, clock_us: Callable[[], int]) -> int:
        time.sleep(after_us / 1e6)
        # Asked before it is sent: what the host takes counts as the device's.
        sent_us = clock_us()
        self.link.write(data)
        return sent_us

    def rise_s(self, rate_ul_h: int) -> float:
        return rate_ul_h / SLEW_MAX_UL_H_S

    def hang(self, after_us: int, seconds: float, irqs_off: bool) -> None:
        raise NotImplementedError("needs(dut.HANG) skips this")

    def unplug(self) -> None:
        raise NotImplementedError("needs(dut.UNPLUG) skips this")

    def plug_in(self) -> None:
        """It is."""

    def ignore(self, is_ignored: bool) -> None:
        """The driver of the host's port reads, whatever its program does."""

    def flood(self, is_flooded: bool) -> None:
        if self._flood is not None:
            self._flood.set()
            assert self._thread is not None
            self._thread.join()
            self._flood = None
        if is_flooded:
            done = self._flood = threading.Event()

            def more() -> None:
                while not done.is_set():
                    self.link.write(_NOISE)

            self._thread = threading.Thread(target=more, daemon=True)
            self._thread.start()

    def in_forks(self, trials: Iterable[Callable[[], object]]) -> list:
        raise NotImplementedError("a board has one moment only")

    def close(self) -> None:
        self.link.close()


def open_rig(port: str | None, uncertainty_us: int) -> Rig | None:
    """The second Pico, if one was named."""
    if port is None:
        return None
    place = locate(port, "--rig-port")
    return Rig(open_link(place, 115_200), uncertainty_us, f"rig at {place.url}")
