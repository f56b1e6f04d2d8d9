"""Sound and lamps of a HIGH alarm, as they are at the pins."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import SIGNS, Trial, order
from hil_tests.promised import AUDIO_PAUSE_S

LISTEN_S = 8.0
BURST_GAP_S = 3.1
pytestmark = [pytest.mark.needs_rig]


def alarm(trial: Trial) -> dict:
    bench = trial.bench
    watch = bench.rig.arm(*SIGNS)
    bench.rig.set("DOOR", 1)
    bench.wait(LISTEN_S)
    bench.rig.read(watch)
    return {
        "sound": watch.changes("SOUNDER"),
        "red": watch.changes("LAMP_RED"),
        "yellow": watch.rising("LAMP_YELLOW"),
    }


def pulses(changes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(begin, length) in us of what was high and went low again."""
    out = []
    begin = None
    for us, level in changes:
        if level:
            begin = us
        elif begin is not None:
            out.append((begin, us - begin))
            begin = None
    return out


@pytest.mark.req("L5", "M20")
@pytest.mark.smoke
def test_a_high_alarm_sounds_in_bursts_of_ten_and_flashes_red(bench):
    """IEC 60601-1-8: ten pulses of 75-200 ms, 50-125 ms apart, as 3 + 2, a pause, 3 + 2;
    bursts 2.5-15 s apart; red at 1.4-2.8 Hz."""
    (row,) = bench.trials(1, alarm, order(60_000))
    sound = pulses(row["sound"])
    assert len(sound) >= 10, f"{len(sound)} pulses of sound in {LISTEN_S:g} s"
    assert all(75_000 <= length <= 200_000 for _, length in sound)
    ends = [begin + length for begin, length in sound]
    gaps = [begin - end for (begin, _), end in zip(sound[1:], ends, strict=False)]
    # Of the first burst, the pause between its halves apart.
    within = [gap for i, gap in enumerate(gaps[:9]) if i != 4]
    assert min(within) >= 50_000 and max(within) <= 125_000, f"spacing {within} us"
    assert 350_000 <= gaps[4] <= 1_300_000
    assert 2_500_000 <= gaps[9] <= 15_000_000
    flashes = [us for us, level in row["red"] if level]
    periods = [later - sooner for sooner, later in zip(flashes, flashes[1:], strict=False)]
    assert len(periods) > 8
    assert all(1.4 <= 1e6 / period <= 2.8 for period in periods)
    assert not row["yellow"]


@pytest.mark.req("L11")
@pytest.mark.minutes
def test_an_acknowledged_alarm_sounds_again_within_two_minutes(bench, record):
    def trial(trial: Trial) -> float:
        bench = trial.bench
        bench.rig.set("DOOR", 1)
        bench.wait(1.0)
        bench.client.request("ACK")
        # The pulse at hand may end.
        bench.wait(0.3)
        watch = bench.rig.arm("SOUNDER")
        bench.wait(130)
        bench.rig.read(watch)
        heard = watch.rising("SOUNDER")
        assert heard, "the alarm was never heard again"
        return (heard[0] - watch.armed_us) / 1e6

    rows = bench.trials(1, trial, order(60_000))
    assert rows[0] > BURST_GAP_S, "ACK did not pause the sound"
    # A burst may be in its pause when the sound comes back.
    record(
        limit="L11",
        name="ACK to the next sound",
        unit="s",
        bound=AUDIO_PAUSE_S + BURST_GAP_S,
        values=rows,
    )
