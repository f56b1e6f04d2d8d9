"""A board that is switched on with something wrong with it, and somebody who looks on.

The firmware does not know what was done: the fault is there before it boots.
"""

from __future__ import annotations

from collections.abc import Callable

from pump_bench import program

from host_sim.board import Board
from host_sim.client import Client, Refused
from host_sim.faults import BY_NAME, Bench
from host_sim.links import VirtualLink
from pump.hal import pinout

# What L16 promises, from the firmware's start.
POST_MS = 10_000
OFF_US = 1_000_000


class PowerOn:
    """``board`` is switched off, broken and switched on again by ``boot``.

    ``sounds``, ``lamps``  (us, level) of each change since
    ``enabled``            times at which ENABLE rose
    """

    def __init__(self, seed: int = 1):
        self.board = Board(seed)
        self.link = VirtualLink(self.board)
        self.client = Client(self.link)
        self.bench = Bench(self.board, self.link)
        self.sounds: list[tuple[int, int]] = []
        self.lamps: list[tuple[int, int]] = []
        self.enabled: list[int] = []
        self.board.on_pin.append(self._pin)

    def _pin(self, name: str, level: int) -> None:
        now_us = self.board.now_us
        if name == "SOUND":
            self.sounds.append((now_us, level))
        elif name == "LAMP_RED":
            self.lamps.append((now_us, level))
        elif name == "ENABLE" and level:
            self.enabled.append(now_us)

    def boot(self, break_it: Callable[[PowerOn], object] = lambda on: None) -> PowerOn:
        """Off, ``break_it``, on, and wait for the self-test's end or 12 s."""
        self.board.power_cut(OFF_US)
        break_it(self)
        self.forget()
        self.board.run_self_test()
        return self

    def forget(self) -> None:
        """What was seen so far."""
        self.sounds.clear()
        self.lamps.clear()
        self.enabled.clear()

    def fault(self, *names: str) -> None:
        """Faults of `host_sim.faults`, from now on."""
        for name in names:
            BY_NAME[name].begin(self.bench, 0)

    def run(self, seconds: float) -> None:
        self.board.run_until(self.board.now_us + int(seconds * 1_000_000))

    def post(self) -> tuple[str, str, int]:
        """What POST? says: result, item, absent items as a mask."""
        result, item, mask = self.client.query("POST?")
        return result, item, int(mask)

    def state(self) -> str:
        return self.client.status()["state"]

    def alarms(self) -> str:
        """The condition that is shown."""
        return self.client.query("ALARMS?")[2]

    def programmed(self) -> PowerOn:
        """Log in and commit an order."""
        self.client.hello()
        self.client.load(program())
        return self

    def start_is_refused(self) -> str:
        """Why START is refused, however hard somebody tries; and nothing moved."""
        board = self.board
        board.take_edges()
        edges = board.step_edges
        try:
            self.programmed()
        except Refused:
            pass
        except ValueError:
            return "NO_KEY"
        try:
            self.client.request("START")
        except Refused as refusal:
            reason = refusal.code
        else:
            raise AssertionError("START was accepted")
        self.run(1.0)
        assert board.step_edges == edges
        return reason


def keys_of(on: PowerOn) -> None:
    """STOP and OK, pressed one after the other and together."""
    for gpio in (pinout.STOP_KEY, pinout.OK_KEY):
        on.board.press(gpio, True)
    on.run(0.05)
    for gpio in (pinout.STOP_KEY, pinout.OK_KEY):
        on.board.press(gpio, False)
        on.run(0.05)
