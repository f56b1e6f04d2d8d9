"""F16: cold, noise or a slow sensor during the self-test, and what is truly broken."""

from random import Random

import pytest
from pump_bench import Bedside

from host_sim.board import POWER_ON, Board
from host_sim.client import Client
from host_sim.faults import BY_NAME, Bench
from host_sim.links import VirtualLink
from pump.hal import pinout

LIMIT_US = 10_000_000
SEEDS = 50


def self_test(board: Board) -> tuple[str, str, int]:
    """(result, item, us) of a self-test that begins now."""
    board.reset(POWER_ON)
    began_us = board.now_us
    board.run_self_test(20_000_000)
    client = Client(VirtualLink(board), key=None)
    result, item, _ = client.query("POST?")
    return result, item, board.now_us - began_us


@pytest.mark.req("F16", "L16")
def test_fifty_sound_pumps_in_the_cold_and_with_noise_pass():
    for seed in range(SEEDS):
        rng = Random(seed)
        board = Board(seed)
        board.osc_permille = rng.randrange(900, 1100)
        board.rtc_ppm = rng.randrange(-100, 101)
        board.supply.forced_mv = rng.choice((4700.0, 5000.0, 5250.0))
        board.look_at_supply()
        board.driver.celsius = rng.choice((2.0, 5.0, 20.0, 40.0))
        board.line.vein_pa = rng.choice((-500.0, 0.0, 1500.0, 4000.0))
        board.line.bag_head_pa = rng.choice((2000.0, 6000.0, 9000.0))
        if seed % 3 == 0:
            bench = Bench(board, VirtualLink(board))
            BY_NAME["pressure-sensor-noisy"].begin(bench, 0)
            BY_NAME["up-pressure-sensor-late"].begin(bench, 300)
        result, item, us = self_test(board)
        assert result == "PASSED", (seed, item)
        assert us <= LIMIT_US, seed


BROKEN = {
    "sounder-dead": "SOUNDER",
    "sounder-stuck-on": "SOUNDER",
    "timer-dead": "GUARD",
    "timer-exception": "GUARD",
    "enable-stuck-low": "DEAD_MAN",
    "rtc-dead": "CLOCK",
    "motor-creep": "MOTOR_AT_REST",
    "air-sensor-stuck": "AIR_DETECTOR",
    "flash-bit-flip": "IMAGE",
}


@pytest.mark.req("F16", "L16")
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_one_stops_at_its_item_names_it_and_lets_nothing_start(fault):
    bed = Bedside(seed=3)
    bed.fault(fault)
    result, item, us = self_test(bed.board)
    assert (result, item) == ("FAILED", BROKEN[fault])
    assert us <= LIMIT_US
    board = bed.board
    board.run_until(board.now_us + 200_000)
    assert bed.state() == "FAULT"
    before = board.step_edges
    board.run_until(board.now_us + 3_000_000)
    assert board.step_edges == before
    assert not bed.is_enabled()


@pytest.mark.req("F16", "F35")
def test_an_enable_that_is_shorted_high_never_passes_and_gets_no_pulse():
    """The guard trips on it, so the watchdog is not fed and the board boots again
    and again: nothing is ever driven, and nothing can be started."""
    bed = Bedside(seed=3)
    bed.fault("enable-stuck-high")
    board = bed.board
    board.reset(POWER_ON)
    before = board.step_edges
    results = set()
    for _ in range(150):
        board.run_until(board.now_us + 100_000)
        if board.application is not None:
            results.add(board.application.self_test.result)
    assert 1 not in results  # PASSED
    assert board.step_edges == before
    assert board.line.motor_steps == 0


@pytest.mark.req("F16")
def test_the_first_failure_ends_it():
    bed = Bedside(seed=3)
    bed.fault("sounder-dead")
    bed.fault("enable-stuck-low")
    assert self_test(bed.board)[1] == "DEAD_MAN"
    bed.undo("enable-stuck-low")
    assert self_test(bed.board)[1] == "SOUNDER"
    bed.undo("sounder-dead")
    assert self_test(bed.board)[0] == "PASSED"


@pytest.mark.req("F16")
def test_what_is_not_fitted_fails_nothing_but_is_named():
    bed = Bedside(seed=3)
    bed.fault("pressure-sensor-absent")
    bed.fault("fram-absent")
    bed.board.open_door(True)
    bed.board.press(pinout.OK_KEY, True)
    assert self_test(bed.board)[0] == "PASSED"
    absent = int(bed.client.query("POST?")[2])
    assert bin(absent).count("1") == 4
