"""``titra flash`` against genuine MicroPython and the firmware that it starts."""

from __future__ import annotations

import json
import os
import stat
import time
from types import SimpleNamespace

import pytest
from board_rig import KEY, Rig, snapshot
from click.testing import CliRunner

import pump
from host_sim.client import Client, Program
from host_sim.links import SerialLink
from host_sim.simulator_key import SIMULATOR_KEY
from titra.commands.flash import command
from titra.flashing.image import KEPT, image

DONE, FAILED, WRONG_INPUT, REFUSED, NO_DEVICE = 0, 1, 2, 3, 5
PROGRAM = Program(10_000, 1000, 100, 70_000, 70_000, ((35_000, 600),))

pytestmark = pytest.mark.req("M23")


def put(rig: Rig, files: dict[str, bytes]) -> None:
    """``files`` as if they had been flashed; takes effect at the next start."""
    for path, data in files.items():
        target = rig.files / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


@pytest.fixture
def flashed(rig):
    """A board with this version and a device key, running."""
    put(rig, {**image(), "key": KEY})
    rig.power_cut()
    assert not rig.at_prompt
    return rig


def client(rig: Rig, key: bytes | None = KEY) -> Client:
    return Client(SerialLink(rig.port), key)


def test_an_empty_board_is_flashed_verified_and_started(rig, titra_flash, tmp_path):
    code, out, err = titra_flash(rig.port, "--new-key", "new-key", "--json")
    assert code == DONE, err
    document = json.loads(out)
    assert document["version"] == pump.VERSION and document["key"] == "set"
    assert document["self_test"]["result"] == "PASSED"
    key = tmp_path / "new-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    on_board = snapshot(rig.files)
    assert on_board.pop("key") == bytes.fromhex(key.read_text())
    assert {path: on_board[path] for path in image()} == image()
    assert set(on_board) - set(image()) <= KEPT
    assert not rig.enable_rose
    # Again: the firmware lets go when it is asked, and there is nothing to do.
    code, out, err = titra_flash(rig.port, "--key-file", key, "--json")
    assert code == DONE, err
    document = json.loads(out)
    assert document["written"] == [] and document["removed"] == []
    assert document["unchanged"] == len(image()) and document["key"] == "kept"
    assert rig.boots == 4 and not rig.at_prompt  # into the prompt, and out of it


def test_only_what_differs_is_written_and_the_boards_own_records_stay(
    flashed, titra_flash, key_file
):
    other = image()["pump/core/units.mpy"][:-1] + b"\0"
    # A calibration that is none would fail the self-test.
    records = {name: name.encode() for name in KEPT - {"key", "calibration"}}
    strangers = {"pump/core/units.py": b"STEPS_PER_ML = 1\n", "lib/time.py": b"", "a.tmp": b"x"}
    put(flashed, {"pump/core/units.mpy": other, **records, **strangers})
    code, out, err = titra_flash(flashed.port, "--key-file", key_file, "--json")
    assert code == DONE, err
    document = json.loads(out)
    assert document["written"] == ["pump/core/units.mpy", "main.py"]
    assert document["removed"] == sorted(strangers)
    left = snapshot(flashed.files)
    assert set(left) == {*image(), *records, "key"}
    assert left["key"] == KEY
    # What the firmware writes itself it may have renewed since.
    assert all(left[name] == records[name] for name in records if name.endswith(".new"))
    assert not (flashed.files / "lib").exists()


def test_while_an_infusion_is_in_progress_the_board_is_left_alone(flashed, titra_flash, key_file):
    talk = client(flashed)
    talk.hello()
    talk.load(PROGRAM)
    talk.request("START")
    talk.link.close()
    boots = flashed.boots
    for key in (("--key-file", key_file), ()):
        code, out, err = titra_flash(flashed.port, *key, "--json")
        assert code == REFUSED
        assert "infusion is in progress: INFUSING" in json.loads(out)["error"][0]
    assert flashed.boots == boots
    talk = client(flashed, None)
    assert talk.status()["state"] == "INFUSING"
    talk.link.close()


def test_without_a_key_the_strap_is_asked_for_and_asked_off_again(flashed, start):
    process = start(flashed.port)
    assert process.stderr
    told = ""
    while "GP20" not in told:
        told += process.stderr.readline()
    flashed.strapped = True
    flashed.power_cut()
    while "Take the strap off" not in told:
        told += process.stderr.readline()
    assert flashed.at_prompt
    flashed.strapped = False
    out, err = process.communicate(timeout=60)
    assert process.returncode == DONE, err
    assert f"version {pump.VERSION} runs" in out


