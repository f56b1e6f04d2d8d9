"""File systems for the emulated board: the firmware as it is shipped, or looked into."""

from __future__ import annotations

from emulator import image, tick_probe
from host_sim.bare_board import BENCH_FILE
from host_sim.simulator_key import SIMULATOR_KEY
from titra.compile import compile_module, compiled_firmware, with_manifest


def shipped_firmware() -> bytes:
    """What a board has when it leaves the shop."""
    return image.build_files({**with_manifest(compiled_firmware()), "key": SIMULATOR_KEY})


def bench_firmware() -> bytes:
    """The same as ``titra flash --bench`` leaves it: with stand-ins for parts."""
    name, content = BENCH_FILE
    files = {**compiled_firmware(), name: content}
    return image.build_files({**with_manifest(files), "key": SIMULATOR_KEY})


def probed_firmware(record: bool = False, hurried: bool = False) -> bytes:
    """The same with the module of ``emulator.tick_probe`` beside it."""
    files = compiled_firmware(tick_probe.BOUNDS if hurried else None)
    files["main.py"] = tick_probe.with_probe(files["main.py"].decode()).encode()
    files[f"{tick_probe.MODULE}.mpy"] = compile_module(
        f"{tick_probe.MODULE}.py", tick_probe.source(record, hurried).encode()
    )
    return image.build_files({**with_manifest(files), "key": SIMULATOR_KEY})
