"""``titra walk`` on a Pico with six jumpers and nothing else, of the emulated kind."""

from __future__ import annotations

import dataclasses

import pytest
from emulated_bench import SELF_TEST_STEPS, Pump, uf2

from emulator.fork import in_fork
from host_sim.bare_board import BENCH_JUMPERS, LINKS, RAILS
from pump.hal import pinout
from titra import walk
from titra.chip_firmware import bench_firmware

# A third of the volume of the walk: it rises to its full rate, is stopped, and ends.
ORDER = dataclasses.replace(walk.ORDER, vtbi_ul=1000, dose_mg=100)
STEPS = 6400
STOP_MS = 50  # L5


class Jumpers:
    """Wires on ``pump``: to a rail, or from an output to the input that hears it."""

    def __init__(self, pump: Pump):
        self._board = pump.board
        self._is_in: set[int] = set()
        pump.board.on_edge.append(self._follow)
        for gpio in BENCH_JUMPERS:
            self.put_in(gpio)

    def put_in(self, gpio: int) -> None:
        self._is_in.add(gpio)
        self._board.drive(LINKS.get(gpio, gpio), RAILS.get(gpio, 0))

    def pull_out(self, gpio: int) -> None:
        self._is_in.discard(gpio)
        self._board.drive(LINKS.get(gpio, gpio), None)

    def _follow(self, _ns: float, pin: int, _old: int, new: int) -> None:
        if pin in LINKS and pin in self._is_in:
            self._board.drive(LINKS[pin], 1 if new == 1 else 0)


@pytest.fixture(scope="module")
def bench():
    pump = Pump(uf2(), bench_firmware(), fitted=False)
    jumpers = Jumpers(pump)
    return pump.boot(), jumpers


@pytest.mark.req("L27")
def test_the_walk_goes_to_its_end_and_a_jumper_pulled_on_the_way_stops_it(bench, monkeypatch):
    monkeypatch.setattr(walk, "ORDER", ORDER)
    pump, jumpers = bench

    def trial():
        said: list[str] = []
        pulled_ns: list[float] = []
        last_ns: list[float] = []

        def say(line: str) -> None:
            said.append(line)
            if not pulled_ns and line.startswith("INFUSING") and " 30.0 mL/h" not in line:
                pulled_ns.append(pump.board.clock.nanos)
                jumpers.pull_out(pinout.DOOR)

        def put_back() -> None:
            last_ns.append(pump.last_step_ns())
            assert not pump.is_enabled()
            jumpers.put_in(pinout.DOOR)
            pump.run(1)

        ended = walk.walk(pump.client, say, put_back)
        steps = len(pump.steps(booted_s))
        return ended, said, (last_ns[0] - pulled_ns[0]) / 1e6, steps, pump.is_enabled()

    booted_s = pump.board.now_s
    ended, said, stop_ms, steps, is_enabled = in_fork(trial)
    print("\n".join(said))
    assert ended == "COMPLETE"
    assert any("DOOR_OPEN" in line for line in said)
    assert stop_ms <= STOP_MS
    assert steps == STEPS + SELF_TEST_STEPS
    assert not is_enabled


@pytest.mark.req("L27")
def test_without_its_jumpers_it_raises_what_the_open_pins_say_and_refuses(bench):
    pump, jumpers = bench

    def trial():
        pump.client.hello()
        for gpio in BENCH_JUMPERS:
            jumpers.pull_out(gpio)
        pump.run(0.3)
        with pytest.raises(Exception, match="STOP_KEY"):
            pump.client.request("START")
        return len(pump.steps(pump.board.now_s - 0.3)), pump.is_enabled()

    assert in_fork(trial) == (0, False)
