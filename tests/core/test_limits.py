"""`limits`: the numbers that are promised, written out a second time."""

import pytest

from pump.core import limits

PROMISED = [
    ("L1", "TICK_MS", 10),
    ("L8", "FLOW_HIGH_PERCENT", 20),
    ("L8", "FLOW_HIGH_MS", 2_000),
    ("L8", "FLOW_HIGH_STEPS", 50),
    ("L8", "FLOW_LOW_PERCENT", 5),
    ("L8", "FLOW_LOW_MS", 300_000),
    ("L9", "AIR_BUBBLE_UL", 50),
    ("L11", "AUDIO_PAUSE_MS", 120_000),
    ("L12", "QUESTION_WINDOW_MS", 120_000),
    ("M15", "QUESTION_REPEAT_MS", 300_000),
    ("M15", "QUESTION_UNANSWERED_MS", 900_000),
    ("M15", "CHECK_INTERVAL_MS", 1_800_000),
    ("M15", "CHECK_INTERVAL_RISK_MS", 900_000),
    ("L13", "SLEW_MIN_UL_H_S", 1_000),
    ("L13", "SLEW_MAX_UL_H_S", 10_000),
    ("L13", "LADDER_RESTART_MS", 1_800_000),
    ("L14", "HARDWARE_CAP_UL_H", 1_200_000),
    ("L15", "KVO_MAX_UL_H", 1_000),
    ("L18", "PROGRAM_REMINDER_MS", 300_000),
    ("L18", "PROGRAM_CLEAR_MS", 600_000),
    ("L20", "TICK_INTEGRATE_MAX_MS", 20),
    ("M3", "DELIVERY_MAX_MS", 21_600_000),
    ("M4", "DAY_DOSE_MAX_MG_PER_KG", 1_000),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param(name, value, marks=pytest.mark.req(req)) for req, name, value in PROMISED],
)
def test_the_code_holds_the_promised_number(name, value):
    assert getattr(limits, name) == value


@pytest.mark.req("L4")
def test_the_occlusion_limit_stays_below_20_psi():
    psi_20_pa = 137_895
    assert limits.OCCLUSION_MIN_PA < limits.OCCLUSION_DEFAULT_PA < limits.OCCLUSION_MAX_PA
    assert psi_20_pa > limits.OCCLUSION_MAX_PA


@pytest.mark.req("L23", "F24")
def test_every_limit_is_an_integer():
    values = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert len(values) >= len(PROMISED)
    assert {name for name, value in values.items() if type(value) is not int} == set()
