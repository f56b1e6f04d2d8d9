"""No result of the core's arithmetic leaves 31 bits: nothing is put on the heap.

The core is run in a copy that measures every operation; see ``small_ints``.
"""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as hs
from properties import strategies
from properties.core_bench import CoreBench, Order
from properties.profiles import examples
from properties.small_ints import TooLarge, fits, load_core

from pump.core import infusion_state as st
from pump.core import reasons

pytestmark = pytest.mark.req("L23")

CHECKED = load_core()
LARGEST = Order(
    vtbi_ul=2_000_000,
    dose_mg=200_000,
    weight_g=200_000,
    cap_ul_h=1_200_000,
    rungs=((1_199_900, 7_200), (1_200_000, 7_200)),
    kvo_ul_h=1_000,
    occlusion_pa=130_000,
    link_timeout_s=300,
)
# One tick: its length, an event with its argument, and what the sensors say.
ticks = hs.tuples(
    hs.one_of(strategies.any_tick, hs.integers(0, 1_000_000)),
    hs.one_of(hs.just(0), hs.just(0), hs.integers(0, st.EV_END)),
    hs.integers(0, 65_535),
    strategies.pressures_pa,
    strategies.pressures_pa,
    hs.integers(0, 31),  # five levels
    hs.integers(0, 2_500),  # what the encoder sees of the travel, per mille
    hs.integers(0, 1_000_000),  # ms that the host has been silent
    hs.integers(1, 200),  # for how many ticks
)


@pytest.mark.parametrize("value", [0, -(1 << 30), (1 << 30) - 1, True])
def test_the_check_lets_pass_what_fits(value):
    assert fits(value, "here") is value


@pytest.mark.parametrize("value", [1 << 30, -(1 << 30) - 1, 1.0, 0.5])
def test_the_check_finds_what_does_not_fit(value):
    with pytest.raises(TooLarge, match="here"):
        fits(value, "here")


def test_the_copy_measures_the_operations_of_the_core():
    ramp = CHECKED.rate_ramp.RateRamp()
    assert ramp.step(1_200_000, 10_000, 20) == 200
    with pytest.raises(TooLarge, match="rate_ramp"):
        ramp.step(1 << 31, 1 << 30, 20)
    volume = CHECKED.volume.Volume()
    with pytest.raises(TooLarge, match="volume"):
        volume.grant(1 << 28, 20, 1 << 29)


def test_the_copy_decides_as_the_core_does():
    original, checked = CoreBench(), CoreBench(CHECKED.controller.Controller())
    for bench in (original, checked):
        bench.begin(Order())
        bench.climb(dt_ms=20)
        bench.run_ticks([3, 20, 500, 0, 7] * 200)
        bench.send("PAUSE")
    assert vars(original.outputs) == vars(checked.outputs)
    assert vars(original.controller.volume) == vars(checked.controller.volume)


def test_the_largest_order_at_the_highest_rate_stays_within():
    bench = CoreBench(CHECKED.controller.Controller(), queue_ticks=3).begin(LARGEST)
    bench.run_ticks([20] * 50_000)
    assert bench.outputs.rate_ul_h == 1_199_900
    bench.send("PAUSE")
    bench.tick()
    volume = bench.controller.volume
    volume.counted_steps = volume.granted_steps = 12_790_000
    bench.seal()
    bench.send("RESUME")
    bench.run_until(lambda: bench.state == "COMPLETE", 60_000, 20)
    assert volume.delivered_ul() == 2_000_000


@settings(max_examples=examples(60))
@given(
    order=hs.one_of(hs.just(LARGEST), strategies.valid_orders()),
    queue_ticks=hs.integers(1, 3),
    story=hs.lists(ticks, min_size=1, max_size=25),
)
def test_no_story_leaves_small_integers(order, queue_ticks, story):
    bench = CoreBench(CHECKED.controller.Controller(), queue_ticks).begin(order)
    inputs = bench.inputs
    for dt_ms, event, argument, down_pa, up_pa, levels, permille, silent_ms, count in story:
        for name, value in (("down_pa", down_pa), ("up_pa", up_pa)):
            setattr(inputs, name, value)
        inputs.down_ok, inputs.up_ok = not levels & 1, not levels & 2
        inputs.air, inputs.door_open = levels & 12 == 12, levels & 16 == 16
        inputs.host_silent_ms = silent_ms
        bench.encoder_permille = permille
        bench.tick(dt_ms, event, argument)
        bench.run_ticks([dt_ms] * count)
        if bench.state == "ALARM_STOPPED":
            bench.heal()
            bench.send("RESET")
            bench.send("RESUME")


@given(strategies.any_orders())
@example(Order(vtbi_ul=2_000_000, dose_mg=200_000, weight_g=200_000, rungs=((100, 600),)))
def test_judging_an_order_stays_within(order):
    rx = CHECKED.prescription.Prescription()
    order.stage(rx)
    if rx.check() == reasons.OK:
        assert CHECKED.units.steps_for_volume(order.vtbi_ul) <= 12_800_000


@given(
    rate=hs.integers(0, 1_200_000),
    slew=strategies.slews,
    remainder=hs.integers(0, 562_499),
    dt_ms=hs.integers(0, 20),
    left=hs.integers(0, 12_800_000),
)
def test_one_slot_of_any_rate_stays_within(rate, slew, remainder, dt_ms, left):
    volume = CHECKED.volume.Volume()
    volume.begin(2_000_000)
    volume.granted_steps = volume.counted_steps = 12_800_000 - left
    volume.remainder = remainder
    steps = volume.grant(rate, dt_ms, 1 << 29)
    assert 0 <= volume.last_step_us <= 20_000
    ramp = CHECKED.rate_ramp.RateRamp()
    ramp.rate_ul_h = rate
    ramp.step(1_200_000, slew, dt_ms)
    outputs = CHECKED.outputs.Outputs()
    outputs.enable, outputs.rate_ul_h = True, rate
    outputs.slot_ms, outputs.steps = dt_ms, steps
    interlock = CHECKED.interlocks.Interlock()
    for _ in range(3):
        interlock.apply(outputs, st.INFUSING, 1_200_000)
