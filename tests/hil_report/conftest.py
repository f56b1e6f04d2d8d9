"""An example run in a folder of its own, and ways to spoil it."""

from __future__ import annotations

import copy
from pathlib import Path

import example_run
import pytest


@pytest.fixture
def run_folder(tmp_path):
    """``run_folder(name, document)`` writes results.json; the folder."""

    def write(name: str = "run", document: dict | None = None) -> Path:
        return example_run.write(tmp_path / name, document)

    return write


_DOCUMENTS: dict[tuple, dict] = {}


@pytest.fixture
def document():
    """A fresh copy of the example with this seed and delay."""

    def make(seed: int = 1, later_ms: float = 0.0, late: str = "L3") -> dict:
        key = (seed, later_ms, late)
        if key not in _DOCUMENTS:
            _DOCUMENTS[key] = example_run.example(*key)
        return copy.deepcopy(_DOCUMENTS[key])

    return make
