"""``titra`` as a person uses it: exit codes, JSON, files, replay."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

import pump

TITRA = Path(sys.executable).parent / "titra"

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
@pytest.mark.req("L7")
def test_an_infusion_cut_short_by_a_reset_is_exit_code_4(titra, short_order):
    done = titra("simulate", short_order, "--json", "--fault", "reset@5m")
    assert done.returncode == ALARM
    figures = json.loads(done.stdout)
    assert figures["resets"] == 1
    assert figures["state"] == "ALARM_STOPPED"
    assert [alarm["id"] for alarm in figures["alarms"]] == ["INTERRUPTED"]
    assert figures["delivered_ml"] < 10
    assert 0 <= figures["recovered_ml"] - figures["delivered_ml"] <= 1


@pytest.mark.req("M21")
def test_a_trace_is_replayed_and_a_changed_firmware_is_pointed_at(
    titra, tiny_order, tmp_path, monkeypatch
):
    assert titra("simulate", tiny_order, "--quiet", "--out", "run").returncode == DONE
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


@pytest.mark.parametrize(
    ("where", "number"),
    [
        (("program", "vtbi_ul"), 1000.5),
        (("program", "rungs"), [[60_000.5, 1800]]),
        (("program", "cap_ul_h"), "60000"),
        (("bag_ul",), 30_000.0),
        (("seed",), 1e3),
        (("seed",), True),
        (("faults",), [{"name": "reset", "at_ms": 0.5, "duration_ms": 0, "value": None}]),
    ],
)
def test_a_number_in_a_trace_that_is_not_whole_is_refused_by_name(
    short_order, tmp_path, where, number
):
    """In the same process: nothing is run."""
    from host_sim.trace import TraceError
    from titra.replay import replay
    from titra.simulate import compile_order

    head = compile_order(str(short_order), 1, date.today(), (), 0).header()
    place = head
    for name in where[:-1]:
        place = place[name]
    place[where[-1]] = number
    path = tmp_path / "trace.jsonl"
    path.write_text(json.dumps(head) + "\n")
    with pytest.raises(TraceError, match="line 1: [a-z_]+: .*, expected a whole number") as error:
        replay(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ("simulate", "ORDER", "--fault", "no-such@5m"),
        ("simulate", "ORDER", "--fault", "door-open"),
        ("simulate", "ORDER", "--seed", "x"),
        ("simulate", "no-such-file"),
        ("plan", "no-such-file"),
        ("replay", "no-such-file"),
        ("log", "socket://127.0.0.1:9"),
    ],
    ids=" ".join,
)
def test_json_is_one_document_whatever_is_wrong(titra, order, arguments):
    words = [str(order()) if word == "ORDER" else word for word in arguments]
    done = titra(*words, "--json")
    assert done.returncode in (WRONG_INPUT, NO_DEVICE)
    assert isinstance(json.loads(done.stdout), dict)
    assert done.stderr


@pytest.fixture
def served():
    """The port of a simulated board that is served; it comes when it answers."""
    arguments = [TITRA, "serve", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("serving on socket://"), line
            yield line.split()[-1]
        finally:
            process.terminate()


@pytest.mark.req("L19")
def test_a_served_board_is_looked_at_and_its_log_verified(titra, served, tmp_path):
    done = titra("monitor", served, "--once")
    assert done.returncode == DONE, done.stderr
    # Its self-test has passed before it was served; whoever looks is nobody.
    assert "IDLE" in done.stdout
    assert "self-test" not in done.stdout
    assert "observer" in done.stdout
    done = titra("log", served, "--json", "--out", tmp_path / "log.csv")
    assert done.returncode == DONE, done.stderr
    log = json.loads(done.stdout)
    assert log["chain_ok"] is True
    assert [record["name"] for record in log["records"]][-2:] == ["POST", "STATE"]
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert len(lines) == 1 + len(log["records"])


def test_no_device_is_exit_code_5(titra, tmp_path):
    for port in ("socket://127.0.0.1:9", tmp_path / "no-tty", "sn:NOPE", "auto"):
        done = titra("monitor", port, "--once")
        assert done.returncode == NO_DEVICE, port
        assert done.stderr.count("\n") == 1, done.stderr
        assert "Traceback" not in done.stderr
