"""Stand-ins for the modules that the board's hardware layer imports.

They behave: a pin has a level, a state machine consumes its FIFO in time, a
watchdog that is not fed resets.  All of it is backed by one ``Board``.  The
modules here are what ``import machine`` and so on find while the firmware is
being imported; each of their objects belongs to the board that is ``current``
when it is made.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host_sim.board import Board


class Hub:
    """Which board the firmware that runs right now is running on."""

    board: Board


hub = Hub()


def load_application() -> ModuleType:
    """Import ``pump.app.application`` over the fakes, once per process."""
    return load("pump.app.application")


def load(name: str) -> ModuleType:
    """Import a module of the firmware over the fakes, once per process.

    Those of the standard library are replaced only while the firmware's modules
    are imported, and only for them.
    """
    if name in sys.modules:
        return sys.modules[name]
    # Of the standard library, and to be imported before its ``io`` is replaced.
    import hashlib  # noqa: F401

    from host_sim.fakes import (
        fake_gc,
        fake_io,
        fake_os,
        fake_select,
        fake_sys,
        fake_time,
        machine,
        rp2,
    )

    fakes = {
        "gc": fake_gc,
        "machine": machine,
        "rp2": rp2,
        "time": fake_time,
        "select": fake_select,
        "sys": fake_sys,
        "io": fake_io,
        "os": fake_os,
    }
    kept = {key: sys.modules.get(key) for key in fakes}
    sys.modules.update(fakes)
    try:
        return importlib.import_module(name)
    finally:
        for key, module in kept.items():
            if module is None:
                del sys.modules[key]
            else:
                sys.modules[key] = module
