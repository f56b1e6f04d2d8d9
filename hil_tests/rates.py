"""Rates of a trial.  A board rises by 10 mL/h each second: the usual rate is one that it
reaches soon, the fastest takes two minutes each time."""

from __future__ import annotations

import pytest

USUAL_UL_H = {"sim": 120_000, "emulator": 120_000, "serial": 30_000}
FASTEST_UL_H = 1_200_000


def trial_rates() -> list:
    """Parameters of a test that wants the fixture ``rate``."""
    return ["usual", pytest.param("fastest", marks=pytest.mark.slow)]
