"""`volume`: every step of the order exactly once, at its time, and none beyond."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as hs
from properties import strategies

from pump.core.volume import Volume

STEP = Fraction(562_500)  # uL/h x ms
FULL_UL = 2_000_000
FREE = 1 << 29  # a lease that allows everything


def begun(vtbi_ul: int = FULL_UL) -> Volume:
    volume = Volume()
    volume.begin(vtbi_ul)
    return volume


@pytest.mark.req("L8")
def test_36_ml_per_hour_is_a_step_every_15_625_ms():
    volume = begun()
    # steps due at 15.625, 31.25, 46.875, 62.5 ms
    assert [volume.grant(36_000, 10, FREE) for _ in range(7)] == [0, 1, 0, 1, 1, 0, 1]


@pytest.mark.req("L8")
def test_the_last_step_is_due_when_the_integral_crosses_it():
    volume = begun()
    due = []
    for slot in range(7):
        if volume.grant(36_000, 10, FREE):
            due.append(slot * 10_000 + volume.last_step_us)
    assert due == [15_625, 31_250, 46_875, 62_500]


@pytest.mark.req("L8")
def test_1200_ml_per_hour_grants_64_steps_in_three_ticks():
    volume = begun()
    assert [volume.grant(1_200_000, 10, FREE) for _ in range(3)] == [21, 21, 22]
    assert volume.granted_steps == 64


@pytest.mark.req("L8")
def test_the_order_ends_on_its_last_step():
    volume = begun(1000)
    grants = [volume.grant(1_200_000, 20, FREE) for _ in range(154)]
    # 6400 x 562_500 / (1_200_000 x 20) are 150 slots.
    assert grants[149] > 0
    assert grants[150:] == [0] * 4
    assert sum(grants) == 6400
    assert volume.delivered_ul() == 0
    volume.counted_steps += 6399
    assert volume.delivered_ul() == 999
    volume.counted_steps += 1
    assert volume.delivered_ul() == 1000


@pytest.mark.req("L8")
def test_without_an_order_nothing_is_granted():
    volume = Volume()
    assert [volume.grant(1_200_000, 20, FREE) for _ in range(50)] == [0] * 50


@pytest.mark.req("L8")
def test_what_was_dropped_on_its_way_is_owed_again_and_not_more():
    volume = begun(1000)
    while volume.granted_steps < 6400:
        volume.grant(1_200_000, 20, FREE)
    volume.counted_steps += 6390  # ten were in the queue when it was thrown away
    volume.take_back()
    assert volume.granted_steps == 6390
    again = sum(volume.grant(1_200_000, 20, FREE) for _ in range(4))
    assert again == 10
    assert volume.granted_steps == 6400


def all_granted() -> Volume:
    """1 mL, every step of it handed to the motor in slots of 20 ms."""
    volume = begun(1000)
    while volume.granted_steps < 6400:
        volume.grant(1_200_000, 20, FREE)
    return volume


@pytest.mark.req("F28")
def test_steps_that_no_queue_could_have_held_are_missing_and_not_owed_again():
    volume = all_granted()
    # The counter has seen nothing, the queue cannot hold more than four slots.
    volume.take_back()
    assert 6400 - volume.granted_steps <= 4 * 43
    missing = volume.missing_steps
    assert volume.delivered_steps() == volume.granted_steps == missing
    assert sum(volume.grant(1_200_000, 20, FREE) for _ in range(20)) == 6400 - missing


@pytest.mark.req("F28")
def test_a_step_that_has_not_come_out_in_100_ms_is_judged_as_delivered():
    volume = all_granted()
    volume.counted_steps += 6399
    # Five slots of 20 ms without a grant are 100 ms.
    assert [volume.grant(1_200_000, 20, FREE) for _ in range(4)] == [0] * 4
    assert volume.delivered_steps() == 6399
    assert volume.grant(1_200_000, 20, FREE) == 0
    assert volume.delivered_steps() == 6400


@pytest.mark.req("F28", "L8")
def test_a_dead_counter_never_gets_an_order_delivered_twice():
    volume = begun(1000)
    granted = 0
    for _ in range(50):
        granted += sum(volume.grant(1_200_000, 20, FREE) for _ in range(20))
        volume.take_back()
    # Each time the motor was cut off, four slots at most were owed again.
    assert granted <= 6400 + 50 * 4 * 43
    volume = begun(1000)
    assert sum(volume.grant(1_200_000, 20, FREE) for _ in range(5_000)) == 6400


@pytest.mark.req("L8")
def test_begin_forgets_the_session_before():
    volume = begun(1000)
    for _ in range(10):
        volume.grant(999_999, 7, FREE)
    volume.counted_steps += 5
    volume.begin(2000)
    assert vars(volume) == vars(begun(2000))


@given(
    legs=hs.lists(hs.tuples(strategies.rates, strategies.tick_patterns(most_ticks=60)), max_size=15)
)
@pytest.mark.req("L8", "F24")
def test_the_sum_of_grants_is_the_integral_rounded_down(legs):
    volume = begun()
    integral = Fraction(0)
    granted = 0
    for rate, ticks in legs:
        for dt_ms in ticks:
            integral += Fraction(rate) * dt_ms
            steps = volume.grant(rate, dt_ms, FREE)
            assert type(steps) is int
            granted += steps
            volume.counted_steps += steps
            assert granted == integral // STEP
            assert volume.remainder == integral - granted * STEP


@given(
    legs=hs.lists(hs.tuples(strategies.rates, strategies.tick_patterns(most_ticks=60)), max_size=15)
)
@pytest.mark.req("L14")
def test_each_last_step_lies_in_its_slot_at_its_time_and_after_the_one_before(legs):
    volume = begun()
    before = Fraction(0)  # integral at the start of the slot
    now_us = 0
    last_at_us = -1
    for rate, ticks in legs:
        for dt_ms in ticks:
            steps = volume.grant(rate, dt_ms, FREE)
            volume.counted_steps += steps
            if steps:
                last = volume.last_step_us
                assert type(last) is int
                assert 0 <= last <= dt_ms * 1000
                crossing = (before + rate * dt_ms) // STEP * STEP
                exact_us = (crossing - before) * 1000 / rate
                # Rounded down, twice: by 3 us at 1 mL/h, 1 us from 100 mL/h up.
                assert 0 <= exact_us - last < 1 + Fraction(2000, rate)
                assert now_us + last >= last_at_us
                last_at_us = now_us + last
            before += rate * dt_ms
            now_us += dt_ms * 1000


@given(
    vtbi_ul=hs.integers(1_000, 5_000),
    legs=hs.lists(
        hs.tuples(
            strategies.rates,
            strategies.tick_patterns(most_ticks=120),
            hs.integers(1, 3),  # ticks that a step is under way
            hs.booleans(),  # whether the motor is cut off at the end
        ),
        max_size=20,
    ),
)
@pytest.mark.req("L8", "F11")
def test_no_pattern_of_cuts_delivers_more_than_the_order(vtbi_ul, legs):
    volume = begun(vtbi_ul)
    ordered = Fraction(vtbi_ul * 6400, 1000)
    delivered = 0
    for rate, ticks, delay, cut in legs:
        queue = [0] * delay
        for dt_ms in ticks:
            edges = queue.pop(0)
            delivered += edges
            volume.counted_steps += edges
            queue.append(volume.grant(rate, dt_ms, FREE))
            assert volume.granted_steps >= volume.counted_steps
        if not cut:
            delivered += sum(queue)
            volume.counted_steps += sum(queue)
        volume.take_back()
        assert volume.granted_steps == volume.counted_steps == delivered <= ordered
    assert volume.delivered_ul() <= vtbi_ul


# --- what turns back, what a lease allows, what a reset leaves ---------------------------


@pytest.mark.req("L10")
def test_what_was_turned_back_is_owed_again_and_delivered_once():
    volume = begun(1000)
    for _ in range(40):
        volume.counted_steps += volume.grant(1_200_000, 20, FREE)
    counted = volume.counted_steps
    volume.give_back(320)
    assert volume.counted_steps == volume.granted_steps == counted - 320
    rest = sum(volume.grant(1_200_000, 20, FREE) for _ in range(400))
    assert rest == 6400 - counted + 320


@pytest.mark.req("L10")
def test_no_more_is_given_back_than_was_counted():
    volume = begun(1000)
    for _ in range(3):
        volume.counted_steps += volume.grant(1_200_000, 20, FREE)
    volume.give_back(5_000)
    assert (volume.counted_steps, volume.granted_steps) == (0, 0)


@given(
    rate=strategies.rates,
    leases=hs.lists(hs.tuples(hs.integers(0, 500), hs.integers(0, 20)), max_size=120),
)
@pytest.mark.req("L19")
def test_nothing_is_granted_beyond_the_lease_and_no_burst_follows_it(rate, leases):
    volume = begun()
    lease = 0
    for more, dt_ms in leases:
        lease += more if more > 400 else 0
        steps = volume.grant(rate, dt_ms, lease)
        volume.counted_steps += steps
        assert 0 <= steps <= rate * dt_ms // 562_500 + 1
        assert volume.granted_steps <= lease
        assert volume.missing_steps == 0
        assert 0 <= volume.remainder < 562_500


@pytest.mark.req("L19")
def test_what_may_have_been_delivered_before_a_reset_counts_as_delivered():
    volume = Volume()
    volume.recover(6400, 6000)
    assert volume.delivered_steps() == 6000
    assert sum(volume.grant(1_200_000, 20, FREE) for _ in range(100)) == 400
