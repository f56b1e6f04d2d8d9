"""`titra.fold`: what goes onto the board says the same as its source."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from titra.compile import FIRMWARE
from titra.fold import fold_constants

ROOT = Path(__file__).resolve().parents[2]


def fold(**sources: str) -> dict[str, str]:
    files = {f"{name}.py": text.encode() for name, text in sources.items()}
    return {name: data.decode() for name, data in fold_constants(files).items()}


def test_constants_of_other_modules_become_numbers():
    folded = fold(
        limits="from micropython import const\nMOST = const(3 << 4)\nLEAST = -MOST\n",
        core="import limits as l\nfrom limits import LEAST\n_X = l.MOST | 1\n"
        "def f(a):\n    return a > l.MOST - 8 or a < LEAST or a == _X\n",
    )
    assert folded["core.py"].endswith("return a > 40 or a < (-48) or a == 49\n")
    assert "MOST = const(48)" in folded["limits.py"]  # still there by its name


@pytest.mark.parametrize(
    "text",
    [
        "N = 3\ndef f():\n    global N\n    N = 4\n",
        "N = 3\nN = 4\ndef f():\n    return N\n",
        "N = 3\ndef f(N):\n    return N\n",
        "N = 3\ndef f():\n    return [N for N in (1, 2)]\n",
        "N = 1 << 30\ndef f():\n    return N\n",
        "N = 3 / 1\ndef f():\n    return N\n",
        "N = int(3)\ndef f():\n    return N\n",
        "N = M\nM = N\ndef f():\n    return N\n",
    ],
)
def test_what_may_change_or_is_no_small_integer_stays_a_name(text):
    assert fold(one=text)["one.py"] == text


def test_every_line_of_the_firmware_stays_where_it_was():
    sources = {
        path.relative_to(FIRMWARE).as_posix(): path.read_bytes()
        for path in sorted(FIRMWARE.rglob("*.py"))
    }
    folded = fold_constants(sources)
    changed = 0
    for name, source in sources.items():
        before, after = source.splitlines(), folded[name].splitlines()
        assert len(before) == len(after), name
        changed += sum(a != b for a, b in zip(before, after, strict=True))
        compile(folded[name], name, "exec")
    assert changed > 500


def test_the_core_passes_its_tests_when_folded(tmp_path):
    for path in FIRMWARE.rglob("*.py"):
        (tmp_path / path.relative_to(FIRMWARE)).parent.mkdir(parents=True, exist_ok=True)
    sources = {
        path.relative_to(FIRMWARE).as_posix(): path.read_bytes()
        for path in sorted(FIRMWARE.rglob("*.py"))
    }
    for name, text in fold_constants(sources).items():
        (tmp_path / name).write_bytes(text)
    paths = [tmp_path, ROOT, ROOT / "tools", ROOT / "host_sim" / "shim", ROOT / "tests"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    origin = subprocess.run(
        [sys.executable, "-c", "import pump; print(pump.__file__)"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert origin.startswith(str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        + [ROOT / "tests" / "core" / name for name in ("test_titration.py", "test_sessions.py")],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
