import subprocess
import sys
from pathlib import Path

import pytest
from board_rig import KEY, Rig

TITRA = Path(sys.executable).parent / "titra"


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv("TITRA_KEY", raising=False)


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "device-key"
    path.write_text(KEY.hex())
    return path


@pytest.fixture
def rig(tmp_path):
    """An empty board: MicroPython and nothing else."""
    with Rig(tmp_path) as rig:
        yield rig


@pytest.fixture
def start(tmp_path):
    """Start ``titra flash`` in a process of its own."""

    def start(*arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(TITRA), "flash", *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def titra_flash(start):
    """The same to its end: exit code, standard output, standard error."""

    def run(*arguments: object, timeout: float = 60) -> tuple[int, str, str]:
        process = start(*arguments)
        out, err = process.communicate(timeout=timeout)
        return process.returncode, out, err

    return run
