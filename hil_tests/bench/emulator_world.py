"""The emulated chip's pins as the rig would have them."""

from __future__ import annotations

from collections.abc import Callable

from emulator.board import Board
from emulator.parts import Fittings
from hil_tests.bench import channels
from pump.hal import pinout

_COUNTS = 4096
_SENSED = {c.dut: c for c in channels.CHANNELS if c.kind == channels.SENSED}
_LEVELS = ("DOOR", "STOP_KEY", "OK_KEY", "FLUID", "SUPPLY_GOOD")
_CONVERTERS = {"PRESSURE_DOWN": 0, "PRESSURE_UP": 1}


class EmulatorWorld:
    """A pin that is let go counts as what its external resistor makes it."""

    def __init__(self, board: Board, fittings: Fittings):
        self._board = board
        self._fittings = fittings
        self._at_rest = list(fittings.counts)
        self._changes: list[tuple[int, str, int]] = []
        self._seen = {c.name: c.rest for c in _SENSED.values()}
        self._driven = {c.name: c.rest for c in channels.CHANNELS if c.kind == channels.DRIVEN}
        # After the fittings, which put FLUID back when the probe has ended.
        board.on_edge.append(self._edge)

    # --- time --------------------------------------------------------------------------

    def now_us(self) -> int:
        return int(self._board.clock.nanos // 1000)

    def at(self, us: int, action: Callable[[], None]) -> None:
        self._board.at(us / 1e6, action)

    def wait_s(self, seconds: float) -> None:
        self._board.run(seconds)

    def reset(self) -> None:
        self._board.reset()

    # --- seeing ------------------------------------------------------------------------

    def _edge(self, ns: float, pin: int, _old: int, new: int) -> None:
        channel = _SENSED.get(pin)
        if channel is None:
            return
        level = channel.rest if new < 0 else new
        if level != self._seen[channel.name]:
            self._seen[channel.name] = level
            self._changes.append((int(ns // 1000), channel.name, level))
        if pin == pinout.AIR_PROBE and self._driven["FLUID"] == 0:
            self._board.drive(pinout.FLUID, 0)

    def events(self) -> list[tuple[int, str, int]]:
        rows = self._changes
        self._changes = []
        return rows

    def levels(self) -> dict[str, int]:
        driven = {name: level for name, level in self._driven.items() if name in channels.BIT}
        return {**self._seen, **driven}

    # --- doing -------------------------------------------------------------------------

    def drive(self, name: str, value: int | None) -> None:
        channel = channels.BY_NAME[name]
        if name in _CONVERTERS:
            at = _CONVERTERS[name]
            counts = self._at_rest[at]
            if value is not None:
                counts = value * _COUNTS // channels.FULL_SCALE_UV
            self._fittings.counts[at] = counts
            return
        level = channel.rest if value is None else value
        if self._driven[name] == level:
            return
        if name == "TURNS":
            self._fittings.turns = level == 1
        elif name in _LEVELS:
            self._board.drive(channel.dut, level)
            self._changes.append((self.now_us(), name, level))
        else:
            raise ValueError(f"{name} is not on the emulated bench")
        self._driven[name] = level