@pytest.mark.parametrize(
    ("key", "says"), [(KEY[::-1], "BAD_RESPONSE"), (SIMULATOR_KEY, "simulator's")]
)
def test_a_key_that_is_not_the_boards_opens_nothing(flashed, titra_flash, tmp_path, key, says):
    (tmp_path / "other").write_text(key.hex())
    code, out, err = titra_flash(flashed.port, "--key-file", "other")
    assert code == REFUSED and says in err
    assert flashed.boots == 2 and not flashed.at_prompt


def test_another_key_than_the_boards_own_never_takes_its_place_silently(rig, titra_flash, tmp_path):
    put(rig, {**image(), "key": KEY})
    (rig.files / "main.py").unlink()
    (tmp_path / "other").write_text(KEY[::-1].hex())
    rig.power_cut()
    code, out, err = titra_flash(rig.port, "--key-file", "other", "--json")
    assert code == DONE and "another device key" in err
    assert json.loads(out)["key"] == "kept"
    assert (rig.files / "key").read_bytes() == KEY
    # Named as new, it does; and the file that keeps it is never written over.
    (tmp_path / "key").write_text(KEY.hex())
    code, out, err = titra_flash(rig.port, "--key-file", "key", "--new-key", "made", "--json")
    assert code == DONE, err
    assert json.loads(out)["key"] == "replaced"
    assert (rig.files / "key").read_bytes().hex() == (tmp_path / "made").read_text().strip() != KEY
    code, out, err = titra_flash(rig.port, "--new-key", "made")
    assert code == WRONG_INPUT and "exists" in err


def test_a_version_with_another_message_table_lets_go_as_well(flashed, titra_flash, key_file):
    flashed.board.application.link.session.table = 4711
    code, out, err = titra_flash(flashed.port, "--key-file", key_file)
    assert code == DONE, err


def test_a_board_whose_firmware_was_altered_is_flashed_without_a_strap(rig, titra_flash, key_file):
    """Its self-test fails, and it is in FAULT: that is when one wants to flash it."""
    put(rig, {**image(), "key": KEY, "pump/core/volume.mpy": b"not what it was"})
    rig.power_cut()
    code, out, err = titra_flash(rig.port, "--key-file", key_file, "--json")
    assert code == DONE, err
    assert json.loads(out)["written"] == ["pump/core/volume.mpy", "main.py"]
    assert json.loads(out)["self_test"]["result"] == "PASSED"


@pytest.mark.parametrize(
    ("machine", "says"),
    [
        ({"machine": "Raspberry Pi Pico 2 with RP2350"}, "for an RP2040"),
        ({"platform": "esp32", "machine": "Generic ESP32"}, "for an RP2040"),
        ({"version": [1, 25, 0]}, "1.26 or later"),
    ],
)
def test_a_board_that_is_not_for_it_is_not_touched(tmp_path, titra_flash, machine, says):
    with Rig(tmp_path, **machine) as rig:
        code, out, err = titra_flash(rig.port)
        assert code == REFUSED and says in err
        assert snapshot(rig.files) == {} and not rig.said


def test_what_the_board_does_not_give_back_is_not_started(tmp_path, titra_flash):
    with Rig(tmp_path, flip_at=30) as rig:
        code, out, err = titra_flash(rig.port)
        assert code == FAILED and "does not give back" in err
        assert "main.py" not in snapshot(rig.files)
    with Rig(tmp_path) as rig:
        assert rig.at_prompt
        code, out, err = titra_flash(rig.port)
        assert code == DONE, err


def test_somebody_elses_files_are_removed_only_when_that_is_said(rig, titra_flash):
    files = {"main.py": b"print('mine')\n", "data/log.csv": b"1,2\n"}
    put(rig, files)
    (rig.files / "main.py").unlink()
    rig.power_cut()
    del files["main.py"]
    code, out, err = titra_flash(rig.port)
    assert code == REFUSED and "data/log.csv" in err and "--clear" in err
    assert snapshot(rig.files) == files
    code, out, err = titra_flash(rig.port, "--clear", "--json")
    assert code == DONE, err
    assert json.loads(out)["removed"] == ["data/log.csv"]


