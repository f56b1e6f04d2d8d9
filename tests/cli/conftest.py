"""The command as a person runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TITRA = Path(sys.executable).parent / "titra"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def titra(tmp_path):
    """Run ``titra`` in an empty folder; returns the finished process."""

    def run(*arguments: object, timeout: float = 100) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # the exit code is what is looked at
            [str(TITRA), *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def order(tmp_path):
    """An order file: the example with some of its lines replaced."""

    def write(*replacements: tuple[str, str], name: str = "order.toml") -> Path:
        text = (EXAMPLES / "gammagard-renal.toml").read_text()
        for old, new in replacements:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def tiny_order(order):
    """0.1 g at 130 kg: 1 mL in 90 s."""
    return order(
        ("weight_kg = 70.0", "weight_kg = 130.0"),
        ("grams = 40.0 }", "grams = 0.1 }"),
        ("grams = 40.0", "grams = 0.1"),
        name="tiny.toml",
    )


@pytest.fixture
def short_order(order):
    """5 g at 130 kg: 40 min through two of three rungs, a few seconds to simulate."""
    return order(
        ("weight_kg = 70.0", "weight_kg = 130.0"),
        ("grams = 40.0 }", "grams = 5.0 }"),
        ("grams = 40.0", "grams = 5.0"),
    )
