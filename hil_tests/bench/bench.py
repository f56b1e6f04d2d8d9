"""What a test has in its hand: device, rig, client, and a way to repeat itself."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from emulator.fork import in_fork
from hil_tests.bench import dut
from hil_tests.bench.errors import BenchError, NoDevice
from hil_tests.bench.rig import Rig, Watch
from hil_tests.bench.strategy import BOOTED, Strategy, order
from hil_tests.promised import TICK_MS
from host_sim.client import Client, Program, Pushed, Refused
from host_sim.links import LinkError

TICK_US = TICK_MS * 1000
# What a response to a stop is watched at.
PINS = ("STEP", "ENABLE", "DIRECTION")
SIGNS = ("SOUNDER", "LAMP_RED", "LAMP_YELLOW", "LAMP_GREEN")


class Trial:
    """One experiment: its number, a moment of its own within a tick."""

    def __init__(self, bench: Bench, number: int, time: int):
        self.bench = bench
        self.number = number
        self.random = Random(f"{bench.seed + time} {number}")

    def soon_us(self) -> int:
        """A time on the rig's clock, at any moment of a tick, far enough ahead for the
        request to arrive."""
        lead_us = self.bench.lead_us
        return self.bench.rig.time_us() + lead_us + self.random.randrange(TICK_US)


class Bench:
    """``rig`` is None on a bare board."""

    def __init__(
        self,
        device: dut.Dut,
        rig: Rig | None,
        client: Client,
        in_place: bool = False,
        seed: int = 1,
        times: int = 1,
    ):
        self.dut = device
        self._rig = rig
        self.client = client
        self.strategy = Strategy(client, self.wait, device.rise_s)
        self.in_place = in_place or dut.FORK not in device.can
        self.seed = seed
        self.times = times
        self._time = 0
        self._test = ""
        self._calls = 0
        # Of tests that are run several times: what all of their trials told.
        self._told: dict[tuple[str, int], list] = {}
        self.heard: list[Pushed] = []
        self.verbs: frozenset[str] = frozenset()
        self.rig_about: dict = {}
        # How far ahead a stimulus is ordered: the way to a real rig takes time.
        self.lead_us = 20_000 if device.kind == "serial" else 1000

    @property
    def rig(self) -> Rig:
        assert self._rig is not None, "this test wants a rig and is not marked needs_rig"
        return self._rig

    @property
    def has_rig(self) -> bool:
        return self._rig is not None

    @property
    def uncertainty_ms(self) -> float:
        """Of a response time: two time stamps of the rig's."""
        return 2 * self.rig.uncertainty_us / 1000

    # --- time and line -----------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass and keep what the pump says."""
        link = self.client.link
        end_s = link.now() + seconds
        while (left := end_s - link.now()) > 0:
            self.client.receive(left)
            self.heard.extend(self.client.pushed)
            self.client.pushed.clear()

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether ``condition`` came within that time."""
        link = self.client.link
        end_s = link.now() + seconds
        while not condition():
            if link.now() >= end_s:
                return False
            self.wait(0.05)
        return True

    def state(self) -> str:
        return self.client.status()["state"]

    def alarms(self) -> list[str]:
        """Conditions raised since the trial began, as the pump said them."""
        return [
            line.fields["condition"]
            for line in self.said("!A")
            if line.fields["change"] == "RAISED"
        ]

    def refusal(self, prescription: Program) -> str:
        """Why it cannot be loaded and started; empty if it was."""
        try:
            self.client.load(prescription)
            self.client.request("START")
        except Refused as refusal:
            return refusal.code
        return ""

    def gaps(self) -> int:
        """Lines that the device has numbered and nobody heard."""
        counts = [int(line.fields["count"]) for line in self.heard]
        return sum(
            (later - sooner) % 65536 != 1 for sooner, later in zip(counts, counts[1:], strict=False)
        )

    def said(self, mark: str) -> list[Pushed]:
        """Lines that the pump sent by itself since the trial began."""
        self.heard.extend(self.client.pushed)
        self.client.pushed.clear()
        return [line for line in self.heard if line.mark == mark]

    def learn_verbs(self) -> None:
        """What this firmware can be asked, from HELP?."""
        # Its lines come one by one; the last ones may be empty.
        words: set[str] = set()
        for line in range(10):
            words.update(" ".join(self.client.query("HELP?", line)).split())
        self.verbs = frozenset(words)

    def stamps(self) -> dict[str, float] | None:
        """Detected, decided and acted, in ms after the tick in which it was seen began:
        of the last stop, by the device's own clock; ``None`` if it does not tell."""
        if "STAMPS?" not in self.verbs:
            return None
        tick, detected, decided, acted = map(int, self.client.query("STAMPS?")[:4])
        return {
            "detected_ms": (detected - tick) / 1000,
            "decided_ms": (decided - detected) / 1000,
            "acted_ms": (acted - decided) / 1000,
        }

    # --- trials ------------------------------------------------------------------------

    def begin(self, test: str, time: int) -> None:
        """``test`` comes to be run for the ``time``-th time."""
        self._test = test
        self._time = time
        self._calls = 0

    def trials(
        self,
        n: int,
        trial: Callable[[Trial], object],
        prescription: Program | None = None,
        before: Callable[[], object] | None = None,
        settle: Callable[[Bench], object] | None = None,
    ) -> list:
        """What ``trial`` returns, ``n`` times, each infusing by ``prescription`` (or
        only booted), ``before`` done before and ``settle`` after that.  In forks of one
        moment where the device allows, else one after the other with the device brought
        back in between.  A test that is run several times has all of its trials, each time's
        by a seed of its own, from that one moment."""
        if self.in_place:
            rows = []
            for number in range(n):
                self.recover()
                self._prepare(prescription, before, settle)
                rows.append(trial(Trial(self, number, self._time)))
            return rows

        def all_of_them(_none: None) -> list:
            self._prepare(prescription, before, settle)
            some = [
                partial(_told, trial, Trial(self, number, time))
                for time in range(self.times)
                for number in range(n)
            ]
            return self.dut.in_forks(some)

        key = (self._test, self._calls)
        self._calls += 1
        told = self._told.get(key)
        if told is None:
            told = _said(in_fork(partial(_told, all_of_them, None)))
            if self.times > 1:
                self._told[key] = told
        first = self._time * n
        return [_said(row) for row in told[first : first + n]]

    def _prepare(self, prescription: Program | None, before, settle) -> None:
        self.heard.clear()
        if before is not None:
            before()
        if prescription is not None:
            self.strategy.infuse(prescription)
        if settle is not None:
            settle(self)

    def calm(self) -> None:
        """The host behaves again: what it left on the line is ended and forgotten."""
        self.dut.plug_in()
        self.dut.ignore(False)
        self.dut.flood(False)
        # What of a flood waits in the host's controller is read first.
        self.wait(1.0)
        self.client.link.write(b"\n")
        self.wait(0.5)

    def recover(self) -> None:
        """Nothing wrong at any pin, no session open."""
        if self.has_rig:
            self.rig.rest()
        self.wait(0.1)
        try:
            self.strategy.boot()
        except NoDevice:
            raise
        except BenchError:
            # Perhaps what came before left it so; a reset is a new beginning.
            if not self.has_rig:
                raise
            self.reset_and_boot()

    def reset_and_boot(self) -> None:
        """By the RUN pin, and through its self-test; what a session left is closed."""
        self.dut.expect_reset()
        self.rig.reset_dut()
        self.await_boot()
        self.strategy.state = 0
        self.strategy.boot()

    def await_boot(self, seconds: float = 20.0) -> None:
        """Until it announces itself after a reset."""
        boots = len(self.said("!B"))
        if not self.until(lambda: len(self.said("!B")) > boots, seconds):
            raise NoDevice(f"the device has not come back within {seconds:g} s after its reset")

    def connect(self) -> None:
        """Off to booted, at the begin of the run."""
        self.recover()
        _, board, serial, version = self.client.query("*IDN?")[:4]
        self.dut.about.update(board=board, serial=serial, firmware_version=version)
        self.learn_verbs()
        assert self.strategy.state == BOOTED


def _told(trial: Callable, argument: object) -> tuple[str, object]:
    """Run in a child: its end of the bench, or its assertion, is told and not raised."""
    try:
        result = trial(argument)
        pickle.dumps(result)
        return "done", result
    except NoDevice as error:
        return "no device", str(error)
    except BenchError as error:
        return "bench", (str(error), error.code)
    except LinkError as error:
        return "no device", f"link lost: {error}"
    except AssertionError as error:
        return "wrong", str(error)


def _said(row: tuple[str, object]) -> Any:
    how, what = row
    if how == "done":
        return what
    if how == "no device":
        raise NoDevice(str(what))
    if how == "bench":
        # What came out of a process is untyped: the arguments of the error there.
        raise BenchError(*what)  # type: ignore[misc]
    raise AssertionError(what)


def response_ms(watch: Watch, since_us: int, forward_only: bool = False) -> float:
    """From a stimulus to the last STEP edge; 0 if there was none after it."""
    return max(0, watch.last_step_us(forward_only) - since_us) / 1000


__all__ = ["PINS", "SIGNS", "TICK_US", "Bench", "Trial", "order", "response_ms"]
