"""What somebody at the bench reads when a board is not there, or not the right one."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from line_ends import End, idn

from hil_tests.bench.errors import BenchError, NoDevice
from hil_tests.bench.places import Place, locate
from hil_tests.bench.serial_board import ReturningLink, open_rig, open_serial
from host_sim.simulator_key import SIMULATOR_KEY

PICO = 0x2E8A
FIRST, SECOND = "E661541A00000001", "E661541A00000002"


@pytest.fixture
def usb(monkeypatch):
    """What is on USB: ports that the operating system lists."""

    def plugged(*boards: tuple[str, str]) -> None:
        ports = [SimpleNamespace(device=d, vid=PICO, serial_number=s) for d, s in boards]
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports)

    plugged()
    return plugged


def refusal(port: str = "auto", rig_port: str | None = None) -> BenchError:
    with pytest.raises(BenchError) as caught:
        open_serial(port, 115_200, True, rig_port)
    assert "\n" not in str(caught.value)
    return caught.value


def test_no_board_at_all_says_what_to_plug_in(usb):
    error = refusal()
    assert error.code == 5
    assert "no board found" in str(error) and "BOOTSEL" in str(error)


def test_a_port_that_is_not_there_names_those_that_are(usb):
    usb(("/dev/null", FIRST))
    error = refusal("/dev/ttyACM99")
    assert error.code == 5 and FIRST in str(error)


def test_two_boards_are_told_apart_by_their_serial_numbers(usb):
    usb(("/dev/ttyA", FIRST), ("/dev/ttyB", SECOND))
    text = str(refusal())
    assert FIRST in text and SECOND in text and "--port-serial-number" in text


def test_of_two_boards_the_rig_is_not_taken_for_the_pump(usb, end):
    usb((end.name, FIRST), ("/dev/null", SECOND))
    end.answer = idn("9.9.9")
    assert end.name in str(refusal(rig_port="/dev/null"))


def test_a_serial_number_that_nobody_has_is_said_with_those_there_are(usb):
    usb(("/dev/ttyA", FIRST))
    text = str(refusal(f"sn:{SECOND}"))
    assert SECOND in text and FIRST in text


def test_a_port_held_by_another_program_names_the_program(end):
    holder = subprocess.Popen(
        [
            sys.executable, "-c",
            "import fcntl, os, sys, time; f = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); "
            "fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)",
            end.name,
        ],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        error = refusal(end.name)
    finally:
        holder.kill()
        holder.wait()
    assert error.code == 5
    assert "held by another program" in str(error) and f"process {holder.pid}" in str(error)


def test_a_board_that_says_nothing_is_told_from_one_that_is_absent(end):
    error = refusal(end.name)
    assert error.code == 5 and "says nothing" in str(error) and "titra flash" in str(error)


def test_micropythons_prompt_is_recognised(end):
    end.answer = lambda line: line + b"\r\n>>> "
    assert "MicroPython's prompt" in str(refusal(end.name))


def test_another_kind_of_device_is_recognised(end):
    end.answer = lambda line: b"$GPGGA,123519,4807.038,N\r\n"
    assert "another device" in str(refusal(end.name))


def test_a_board_of_another_version_says_both(end):
    import pump

    end.answer = idn("9.9.9")
    error = refusal(end.name)
    assert error.code == 1
    assert "9.9.9" in str(error) and pump.VERSION in str(error) and "autoflash" in str(error)


def test_a_rig_that_is_not_there_is_named_as_the_rig(usb):
    with pytest.raises(NoDevice, match="--rig-port /dev/ttyACM98"):
        open_rig("/dev/ttyACM98", 52)


def test_a_cable_pulled_in_mid_run_is_one_line(usb, end):
    usb((end.name, FIRST))
    link = ReturningLink(locate(f"sn:{FIRST}"), 115_200)
    end.pull()
    usb()
    with pytest.raises(NoDevice, match="went away in mid-run: cable pulled"):
        link.read(0.5)


def test_a_board_that_is_back_under_another_name_says_which(usb, end):
    usb((end.name, FIRST))
    link = ReturningLink(locate(f"sn:{FIRST}"), 115_200)
    with End() as other:
        end.pull()
        usb((other.name, FIRST))
        with pytest.raises(NoDevice, match=f"is back as {other.name}"):
            link.read(0.5)


def test_a_board_that_was_reset_is_followed_to_its_new_name(usb, end):
    usb((end.name, FIRST))
    link = ReturningLink(locate(f"sn:{FIRST}"), 115_200)
    link.expect_reset()
    end.pull()
    usb()
    with End(lambda line: b"here\n") as other:
        timer = threading.Timer(0.5, lambda: usb((other.name, FIRST)))
        timer.start()
        link.read(0.1)  # finds that it has gone
        link.write(b"where\n")
        heard = b""
        until = time.monotonic() + 5
        while not heard and time.monotonic() < until:
            heard = link.read(0.2)
        timer.join()
        assert heard == b"here\n"
        assert link.place == Place(other.name, FIRST)
        link.close()


def test_a_run_without_a_device_is_one_line_and_not_a_failure_per_test(suite):
    code, text, results = suite("hil_tests", "--dut", "serial", "--port", "/dev/ttyACM99")
    assert code == 5
    assert text.count("/dev/ttyACM99") == 1
    assert "failed" not in text and "Traceback" not in text
    assert "/dev/ttyACM99" in results["ended_early"]
    assert [test for test in results["tests"] if test["outcome"] == "failed"] == []


def test_a_cable_pulled_between_two_tests_ends_the_run_with_one_line(suite, served):
    timer = threading.Timer(8.0, served.pull)
    timer.start()
    code, text, results = suite(
        "hil_tests/test_door.py", "hil_tests/test_stop.py", "--dut", "serial",
        "--port", served.name, "--rig-port", served.rig_name, "--skip-autoflash",
        key=SIMULATOR_KEY.hex(),
    )  # fmt: skip
    timer.join()
    assert code == 5, text
    assert "Traceback" not in text
    assert "went away" in results["ended_early"] or "lost" in results["ended_early"]
    assert text.count(results["ended_early"]) == 1


def test_without_uf2_the_emulator_says_what_it_needs(suite):
    code, text, _ = suite("hil_tests", "--dut", "emulator")
    assert code == 2 and "--uf2" in text and "Traceback" not in text
