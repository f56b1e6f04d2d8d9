"""A board without a pump around it, a host that talks to it, and eyes on its pins."""

from __future__ import annotations

from host_sim.bare_board import BareBoard
from host_sim.client import Client, Refused
from host_sim.links import VirtualLink
from pump.core.self_test_items import ITEM_NAMES
from titra import walk

WALK = walk.ORDER
FULL_RATE_S = 13  # 12 s of slew, and a little


class BareBench:
    """``board``, ``client``; ``pins`` are (us, name, level) since boot."""

    def __init__(self, **how):
        self.board = BareBoard(**how)
        self.pins: list[tuple[int, str, int]] = []
        self.board.on_pin.append(
            lambda name, level: self.pins.append((self.board.now_us, name, level))
        )
        self.client = Client(VirtualLink(self.board))
        self.client.hello()
        self.steps_at_boot = self.board.step_edges
        self.idle_us = self.board.now_us

    def run(self, seconds: float) -> None:
        end = self.client.link.now() + seconds
        while (left := end - self.client.link.now()) > 0:
            self.client.receive(left)

    def steps(self) -> int:
        """STEP edges since the self-test."""
        return self.board.step_edges - self.steps_at_boot

    def was_enabled(self) -> bool:
        """Whether ENABLE rose since the self-test, which does so once."""
        return any(name == "ENABLE" and level for us, name, level in self.pins if us > self.idle_us)

    def absent(self) -> set[str]:
        mask = int(self.client.query("POST?")[2])
        return {name.decode() for bit, name in enumerate(ITEM_NAMES) if mask >> bit & 1}

    def state(self) -> str:
        return self.client.status()["state"]

    def alarms(self) -> set[str]:
        """Active conditions."""
        return set(walk.conditions(int(self.client.status()["alarms"])))

    def refusal(self, verb: str) -> str:
        try:
            self.client.request(verb)
        except Refused as refused:
            return refused.code
        return "OK"

    def start(self) -> None:
        self.client.load(WALK)
        self.client.request("START")
        self.run(FULL_RATE_S)

    def edges_in(self, seconds: float) -> int:
        before = self.board.step_edges
        self.run(seconds)
        return self.board.step_edges - before
