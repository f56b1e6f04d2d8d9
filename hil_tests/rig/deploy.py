"""Puts the rig's firmware on a Pico with MicroPython: ``python -m hil_tests.rig.deploy PORT``.

What both ends must agree on, pins and version, is written from `bench.channels`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from hil_tests.bench import channels
from hil_tests.bench.rig_lines import EDGES_A_LINE

FIRMWARE = Path(__file__).parent / "firmware"
# Sampled, and wired to nothing: the rig's check of itself makes edges there.
LOOP_GPIO = 15


def pins_module() -> str:
    """``rig_pins.py``."""
    lines = [
        '"""Made by hil_tests.rig.deploy out of bench/channels.py."""',
        f"VERSION = {channels.VERSION!r}",
        f"EDGES_A_LINE = {EDGES_A_LINE}",
        f"FULL_SCALE_UV = {channels.FULL_SCALE_UV}",
        f"LOOP = {LOOP_GPIO}",
        f"ANALOG = {channels.ANALOG!r}",
        f"SENSED = {channels.SENSED!r}",
        f"DRIVEN = {channels.DRIVEN!r}",
        f"GPIO = { ({c.name: c.gpio for c in channels.CHANNELS})!r}",
        f"KINDS = { ({c.name: c.kind for c in channels.CHANNELS})!r}",
        f"REST = { ({c.name: c.rest for c in channels.CHANNELS})!r}",
    ]
    return "\n".join(lines) + "\n"


def files() -> dict[str, bytes]:
    """Everything that goes onto the rig, by its path there."""
    found = {path.name: path.read_bytes() for path in sorted(FIRMWARE.glob("*.py"))}
    return {**found, "rig_pins.py": pins_module().encode()}


def main(port: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files().items():
            Path(folder, name).write_bytes(data)
        paths = [str(path) for path in sorted(Path(folder).iterdir())]
        mpremote = [sys.executable, "-m", "mpremote", "connect", port]
        done = subprocess.run([*mpremote, "fs", "cp", *paths, ":", "+", "reset"], check=False)
    return done.returncode


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python -m hil_tests.rig.deploy PORT")
    sys.exit(main(sys.argv[1]))
