"""What the tests of the emulated chip share: its firmware, and where figures go."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from emulator import image
from emulator.board import Board
from emulator.pump import Pump, program
from host_sim.simulation import firmware_digest
from pump.core import infusion_state as st
from titra.chip_firmware import probed_firmware as firmware

__all__ = ["Pump", "firmware", "program"]
UF2_VARIABLE = "TITRA_UF2"
# 6400 steps per millilitre: a step is 562_500 uL/h x us.
STEP_ULH_US = 562_500_000
# The self-test's pulses, with the driver off.
SELF_TEST_STEPS = 8
# ``ticks_us`` wraps this long after power-on.
WRAP_S = 14.0
INFUSING = st.INFUSING
IDLE = st.IDLE


def uf2() -> str:
    """Path of MicroPython's image."""
    return os.environ[UF2_VARIABLE]


def distribution(values: list[float]) -> dict[str, float]:
    """n, p50, p99, p99.9, mean and max, as they go into the figures."""
    ordered = sorted(values)
    n = len(ordered)

    def quantile(q: float) -> float:
        return round(ordered[min(n - 1, int(q * n))], 3)

    return {
        "n": n,
        "mean": round(sum(ordered) / n, 3),
        "p50": quantile(0.5),
        "p99": quantile(0.99),
        "p99.9": quantile(0.999),
        "max": round(ordered[-1], 3),
    }


def figures(name: str, **values) -> None:
    """Into ``out/emulator/NAME.json``, with the version of the image."""
    document = {"image": image.version_of(uf2()), "firmware": firmware_digest(), **values}
    text = json.dumps(document, indent=1)
    (out_folder() / f"{name}.json").write_text(text + "\n")
    print(text)


class Pace:
    """Real seconds for an emulated one, since it was made."""

    def __init__(self, board: Board):
        self._board = board
        self._emulated_s = board.now_s
        self._real_s = time.monotonic()

    def text(self) -> str:
        emulated = self._board.now_s - self._emulated_s
        real = time.monotonic() - self._real_s
        return f"{real:.0f} s for {emulated:.1f} emulated s"


def out_folder() -> Path:
    folder = Path(__file__).resolve().parents[2] / "out" / "emulator"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
