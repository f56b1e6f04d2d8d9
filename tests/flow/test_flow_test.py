"""From a balance, or from the simulated plant, to both curves and their files."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil_tests.flow import curves, plant_run
from hil_tests.flow.balance import record
from hil_tests.flow.curves import Conditions
from hil_tests.flow.simulated_balance import Pan, SimulatedBalance
from titra import exit_codes
from titra.commands import trumpet
from titra.flow_curves import flow_test, write

pytestmark = pytest.mark.req("M22")

TITRA = Path(sys.executable).parent / "titra"


def weighed(bench, clock, pan, conditions=None, rate=60.0, **more):
    """Two hours on the balance, in virtual time, through the serial line."""
    conditions = conditions or Conditions()
    _, reader = bench(pan, **more)
    readings = record(reader, 120, curves.SAMPLE_S, clock.sleep, clock.now)
    points = [(reading.t_s, reading.grams) for reading in readings]
    digit = readings[0].readability_g
    return flow_test(rate, points, conditions, digit, False, {"Balance": reader.serial_number})


def grams(conditions, rate):
    """What ``rate`` mL/h brings onto the pan, nothing lost."""
    return lambda t_s: rate * t_s / 3600 / conditions.ml_per_g


def test_water_at_60_ml_h_is_weighed_as_60_ml_h_to_the_last_digit(bench, clock):
    made = weighed(bench, clock, Pan(grams(Conditions(), 60.0)))
    assert made.volumes_ml[-1] == pytest.approx(120.0, abs=0.02)
    for row in made.trumpet.windows:
        digit = made.resolution_percent(row.window_min) * 1.01
        assert -digit <= row.min_percent <= row.max_percent <= digit


def test_evaporation_is_an_error_until_it_is_given(bench, clock):
    pan = Pan(grams(Conditions(), 60.0), evaporation_g_h=0.6)
    lost = weighed(bench, clock, pan)
    assert lost.trumpet.overall_percent == pytest.approx(-1.0, abs=0.03)
    clock.t_s = 0.0
    given = weighed(bench, clock, pan, Conditions(evaporation_g_h=0.6))
    assert given.trumpet.overall_percent == pytest.approx(0.0, abs=0.03)


def test_a_fluid_that_is_not_water_is_an_error_until_its_density_is_given(bench, clock):
    immunoglobulin = Conditions(density_g_ml=1.03)
    pan = Pan(grams(immunoglobulin, 60.0))
    assert weighed(bench, clock, pan).trumpet.overall_percent == pytest.approx(3.2, abs=0.05)
    clock.t_s = 0.0
    made = weighed(bench, clock, pan, immunoglobulin)
    assert made.trumpet.overall_percent == pytest.approx(0.0, abs=0.03)


def test_noise_of_the_balance_widens_the_short_windows_most(bench, clock):
    made = weighed(bench, clock, Pan(grams(Conditions(), 60.0), noise_g=0.02, drift_g_h=0.05))
    widths = [row.max_percent - row.min_percent for row in made.trumpet.windows]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 1.0


def test_the_files_hold_what_was_measured(bench, clock, tmp_path):
    made = weighed(bench, clock, Pan(grams(Conditions(), 60.0)))
    page = write(made, tmp_path / "out").read_text()
    assert page.count("<svg") == 4
    assert "http" not in page
    assert "It is not a medical device" in page
    assert "fixes no accuracy" in page

    def rows(name):
        with open(tmp_path / "out" / name, newline="") as file:
            return list(csv.DictReader(file))

    flow = rows("flow.csv")
    assert len(flow) == 241
    assert float(flow[-1]["minute"]) == 120.0
    assert sum(float(row["flow_ml_h"]) for row in flow[1:]) / 120 == pytest.approx(
        float(flow[-1]["volume_ml"])
    )
    assert [int(row["window_min"]) for row in rows("trumpet.csv")] == [2, 5, 11, 19, 31]
    assert len(rows("readings.csv")) == 241


# --- the plant in simulation ---------------------------------------------------------------


def test_the_firmware_on_the_simulated_plant_gives_the_same_curves():
    """Four minutes instead of two hours; the plant's gain of its own is within 1 %."""
    samples = plant_run.deliver(120_000, 4, 10.0, seed=3)
    volumes = curves.volumes(curves.on_grid(samples, 4, 10.0), curves.VOLUME, 10.0)
    flow = curves.start_up(volumes, 10.0)
    # 1 mL/h per second up: 5 mL/h on average in the first ten, 120 after two minutes.
    assert flow[0] == pytest.approx(5.0, abs=1.0)
    assert flow[:12] == sorted(flow[:12])
    made = curves.trumpet(volumes, 120.0, 10.0, (3, 4), (1,))
    assert made.overall_percent == pytest.approx(0.0, abs=1.5)


