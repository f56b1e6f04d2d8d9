"""What was measured on a board is stored whole, bounded, and makes the error go away."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from host_sim.board import Board
from host_sim.client import Client, Refused
from host_sim.flash import Flash
from host_sim.links import VirtualLink
from host_sim.power import PowerCut, Supply
from pump.app.calibrator import MISSING, Calibrator
from pump.core import calibration, units
from pump.core.crc import Crc16
from pump.hal import pinout
from titra.calibration import (
    CalibrationError,
    counts,
    dispense,
    in_force,
    is_in_force,
    order,
    sensor_line,
    step_volume,
    store,
)

DENSITY = 0.998
STEPS = some.integers(calibration.STEP_MIN_ULH_MS, calibration.STEP_MAX_ULH_MS)


def talk(board: Board, role: str = "maintenance") -> Client:
    client = Client(VirtualLink(board), role=role)
    client.hello()
    return client


def pump(gain: float = 1.0) -> tuple[Board, Client]:
    board = Board(1)
    board.line.set_gain(gain)
    board.run_self_test()
    return board, talk(board)


def restarted(board: Board) -> Client:
    resets = board.resets
    board.run_until(board.now_us + 1_000_000)
    assert board.resets == resets + 1
    board.run_self_test()
    return talk(board)


def delivered_ml(board: Board, client: Client, ml: float, rate: float = 600) -> tuple[float, int]:
    """True volume and steps of a run."""
    before = board.line.patient_ul
    steps = dispense(client, ml, rate, lambda ul: None)
    board.run_until(board.now_us + 3_000_000)
    return (board.line.patient_ul - before) / 1000, steps


# --- volume -----------------------------------------------------------------------------


@pytest.mark.req("L8", "L14")
@pytest.mark.parametrize("gain", [0.92, 1.07])
def test_after_a_weighed_run_the_true_volume_is_what_was_ordered(gain):
    board, client = pump(gain)
    ml, steps = delivered_ml(board, client, 10)
    assert abs(ml / 10 - gain) < 0.01
    measured = step_volume(ml * DENSITY, steps, DENSITY)
    staged = store(client, [(calibration.VOLUME, measured.step_ulh_ms, 0)])
    client = restarted(board)
    assert is_in_force(client, staged)
    ml, steps = delivered_ml(board, client, 10)
    assert abs(ml - 10) < 0.05  # the roller's swing alone is more than half of it
    assert client.status()["delivered_ul"] in ("9999", "10000")
    assert steps == 10_000 * units.UL_IN_ULH_MS // measured.step_ulh_ms


@pytest.mark.req("L8", "L14")
@pytest.mark.parametrize("step", [calibration.STEP_MIN_ULH_MS, calibration.STEP_MAX_ULH_MS])
def test_at_both_ends_of_the_bounds_no_layer_trips(step):
    board, client = pump(step / units.STEP_ULH_MS)
    store(client, [(calibration.VOLUME, step, 0)])
    client = restarted(board)
    ml, _ = delivered_ml(board, client, 8, rate=600)
    assert abs(ml - 8) < 0.05
    assert client.status()["alarms"] == "0"


@pytest.mark.req("L8")
@given(volume_ul=some.integers(0, 2_000_000), step=STEPS)
def test_steps_of_a_measured_volume_are_exact(volume_ul, step):
    exact = Fraction(volume_ul * units.UL_IN_ULH_MS, step)
    assert units.steps_for_volume(volume_ul, step) == int(exact)
    assert units.nominal_for(volume_ul, step) == -(-volume_ul * units.STEP_ULH_MS // step)


@pytest.mark.req("L8")
@given(steps=some.integers(0, 14_300_000), step=STEPS)
def test_the_volume_of_measured_steps_is_exact(steps, step):
    assert units.volume_for_steps(steps, step) == steps * step // units.UL_IN_ULH_MS


@given(amount=some.integers(0, 2_000_000))
def test_a_nominal_step_is_what_it_was(amount):
    assert units.steps_for_volume(amount, units.STEP_ULH_MS) == amount * 64 // 10
    assert units.nominal_for(amount, units.STEP_ULH_MS) == amount


# --- pressure ---------------------------------------------------------------------------


def settle(board: Board, pa: float) -> None:
    board.line.vein_pa = board.line.bag_head_pa = pa
    board.run_until(board.now_us + 2_000_000)


def pressure_at_the_alarm(board: Board, client: Client) -> float:
    """True highest pressure when an occlusion at 60 kPa has stopped the motor."""
    client.load(order(20, 100))
    client.request("START")
    board.run_until(board.now_us + 5_000_000)
    board.line.down_occluded = True
    highest = 0.0
    for _ in range(6000):
        board.run_tick()
        highest = max(highest, board.line.down_pa)
        if client.link._board.application.controller.state not in (2, 3):
            break
    board.line.down_occluded = False
    return highest


@pytest.mark.req("L4")
def test_after_two_points_the_alarm_comes_at_the_true_pressure():
    def limit_of(board: Board) -> float:
        other = talk(board, "operator")
        return pressure_at_the_alarm(board, other)

    board, client = pump()
    errors = (8000.0, 0.94)
    for gpio in (pinout.PRESSURE_DOWN, pinout.PRESSURE_UP):
        board.sensor_errors[gpio] = errors
    settle(board, 0.0)
    low = counts(client)
    settle(board, 80_000.0)
    high = counts(client)
    parts = [(part, *sensor_line(low[i], 0.0, high[i], 80.0)) for i, part in enumerate((1, 2))]
    staged = store(client, parts)
    board.line.vein_pa, board.line.bag_head_pa = 1500.0, 6000.0
    client = restarted(board)
    assert is_in_force(client, staged) and in_force(client)["state"] == "CALIBRATED"
    inputs = board.application.inputs
    for pa in (0.0, 25_000.0, 70_000.0):
        settle(board, pa)
        assert abs(inputs.down_pa - pa) < 500 and abs(inputs.up_pa - pa) < 500
    board.line.vein_pa, board.line.bag_head_pa = 1500.0, 6000.0
    board.run_until(board.now_us + 2_000_000)
    right = limit_of(board)
    assert abs(right - 60_000) < 2500
    wrong, _ = pump()
    wrong.sensor_errors[pinout.PRESSURE_DOWN] = errors
    assert abs(limit_of(wrong) - 60_000) > 3000


# --- stored ------------------------------------------------------------------------------


@pytest.mark.req("L16")
def test_a_damaged_record_lets_nothing_start_until_maintenance_has_seen_to_it():
    board = Board(1)
    for what in (b"", b"\x01\x00", bytes(22), b"x" * 40):
        with board.flash.open("calibration", "wb") as file:
            file.write(what)
        board.planned_reset()
        board.run_self_test()
        client = talk(board)
        assert client.query("POST?")[:2] == ["FAILED", "CALIBRATION"]
        assert in_force(client)["state"] == "DAMAGED"
        with pytest.raises(Refused):
            client.load(order(10, 100))
            client.request("START")
    store(client, [(calibration.NOMINAL_ALL, 0, 0)])
    client = restarted(board)
    assert client.query("POST?")[0] == "PASSED"
    assert in_force(client)["state"] == "NOMINAL"


@pytest.mark.req("L16")
def test_without_a_record_it_runs_on_nominal_values_and_says_so():
    board = Board(1)
    board.flash.remove("calibration")
    board.planned_reset()
    board.run_self_test()
    client = talk(board)
    result, _, absent = client.query("POST?")
    assert result == "PASSED" and int(absent) >> 16 & 1
    assert in_force(client)["state"] == "NOMINAL"
    assert in_force(client)["step_ulh_ms"] == str(units.STEP_ULH_MS)


def test_only_maintenance_stores_and_only_between_infusions():
    board, client = pump()
    operator = talk(board, "operator")
    for verb in ("CALIBRATE", "CAL_COMMIT"):
        with pytest.raises(Refused, match="NOT_ALLOWED"):
            operator.request(verb, *([0, 562_500, 0] if verb == "CALIBRATE" else [0]))
    client = talk(board)
    client.load(order(10, 100))
    with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
        client.request("CALIBRATE", 0, 562_500, 0)
    client.request("START")
    client.receive(1.0)
    with pytest.raises(Refused, match="MOTOR_ON"):
        client.request("CALIBRATE", 0, 562_500, 0)


@pytest.mark.parametrize(
    "part",
    [(0, 506_249, 0), (0, 618_750, 1), (1, 21_920 - 2193, 4672), (2, 21_920 + 2193, 4672),
     (1, 21_920, 4672 - 468), (2, 21_920, 4672 + 468)],
)  # fmt: skip
def test_what_no_sound_part_can_be_is_refused_and_nothing_is_stored(part):
    board, client = pump()
    with pytest.raises(Refused, match="CALIBRATION_BOUNDS"):
        client.request("CALIBRATE", *part)
    with pytest.raises(Refused, match="RX_CHECKSUM"):
        client.request("CAL_COMMIT", 1)
    assert board.resets == 0


class Store:
    """The flash store of the firmware in its steps, on a littlefs."""

    def __init__(self, flash: Flash):
        self.flash = flash
        self.crc = Crc16()

    def read(self, name, buffer):
        try:
            with self.flash.open("/" + name, "rb") as file:
                data = file.read()
        except OSError:
            return MISSING
        n = len(data) - 2
        if n != len(buffer) or self.crc.of(data, n) != int.from_bytes(data[n:], "little"):
            return -2
        buffer[:] = data[:n]
        return n

    def write(self, name, buffer, n):
        data = bytes(buffer[:n]) + self.crc.of(buffer, n).to_bytes(2, "little")
        file = self.flash.open(f"/{name}.new", "wb")
        file.write(data)
        file.close()
        self.flash.rename(f"/{name}.new", f"/{name}")
        return True


@pytest.mark.req("L19")
def test_a_power_cut_within_the_write_leaves_the_old_or_the_new_one():
    journal = SimpleNamespace(day=9000, date_known=True, note=lambda *what: None)
    writer = SimpleNamespace(length=0, data=b"", begin=lambda: None, number=lambda n: None,
                             field=lambda n: None, field_text=lambda n: None)  # fmt: skip

    def keep(flash: Flash, step: int) -> None:
        made = Calibrator(Store(flash), journal, None)
        assert made.stage(calibration.VOLUME, step, 0) == 0
        assert made.commit(made.checksum(writer), writer, 3) == 0

    first = Flash(Supply())
    keep(first, 550_000)
    old = tuple(first.chip.blocks)
    before = first.supply.written
    keep(first, 600_000)
    found = set()
    for n in range(first.supply.written - before):
        flash = Flash(Supply(), old)
        flash.supply.cut_after(n)
        with pytest.raises(PowerCut):
            keep(flash, 600_000)
        flash.supply.restore()
        flash.power_on()
        after = Calibrator(Store(flash), journal, None)
        assert after.state == calibration.IS_CALIBRATED
        found.add(after.in_force.step_ulh_ms)
    assert found <= {550_000, 600_000} and 550_000 in found


# --- what a person gets wrong ------------------------------------------------------------


@pytest.mark.parametrize(
    ("weighed", "steps", "density", "says"),
    [(4.9, 32_000, 0.998, "at least 5 mL"), (25.0, 128_000, 0.998, "within 10 %"),
     (20.0, 128_000, 9.98, "density"), (float("nan"), 128_000, 0.998, "at least"),
     (-20.0, 128_000, 0.998, "at least")],
)  # fmt: skip
def test_a_weighing_that_cannot_be_is_told_in_a_line(weighed, steps, density, says):
    with pytest.raises(CalibrationError, match=says):
        step_volume(weighed, steps, density)


@pytest.mark.parametrize(
    ("points", "says"),
    [((1370, 0, 1640, 19.7), "20 or more"), ((1370, 0, 1370, 80), "no more"),
     ((1370, 0, 2200, 80), "gain"), ((1600, 0, 2696, 80), "zero")],
)  # fmt: skip
def test_two_points_that_cannot_be_are_told_in_a_line(points, says):
    with pytest.raises(CalibrationError, match=says):
        sensor_line(*points)
