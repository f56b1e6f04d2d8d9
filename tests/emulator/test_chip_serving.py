"""The emulated board as a serial device: what a tool for real boards meets."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import serial
from emulated_bench import uf2

from emulator.image import read_files
from emulator.serving import CONTROL, FLASH_FILE

_START_S = 120
_ANSWER_S = 120
_TITRA = "from titra.cli import main; main()"


@contextmanager
def _served(folder, *options):
    """(process, port) of a board with MicroPython alone; killed at the end, as a
    power cut does."""
    command = [sys.executable, "-c", _TITRA, "serve", "--emulator", uf2(), "--state", str(folder)]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.match(r"serving on (\S+);", line)
            assert found, line
            with serial.Serial(found.group(1), timeout=0.2) as port:
                yield process, port
        finally:
            process.send_signal(signal.SIGKILL)


def _run(port, code: str) -> str:
    """What ``code`` prints, through the raw REPL."""
    port.write(b"\r\x03\x03\r\x01")
    _until(port, b"raw REPL; CTRL-B to exit\r\n>")
    port.write(code.encode() + b"\x04")
    answer = _until(port, b"\x04>")
    return answer.partition(b"OK")[2].partition(b"\x04")[0].decode().strip()


def _until(port, mark: bytes) -> bytes:
    data = b""
    end = time.monotonic() + _ANSWER_S
    while not data.endswith(mark):
        assert time.monotonic() < end, data
        data += port.read(1)
    return data


def _ask(folder, line: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(folder / CONTROL))
        client.sendall(line.encode() + b"\n")
        return client.makefile().readline().strip()


@pytest.mark.req("M22")
def test_files_outlive_a_power_cut(tmp_path):
    with _served(tmp_path, "--blank") as (_, port):
        assert _run(port, "print(6 * 7)") == "42"
        _run(port, "with open('kept', 'wb') as f:\n    f.write(b'here')")
        assert _run(port, "print(open('kept').read())") == "here"
    assert read_files((tmp_path / FLASH_FILE).read_bytes())["kept"] == b"here"
    with _served(tmp_path) as (_, port):
        assert _run(port, "print(open('kept').read())") == "here"


def test_pins_are_reached_through_the_control_socket(tmp_path):
    with _served(tmp_path, "--blank") as (_, port):
        assert _ask(tmp_path, "strap") == "ok"
        assert _ask(tmp_path, "level 20") == "ok 0"
        read = "import machine; print(machine.Pin(20, machine.Pin.IN, machine.Pin.PULL_UP).value())"
        assert _run(port, read) == "0"
        assert _ask(tmp_path, "unstrap") == "ok"
        assert _run(port, read) == "1"
        assert _ask(tmp_path, "nonsense").startswith("error")
    assert os.path.exists(tmp_path / CONTROL)
