import os
import sys
from pathlib import Path

import pytest
from line_ends import Bench, End

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def end():
    """One end of a line that a test plays the board on."""
    with End() as end:
        yield end


@pytest.fixture
def served():
    """A simulated board and its rig behind two pseudo-terminals, in real time."""
    with Bench() as bench:
        yield bench


@pytest.fixture
def suite(tmp_path):
    """Run the suite in a process of its own: exit code, what it printed, its results."""
    import json
    import subprocess

    def run(*arguments: object, timeout: float = 100, key: str | None = None):
        report = tmp_path / "report"
        environment = {name: text for name, text in os.environ.items() if name != "TITRA_KEY"}
        environment.pop("PYTEST_ADDOPTS", None)
        if key:
            environment["TITRA_KEY"] = key
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist",
             *map(str, arguments), "--report", str(report)],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        results = report / "results.json"
        document = json.loads(results.read_text()) if results.is_file() else {}
        return done.returncode, done.stdout + done.stderr, document

    return run
