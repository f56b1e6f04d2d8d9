"""A pump as somebody beside it sees it: its serial line, its pins, its sound.

Shared by the tests of the folders `protocol`, `sim` and `anomaly`.  What is
asserted comes from the board's boundary; what happens to the pump is a line
that somebody sends or a fault of `host_sim.faults`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from host_sim.board import Board
from host_sim.client import Client, Program, Pushed
from host_sim.faults import BY_NAME, Bench
from host_sim.links import VirtualLink
from pump.hal import pinout

TICK_US = 10_000
# 6400 steps per millilitre: a step is 562_500 uL/h x ms.
STEP_ULH_US = 562_500_000
STEPS_PER_UL = 6.4


def program(
    *rungs: tuple[int, int], ml: int = 2, cap: int | None = None, conc: int = 30, **settings
) -> Program:
    """A prescription of ``ml`` millilitres for 70 kg; the cap is the last
    rung's rate, so that a step too many is above it."""
    rungs = rungs or ((60_000, 600),)
    settings.setdefault("slew_ul_h_s", 10_000)
    return Program(
        vtbi_ul=ml * 1000,
        dose_mg=ml * conc,
        concentration_mg_ml=conc,
        weight_g=70_000,
        cap_ul_h=cap or rungs[-1][0],
        rungs=rungs,
        **settings,
    )


@dataclass(frozen=True)
class PinChange:
    """``last_edge_us`` is the last STEP edge before it."""

    us: int
    name: str
    level: int
    last_edge_us: int


class Bedside:
    """A board, a host that talks to it, and eyes on every pin."""

    def __init__(self, seed: int = 1, bag_ul: float = 500_000.0):
        self.board = Board(seed, bag_ul)
        self.link = VirtualLink(self.board)
        self.client = Client(self.link)
        self.bench = Bench(self.board, self.link)
        self.board.run_self_test()
        self.board.edge_log = []
        self.pins: list[PinChange] = []
        self.heard: list[Pushed] = []
        self.start_us = 0
        self.board.on_pin.append(self._pin)

    def _pin(self, name: str, level: int) -> None:
        self.pins.append(PinChange(self.board.now_us, name, level, self.board.last_edge_us))

    # --- doing ---------------------------------------------------------------------

    def start(self, prescription: Program | None = None) -> Bedside:
        """Program, read back, commit, START."""
        self.client.hello()
        self.client.load(prescription or program())
        self.client.request("START")
        self.start_us = self.board.now_us
        return self

    def listen(self, seconds: float, until: Callable[[], bool] = lambda: False) -> Bedside:
        """Let time pass and hear what the pump says, as soon as it says it."""
        end_us = self.board.now_us + int(seconds * 1_000_000)
        while self.board.now_us < end_us and not until():
            self.client.receive((end_us - self.board.now_us) / 1_000_000)
            self.heard.extend(self.client.pushed)
            self.client.pushed.clear()
        return self

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> int:
        """Ticks until ``condition``; its time.  Fails if it does not come."""
        end_us = self.board.now_us + int(seconds * 1_000_000)
        while not condition():
            assert self.board.now_us < end_us, f"did not happen within {seconds} s"
            self.board.run_tick()
        return self.board.now_us

    def send_at(self, us: int, data: bytes) -> None:
        """``data`` has entered the device completely at ``us``."""
        self.board.at(us, lambda: self.board.usb.host_write(data))

    def fault(self, name: str, value: int = 0) -> None:
        """The fault begins now."""
        BY_NAME[name].begin(self.bench, value)

    def fault_at(self, us: int, name: str, value: int = 0) -> None:
        """The fault begins at ``us``, whatever the processor is doing then."""
        self.board.at(us, lambda: self.fault(name, value))

    def undo(self, name: str) -> None:
        """The fault has gone."""
        end = BY_NAME[name].end
        assert end is not None
        end(self.bench)

    def confirm(self, within_s: float = 30.0) -> int:
        """Answer the next question that is asked; its time."""
        known = len(self.questions())
        self.listen(within_s, until=lambda: len(self.questions()) > known)
        question = self.questions()[-1]
        asked_us = self.board.now_us
        self.client.request("CONFIRM", int(question.fields["question"]))
        return asked_us

    # --- seeing ----------------------------------------------------------------------

    def state(self) -> str:
        """What STATUS? says."""
        return self.client.status()["state"]

    def is_enabled(self) -> bool:
        return self.board.levels[pinout.ENABLE] == 1

    def questions(self) -> list[Pushed]:
        return [line for line in self.heard if line.mark == "!Q"]

    def alarms(self) -> list[str]:
        """Conditions raised so far, as the pump said them."""
        return [
            line.fields["condition"]
            for line in self.heard
            if line.mark == "!A" and line.fields["change"] == "RAISED"
        ]

    def edges(self) -> list[int]:
        """Times of all rising STEP edges."""
        return edge_times(self.board)

    def last_forward_us(self) -> int:
        """The last STEP edge with DIRECTION high; those of a back-off are not."""
        turns = [pin for pin in self.pins if pin.name == "DIRECTION"]
        if not turns or (turns[-1].level and self.board.last_edge_us > turns[-1].us):
            return self.board.last_edge_us
        return next(pin.last_edge_us for pin in reversed(turns) if not pin.level)

    def changes(self, name: str, since_us: int = 0) -> list[PinChange]:
        return [pin for pin in self.pins if pin.name == name and pin.us >= since_us]


def edge_times(board: Board) -> list[int]:
    """Times of all rising STEP edges, from the board's log."""
    assert board.edge_log is not None
    return [first + i * period for first, n, period in board.edge_log for i in range(n)]


def steps_above(edges: list[int], cap_ul_h: int) -> float:
    """By how many steps the fullest window of ``edges`` is above the cap.

    Looks at every window there is.  A window that begins and ends with an edge
    is the fullest of its edges; it may hold what the cap delivers in it and
    one step.  0 if none holds more.
    """
    period_us = STEP_ULH_US / cap_ul_h
    worst = 0.0
    least = None
    for number, at_us in enumerate(edges):
        ahead = number * period_us - at_us
        if least is None or ahead < least:
            least = ahead
        worst = max(worst, ahead - least)
    return worst / period_us
