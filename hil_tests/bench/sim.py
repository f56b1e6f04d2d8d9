"""The simulated board as device under test, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from emulator.fork import in_forks
from hil_tests.bench import dut
from hil_tests.bench.rig_model import RigModel
from hil_tests.bench.sim_world import SimWorld
from hil_tests.promised import SLEW_MAX_UL_H_S
from host_sim.board import Board
from host_sim.links import VirtualLink

# Of 1 MB/s, for a millisecond: no line feeds, and lines.
_NOISE = bytes(range(128, 256)) * 4 + b"0 START*0000\n" * 38
_AHEAD = 4096


class SimDut:
    """``board`` is the simulated one; nothing but this file and `sim_world` touches it."""

    kind = "sim"
    can = frozenset((dut.FORK, dut.HANG, dut.LOOP, dut.UNPLUG, dut.IGNORE))

    def __init__(self, seed: int = 1, left_out: frozenset[str] = frozenset()):
        self.board = Board(seed)
        self.board.without = left_out
        self.link = VirtualLink(self.board)
        self.world = SimWorld(self.board)
        self.rig_link = RigModel(self.world)
        self.about = {
            "port": "virtual time",
            "micropython": "none: CPython over host_sim's fakes",
            "seed": str(seed),
        }

    def wait(self, seconds: float) -> None:
        self.board.run_until(self.board.now_us + int(seconds * 1_000_000))

    def expect_reset(self) -> None:
        """Its line stays."""

    def send(self, data: bytes, after_us: int, clock_us: Callable[[], int]) -> int:
        board = self.board
        at_us = board.now_us + after_us
        board.at(at_us, lambda: board.usb.host_write(data))
        return at_us

    def rise_s(self, rate_ul_h: int) -> float:
        return rate_ul_h / SLEW_MAX_UL_H_S

    def hang(self, after_us: int, seconds: float, irqs_off: bool) -> None:
        board = self.board
        resets = board.resets

        def stop() -> None:
            # In the middle of a tick's wait: nothing is executed after it.
            board.irqs_off = irqs_off
            board.is_hung = True

        board.at(board.now_us + after_us, stop)
        until_us = board.now_us + after_us + int(seconds * 1e6)
        while board.now_us < until_us and board.resets == resets:
            board.run_tick()
        board.irqs_off = board.is_hung = False

    def unplug(self) -> None:
        self.link.is_silent = True
        self.board.usb.host_reads = False
        # An unplugged USB device throws away what it would send.
        self.board.usb.to_host.clear()

    def plug_in(self) -> None:
        self.link.is_silent = False
        self.board.usb.host_reads = True

    def ignore(self, is_ignored: bool) -> None:
        self.board.usb.host_reads = not is_ignored

    def flood(self, is_flooded: bool) -> None:
        board = self.board
        board.is_flooded = is_flooded

        def more() -> None:
            if board.is_flooded:
                # The host's controller holds the rest back until there is room.
                if board.usb.waiting() < _AHEAD:
                    board.usb.host_write(_NOISE)
                board.at(board.now_us + 1000, more)

        if is_flooded:
            more()

    def in_forks(self, trials: Iterable[Callable[[], object]]) -> list:
        return in_forks(trials)

    def close(self) -> None:
        """Nothing to release."""
