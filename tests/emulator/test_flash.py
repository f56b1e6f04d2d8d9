"""``titra flash`` onto an emulated RP2040 with genuine MicroPython.

The board is a process of its own behind a pseudo-terminal; ending it is a power cut,
for each change of its flash is stored at once.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from littlefs import LittleFS, LittleFSError, UserContext

import pump
from pump.hal import pinout
from titra.flashing.image import image

TITRA = [sys.executable, "-c", "from titra.cli import main; main()"]
DONE = 0
# A busy processor takes ten times what it says, and more beside other work.
PATIENCE_S = 1500
SLOWNESS = 15
# As the board formats it, which is newer than what it still mounts.
_GEOMETRY = {
    "block_size": 4096,
    "block_count": 352,
    "read_size": 32,
    "prog_size": 256,
    "cache_size": 1024,
    "lookahead_size": 32,
    "disk_version": 0x0002_0001,
}

pytestmark = pytest.mark.req("M23")


class ServedBoard:
    """An emulated board of its own process, with its flash in ``state``."""

    def __init__(self, state: Path):
        self.state = state
        self.port = ""
        self.on()

    def on(self) -> None:
        """Power on."""
        self._process = subprocess.Popen(
            [*TITRA, "serve", "--emulator", os.environ["TITRA_UF2"], "--state", self.state]
            + ["--blank"] * (not (self.state / "flash.img").exists()),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], 120)
        assert readable, "the emulator does not start"
        line = self._process.stdout.readline()
        assert line.startswith("serving on "), line
        self.port = line.split()[2].rstrip(";")

    def off(self) -> None:
        """The power is cut."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def files(self) -> dict[str, bytes] | None:
        """What is in its file system; ``None`` in the middle of a change."""
        data = (self.state / "flash.img").read_bytes()
        system = LittleFS(context=UserContext(buffer=bytearray(data)), mount=False, **_GEOMETRY)
        found = {}
        try:
            system.mount()
            for folder, _, names in system.walk("/"):
                for name in names:
                    path = folder.rstrip("/") + "/" + name
                    with system.open(path, "rb") as file:
                        found[path.lstrip("/")] = file.read()
        except (LittleFSError, OSError):
            return None
        return found

    def level(self, gpio: int) -> int:
        """What a probe on the pin sees."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(30)
            control.connect(str(self.state / "control"))
            control.sendall(b"level %d\n" % gpio)
            return int(control.recv(99).split()[1] == b"1")


@pytest.fixture
def board(tmp_path):
    board = ServedBoard(tmp_path / "state")
    yield board
    board.off()


def start(board: ServedBoard, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*TITRA, "flash", board.port, "--wait", str(PATIENCE_S), "--json"]
        + ["--slowness", str(SLOWNESS)]
        + [str(argument) for argument in arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def flash(board: ServedBoard, *arguments: object) -> dict:
    """To its end; the document."""
    process = start(board, *arguments)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == DONE, err
    return json.loads(out)


def test_an_empty_board_is_flashed_runs_and_lets_go_to_be_flashed_again(board, tmp_path):
    key = tmp_path / "key"
    done = flash(board, "--new-key", key)
    assert len(done["written"]) == len(image()) and done["key"] == "set"
    assert done["version"] == pump.VERSION and done["self_test"]["result"] == "PASSED"
    there = board.files()
    assert there is not None and {path: there.get(path) for path in image()} == image()
    done = flash(board, "--key-file", key)
    assert done["written"] == [] and done["removed"] == [] and done["key"] == "kept"
    assert done["version"] == pump.VERSION and done["self_test"]["result"] == "PASSED"


POINTS: dict[str, Callable[[dict[str, bytes]], bool]] = {
    "while it is looked at": lambda there: True,
    "in boot.py": lambda there: bool({"boot.py.tmp", "boot.py"} & set(there)),
    "in the first modules": lambda there: len(there) >= 4,
    "at a sixth": lambda there: len(there) >= 13,
    "at a quarter": lambda there: len(there) >= 20,
    "at a half": lambda there: len(there) >= 38,
    "at two thirds": lambda there: len(there) >= 52,
    "at four fifths": lambda there: len(there) >= 62,
    "in the manifest": lambda there: bool({"manifest.tmp", "manifest"} & set(there)),
    "in main.py": lambda there: bool({"main.py.tmp", "main.py"} & set(there)),
}


def test_interrupted_at_ten_points_the_board_starts_safely_and_can_be_flashed_again(board):
    """By turns the host's program is ended and the board's power is cut."""
    for n, (name, is_reached) in enumerate(POINTS.items()):
        process = start(board)
        until = time.monotonic() + PATIENCE_S
        if n == 0:
            time.sleep(1.0)
        while (there := board.files()) is None or not is_reached(there):
            assert process.poll() is None and time.monotonic() < until, name
            time.sleep(0.02)
        if n % 2:
            board.off()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if not n % 2:
            assert board.level(pinout.ENABLE) == 0, name
            board.off()
        board.on()
        for _ in range(20):
            assert board.level(pinout.ENABLE) == 0, name
            time.sleep(0.05)
        there = board.files()
        assert there is not None
        whole = {path: data for path, data in there.items() if not path.endswith(".tmp")}
        assert all(image()[path] == data for path, data in whole.items()), name
        if "main.py" in whole:
            assert n == len(POINTS) - 1 and whole == image()
    done = flash(board)
    assert done["version"] == pump.VERSION and done["self_test"]["result"] == "PASSED"
    there = board.files()
    assert there is not None and {path: there.get(path) for path in image()} == image()
