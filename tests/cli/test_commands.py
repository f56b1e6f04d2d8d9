"""``titra`` as a person uses it: exit codes, JSON, files, replay."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import pump

DONE, FAILED, WRONG_INPUT, ALARM, NO_DEVICE = 0, 1, 2, 4, 5


def test_help_names_every_command_and_says_what_this_is_not(titra):
    done = titra("--help")
    assert done.returncode == DONE
    assert "not a medical device" in done.stdout
    for name in ("plan", "simulate", "serve", "replay", "monitor"):
        assert f"  {name} " in done.stdout


def test_every_fault_is_listed_with_a_line(titra):
    done = titra("simulate", "--list-faults")
    assert done.returncode == DONE
    lines = done.stdout.splitlines()
    assert len(lines) >= 18
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


@pytest.mark.req("M20", "M21")
def test_an_infusion_is_delivered_and_reported(titra, short_order, tmp_path):
    done = titra("simulate", short_order, "--json", "--out", tmp_path / "run")
    assert done.returncode == DONE, done.stderr
    figures = json.loads(done.stdout)
    assert figures["state"] == "COMPLETE"
    assert figures["delivered_ml"] == pytest.approx(50.0, abs=0.00015625)
    assert figures["max_rate_ml_h"] <= figures["cap_ml_h"]
    assert [alarm["id"] for alarm in figures["alarms"]] == ["INFUSION_COMPLETE"]
    assert figures["alarms"][0]["stopped_s"] is None
    for before, after in zip(figures["rungs"], figures["rungs"][1:], strict=False):
        assert after["entered_s"] - before["at_rate_s"] >= 30 * 60 - 1
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "report.html",
        "summary.json",
        "trace.jsonl",
    ]
    assert figures["report"] == str(tmp_path / "run" / "report.html")


@pytest.mark.req("M21")
def test_an_alarm_that_stops_the_infusion_is_exit_code_4(titra, short_order, tmp_path):
    done = titra(
        "simulate", short_order, "--json", "--out", tmp_path / "run", "--fault", "door-open@5m"
    )
    assert done.returncode == ALARM
    (alarm,) = json.loads(done.stdout)["alarms"]
    assert alarm["id"] == "DOOR_OPEN"
    assert alarm["priority"] == "HIGH"
    assert alarm["raised_s"] == pytest.approx(300, abs=0.05)
    assert alarm["stopped_s"] - 300 <= 0.05


@pytest.mark.req("F34")
def test_an_infusion_cut_short_by_a_reset_is_no_success(titra, short_order):
    done = titra("simulate", short_order, "--json", "--fault", "reset@5m")
    assert done.returncode == FAILED
    figures = json.loads(done.stdout)
    assert figures["resets"] == 1
    assert figures["delivered_ml"] < 10


@pytest.mark.req("M21")
def test_a_trace_is_replayed_and_a_changed_firmware_is_pointed_at(
    titra, short_order, tmp_path, monkeypatch
):
    assert titra("simulate", short_order, "--quiet", "--out", "run").returncode == DONE
    trace = tmp_path / "run" / "trace.jsonl"
    same = titra("replay", trace)
    assert same.returncode == DONE
    assert same.stdout.startswith("identical: ")
    # The same firmware with another slew, in a copy.
    copy = tmp_path / "changed"
    shutil.copytree(Path(pump.__file__).parent, copy / "pump")
    ramp = copy / "pump" / "core" / "rate_ramp.py"
    text = ramp.read_text()
    assert "rate += total // 1000" in text
    ramp.write_text(text.replace("rate += total // 1000", "rate += total // 900"))
    monkeypatch.setenv("PYTHONPATH", str(copy))
    other = titra("replay", trace, "--json")
    assert other.returncode == FAILED
    outcome = json.loads(other.stdout)
    assert outcome["identical"] is False
    assert outcome["firmware_changed"] is True
    # A rise that is a tenth too steep shows within the first rise.
    assert outcome["difference"]["t_s"] < 60
    assert outcome["difference"]["fields"]


def test_a_broken_trace_is_one_line_and_exit_code_2(titra, tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_text('{"format":"titra-trace/1"}\nno json\n')
    done = titra("replay", path)
    assert done.returncode == WRONG_INPUT
    assert done.stderr == f"titra replay: {path}: line 2: not JSON\n"
    path.write_text('{"format":"titra-trace/1"}\n')
    assert "header is not whole" in titra("replay", path).stderr
    assert "is a directory" in titra("replay", tmp_path).stderr


def test_no_device_is_exit_code_5(titra, tmp_path):
    for port in ("socket://127.0.0.1:9", tmp_path / "no-tty", "sn:NOPE", "auto"):
        done = titra("monitor", port, "--once")
        assert done.returncode == NO_DEVICE, port
        assert done.stderr.count("\n") == 1, done.stderr
        assert "Traceback" not in done.stderr
