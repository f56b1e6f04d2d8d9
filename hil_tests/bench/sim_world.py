"""The simulated board's pins as the rig would have them."""

from __future__ import annotations

from collections.abc import Callable

from hil_tests.bench import channels
from host_sim.board import POWER_ON, Board
from pump.hal import pinout

# From a rising edge of STEP to its fall, by the step program.
STEP_PULSE_US = 4
_COUNTS = 4096
# A converter is never still within its last bits.
_NOISE = (0, 1, -1, 2, 0, -1, 1)
_NAMES = {"SOUND": "SOUNDER"}


class SimWorld:
    def __init__(self, board: Board):
        self._board = board
        board.edge_log = []
        self._changes: list[tuple[int, str, int]] = []
        self._taken = 0
        self._noise = 0
        board.on_pin.append(self._pin)
        self._set_fluid = board.set_fluid
        board.set_fluid = self._probe  # the one place where the board tells of AIR_PROBE
        self._probe_level = 0
        self._driven = {
            c.name: c.rest for c in channels.CHANNELS if c.kind == channels.DRIVEN
        }  # fmt: skip

    # --- time --------------------------------------------------------------------------

    def now_us(self) -> int:
        return self._board.now_us

    def at(self, us: int, action: Callable[[], None]) -> None:
        self._board.at(us, action)

    def wait_s(self, seconds: float) -> None:
        self._board.run_until(self._board.now_us + int(seconds * 1e6))

    def reset(self) -> None:
        self._board.reset(POWER_ON)

    # --- seeing ------------------------------------------------------------------------

    def _pin(self, name: str, level: int) -> None:
        name = _NAMES.get(name, name)
        self._changes.append((self._board.now_us, name, 1 if level else 0))

    def _probe(self) -> None:
        level = self._board.levels[pinout.AIR_PROBE]
        if level != self._probe_level:
            self._probe_level = level
            self._changes.append((self._board.now_us, "AIR_PROBE", level))
        self._set_fluid()

    def events(self) -> list[tuple[int, str, int]]:
        board = self._board
        board.take_edges()
        rows = self._changes
        for first_us, n, period_us in board.edge_log or ():
            for i in range(n):
                us = first_us + i * period_us
                rows.append((us, "STEP", 1))
                rows.append((us + STEP_PULSE_US, "STEP", 0))
        rows.sort(key=lambda row: row[0])
        board.edge_log = []
        self._changes = []
        return rows

    def levels(self) -> dict[str, int]:
        levels = {
            c.name: self._board.levels[c.dut]
            for c in channels.CHANNELS
            if c.kind == channels.SENSED and c.name not in ("STEP", "SOUNDER")
        }
        levels["SOUNDER"] = 1 if self._board.sound_hz else 0
        levels.update({n: v for n, v in self._driven.items() if n in channels.BIT})
        return levels

    # --- doing -------------------------------------------------------------------------

    def drive(self, name: str, value: int | None) -> None:
        channel = channels.BY_NAME[name]
        if channel.kind == channels.ANALOG:
            self._drive_converter(channel.dut, value)
            return
        level = channel.rest if value is None else value
        if self._driven[name] != level:
            self._driven[name] = level
            if name in channels.BIT:
                self._changes.append((self._board.now_us, name, level))
        board = self._board
        if name == "FLUID":
            board.fluid_stuck = value
            board.set_fluid()
        elif name == "SUPPLY_GOOD":
            board.supply_good_stuck = value
            board.look_at_supply()
        elif name == "TURNS":
            board.line.encoder_dead = level == 0
        elif name == "REVERSE":
            board.line.is_reversed = level == 1
        elif name == "DROPS":
            board.drop_sensor_dead = level == 0
        elif name == "HEARD":
            board.sounder_dead = level == 0
            board.mend_sounder()
        else:
            board.levels[channel.dut] = level

    def _drive_converter(self, gpio: int, uv: int | None) -> None:
        if uv is None:
            self._board.stuck_counts[gpio] = None
            return
        counts = uv * _COUNTS // channels.FULL_SCALE_UV

        def shown() -> int:
            if counts == 0:
                return 0
            self._noise = (self._noise + 1) % len(_NOISE)
            return counts + _NOISE[self._noise]

        self._board.stuck_counts[gpio] = shown
