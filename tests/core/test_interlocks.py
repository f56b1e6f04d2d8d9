"""`interlocks`: whatever was decided above it, never more than this."""

import pytest
from hypothesis import given
from hypothesis import strategies as hs
from properties import strategies

from pump.core import infusion_state as st
from pump.core.interlocks import Interlock
from pump.core.outputs import Outputs

STEP = 562_500  # uL/h x ms
DELIVERING = {"INFUSING", "RUNG_HELD", "KVO"}
ENABLED = DELIVERING | {"HOLD", "BACK_OFF"}
BACK_OFF_MOST = 3200  # steps: 0.5 mL


def asking(rate: int, steps: int, slot_ms: int, enable: bool = True) -> Outputs:
    outputs = Outputs()
    outputs.enable = enable
    outputs.rate_ul_h = rate
    outputs.steps = steps
    outputs.slot_ms = slot_ms
    return outputs


def allowed_cap(state: str, cap: int) -> int:
    """The cap that holds in a state, by L14 and L15."""
    if state not in DELIVERING:
        return 0
    return min(cap, 1_200_000, 1_000) if state == "KVO" else min(cap, 1_200_000)


@pytest.mark.req("L14")
def test_what_is_within_the_cap_passes_untouched():
    interlock = Interlock()
    # 36 mL/h: a step every 15.625 ms
    for steps in (0, 1, 0, 1, 1, 0, 1):
        out = asking(36_000, steps, 10)
        assert not interlock.apply(out, st.INFUSING, 36_000)
        assert (out.enable, out.rate_ul_h, out.steps) == (True, 36_000, steps)


@pytest.mark.req("L14")
def test_a_rate_above_the_cap_is_cut_to_it_and_said_so():
    out = asking(36_001, 0, 10)
    assert Interlock().apply(out, st.INFUSING, 36_000)
    assert out.rate_ul_h == 36_000


@pytest.mark.req("L14")
def test_a_cap_above_the_hardware_is_the_hardwares():
    out = asking(1_200_001, 0, 10)
    assert Interlock().apply(out, st.INFUSING, 5_000_000)
    assert out.rate_ul_h == 1_200_000


@pytest.mark.req("L14")
def test_a_burst_is_cut_to_what_the_cap_has_saved_up():
    interlock = Interlock()
    # An hour of silence saves no more than one step beside the tick's own.
    for _ in range(1000):
        assert not interlock.apply(asking(0, 0, 20), st.INFUSING, 36_000)
    # 36_000 x 20 / 562_500 = 1.28 of its own and 1 saved: 2
    out = asking(36_000, 5, 20)
    assert interlock.apply(out, st.INFUSING, 36_000)
    assert out.steps == 2


@pytest.mark.req("L15")
def test_keep_vein_open_is_capped_at_one_millilitre_per_hour():
    out = asking(1_001, 0, 10)
    assert Interlock().apply(out, st.KVO, 180_000)
    assert out.rate_ul_h == 1_000
    out = asking(501, 0, 10)
    assert Interlock().apply(out, st.KVO, 500)
    assert out.rate_ul_h == 500


@pytest.mark.parametrize("state", [s for s in st.STATE_NAMES if s not in DELIVERING])
@pytest.mark.req("L14")
def test_nothing_moves_forward_in_a_state_that_does_not_deliver(state):
    interlock = Interlock()
    out = asking(100, 1, 10)
    assert interlock.apply(out, st.STATE_NAMES.index(state), 180_000)
    assert (out.rate_ul_h, out.steps) == (0, 0)
    for _ in range(100):
        out = asking(0, 3, 20)
        interlock.apply(out, st.STATE_NAMES.index(state), 180_000)
        assert out.steps == 0


@pytest.mark.parametrize("state", st.STATE_NAMES)
@pytest.mark.req("L5")
def test_the_driver_is_enabled_only_where_it_may_be(state):
    out = asking(0, 0, 10)
    cut = Interlock().apply(out, st.STATE_NAMES.index(state), 180_000)
    assert out.enable is (state in ENABLED)
    assert cut is (state not in ENABLED)