def test_a_pump_that_stops_makes_no_curve(monkeypatch):
    board_of = plant_run.Board

    def occluded(seed, bag_ul):
        board = board_of(seed, bag_ul)
        board.at(60_000_000, lambda: setattr(board.line, "down_occluded", True))
        return board

    monkeypatch.setattr(plant_run, "Board", occluded)
    with pytest.raises(plant_run.PlantRunError, match="raised DOWNSTREAM_OCCLUSION"):
        plant_run.deliver(120_000, 4, 10.0)


@pytest.mark.nightly
@pytest.mark.parametrize("rate", [1.0, 35.0, 350.0])
def test_two_hours_on_the_simulated_plant_are_within_its_own_gain(rate):
    samples = plant_run.deliver(int(rate * 1000), 120, curves.SAMPLE_S, seed=1)
    made = flow_test(rate, samples, curves.VOLUME, 0.0, True, {})
    assert abs(made.trumpet.overall_percent) <= 1.05
    # The mechanism swings by 3 % around its mean, over 25 uL.
    assert all(abs(row.max_percent) <= 4.1 >= abs(row.min_percent) for row in made.trumpet.windows)


# --- the command -----------------------------------------------------------------------------


def titra(*arguments, cwd):
    return subprocess.run(
        [str(TITRA), "trumpet", *map(str, arguments)],
        cwd=cwd,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_weighs_for_two_hours_and_writes_its_files(clock, tmp_path, monkeypatch):
    def weigh(balance, _sleep, _now):
        balance._now = clock.now
        return record(balance, 120, curves.SAMPLE_S, clock.sleep, clock.now)

    monkeypatch.setattr(trumpet, "weigh", weigh)
    pan = Pan(grams(Conditions(), 60.0))
    with SimulatedBalance(pan, clock.now) as simulated:
        arguments = ["60", "--balance", simulated.port, "--json", "--out", str(tmp_path / "out")]
        # Enter, once the pump has been started.
        done = CliRunner().invoke(trumpet.command, arguments, input="\n")
    told = json.loads(done.stdout)
    assert told["simulated"] is False
    assert told["about"]["Balance"] == "serial number B123456789"
    assert told["overall_percent"] == pytest.approx(0.0, abs=0.03)
    assert Path(told["report"]).exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("0.05",), exit_codes.WRONG_INPUT, "rate: 0.05 mL/h, expected 0.1 to 1200"),
        (("nan",), exit_codes.WRONG_INPUT, "rate: nan mL/h"),
        (("1100",), exit_codes.WRONG_INPUT, "expected 0.1 to 999.5 for 120 min"),
        (("gone.toml",), exit_codes.WRONG_INPUT, "gone.toml: neither a rate in mL/h nor a file"),
        (("10", "--balance", "/dev/none"), exit_codes.NO_DEVICE, "is the balance plugged in?"),
        (
            ("10", "--balance", "/dev/none", "--density", "1000"),
            exit_codes.WRONG_INPUT,
            "density_g_ml: 1000, expected 0.9 to 1.3",
        ),
        (("10", "--balance", "x", "--sim"), exit_codes.WRONG_INPUT, "expected one of them"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(tmp_path, arguments, code, words):
    done = titra(*arguments, "--json", cwd=tmp_path)
    assert done.returncode == code
    assert words in json.loads(done.stdout)["error"][0]
    assert words in done.stderr
    assert not (tmp_path / "out").exists()
