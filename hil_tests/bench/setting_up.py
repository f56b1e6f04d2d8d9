"""From the command line's options to a bench."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pump
from hil_tests.bench.bench import Bench
from hil_tests.bench.dut import Dut
from hil_tests.bench.errors import WRONG_INPUT, BenchError
from hil_tests.bench.rig import Rig
from host_sim.client import Client
from host_sim.simulator_key import SIMULATOR_KEY

# The suite clears alarms that want more than an operator.
ROLE = "supervisor"
KEY_BYTES = 32
# Times of edges: the simulator's are exact; the emulator's clock is finer than the rig's
# microsecond; the rig samples once a microsecond and its crystal is within 50 ppm, which
# over the second that a response takes at most is 50 us.
UNCERTAINTY_US = {"sim": 0, "emulator": 1, "serial": 52}


@dataclass(frozen=True)
class Wanted:
    """What somebody asked for; see ``conftest.pytest_addoption``."""

    dut: str
    port: str
    baud: int
    uf2: str | None
    files: str | None
    key_file: str | None
    skip_autoflash: bool
    rig_port: str | None
    in_place: bool
    without_rig: bool
    wired: str
    leave_out: str
    seed: int
    repeat: int | None
    times: int

    @classmethod
    def of(cls, option) -> Wanted:
        port = option.port
        if option.port_serial_number:
            port = f"sn:{option.port_serial_number}"
        return cls(
            option.dut, port, option.baud, option.uf2, option.files, option.key_file,
            option.skip_autoflash, option.rig_port, option.in_place,
            option.without_rig, option.wired, option.leave_out, option.seed,
            option.repeat, option.times,
        )  # fmt: skip

    def shown(self) -> dict:
        """The bench's configuration, for the report; no path of anybody's machine."""
        return {
            "dut": self.dut,
            "port": self.port if self.dut == "serial" else "",
            "rig_port": self.rig_port or "",
            "in_place": self.in_place,
            "seed": self.seed,
            "repeat": self.repeat or "",
            "times": self.times,
            "without_rig": self.without_rig,
            "wired": self.wired,
            "autoflash": not self.skip_autoflash,
        }


def open_bench(wanted: Wanted) -> Bench:
    """Raises ``BenchError`` with what to do."""
    device: Dut
    rig: Rig | None
    if wanted.dut == "sim":
        from hil_tests.bench.sim import SimDut

        device = sim = SimDut(wanted.seed, frozenset(filter(None, wanted.leave_out.split(","))))
        rig = Rig(sim.rig_link, UNCERTAINTY_US["sim"])
        key: bytes | None = SIMULATOR_KEY
    elif wanted.dut == "emulator":
        from hil_tests.bench.emulator import open_emulator

        device = chip = open_emulator(wanted.uf2, wanted.files)
        rig = Rig(chip.rig_link, UNCERTAINTY_US["emulator"])
        key = SIMULATOR_KEY
    else:
        from hil_tests.bench.serial_board import open_rig, open_serial

        key = _key(wanted.key_file)
        device = open_serial(
            wanted.port, wanted.baud, wanted.skip_autoflash, wanted.rig_port, wanted.key_file
        )
        rig = open_rig(wanted.rig_port, UNCERTAINTY_US["serial"])
    if wanted.without_rig:
        rig = None
    client = Client(device.link, key, ROLE if key else "operator")
    bench = Bench(device, rig, client, wanted.in_place, wanted.seed, wanted.times)
    bench.rig_about = {"uncertainty_us": rig.uncertainty_us, **rig.identify()} if rig else {}
    # Of the sources here, which the device compared with its own files in its self-test.
    device.about.update(kind=wanted.dut, firmware_digest=digest_of_sources())
    return bench


def digest_of_sources() -> str:
    """SHA-256 over every file of the firmware in this checkout, names included."""
    root = Path(pump.__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _key(key_file: str | None) -> bytes | None:
    where, text = "TITRA_KEY", os.environ.get("TITRA_KEY")
    if key_file is not None:
        where = key_file
        try:
            text = Path(key_file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "not text")
            raise BenchError(f"{where}: {reason}", WRONG_INPUT) from None
    if text is None:
        return None
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BenchError(f"{where}: expected {2 * KEY_BYTES} hex digits", WRONG_INPUT)
    return key
