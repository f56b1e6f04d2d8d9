"""`titration` and `controller`: half an hour without delivery, and the ladder begins again."""

import pytest
from properties.core_bench import reach

MIN = 60_000  # ms
RAMP = 6_000


@pytest.mark.parametrize(
    ("away", "back"),
    [("PAUSE", ["RESUME"]), ("HOLD", ["RELEASE"]), ("STOP", ["RESET", "RESUME"])],
)
@pytest.mark.req("L13")
def test_half_an_hour_without_delivery_starts_the_ladder_again(away, back):
    bench = reach("INFUSING")
    bench.climb()
    bench.run(RAMP)
    assert bench.send(away) == "OK"
    bench.run(30 * MIN - 10 * len(back) - 10)
    early = bench.clone()
    for event in back:
        assert early.send(event) == "OK"
    assert early.rung == 1
    bench.tick()
    for event in back:
        assert bench.send(event) == "OK"
    assert bench.rung == 0
    bench.run(2 * RAMP)
    assert bench.outputs.rate_ul_h == 60_000


@pytest.mark.req("L13")
def test_keeping_the_vein_open_is_not_delivery():
    bench = reach("INFUSING")
    bench.climb()
    bench.send("PAUSE")
    bench.run(10 * MIN)
    assert bench.send("KVO") == "OK"
    bench.run(20 * MIN)
    assert bench.send("RESUME") == "OK"
    assert bench.rung == 0


@pytest.mark.req("L13")
def test_delivery_in_between_begins_the_half_hour_again():
    bench = reach("INFUSING")
    bench.climb()
    for _ in range(3):
        bench.run(MIN)
        bench.send("PAUSE")
        bench.run(20 * MIN)
        assert bench.send("RESUME") == "OK"
        assert bench.rung == 1


@pytest.mark.parametrize("state", ["HOLD", "PAUSED", "KVO", "STOPPED", "ALARM_STOPPED"])
@pytest.mark.req("L23")
def test_the_time_away_is_counted_no_further_than_it_means_something(bench_in, state):
    bench = bench_in(state)
    bench.run(40 * MIN, 20)
    assert bench.controller.idle_ms <= 30 * MIN + 20
