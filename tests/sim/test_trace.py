"""Traces: the same run twice is the same bytes; a change of the firmware shows where."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pump_bench import program

import pump
from host_sim.faults import FaultSpec
from host_sim.simulation import Person, RunSpec, Simulation
from host_sim.trace import TraceError, read_trace
from titra.replay import replay
from titra.summary import summarize

# Three minutes: a ramp, a door that opens and closes, a person who resets it.
SPEC = RunSpec(
    program=program((60_000, 600), ml=2),
    person=Person(actions=((45_000, "reset"), (50_000, "resume"), (70_000, "stay"))),
    faults=(FaultSpec("door-open", 30_000, 5_000), FaultSpec("link-silent", 60_000, 20_000)),
    seed=5,
)
FIRMWARE = Path(pump.__file__).parent.parent
ROOT = FIRMWARE.parent
REPLAY = (
    "import json, sys; from pathlib import Path; import pump; from titra.replay import replay;"
    "outcome = replay(Path(sys.argv[1]));"
    "print(json.dumps({'pump': pump.__file__, **outcome.document()}))"
)


def trace_text(spec: RunSpec) -> str:
    simulation = Simulation(spec)
    simulation.run()
    return simulation.recorder.text()


@pytest.fixture(scope="module")
def trace(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("trace") / "trace.jsonl"
    path.write_text(trace_text(SPEC), encoding="utf-8")
    return path


def test_the_run_is_one_that_says_something(trace):
    header, records, _ = read_trace(trace)
    summary = summarize(header, records)
    assert summary.state == "COMPLETE"
    assert summary.delivered_ml == 2
    assert [alarm.id for alarm in summary.alarms] == ["DOOR_OPEN", "INFUSION_COMPLETE"]


@pytest.mark.req("M21")
def test_the_same_spec_and_seed_give_the_same_bytes(trace):
    assert trace_text(SPEC).encode() == trace.read_bytes()


@pytest.mark.req("M21")
def test_another_seed_gives_other_bytes(trace):
    assert trace_text(RunSpec(**{**vars(SPEC), "seed": 6})).encode() != trace.read_bytes()


@pytest.mark.req("M21")
def test_a_run_in_another_process_gives_the_same_bytes(trace):
    """Nothing of it hangs on hash seeds, addresses, or the time of day."""
    outcome = replay_with(FIRMWARE, trace, PYTHONHASHSEED="77", TZ="Asia/Kolkata")
    assert outcome["identical"]


@pytest.mark.req("M21")
def test_records_stand_in_order_of_time(trace):
    _, records, _ = read_trace(trace)
    times = [record["us"] for record in records]
    assert times == sorted(times)


# --- replay ----------------------------------------------------------------------------------


def replay_with(firmware: Path, trace: Path, **environment: str) -> dict:
    """What `titra.replay` makes of ``trace`` with another copy of the firmware."""
    path = os.pathsep.join(map(str, (firmware, ROOT, ROOT / "tools", ROOT / "host_sim" / "shim")))
    done = subprocess.run(
        [sys.executable, "-c", REPLAY, str(trace)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert Path(outcome["pump"]).is_relative_to(firmware)
    return outcome


@pytest.fixture
def changed_firmware(tmp_path):
    """A copy of the firmware in which one text has been replaced by another."""

    def change(file: str, old: str, new: str) -> Path:
        copy = tmp_path / "firmware"
        shutil.copytree(FIRMWARE, copy)
        path = copy / "pump" / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is no longer in {file}"
        path.write_text(text.replace(old, new))
        return copy

    return change


@pytest.mark.req("M21")
def test_a_replay_is_identical_to_its_trace(trace):
    outcome = replay(trace)
    assert outcome.is_identical
    assert not outcome.firmware_changed
    assert outcome.records > 100
    assert outcome.lines()[0].startswith("identical")


@pytest.mark.req("M21")
def test_a_change_that_changes_no_behaviour_is_identical_and_said_so(trace, changed_firmware):
    firmware = changed_firmware("core/limits.py", "from micropython", "# a word\nfrom micropython")
    outcome = replay_with(firmware, trace)
    assert outcome["identical"]
    assert outcome["firmware_changed"]


@pytest.mark.req("M21")
def test_the_first_difference_is_where_the_changed_firmware_first_does_otherwise(
    trace, changed_firmware
):
    """Telemetry a tenth slower: the first line that can show it is the second !T."""
    firmware = changed_firmware("app/telemetry.py", "_PERIOD_MS = const(1000)", "_PERIOD_MS = 1100")
    outcome = replay_with(firmware, trace)
    assert not outcome["identical"]
    assert outcome["firmware_changed"]
    _, _, lines = read_trace(trace)
    difference = outcome["difference"]
    first = difference["line"]
    assert difference["then"] == lines[first - 1]
    told = [number for number, line in enumerate(lines, 1) if '"pump":"!T' in line]
    assert first <= told[1]
    assert first > told[0]


@pytest.mark.req("M21")
def test_a_rate_that_ramps_otherwise_is_found_in_the_first_second_after_start(
    trace, changed_firmware
):
    firmware = changed_firmware(
        "core/rate_ramp.py", "rate += total // 1000", "rate += total // 1001"
    )
    outcome = replay_with(firmware, trace)
    assert not outcome["identical"]
    assert 0 <= outcome["difference"]["t_s"] <= 1.2
    assert outcome["difference"]["fields"]


@pytest.mark.req("M21")
def test_a_firmware_that_refuses_the_program_is_a_failure_of_the_replay(trace, changed_firmware):
    firmware = changed_firmware(
        "core/limits.py", "VTBI_MIN_UL = const(1000)", "VTBI_MIN_UL = const(9000)"
    )
    outcome = replay_with(firmware, trace)
    assert not outcome["identical"]
    assert "RX_VTBI" in outcome["failure"]


# --- broken traces -----------------------------------------------------------------------------


def broken(trace: Path, tmp_path: Path, number: int, line: str | None) -> Path:
    """The trace with line ``number`` replaced."""
    lines = trace.read_text().splitlines()
    lines[number - 1 : number] = [] if line is None else [line]
    path = tmp_path / "broken.jsonl"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("number", "line", "says"),
    [
        (1, "", "line 1: not JSON"),
        (1, "{}", "line 1: not a trace of format"),
        (1, '{"format":"titra-trace/0"}', "line 1: not a trace of format"),
        (1, '{"format":"titra-trace/1"}', "line 1: the header is not whole"),
        (1, None, "line 1: not a trace of format"),
        (2, "", "line 2: not JSON"),
        (7, "{", "line 7: not JSON"),
        (7, "[1]", "line 7: not a record"),
        (7, "12", "line 7: not a record"),
        (7, "null", "line 7: not a record"),
        (7, '{"pump":"!T"}', "line 7: record without a time"),
        (7, '{"us":"1"}', "line 7: record without a time"),
        (7, "[" * 100_000, "line 7: not JSON"),
    ],
)
def test_a_broken_line_is_named(trace, tmp_path, number, line, says):
    path = broken(trace, tmp_path, number, line)
    with pytest.raises(TraceError) as caught:
        replay(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "empty"), (b"\xff\xfe\x00", "not text"), (b"\n\n", "line 1: not JSON")],
)
def test_a_file_that_is_no_trace_is_said_so(tmp_path, content, says):
    path = tmp_path / "trace.jsonl"
    path.write_bytes(content)
    with pytest.raises(TraceError, match=says):
        replay(path)


def test_a_trace_that_is_not_there_or_is_a_folder_is_said_so(tmp_path):
    with pytest.raises(TraceError, match="No such file"):
        replay(tmp_path / "none")
    with pytest.raises(TraceError, match="directory"):
        replay(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("program", {}),
        ("program", None),
        ("seed", "x"),
        ("person", {"actions": [["x", "stop"]]}),
        ("faults", [{"name": "door-open"}]),
        ("faults", 7),
        ("bag_ul", None),
    ],
)
def test_a_header_with_a_broken_field_is_a_trace_error_of_line_1(trace, tmp_path, field, value):
    header = json.loads(trace.read_text().splitlines()[0])
    header[field] = value
    with pytest.raises(TraceError, match="line 1"):
        replay(broken(trace, tmp_path, 1, json.dumps(header)))


def test_a_trace_cut_off_in_the_middle_of_a_line_is_named(trace, tmp_path):
    text = trace.read_text()
    path = tmp_path / "cut.jsonl"
    path.write_text(text[: len(text) // 2])
    cut_at = text[: len(text) // 2].count("\n") + 1
    with pytest.raises(TraceError, match=f"line {cut_at}: not JSON"):
        replay(path)


@pytest.mark.req("M21")
def test_a_trace_that_ends_early_differs_where_it_ends(trace, tmp_path):
    lines = trace.read_text().splitlines()[:300]
    path = tmp_path / "short.jsonl"
    path.write_text("\n".join(lines))
    outcome = replay(path)
    assert outcome.difference
    assert outcome.difference.line == 301
    assert outcome.difference.then == "(the trace ends here)"


@pytest.mark.req("M21")
def test_a_record_that_was_changed_is_the_first_difference(trace, tmp_path):
    lines = trace.read_text().splitlines()
    number = next(i for i, line in enumerate(lines, 1) if i > 100 and '"edges"' in line)
    record = json.loads(lines[number - 1])
    record["edges"] += 1
    path = broken(trace, tmp_path, number, json.dumps(record, separators=(",", ":")))
    outcome = replay(path)
    assert outcome.difference
    assert outcome.difference.line == number
    assert [name for name, _, _ in outcome.difference.fields] == ["edges"]
