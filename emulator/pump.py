"""A whole pump on an emulated RP2040, with a host at its line and eyes on its pins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emulator.board import Board
from emulator.edges import Edges
from emulator.link import EmulatedLink
from emulator.parts import Fittings
from emulator.tick_probe import HURRIED_SLEW_UL_H_S, TickProbe
from host_sim.client import Client, Program, Pushed
from pump.core import limits
from pump.hal import pinout

SEEN = (
    pinout.STEP,
    pinout.ENABLE,
    pinout.DIRECTION,
    pinout.SOUNDER,
    pinout.LAMP_RED,
    pinout.LAMP_YELLOW,
    pinout.LAMP_GREEN,
)


def program(*rungs: tuple[int, int], ul: int = 100_000, **settings) -> Program:
    """A prescription for 70 kg; the cap is the last rung's rate."""
    rungs = rungs or ((60_000, 600),)
    settings.setdefault("slew_ul_h_s", limits.SLEW_MAX_UL_H_S)
    return Program(
        vtbi_ul=ul,
        dose_mg=ul * 30 // 1000,
        concentration_mg_ml=30,
        weight_g=70_000,
        cap_ul_h=rungs[-1][0],
        rungs=rungs,
        **settings,
    )


class Pump:
    """``board`` and everything at it; ``fittings`` is None for a bare one."""

    def __init__(
        self, uf2: Path | str, files: bytes, fitted: bool = True, fram: bytes | None = None
    ):
        self.board = Board(uf2, files)
        self.fittings = Fittings(self.board, fram) if fitted else None
        self.edges = Edges(self.board, SEEN)
        self.probe = TickProbe(self.board)
        self.link = EmulatedLink(self.board)
        self.client = Client(self.link)
        self.heard: list[Pushed] = []
        self.board.power_on()

    # --- doing ------------------------------------------------------------------------

    def boot(self) -> Pump:
        """Until the device has announced itself."""
        self.until(lambda: b"!B," in self.link.log, 12)
        return self

    def until(self, condition: Callable[[], bool], seconds: float, step_s: float = 0.002) -> float:
        """Run until ``condition``; the emulated time.  Fails if it does not come."""
        board = self.board
        end_s = board.now_s + seconds
        while not condition():
            assert board.now_s < end_s, f"did not happen within {seconds} emulated s"
            board.run(step_s)
        return board.now_s

    def run(self, seconds: float) -> None:
        self.board.run(seconds)

    def listen(self, seconds: float, until: Callable[[], bool] = lambda: False) -> Pump:
        """Let time pass and sort what the pump says."""
        board = self.board
        end_s = board.now_s + seconds
        while board.now_s < end_s and not until():
            self.client.receive(min(0.01, max(0.0, end_s - board.now_s)))
            self.heard.extend(self.client.pushed)
            self.client.pushed.clear()
        return self

    def start(self, prescription: Program) -> Pump:
        """Program, read back, commit, START."""
        self.client.load(prescription)
        self.client.request("START")
        return self

    def at_rate(self, rate_ul_h: int) -> Pump:
        """Started, and steady at that rate."""
        # The second rung keeps a slow order within six hours.
        rungs = ((rate_ul_h, 600),) if rate_ul_h >= 60_000 else ((rate_ul_h, 600), (60_000, 600))
        self.start(program(*rungs))
        self.run(rate_ul_h / HURRIED_SLEW_UL_H_S + 0.6)
        return self

    # --- seeing -------------------------------------------------------------------------

    def state(self) -> str:
        return self.client.status()["state"]

    def steps(self, since_s: float = 0.0) -> list[float]:
        """Times of STEP edges in ns."""
        return self.edges.rising(pinout.STEP, since_s)

    def last_step_ns(self) -> float:
        return self.steps()[-1]

    def is_enabled(self) -> bool:
        return self.edges.level(pinout.ENABLE) == 1

    def enable_fell_ns(self, since_s: float) -> float:
        falls = self.edges.falling(pinout.ENABLE, since_s)
        assert falls, "ENABLE is still high"
        return falls[0]

    def alarms(self) -> list[str]:
        """Conditions raised so far, as the pump said them."""
        return [
            line.fields["condition"]
            for line in self.heard
            if line.mark == "!A" and line.fields["change"] == "RAISED"
        ]

    def lengths_us(self, state: int) -> list[float]:
        """How long each tick took that began and ended in ``state``."""
        return [
            (end - begin) / 1000 for begin, end, before, after in self.probe.ticks
            if before == after == state
        ]  # fmt: skip
