"""`drip`: drops against the motor.  A drop is 50 uL, 320 steps, within a tenth."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from properties.core_bench import alarm_names
from properties.profiles import examples

from pump.core.drip import DripCheck

DROP = 320  # steps


def seen(check: DripCheck, drop: bool, steps: int = 0) -> set[str]:
    return alarm_names(check.step(drop, steps))


def falls(steps_a_drop: int, steps_a_tick: int, ticks: int) -> set[str]:
    """Everything that is seen while a drop falls for each ``steps_a_drop``."""
    check = DripCheck()
    part = 0
    found = set()
    for _ in range(ticks):
        part += steps_a_tick
        drop = part >= steps_a_drop
        part -= steps_a_drop * drop
        found |= seen(check, drop, steps_a_tick)
    return found


@pytest.mark.req("L15")
def test_with_the_motor_off_the_third_drop_is_free_flow():
    check = DripCheck()
    assert [seen(check, True) for _ in range(3)] == [set(), set(), {"FREE_FLOW"}]


@pytest.mark.req("L15")
def test_a_chamber_that_the_motor_has_drawn_from_may_give_two_drops_more():
    """What the motor took before the drops for it fell: 100 uL at most."""
    check = DripCheck()
    for _ in range(10):
        check.step(False, DROP)
    found = [seen(check, True) for _ in range(5)]
    assert found == [set()] * 4 + [{"FREE_FLOW"}]


@pytest.mark.req("F10")
@pytest.mark.parametrize("drop_steps", [288, 352], ids=["10 % small", "10 % large"])
@pytest.mark.parametrize("rate_ul_h", [100, 1_000, 33_600, 210_000, 1_200_000])
def test_drops_10_percent_off_are_no_alarm_for_hours(rate_ul_h, drop_steps):
    # Six hours at most, in slots as long as a drop's eighth.
    volume_steps = min(rate_ul_h * 6 * 64 // 10, 2_000_000)
    assert falls(drop_steps, 40, volume_steps // 40) == set()


@pytest.mark.req("L15")
def test_flow_of_a_fifth_more_than_ordered_is_tolerated_and_a_third_more_is_not():
    assert falls(DROP * 100 // 119, 10, 100_000) == set()
    assert falls(DROP * 100 // 133, 10, 20_000) == {"FREE_FLOW"}


@pytest.mark.req("L15")
def test_no_drop_for_a_millilitre_is_an_empty_bag():
    check = DripCheck()
    found = [seen(check, False, 100) for _ in range(65)]
    assert found == [set()] * 63 + [{"BAG_EMPTY"}] * 2
    assert seen(check, True, 0) == set()


def test_a_person_who_has_seen_to_it_begins_anew():
    check = DripCheck()
    for _ in range(5):
        check.step(True, 0)
    check.restart()
    assert [seen(check, True) for _ in range(3)] == [set(), set(), {"FREE_FLOW"}]


@settings(max_examples=examples(100))
@given(hs.lists(hs.tuples(hs.booleans(), hs.integers(0, 43)), max_size=400))
@pytest.mark.req("L15")
def test_free_flow_is_150_ul_more_than_the_motor_took_with_a_fifth_added(ticks):
    """Brute force: the worst stretch that ends now, less what the chamber may owe."""
    check = DripCheck()
    excess = 0.0
    for drop, steps in ticks:
        excess = min(960, max(-640, excess + DROP * drop - 1.2 * steps))
        excess = round(excess, 3)
        assert ("FREE_FLOW" in seen(check, drop, steps)) is (excess >= 960)


# --- through the step ----------------------------------------------------------------------


@pytest.mark.parametrize("permille", [900, 1_100])
@pytest.mark.req("F10")
def test_an_infusion_with_drops_10_percent_off_goes_on(bench_in, permille):
    bench = bench_in("INFUSING")
    bench.drop_permille = permille
    bench.run(540_000, 20)
    assert (bench.state, bench.alarms) == ("INFUSING", set())


@pytest.mark.req("L15")
@pytest.mark.parametrize("state", ["ALARM_STOPPED", "PAUSED"])
def test_free_flow_after_a_relieved_occlusion_is_seen(bench_in, state):
    """The moment in which it is most likely: somebody has opened a clamp."""
    bench = bench_in("BACK_OFF")
    bench.run(1_000)
    bench.inputs.down_pa = 0
    bench.run_until(lambda: bench.state == "ALARM_STOPPED", 1_000)
    if state == "PAUSED":
        assert bench.send("RESET") == "OK"
    bench.pours = True
    assert bench.run_until(lambda: "FREE_FLOW" in bench.alarms, 100) <= 50


@pytest.mark.req("L15")
def test_drops_while_turning_back_are_free_flow_too(bench_in):
    bench = bench_in("BACK_OFF")
    bench.run(500)
    bench.pours = True
    bench.run_until(lambda: "FREE_FLOW" in bench.alarms, 100)
    assert bench.state == "ALARM_STOPPED"


@pytest.mark.req("L15")
def test_free_flow_goes_with_one_reset_once_the_clamp_is_closed_and_returns_if_not(bench_in):
    bench = bench_in("PAUSED")
    bench.pours = True
    bench.run(200)
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"FREE_FLOW"})
    again = bench.clone()
    bench.pours = False
    assert bench.send("RESET") == "OK"
    bench.run(1_000)
    assert (bench.state, bench.alarms) == ("PAUSED", set())
    again.send("RESET")
    again.run(50)
    assert (again.state, again.alarms) == ("ALARM_STOPPED", {"FREE_FLOW"})
    assert again.send("RESUME") == "NOT_IN_THIS_STATE"
