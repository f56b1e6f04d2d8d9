"""`air`: a bubble is measured by the steps that pass it.  50 uL are 320 steps."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from properties.core_bench import alarm_names
from properties.profiles import examples

from pump.core.air import AirDetector


def alarms_after(ticks) -> list[bool]:
    """Whether each tick of (steps, air) shows the condition."""
    detector = AirDetector()
    shown = []
    for steps, air in ticks:
        detector.sees_air(air)
        shown.append(detector.step(steps) != 0)
    return shown


@pytest.mark.req("L9", "F29")
def test_a_bubble_of_49_ul_passes_and_one_of_50_ul_does_not():
    # 49 uL are 313.6 steps: 313 or 314 are counted.
    assert alarms_after([(314, True), (1, False)]) == [False, False]
    assert alarms_after([(319, True)]) == [False]
    assert alarms_after([(320, True)]) == [True]


@pytest.mark.req("L9")
def test_a_bubble_is_summed_over_ticks():
    assert alarms_after([(21, True)] * 16) == [False] * 15 + [True]


@pytest.mark.req("L9")
def test_five_microlitres_of_fluid_part_two_bubbles():
    # 5 uL are 32 steps.
    assert not any(alarms_after([(319, True), (32, False), (319, True), (1, False)]))
    assert alarms_after([(319, True), (31, False), (1, True)])[-1]
    assert not any(alarms_after([(319, True), (20, False), (12, False), (319, True)]))


@pytest.mark.req("F29")
def test_froth_is_a_bubble():
    """A tenth of fluid in it: 3 steps of air, 1 of fluid."""
    shown = alarms_after([(3, True), (1, False)] * 200)
    # 106 x 3 are 318
    assert shown.index(True) == 2 * 106


@pytest.mark.req("L9")
def test_air_in_a_standing_line_is_no_bubble_that_moves():
    assert not any(alarms_after([(0, True)] * 1000))


@pytest.mark.req("L9")
def test_reset_forgets_the_bubble():
    detector = AirDetector()
    detector.sees_air(True)
    assert detector.step(319) == 0
    detector.reset()
    assert detector.step(319) == 0
    assert detector.step(1) != 0


@given(hs.lists(hs.tuples(hs.integers(0, 43), hs.booleans()), max_size=300))
@pytest.mark.req("L9")
def test_exactly_the_runs_of_320_steps_without_32_of_fluid_are_shown(ticks):
    air = fluid = 0
    expected = []
    for steps, is_air in ticks:
        fluid = 0 if is_air else fluid + steps
        air = air + steps if is_air else 0 if fluid >= 32 else air
        expected.append(air >= 320)
    assert alarms_after(ticks) == expected


# --- the window of a quarter of an hour -------------------------------------------------


class Line:
    """A detector, and the true sums beside it.  ``most_ms``: of one tick."""

    def __init__(self):
        self.detector = AirDetector()
        self.now_ms = 0
        self.passed: deque[tuple[int, int]] = deque()  # (when, steps of air)

    def tick(self, steps: int, air: bool, dt_ms: int) -> bool:
        self.now_ms += dt_ms
        self.detector.pass_time(dt_ms)
        self.detector.sees_air(air)
        if air and steps:
            self.passed.append((self.now_ms, steps))
        return bool(self.detector.step(steps))

    def true_window(self, ms: int) -> int:
        return sum(steps for when, steps in self.passed if when > self.now_ms - ms)


@settings(max_examples=examples(25))
@given(
    legs=hs.lists(
        hs.tuples(hs.integers(1, 400), hs.integers(0, 300), hs.booleans()), min_size=1, max_size=14
    ),
    dt_ms=hs.sampled_from([250, 500, 1_000, 5_000]),
)
@pytest.mark.req("L9")
@pytest.mark.req("F29")
def test_the_window_is_never_less_than_the_true_one_and_at_most_5_s_longer(legs, dt_ms):
    """Long ticks: the window only sees time and steps."""
    line = Line()
    for seconds, steps, air in legs:
        for _ in range(seconds * 1_000 // dt_ms):
            line.tick(steps, air, dt_ms)
        window = line.detector.window_steps
        assert line.true_window(900_000) <= window <= line.true_window(905_000)


@pytest.mark.req("F29")
def test_the_twenty_first_bubble_of_49_ul_in_a_quarter_of_an_hour_stops():
    """49 uL are 314 steps; 1 mL is 6400: 20 x 314 = 6280, and 120 of the next."""
    line = Line()
    bubbles = 0
    while True:
        shown = [line.tick(2, True, 10) for _ in range(157)]
        if any(shown):
            break
        assert not any(line.tick(2, False, 10) for _ in range(400))
        bubbles += 1
    assert bubbles == 20
    assert shown.index(True) == 59  # the 60th pair of steps


@pytest.mark.req("F29")
@pytest.mark.parametrize(("every_s", "stops"), [(42, True), (46, False)])
def test_bubbles_of_49_ul_stop_only_if_a_millilitre_comes_in_a_quarter(every_s, stops):
    """21.4 of 49 uL in 15 min are 1.05 mL; 19.6 are 0.96 mL."""
    line = Line()
    shown = False
    for _ in range(60):
        for _ in range(157):
            shown |= line.tick(2, True, 10)
        for _ in range(every_s - 1):
            shown |= line.tick(64, False, 1_000)
    assert shown is stops


@pytest.mark.req("F29")
@pytest.mark.parametrize(("percent", "stops"), [(7, True), (6, False)])
def test_a_slow_creep_of_air_is_summed(percent, stops):
    """At 60 mL/h 15 min are 15 mL: 7 % of it are 1.05 mL, 6 % 0.9 mL."""
    line = Line()
    shown = False
    for n in range(3 * 900 * 10):  # tenths of a second, 10.67 steps each
        shown |= line.tick(11 if n % 3 else 10, n % 100 < percent, 100)
    assert shown is stops


@pytest.mark.req("L9")
def test_air_of_more_than_a_quarter_ago_is_forgotten():
    line = Line()
    for _ in range(19):
        assert not line.tick(319, True, 10)
        assert not line.tick(64, False, 10)
    assert line.detector.window_steps == 19 * 319
    for _ in range(181):
        line.tick(64, False, 5_000)
    assert line.detector.window_steps == 0


# --- probing ---------------------------------------------------------------------------


@pytest.mark.req("F31")
def test_what_passes_in_a_probe_is_judged_at_its_worst():
    for before, behind in ((True, True), (True, False), (False, True), (False, False)):
        detector = AirDetector()
        detector.sees_air(before)
        detector.step(0)
        assert detector.probe_is_due(1_000)
        detector.sees_air(True)  # the emitter is off
        detector.step(21)
        detector.sees_air(behind)
        detector.step(10)
        air = 21 * (before or behind) + 10 * behind
        assert detector.window_steps == air
        assert not detector.is_blind


@pytest.mark.req("F31")
def test_a_detector_that_says_fluid_in_the_dark_is_blind_until_it_says_air():
    detector = AirDetector()
    for expected in (True, False):
        detector.probe_is_due(1_000)
        detector.sees_air(not expected)
        assert alarm_names(detector.step(1)) == ({"SENSOR_FAULT"} if expected else set())


# --- through the step --------------------------------------------------------------------


@pytest.mark.req("F31")
def test_a_blind_detector_stops_within_1100_ms_and_can_be_repaired(bench_in):
    bench = bench_in("INFUSING")
    bench.run(2_000)
    bench.probe_works = False
    assert bench.run_until(lambda: bench.alarms, 1_100) <= 1_070
    assert (bench.state, bench.alarms) == ("ALARM_STOPPED", {"SENSOR_FAULT"})
    # Not repaired: it is found out at once.
    for event in ("RESET", "RESUME"):
        assert bench.send(event) == "OK"
    assert bench.run_until(lambda: bench.alarms, 200) <= 80
    bench.heal()
    for event in ("RESET", "RESUME"):
        assert bench.send(event) == "OK"
    bench.run(10_000)
    assert (bench.state, bench.alarms) == ("INFUSING", set())


@pytest.mark.parametrize("offset", range(101))
@pytest.mark.req("L9")
def test_a_pause_in_the_tick_of_a_probe_leaves_no_emitter_dark(bench_in, offset):
    bench = bench_in("INFUSING")
    bench.run(10 * offset)
    assert bench.send("PAUSE") == "OK"
    assert bench.outputs.air_probe is False
    bench.tick()
    assert bench.send("RESUME") == "OK"


@pytest.mark.req("L9")
@pytest.mark.parametrize("event", ["RESET", "ACK"])
def test_no_event_makes_a_bubble_or_the_window_shorter(bench_in, event):
    """Only an alarm of air that a person has reset does: the line was primed."""
    bench = bench_in("INFUSING")
    bench.run(6_000)
    bench.inputs.air = True
    began = bench.edges
    while not bench.alarms and bench.edges - began < 400:
        bench.run(500)
        bench.send(event)
    assert bench.alarms == {"AIR_IN_LINE"}
    assert bench.edges - began <= 325


@pytest.mark.req("L9")
def test_a_bubble_of_51_ul_stops_wherever_the_probe_lies(bench_in):
    for offset in range(0, 100, 7):
        bench = bench_in("INFUSING")
        bench.run(6_000 + 10 * offset)
        bench.inputs.air = True
        began = bench.edges
        while bench.edges - began < 326 and not bench.alarms:
            bench.tick()
        assert bench.alarms == {"AIR_IN_LINE"}


@pytest.mark.req("F29")
@pytest.mark.parametrize("event", ["NONE", "RESET", "ACK"])
def test_a_train_of_49_ul_stops_the_pump_with_the_twenty_first(bench_in, event):
    """No RESET between the bubbles makes the window forget."""
    bench = bench_in("INFUSING")
    bench.run(6_000)
    bubbles = 0
    while not bench.alarms and bubbles < 30:
        for air, volume in ((True, 312), (False, 60)):
            bench.inputs.air = air
            began = bench.edges
            while bench.edges - began < volume and not bench.alarms:
                bench.tick()
        if not bench.alarms:
            bench.send(event)
        bubbles += 1
    assert (bench.alarms, bubbles) == ({"AIR_IN_LINE"}, 21)
    assert bench.state == "ALARM_STOPPED"
