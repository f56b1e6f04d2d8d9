"""The emulated RP2040 with genuine MicroPython as device under test, in emulated time."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from emulator import image
from emulator.fork import in_forks
from emulator.pump import Pump
from emulator.tick_probe import HURRIED_SLEW_UL_H_S
from hil_tests.bench import dut
from hil_tests.bench.emulator_world import EmulatorWorld
from hil_tests.bench.errors import WRONG_INPUT, BenchError
from hil_tests.bench.rig_model import RigModel

# Beyond the rise itself: what START takes, and a tick or two.
_STARTED_S = 0.6
# A busy processor takes ten times real time, so this build rises faster than a
# prescription may; nothing else in it is another than on a board.
_BUILD = (
    "import sys, pathlib; from titra.chip_firmware import probed_firmware as files; "
    "pathlib.Path(sys.argv[1]).write_bytes(files(hurried=True))"
)
_NOISE = bytes(range(128, 256)) * 4 + b"0 START*0000\n" * 38


def open_emulator(uf2: str | None, files: str | None) -> EmulatorDut:
    """Raises ``BenchError`` without an image of MicroPython."""
    if not uf2:
        raise BenchError(
            "--dut emulator needs --uf2 FILE: MicroPython's image for the Raspberry Pi Pico", 2
        )
    if not Path(uf2).is_file():
        raise BenchError(f"{uf2}: no such file", WRONG_INPUT)
    if files is not None:
        return EmulatorDut(uf2, Path(files).read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "files")
        # The tools put together what lies in flash; the suite knows nothing of it.
        done = subprocess.run(
            [sys.executable, "-c", _BUILD, str(path)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            why = done.stderr.strip().splitlines()[-1:]
            raise BenchError(f"the firmware cannot be built: {''.join(why)}")
        return EmulatorDut(uf2, path.read_bytes())


class EmulatorDut:
    kind = "emulator"
    can = frozenset((dut.FORK, dut.HANG, dut.UNPLUG, dut.IGNORE, dut.PROCESSOR_TIME))

    def __init__(self, uf2: str, files: bytes):
        self._pump = Pump(uf2, files)
        self.board = self._pump.board
        self.link = self._pump.link
        assert self._pump.fittings is not None
        self.rig_link = RigModel(EmulatorWorld(self.board, self._pump.fittings))
        self._pump.boot()
        self.about = {
            "port": "emulated time",
            "micropython": image.version_of(uf2),
            "build": f"rises by {HURRIED_SLEW_UL_H_S // 1000} mL/h per second",
        }

    def wait(self, seconds: float) -> None:
        self.board.run(seconds)

    def expect_reset(self) -> None:
        """Its line stays."""

    def send(self, data: bytes, after_us: int, clock_us: Callable[[], int]) -> int:
        self.board.run(after_us / 1e6)
        sent_us = clock_us()
        self.link.write(data)
        return sent_us

    def rise_s(self, rate_ul_h: int) -> float:
        return rate_ul_h / HURRIED_SLEW_UL_H_S + _STARTED_S

    def hang(self, after_us: int, seconds: float, irqs_off: bool) -> None:
        self.board.run(after_us / 1e6)
        self.board.stall(seconds * 1e9)

    def unplug(self) -> None:
        self.board.usb.unplug()

    def plug_in(self) -> None:
        if not self.board.usb.is_plugged:
            self.board.usb.plug()

    def ignore(self, is_ignored: bool) -> None:
        if self.board.usb.reads == is_ignored:
            self.board.usb.reads = not is_ignored

    def flood(self, is_flooded: bool) -> None:
        self.board.usb.flood(_NOISE if is_flooded else b"")

    def in_forks(self, trials: Iterable[Callable[[], object]]) -> list:
        return in_forks(trials)

    def close(self) -> None:
        """Nothing to release."""
