"""The guard's decisions: each limit, and one just below it.

A check every 8 ms, as its interrupt does.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pump.guard import guard
from pump.guard.guard import Guard

PERIOD_MS = 8
FULL_CAP = 1_200_000
# 6.4 steps a microlitre.
STEP_UL_H_MS = 562_500


class Watched:
    """A guard with a prescription, and a motor that does as told."""

    def __init__(self, cap_ul_h: int = FULL_CAP, vtbi_ul: int = 100_000, already_steps: int = 0):
        self.guard = Guard()
        assert self.guard.load(cap_ul_h, vtbi_ul)
        assert self.guard.begin(already_steps)
        self.check(beat=False)

    def permitted(self) -> "Watched":
        self.guard.permit(True)
        self.check()
        return self

    def check(self, steps=0, edges=0, forward=1, enable=1, dt_ms=PERIOD_MS, beat=True) -> int:
        if beat:
            self.guard.beat()
        if self.guard._permit != guard._YES:
            enable = 0 if enable == 1 else enable
        return self.guard.check(steps, edges, forward, enable, dt_ms)

    def wait(self, ms: int, forward: int = 1) -> None:
        for _ in range(0, ms, PERIOD_MS):
            self.check(forward=forward)


@pytest.mark.req("L6")
def test_a_loop_that_is_silent_for_four_checks_trips_and_for_three_does_not():
    pump = Watched().permitted()
    for _ in range(50):
        assert [pump.check(beat=False) for _ in range(3)] == [0, 0, 0]
        assert pump.check() == 0
    assert [pump.check(beat=False) for _ in range(4)] == [0, 0, 0, guard.NO_BEAT]


@pytest.mark.req("L6")
def test_a_loop_may_be_silent_while_nothing_is_permitted():
    pump = Watched()
    assert not any(pump.check(beat=False) for _ in range(1000))


@pytest.mark.req("L14")
def test_what_the_cap_and_the_burst_allow_passes_and_a_step_more_trips():
    """40 mL/h: 3 steps and 20 ms of burst, 8 ms since: 4.99 steps."""
    for steps, trip in ((4, 0), (5, guard.TOO_FAST)):
        pump = Watched(40_000).permitted()
        pump.wait(1000)
        assert pump.check(steps, 1) == trip


@pytest.mark.req("L14")
@pytest.mark.parametrize("cap_ul_h", [1000, 60_000, 350_000, FULL_CAP])
def test_the_cap_itself_is_held_for_ever_and_two_percent_more_is_not(cap_ul_h):
    def seconds_at(rate_ul_h: int) -> int:
        pump = Watched(cap_ul_h, 2_000_000).permitted()
        owed = encoder = 0
        for tick in range(int(1e8 / rate_ul_h) + 20_000):
            owed += rate_ul_h * PERIOD_MS
            steps, owed = divmod(owed, STEP_UL_H_MS)
            encoder += steps
            if pump.check(steps, encoder // 4) == guard.TOO_FAST:
                return tick
            encoder %= 4
        return -1

    assert seconds_at(cap_ul_h) == -1
    if cap_ul_h > 1000:
        assert seconds_at(cap_ul_h * 102 // 100) > 0


@pytest.mark.req("L8")
@pytest.mark.parametrize("already", [0, 6000])
def test_nine_steps_beyond_the_order_pass_and_the_tenth_trips(already):
    """1 mL is 6400 steps; one more is L8's, eight are the encoder's."""
    pump = Watched(vtbi_ul=1000, already_steps=already).permitted()
    for step in range(already + 1, 6410):
        assert pump.check(1, step % 4 == 0) == 0
    assert pump.check(1, 0) == guard.TOO_MUCH


@pytest.mark.req("F35")
def test_a_step_while_nothing_is_permitted_trips_once_the_queue_must_be_empty():
    pump = Watched().permitted()
    pump.guard.permit(False)
    for _ in range(4):
        assert pump.check(1) == 0
    assert pump.check(0) == 0
    assert pump.check(1) == guard.NOT_PERMITTED


@pytest.mark.req("F35")
def test_a_shaft_that_turns_without_power_is_left_to_the_core():
    pump = Watched()
    pump.wait(100)
    for _ in range(100):
        assert pump.check(0, 1) == 0


@pytest.mark.req("F35")
def test_a_driver_that_keeps_its_power_trips():
    pump = Watched()
    pump.wait(100)
    assert pump.guard.check(0, 0, 1, 1, PERIOD_MS) == guard.NOT_PERMITTED


@pytest.mark.req("F28")
def test_a_motor_that_does_not_follow_trips_after_400_steps_and_3_s():
    pump = Watched().permitted()
    ms = steps = 0
    while not pump.check(1):
        ms += PERIOD_MS
        steps += 1
    assert pump.guard.trip == guard.NOT_FOLLOWING
    # 400 steps and a third more, at 8 ms each; then 3 s.
    assert 532 * PERIOD_MS + 3000 <= ms <= 536 * PERIOD_MS + 3000


@pytest.mark.req("F28")
@pytest.mark.parametrize(("edges", "trip"), [(100, 0), (101, guard.NOT_FOLLOWING)])
def test_a_motor_that_turns_by_itself_trips_beyond_400_steps_at_once(edges, trip):
    pump = Watched().permitted()
    assert pump.check(0, edges) == trip


@pytest.mark.req("F28")
@pytest.mark.parametrize("one_in", [20, 10, 5])
def test_a_motor_that_loses_up_to_a_fifth_of_its_steps_is_left_to_the_flow_check(one_in):
    """Of it, 5 % is a MEDIUM alarm, and only what is above 20 % stops (L8)."""
    pump = Watched(vtbi_ul=2_000_000).permitted()
    turned = 0
    for step in range(100_000):
        if step % one_in:
            turned += 1
        assert pump.check(1, turned // 4) == 0
        turned %= 4


def back(pump: Watched, steps: int, per_check: int = 4) -> int:
    """Steps backwards, with the encoder following, until done or tripped."""
    while steps and not pump.guard.trip:
        n = min(steps, per_check)
        pump.check(n, n // 4, forward=0)
        steps -= n
    return pump.guard.trip


@pytest.mark.req("L10")
@pytest.mark.parametrize(("steps", "trip"), [(3200, 0), (3201, guard.BACKWARD_VOLUME)])
def test_half_a_millilitre_backwards_passes_and_a_step_more_trips(steps, trip):
    pump = Watched(already_steps=10_000).permitted()
    pump.wait(16, forward=0)
    assert back(pump, steps) == trip


@pytest.mark.req("L10")
def test_each_arming_may_go_back_half_a_millilitre():
    pump = Watched(already_steps=10_000)
    for _ in range(3):
        pump.permitted()
        pump.wait(16, forward=0)
        assert back(pump, 3200) == 0
        pump.wait(16)
        pump.guard.permit(False)
        pump.wait(100)


@pytest.mark.req("L10")
@pytest.mark.parametrize(("per_check", "trip"), [(4, 0), (5, guard.BACKWARD_RATE)])
def test_backwards_at_300_ml_h_passes_and_faster_trips(per_check, trip):
    """300 mL/h is 4.27 steps in 8 ms."""
    pump = Watched(already_steps=10_000).permitted()
    pump.wait(16, forward=0)
    assert back(pump, 400, per_check) == trip


@pytest.mark.req("L10")
def test_what_went_back_is_credited_only_as_far_as_the_encoder_saw_it():
    for seen, total in ((True, 9000), (False, 10_000)):
        pump = Watched(already_steps=10_000).permitted()
        pump.wait(16, forward=0)
        for _ in range(250):
            pump.check(4, 1 if seen else 0, forward=0)
        assert pump.guard._total == total


@pytest.mark.req("F25")
@pytest.mark.parametrize("bit", [0, 7, 20, 29])
@pytest.mark.parametrize(
    "name",
    [
        *("_cap", "_cap_not", "_vtbi", "_vtbi_not", "_total", "_total_not"),
        *("_back", "_back_not", "_permit"),
    ],
)
def test_a_flipped_bit_in_its_own_data_trips(name, bit):
    pump = Watched().permitted()
    pump.check(4, 1)
    setattr(pump.guard, name, getattr(pump.guard, name) ^ 1 << bit)
    assert pump.check() == guard.DAMAGED


@pytest.mark.req("L14")
@pytest.mark.parametrize(
    ("cap", "vtbi", "accepted"),
    [
        (100, 1000, True),
        (1_200_000, 2_000_000, True),
        (99, 1000, False),
        (1_333_335, 1000, False),
        (60_000, 999, False),
        (60_000, 2_222_224, False),
        (-60_000, 1000, False),
    ],
)
def test_only_a_plausible_prescription_is_loaded(cap, vtbi, accepted):
    assert Guard().load(cap, vtbi) is accepted


@pytest.mark.req("L25")
def test_while_the_motor_is_permitted_a_prescription_only_tightens():
    pump = Watched(60_000, 10_000).permitted()
    assert not pump.guard.load(60_001, 10_000)
    assert not pump.guard.load(60_000, 10_001)
    assert not pump.guard.begin(0)
    assert pump.guard.load(50_000, 9_000)
    pump.check()
    assert pump.guard._cap == 50_000


@pytest.mark.req("L14")
def test_a_cap_that_falls_takes_hold_once_the_queue_has_run_on():
    pump = Watched(FULL_CAP).permitted()
    for _ in range(100):
        assert pump.check(17, 4) == 0
    pump.guard.load(60_000, 100_000)
    for _ in range(50 // PERIOD_MS):
        assert pump.check(17, 4) == 0
    assert guard.TOO_FAST in [pump.check(17, 4) for _ in range(3)]


def test_without_a_prescription_not_one_step_is_allowed():
    watch = Guard()
    watch.permit(True)
    assert watch.check(0, 0, 1, 1, PERIOD_MS) == 0
    assert watch.check(1, 0, 1, 1, PERIOD_MS) == guard.TOO_FAST


@pytest.mark.req("L17")
def test_a_trip_is_latched():
    pump = Watched().permitted()
    assert pump.check(900) == guard.TOO_FAST
    pump.guard.permit(False)
    pump.guard.load(60_000, 1000)
    pump.guard.begin(0)
    assert {pump.check() for _ in range(100)} == {guard.TOO_FAST}


def test_every_trip_has_a_name():
    codes = sorted(
        value for name, value in vars(guard).items() if name.isupper() and name in guard.TRIP_NAMES
    )
    assert codes == list(range(1, len(guard.TRIP_NAMES)))
    assert all(getattr(guard, name) == i for i, name in enumerate(guard.TRIP_NAMES) if i)


looks = some.lists(
    some.tuples(
        some.one_of(some.integers(0, 5), some.integers(0, 60)),  # steps
        some.integers(0, 15),  # encoder edges
        some.integers(0, 1),  # DIRECTION
        some.one_of(some.just(PERIOD_MS), some.integers(0, 500)),
        some.booleans(),  # beat
        some.sampled_from(["", "", "", "off", "on", "tighten"]),
    ),
    max_size=80,
)


@pytest.mark.req("L14")
@settings(max_examples=400, deadline=None)
@given(some.integers(100, FULL_CAP), looks)
def test_nothing_that_can_happen_gets_more_out_of_it_than_its_bound(cap, happening):
    """In every window: the cap, three steps and 20 ms.
    And nobody who is silent for 30 ms keeps the permission."""
    pump = Watched(cap, 2_000_000).permitted()
    watch = pump.guard
    forward, took, silent_ms, was_permitted = True, [], 0, True
    for steps, edges, direction, dt_ms, beats, order in happening:
        if order in ("on", "off"):
            watch.permit(order == "on")
        elif order == "tighten":
            watch.load(max(100, cap - 1), 2_000_000)
        permitted = watch._permit == guard._YES
        if beats:
            watch.beat()
        silent_ms = 0 if watch._beat or not was_permitted else silent_ms + min(dt_ms, 100)
        was_permitted = permitted
        if watch.check(steps, edges, direction, permitted, dt_ms):
            break
        if permitted:
            assert silent_ms < 30
        took.append((steps if forward else 0, min(dt_ms, 100)))
        forward = direction != 0
    burst = 3 * STEP_UL_H_MS + 20 * cap
    spare = 0
    for steps, dt_ms in took:
        # The emptiest any bucket of this size can be: never below nothing.
        spare = min(spare, 0) + cap * dt_ms - steps * STEP_UL_H_MS
        assert spare >= -burst


@pytest.mark.req("L23")
@settings(max_examples=200, deadline=None)
@given(some.integers(100, FULL_CAP), looks)
def test_its_numbers_stay_small_integers(cap, happening):
    pump = Watched(cap, 2_000_000, already_steps=12_000_000).permitted()
    for steps, edges, direction, dt_ms, beats, _order in happening:
        pump.check(steps * 16, edges * 60, direction, dt_ms=dt_ms * 1000, beat=beats)
        for name, value in vars(pump.guard).items():
            assert -(1 << 30) <= value < 1 << 30, name
