"""What is in the flash of a simulated board when it leaves the shop: the
firmware's files, their manifest, the simulator's device key, and a calibration that
found everything as its makers describe it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import pump
from host_sim.flash import Flash
from host_sim.power import Supply
from host_sim.simulator_key import SIMULATOR_KEY
from pump.core import calibration
from pump.core.crc import Crc16
from pump.hal.manifest import MANIFEST

FIRMWARE = Path(pump.__file__).parent.parent


def firmware_files() -> list[str]:
    """Their paths on the board, sorted."""
    return [path.relative_to(FIRMWARE).as_posix() for path in sorted(FIRMWARE.rglob("*.py"))]


@cache
def shipped_blocks() -> tuple[bytes, ...]:
    """The flash chip's content, block by block; made once per process."""
    flash = Flash(Supply())
    folders = set()
    manifest = []
    for name in firmware_files():
        for folder in reversed(Path(name).parents[:-1]):
            if folder not in folders:
                folders.add(folder)
                flash.mkdir(folder.as_posix())
        data = (FIRMWARE / name).read_bytes()
        _put(flash, name, data)
        manifest.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
    _put(flash, MANIFEST, "".join(manifest).encode())
    _put(flash, "key", SIMULATOR_KEY)
    _put(flash, "calibration", shipped_calibration())
    return tuple(flash.chip.blocks)


def shipped_calibration() -> bytes:
    """The record, and its checksum, as the flash store keeps it."""
    made = calibration.Calibration()
    made.parts = 7
    record = bytearray(calibration.CALIBRATION_BYTES)
    made.put(record)
    return bytes(record) + Crc16().of(record, len(record)).to_bytes(2, "little")


def _put(flash: Flash, name: str, data: bytes) -> None:
    with flash.open(name, "wb") as file:
        file.write(data)
