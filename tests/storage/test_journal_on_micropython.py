"""The journal on genuine MicroPython: the same bytes, and nothing allocated."""

import subprocess
import sys
from pathlib import Path

import pytest
from vm.test_vm import run_on_vm

PROGRAM = Path(__file__).parent / "journal_run.py"


@pytest.mark.req("L23")
def test_the_journal_stores_the_same_bytes_and_allocates_nothing_on_micropython():
    """The heap is locked for 20,000 ticks there: an allocation would raise."""
    host = subprocess.run(
        [sys.executable, str(PROGRAM)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(host) == 7
    assert run_on_vm(PROGRAM) == host
