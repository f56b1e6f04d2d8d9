"""Needs MicroPython's image for a Pico, which is not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
UF2_VARIABLE = "TITRA_UF2"
# Their tests share one run, which is not to be made by two processes.
ONE_AFTER_THE_OTHER = ("test_chip_ladder", "test_chip_ticks", "test_chip_bare_board")
# Real time: a busy processor takes ten times what it says.
TIMEOUT_S = 3600


def pytest_collection_modifyitems(items):
    path = os.environ.get(UF2_VARIABLE, "")
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.emulator)
        item.add_marker(pytest.mark.timeout(TIMEOUT_S))
        if item.path.stem in ONE_AFTER_THE_OTHER:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if not path:
            reason = f"set {UF2_VARIABLE} to the path of a MicroPython image (UF2) for the Pico"
            item.add_marker(pytest.mark.skip(reason=reason))
        elif not Path(path).is_file():
            reason = f"{UF2_VARIABLE} is {path}, and there is no such file"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def pump():
    """A fitted pump that has passed its self-test, with a host logged in.  Never
    moved on: tests work in forks of it."""
    from emulated_bench import WRAP_S, Pump, firmware, uf2

    ready = Pump(uf2(), firmware(hurried=True))
    ready.board.preset_timer((1 << 30) - int(WRAP_S * 1_000_000))
    ready.boot()
    ready.client.hello()
    return ready
