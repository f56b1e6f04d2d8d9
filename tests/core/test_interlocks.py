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
ENABLED = DELIVERING | {"HOLD"}


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
def test_nothing_moves_in_a_state_that_does_not_deliver(state):
    interlock = Interlock()
    out = asking(100, 0, 10)
    assert interlock.apply(out, st.STATE_NAMES.index(state), 180_000)
    assert out.rate_ul_h == 0
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


@given(
    ticks=hs.lists(
        hs.tuples(
            hs.sampled_from(st.STATE_NAMES),
            hs.integers(0, 1_500_000),  # cap
            hs.integers(0, 1 << 24),  # rate asked for
            hs.one_of(hs.integers(0, 3), hs.integers(0, 100_000)),  # steps asked for
            strategies.ticks_in_time,
            hs.booleans(),
        ),
        max_size=120,
    )
)
@pytest.mark.req("L14")
def test_no_window_holds_more_than_the_integral_of_the_cap_and_one_step(ticks):
    interlock = Interlock()
    above = 0  # the worst window that ends here: its steps less its integral
    for state, cap, rate, steps, slot_ms, enable in ticks:
        out = asking(rate, steps, slot_ms, enable)
        cut = interlock.apply(out, st.STATE_NAMES.index(state), cap)
        limit = allowed_cap(state, cap)
        assert out.rate_ul_h == min(rate, limit)
        assert 0 <= out.steps <= steps
        assert out.enable is (enable and state in ENABLED)
        assert cut is ((out.rate_ul_h, out.steps, out.enable) != (rate, steps, enable))
        above = max(above, 0) + out.steps * STEP - limit * slot_ms
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