def test_a_dry_run_changes_nothing(rig, titra_flash):
    put(rig, {"pump/core/units.mpy": b"old", "pump/core/old.mpy": b""})
    rig.power_cut()
    before = snapshot(rig.files)
    code, out, err = titra_flash(rig.port, "--dry-run", "--json", "--new-key", "made")
    assert code == DONE, err
    document = json.loads(out)
    assert document["written"][0] == "boot.py" and document["written"][-1] == "main.py"
    assert document["removed"] == ["pump/core/old.mpy"] and document["key"] == "set"
    assert snapshot(rig.files) == before and rig.boots == 2 and not rig.said
    assert not (rig.files.parent / "made").exists()


def test_a_dry_run_does_not_reset_a_board_that_runs(flashed, titra_flash, key_file):
    code, out, err = titra_flash(flashed.port, "--dry-run", "--key-file", key_file)
    assert code == DONE, err
    assert f"version {pump.VERSION} runs" in out
    assert flashed.boots == 2 and not flashed.at_prompt


def test_the_board_is_found_again_under_another_name(flashed, monkeypatch, key_file):
    """Nothing but its serial number stays: the link that the rig keeps is not used."""

    def comports() -> list[SimpleNamespace]:
        other = SimpleNamespace(device="/dev/null", vid=0x2E8A, serial_number="E660000000000000")
        if not flashed.device:
            return [other]
        return [other, SimpleNamespace(device=flashed.device, vid=0x2E8A, serial_number=serial)]

    serial = flashed.serial_number
    monkeypatch.setattr("serial.tools.list_ports.comports", comports)
    arguments = ["--key-file", str(key_file), "--json"]
    holder = os.open(os.ttyname(os.open(flashed.device, os.O_RDWR)), os.O_RDWR)
    done = CliRunner().invoke(command, [f"sn:{serial.lower()}", *arguments])
    os.close(holder)
    assert done.exit_code == DONE, done.output
    assert json.loads(done.stdout)["version"] == pump.VERSION
    # Two boards: one must say which.
    done = CliRunner().invoke(command, ["auto", *arguments])
    assert done.exit_code == NO_DEVICE and f"sn:{serial}" in done.stderr


def test_a_port_whose_serial_number_is_not_that_of_who_answers_is_refused(
    flashed, monkeypatch, key_file
):
    mistaken = SimpleNamespace(device=flashed.device, vid=0x2E8A, serial_number="E660000000000000")
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [mistaken])
    done = CliRunner().invoke(command, [flashed.device, "--key-file", str(key_file)])
    assert done.exit_code == REFUSED
    assert "E660000000000000" in done.stderr and flashed.serial_number in done.stderr


@pytest.mark.parametrize("port", ["auto", "sn:E660000000000001", "/dev/not-there"])
def test_no_board_is_5_and_says_what_to_do(titra_flash, port):
    code, out, err = titra_flash(port, "--wait", "1", "--json")
    assert code == NO_DEVICE
    assert json.loads(out)["error"] and "MicroPython" in err


def test_the_help_says_how_to_put_micropython_on_a_board(titra_flash):
    code, out, _ = titra_flash("--help")
    assert code == DONE
    assert "BOOTSEL" in out and "UF2" in out and "mpflash" in out


def test_every_record_that_the_firmware_keeps_in_flash_stays(flashed):
    """A session with all that it writes leaves nothing that a flashing would remove."""
    talk = client(flashed)
    talk.hello()
    talk.load(PROGRAM)
    talk.request("START")
    talk.stop()
    talk.request("END")
    flash = flashed.board.flash
    talk.link.close()
    flashed.close()
    assert set(flash.listdir("/")) - set(image()) - {"pump"} <= KEPT


# --- interrupted ---------------------------------------------------------------------------


POINTS = {
    "while it is looked at": lambda rig, there: rig.bytes_in > 1000,
    "in boot.py": lambda rig, there: "boot.py.tmp" in there,
    "after boot.py": lambda rig, there: "boot.py" in there,
    "in the first modules": lambda rig, there: len(there) >= 5 and is_half(there),
    "at a fifth": lambda rig, there: len(there) >= 16,
    "at two fifths": lambda rig, there: len(there) >= 30 and is_half(there),
    "at three fifths": lambda rig, there: len(there) >= 46,
    "at four fifths": lambda rig, there: len(there) >= 62 and is_half(there),
    "in the manifest": lambda rig, there: "manifest.tmp" in there,
    "in main.py": lambda rig, there: "main.py.tmp" in there,
}


def is_half(there: dict[str, bytes]) -> bool:
    return any(path.endswith(".tmp") for path in there)