@pytest.mark.parametrize("state", [s for s in st.STATE_NAMES if s != "BACK_OFF"])
@pytest.mark.req("L10")
def test_nothing_turns_backward_outside_of_back_off(state):
    out = asking(300_000, 3, 10)
    out.reverse = True
    assert Interlock().apply(out, st.STATE_NAMES.index(state), 1_200_000)
    assert (out.reverse, out.rate_ul_h, out.steps) == (False, 0, 0)


@pytest.mark.req("L10")
def test_half_a_millilitre_backward_is_all_there_is_until_delivery():
    interlock = Interlock()

    def back(steps):
        out = asking(300_000, steps, 10)
        out.reverse = True
        cut = interlock.apply(out, st.BACK_OFF, 180_000)
        return cut, out.steps

    assert [back(1000) for _ in range(3)] == [(False, 1000)] * 3
    assert [back(201), back(1)] == [(True, 200), (True, 0)]
    interlock.apply(asking(0, 0, 10), st.INFUSING, 180_000)
    assert back(3200) == (False, 3200)


@pytest.mark.req("L10")
def test_no_faster_backward_than_300_ml_per_hour():
    out = asking(300_001, 1, 10)
    out.reverse = True
    assert Interlock().apply(out, st.BACK_OFF, 180_000)
    assert (out.reverse, out.rate_ul_h, out.steps) == (False, 0, 0)


@given(
    ticks=hs.lists(
        hs.tuples(
            hs.sampled_from(st.STATE_NAMES),
            hs.integers(0, 1_500_000),  # cap
            hs.integers(0, 1 << 24),  # rate asked for
            hs.one_of(hs.integers(0, 3), hs.integers(0, 100_000)),  # steps asked for
            strategies.ticks_in_time,
            hs.booleans(),
            hs.sampled_from([False, False, True]),  # backward
        ),
        max_size=120,
    )
)
@pytest.mark.req("L14")
@pytest.mark.req("L10")
def test_no_window_holds_more_than_the_integral_of_the_cap_and_one_step(ticks):
    interlock = Interlock()
    above = 0  # the worst window that ends here: its steps less its integral
    backward = 0
    for state, cap, rate, steps, slot_ms, enable, reverse in ticks:
        out = asking(rate, steps, slot_ms, enable)
        out.reverse = reverse
        cut = interlock.apply(out, st.STATE_NAMES.index(state), cap)
        assert 0 <= out.steps <= steps
        assert out.enable is (enable and state in ENABLED)
        assert out.reverse <= (reverse and state == "BACK_OFF")
        if reverse or state == "BACK_OFF":
            assert out.rate_ul_h <= (min(rate, 300_000) if out.reverse else 0)
            assert out.reverse or out.steps == 0
            assert cut or (out.steps, out.enable) == (steps, enable)
            backward += out.steps
            assert backward <= BACK_OFF_MOST
            moved = 0
        else:
            backward = 0
            assert out.rate_ul_h == min(rate, allowed_cap(state, cap))
            assert cut is ((out.rate_ul_h, out.steps, out.enable) != (rate, steps, enable))
            moved = out.steps * STEP
        above = max(above, 0) + moved - allowed_cap(state, cap) * slot_ms
        assert above <= STEP


@given(
    cap=strategies.rates.filter(bool),
    ticks=strategies.tick_patterns(most_ticks=300),
)
@pytest.mark.req("L14")
def test_delivery_at_the_cap_is_never_cut(cap, ticks):
    interlock = Interlock()
    owed = 0
    for slot_ms in ticks:
        owed += cap * slot_ms
        out = asking(cap, owed // STEP, slot_ms)
        owed %= STEP
        assert not interlock.apply(out, st.INFUSING, cap)
