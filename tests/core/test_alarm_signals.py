"""`alarm_signals`: sound and lamps over time against the figures of IEC 60601-1-8.

Measured tick by tick from the outputs, as a stop watch and an ear would.
"""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from pump.core.alarm_signals import BURSTS, AlarmSignals
from pump.core.outputs import Outputs

LOW, MEDIUM, HIGH = range(3)
PRIORITIES = {"LOW": LOW, "MEDIUM": MEDIUM, "HIGH": HIGH}
MINUTES_MS = 180_000


def record(priority: int, ticks, audible: bool = True) -> list[tuple[Outputs, int]]:
    """Outputs of each tick, with how long they stood."""
    signals = AlarmSignals()
    played = []
    for dt_ms in ticks:
        outputs = Outputs()
        signals.step(priority, audible, outputs, dt_ms)
        played.append((outputs, dt_ms))
    return played


def phases(played, field: str) -> list[tuple[bool, int]]:
    """(level, ms) of one output, the first and the last phase left out."""
    # What a step decides stands until the next one.
    stood = [dt_ms for _, dt_ms in played[1:]]
    levels = [getattr(outputs, field) for outputs, _ in played]
    runs = groupby(zip(levels, stood, strict=False), key=lambda pair: pair[0])
    return [(level, sum(ms for _, ms in run)) for level, run in runs][1:-1]


def bursts(played, longest_gap_ms: int) -> list[list[int]]:
    """Pulse lengths, grouped by silences longer than ``longest_gap_ms``; the
    first and the last group, which may be cut, left out."""
    groups: list[list[int]] = [[]]
    for level, ms in phases(played, "sound"):
        if level:
            groups[-1].append(ms)
        elif ms > longest_gap_ms:
            groups.append([])
    return groups[1:-1]


@pytest.mark.req("L11")
def test_a_high_burst_is_ten_pulses_in_two_halves_of_three_and_two():
    played = record(HIGH, [10] * (MINUTES_MS // 10))
    assert {len(burst) for burst in bursts(played, 1300)} == {10}
    assert [len(half) for half in bursts(played, 300)[:6]] == [5] * 6
    for pulse in (ms for burst in bursts(played, 1300) for ms in burst):
        assert 75 <= pulse <= 200


@pytest.mark.req("L11")
def test_the_silences_of_a_high_burst_have_their_lengths():
    silences = [ms for on, ms in phases(record(HIGH, [10] * 18_000), "sound") if not on]
    within = [ms for ms in silences if ms < 350]
    halves = [ms for ms in silences if 350 <= ms <= 1300]
    between = [ms for ms in silences if ms > 1300]
    # Of ten silences eight lie within a half, one between the halves, one behind.
    assert len(halves) == pytest.approx(len(between), abs=1)
    assert len(within) == pytest.approx(8 * len(between), abs=9)
    assert min(within) >= 50 and max(within) <= 125
    assert all(2_500 <= ms <= 15_000 for ms in between)


@pytest.mark.req("L11")
def test_sounds_are_whole_ticks_so_that_they_last_as_the_table_says():
    assert all(ms % 10 == 0 for burst in BURSTS for ms in burst)


@pytest.mark.req("L11")
def test_a_medium_burst_is_three_pulses():
    played = record(MEDIUM, [10] * (MINUTES_MS // 10))
    found = bursts(played, 1000)
    assert {len(burst) for burst in found} == {3}
    assert all(125 <= pulse <= 250 for burst in found for pulse in burst)
    silences = [ms for on, ms in phases(played, "sound") if not on and ms > 1000]
    assert all(2_500 <= ms <= 30_000 for ms in silences)


@pytest.mark.req("L11")
def test_a_low_signal_is_one_or_two_pulses_and_rare():
    played = record(LOW, [10] * (MINUTES_MS // 10))
    found = bursts(played, 1000)
    assert len(found) >= 8
    assert {len(burst) for burst in found} <= {1, 2}
    assert all(ms > 15_000 for on, ms in phases(played, "sound") if not on)


@pytest.mark.parametrize(
    ("priority", "lamp", "least_hz", "most_hz"),
    [(HIGH, "lamp_red", 1.4, 2.8), (MEDIUM, "lamp_yellow", 0.4, 0.8)],
)
@pytest.mark.req("L11")
def test_lamps_blink_at_their_rate(priority, lamp, least_hz, most_hz):
    played = record(priority, [10] * (MINUTES_MS // 10))
    blinks = [ms for on, ms in phases(played, lamp) if on]
    assert least_hz <= len(blinks) * 1000 / MINUTES_MS <= most_hz
    periods = [
        a[1] + b[1] for a, b in zip(phases(played, lamp), phases(played, lamp)[1:], strict=False)
    ]
    assert all(least_hz <= 1000 / ms <= most_hz for ms in periods)


@pytest.mark.req("L11")
def test_a_low_alarm_lights_steadily():
    assert all(outputs.lamp_yellow for outputs, _ in record(LOW, [10] * 6000))


@pytest.mark.parametrize("priority", PRIORITIES.values(), ids=PRIORITIES)
@pytest.mark.req("L11")
def test_an_alarm_is_heard_and_seen_in_its_first_tick(priority):
    outputs, _ = record(priority, [10])[0]
    assert outputs.sound
    assert outputs.lamp_red is (priority == HIGH)
    assert outputs.lamp_yellow is (priority != HIGH)


@pytest.mark.parametrize("priority", PRIORITIES.values(), ids=PRIORITIES)
@pytest.mark.req("L11")
def test_a_paused_sound_is_silent_and_the_lamp_goes_on(priority):
    paused = record(priority, [10] * 3000, audible=False)
    heard = record(priority, [10] * 3000)
    assert not any(outputs.sound for outputs, _ in paused)
    for lamp in ("lamp_red", "lamp_yellow"):
        assert phases(paused, lamp) == phases(heard, lamp)


@pytest.mark.req("L11")
def test_no_alarm_is_dark_and_silent():
    for outputs, _ in record(-1, [10] * 1000):
        assert not any(vars(outputs).values())


@pytest.mark.req("F5")
def test_a_higher_priority_takes_over_in_its_first_tick_and_gives_way_in_its_last():
    signals = AlarmSignals()

    def step(priority):
        outputs = Outputs()
        signals.step(priority, True, outputs, 10)
        return outputs.sound, outputs.lamp_red, outputs.lamp_yellow

    for _ in range(100):
        step(LOW)
    assert step(HIGH) == (True, True, False)
    assert step(MEDIUM) == (True, False, True)
    assert step(-1) == (False, False, False)
    assert step(HIGH) == (True, True, False)


@given(ticks=hs.lists(hs.integers(5, 20), min_size=4, max_size=30))
@pytest.mark.req("L11")
def test_uneven_ticks_leave_the_pattern_recognisable(ticks):
    played = record(HIGH, (ticks * 1500)[: 20 * 150])
    for burst in bursts(played, 1300):
        assert len(burst) == 10
        assert all(75 <= pulse <= 200 for pulse in burst)
    silences = [ms for on, ms in phases(played, "sound") if not on]
    assert all(50 <= ms < 350 or 350 <= ms <= 1300 or ms >= 2_500 for ms in silences)
