"""The ten minutes of docs/bench.md: six jumpers, steps, and the alarm of each jumper."""

from __future__ import annotations

import pytest
from bare_bench import BareBench

from host_sim.bare_board import BENCH_JUMPERS
from host_sim.client import Client
from host_sim.links import VirtualLink
from pump.core.event_log import ON_BENCH, STORAGE
from pump.hal import pinout
from titra import wiring
from titra.event_log import read_log
from titra.walk import NotABench, prepare, walk

STOP_US = 50_000  # L2
# 120 mL/h at 6400 steps per mL.
STEPS_PER_S = 213


def last_step_after(on: BareBench, since_us: int) -> int:
    return on.board.last_edge_us - since_us


@pytest.mark.req("L27")
def test_with_six_jumpers_a_board_delivers_and_shows_it(bench):
    assert bench.absent() == {"STORAGE", "CLOCK", "DATE"}
    assert bench.client.query("FITTED?")[5] == "1"
    bench.start()
    assert bench.state() == "INFUSING"
    assert abs(bench.edges_in(10) - 10 * STEPS_PER_S) <= 10
    assert bench.board.levels[pinout.ENABLE] == 1
    assert bench.board.levels[pinout.LAMP_GREEN] == 1
    assert bench.alarms() == set()
    seen = set()
    for _ in range(40):
        bench.run(0.05)
        seen.add(bench.board.lit)
    assert seen == {True, False}


@pytest.mark.req("L27")
def test_it_says_so_at_boot_and_in_the_log(bench):
    boots = [pushed for pushed in bench.client.pushed if pushed.mark == "!B"]
    assert [pushed.fields["bench"] for pushed in boots] == ["1"]
    records = read_log(bench.client).records
    assert [record.code & ON_BENCH for record in records if record.kind == STORAGE] == [ON_BENCH]


@pytest.mark.req("L27")
@pytest.mark.parametrize(
    ("jumper", "alarm"),
    [(pinout.DOOR, "DOOR_OPEN"), (pinout.FLUID, "AIR_IN_LINE"), (pinout.STEP, "FLOW_DEVIATION")],
)
def test_pulling_a_jumper_raises_its_alarm_and_stops(bench, jumper, alarm):
    bench.start()
    pulled_us = bench.board.now_us
    bench.board.pull_out(jumper)
    bench.run(6)
    assert bench.state() == "ALARM_STOPPED"
    assert alarm in bench.alarms()
    assert bench.board.levels[pinout.ENABLE] == 0
    assert any(name == "SOUND" and level for _, name, level in bench.pins if _ > pulled_us)
    if jumper == pinout.DOOR:
        assert last_step_after(bench, pulled_us) <= STOP_US
    # Put in again, and on again.
    bench.board.put_in(jumper)
    bench.run(1)
    bench.client.request("RESET")
    bench.client.request("RESUME")
    bench.run(5)
    assert bench.state() == "INFUSING"


@pytest.mark.req("L27")
def test_pulling_the_stop_key_stops_like_the_key(bench):
    bench.start()
    pulled_us = bench.board.now_us
    bench.board.pull_out(pinout.STOP_KEY)
    bench.run(1)
    assert bench.state() == "STOPPED"
    assert last_step_after(bench, pulled_us) <= STOP_US


@pytest.mark.req("L27")
def test_pulling_the_supply_is_an_alarm_that_goes_on_delivering(bench):
    bench.start()
    bench.board.pull_out(pinout.SUPPLY_GOOD)
    bench.run(3)
    assert "BATTERY_LOW" in bench.alarms()
    assert bench.state() == "INFUSING"


@pytest.mark.req("L27")
def test_pulling_the_sounder_is_found_at_the_next_sound(bench):
    bench.start()
    bench.board.pull_out(pinout.SOUNDER)
    bench.board.pull_out(pinout.DOOR)
    bench.run(3)
    assert {"DOOR_OPEN", "SOUNDER_FAULT"} <= bench.alarms()


@pytest.mark.req("L27")
def test_a_converter_at_3v3_is_an_occlusion(bench):
    bench.start()
    bench.board.put_in(pinout.PRESSURE_DOWN)
    bench.run(0.5)
    assert "DOWNSTREAM_OCCLUSION" in bench.alarms()
    bench.board.pull_out(pinout.PRESSURE_DOWN)
    bench.run(5)
    assert bench.state() == "ALARM_STOPPED"


@pytest.mark.req("L27")
@pytest.mark.parametrize("part", ["fram", "clock", "down", "up", "thermistor", "no-usb"])
def test_the_stand_ins_are_refused_where_a_part_of_a_pump_answers(part):
    on = BareBench(jumpers=BENCH_JUMPERS, is_bench=True)
    on.board.fit(part)
    on.board.plug_in()
    on.client = Client(VirtualLink(on.board))
    on.run(1)
    on.client.hello()
    assert on.client.query("FITTED?")[5] == "2"
    assert on.board.application.bench is None
    # The jumper at STEP is what a pump never has.
    assert on.client.query("POST?")[:2] == ["FAILED", "COUNTERS"]
    assert on.state() == "FAULT"


@pytest.mark.req("L27")
def test_the_jumpers_of_the_walk_are_those_of_the_page():
    assert {wiring.gpio_of(begin) for begin, _, _, _ in wiring.JUMPERS} == set(BENCH_JUMPERS)


@pytest.mark.req("L27")
def test_the_walk_goes_to_its_end_with_every_jumper_pulled_on_the_way(bench):
    """What ``titra walk`` does, and a person who pulls one jumper after the other."""
    pulled = [pinout.DOOR, pinout.FLUID, pinout.STOP_KEY, pinout.STEP]
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        # Well under way, and not for the first time.
        if pulled and line.startswith("INFUSING") and " 120.0 mL/h" in line:
            bench.board.pull_out(pulled[0])

    def put_back() -> None:
        bench.board.put_in(pulled.pop(0))
        bench.run(1)

    assert walk(bench.client, say, put_back) == "COMPLETE"
    assert pulled == []
    for alarm in ("DOOR_OPEN", "AIR_IN_LINE", "FLOW_DEVIATION", "INFUSION_COMPLETE"):
        assert any(alarm in line for line in said), said
    # To the step, but for those that FLOW_DEVIATION did not see turn.
    assert bench.steps() >= 3 * 6400
    assert bench.board.levels[pinout.ENABLE] == 0


@pytest.mark.req("L27")
def test_the_walk_refuses_a_board_that_is_not_on_stand_ins(bare):
    with pytest.raises(NotABench, match="not in the bench configuration"):
        prepare(bare.client)
    assert bare.steps() == 0