@pytest.mark.parametrize("by", ["the host is killed", "the power goes"])
def test_interrupted_at_ten_points_it_stays_at_its_prompt_and_can_be_flashed_again(
    rig, start, titra_flash, by
):
    """Each run goes on where the one before was interrupted."""
    for name, is_reached in POINTS.items():
        rig.bytes_in = 0
        process = start(rig.port, "--wait", "3")
        happens = process.kill if by == "the host is killed" else rig.cut
        rig.interrupt = (lambda now=is_reached: now(rig, snapshot(rig.files)), happens)
        out, err = process.communicate(timeout=60)
        assert rig.interrupt is None and process.returncode != DONE, (name, out)
        if by == "the power goes":
            assert process.returncode == NO_DEVICE, err
            assert name == "while it is looked at" or "flash it again" in err, err
        _stays_safe(rig)
        rig.power_cut()
        _stays_safe(rig)
    code, out, err = titra_flash(rig.port, "--json")
    assert code == DONE, err
    document = json.loads(out)
    assert document["version"] == pump.VERSION and document["removed"] == ["main.py.tmp"]
    assert document["self_test"]["result"] == "PASSED"
    assert document["written"] == ["main.py"]
    assert not rig.enable_rose


def _stays_safe(rig: Rig) -> None:
    until = time.monotonic() + 10
    while not rig.device and time.monotonic() < until:
        time.sleep(0.02)
    assert rig.at_prompt and not rig.enable_rose
    there = snapshot(rig.files)
    assert "main.py" not in there
    assert there.get("boot.py", image()["boot.py"]) == image()["boot.py"]
    for path in set(there) & set(image()):
        assert there[path] == image()[path], path


# --- the other commands that log in -----------------------------------------------------


def test_log_and_monitor_log_in_with_the_key_of_the_board(flashed, key_file, tmp_path):
    from titra.commands.log import command as log
    from titra.commands.monitor import command as monitor

    for asked, arguments in ((log, ["--json"]), (monitor, ["--once"])):
        done = CliRunner().invoke(asked, [flashed.port, "--key-file", str(key_file), *arguments])
        assert done.exit_code == DONE, done.output
        (tmp_path / "other").write_text(KEY[::-1].hex())
        done = CliRunner().invoke(asked, [flashed.port, "--key-file", str(tmp_path / "other")])
        assert done.exit_code == FAILED and "BAD_RESPONSE" in done.stderr
    done = CliRunner().invoke(log, [flashed.port, "--json"], env={"TITRA_KEY": KEY.hex()})
    logins = [r for r in json.loads(done.stdout)["records"] if r["name"] == "LOGIN"]
    # Its own log-in may be stored only after it was read; those before it are.
    assert [(r["code"], r["a"]) for r in logins].count((1, 0)) >= 2


def test_calibrate_against_a_board(flashed, key_file):
    from titra.commands.calibrate import command as calibrate

    def run(*arguments: object, typed: str = ""):
        options = [str(argument) for argument in arguments]
        return CliRunner().invoke(calibrate, [options[0], flashed.port, *options[1:]], input=typed)

    key = ("--key-file", key_file)
    assert json.loads(run("show", "--json").stdout)["state"] == "NOMINAL"
    flashed.board.line.set_gain(1.05)
    before = flashed.board.line.patient_ul
    for wrong, says in (("1", "at least 5 mL"), ("12", "within 10 %")):
        done = run("volume", *key, "--ml", 6, "--rate", 600, "--yes", typed=f"{wrong}\n")
        assert done.exit_code == WRONG_INPUT and says in done.stderr, done.output
    weight = (flashed.board.line.patient_ul - before) / 2000 * 0.998
    done = run("volume", *key, "--weighed-g", f"{weight:.3f}", "--json", typed="n\n")
    assert done.exit_code == WRONG_INPUT and "nothing was stored" in done.stderr
    done = run("volume", *key, "--weighed-g", f"{weight:.3f}", "--json", "--yes")
    assert done.exit_code == DONE, done.output
    step = int(json.loads(done.stdout)["step_ulh_ms"])
    assert step == pytest.approx(562_500 * 1.05, rel=0.01)
    assert json.loads(run("show", "--json").stdout)["step_ulh_ms"] == str(step)
    assert run("volume", "--yes").exit_code == WRONG_INPUT  # no key
    assert run("pressure", *key, "--reference-kpa", 5).exit_code == WRONG_INPUT
    done = run("pressure", *key, "--reference-kpa", 80, typed="\n\n")
    assert done.exit_code == WRONG_INPUT and "gain" in done.stderr or "no more" in done.stderr
    assert run("reset", *key, "--yes").exit_code == DONE
    assert json.loads(run("show", "--json").stdout)["state"] == "NOMINAL"
