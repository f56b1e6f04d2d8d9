"""F21: a key is held down or shorted, from boot or in mid-infusion."""

import pytest
from fault_bench import NEVER, STOP_MS, forward_edges, refusal, stage
from pump_bench import Bedside, program

from host_sim.board import POWER_ON

# A minute; keys are judged every 160 ms.
LIMIT_MS = 60_000 + 200
KEYS = ("stop-key-stuck", "ok-key-stuck")


@pytest.mark.req("F21", "L3")
@pytest.mark.parametrize("phase_us", (0, 2500, 9900))
def test_a_stuck_stop_stops_at_once_and_is_told_after_a_minute(pump, phase_us):
    seen = pump.after("stop-key-stuck", 63, phase_us=phase_us)
    assert seen.last_ms <= STOP_MS
    assert seen.off_ms <= STOP_MS
    assert seen.names() == ["KEY_STUCK"]
    assert seen.told_ms("KEY_STUCK") <= LIMIT_MS + 10
    assert max(seen.sound_ms, seen.yellow_ms) <= LIMIT_MS + 10


@pytest.mark.req("F21", "L12")
def test_a_stuck_ok_in_mid_infusion_stops_nothing_and_is_told(pump):
    seen = pump.after("ok-key-stuck", 63)
    assert seen.names() == ["KEY_STUCK"]
    assert seen.told_ms("KEY_STUCK") <= LIMIT_MS + 10
    assert seen.is_enabled
    assert max(seen.sound_ms, seen.yellow_ms) <= LIMIT_MS + 10


@pytest.mark.req("F21", "L12")
def test_a_stuck_ok_answers_no_question():
    bed = Bedside(seed=3)
    bed.start(program((60_000, 600), (120_000, 600), ml=40))
    bed.listen(600)
    bed.fault("ok-key-stuck")
    bed.listen(30)
    assert bed.questions()
    assert bed.client.status()["rung"] == "0"
    rate = (len(forward_edges(bed, bed.board.now_us - 10_000_000)) - 1) * 562.5 / 10
    assert rate == pytest.approx(60_000, rel=0.02)


@pytest.mark.req("F21", "L16", "L3")
@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_down_at_boot_is_told_and_a_stop_lets_nothing_start(key):
    bed = Bedside(seed=3)
    bed.fault(key)
    bed.board.reset(POWER_ON)
    began_us = bed.board.now_us
    bed.client.hello()
    # With STOP down, COMMIT is refused already.
    stage(bed, program((60_000, 600), ml=5))
    code = refusal(bed, "START")
    bed.listen(65, until=lambda: bool(bed.alarms()))
    assert bed.alarms() == ["KEY_STUCK"]
    assert (bed.board.now_us - began_us) / 1000 <= LIMIT_MS + 10
    if key == "stop-key-stuck":
        assert code != ""
        assert forward_edges(bed) == []
        assert not bed.is_enabled()
    else:
        # Nobody is asked anything before the first dwell has ended.
        assert code == ""


@pytest.mark.req("F21", "L3")
@pytest.mark.parametrize("verb", ("START", "RESUME", "RELEASE"))
def test_nothing_is_delivered_against_a_stop_that_is_held(pump, verb):
    def ask(bed: Bedside) -> tuple[str, int]:
        bed.fault("stop-key-stuck")
        bed.listen(0.2)
        refusal(bed, "RESET")
        code = refusal(bed, verb)
        since_us = bed.board.now_us
        bed.listen(3)
        return code, len(forward_edges(bed, since_us))

    code, edges = pump.ask(ask)
    assert code
    assert edges == 0


@pytest.mark.req("F21", "L3")
def test_stop_on_the_line_is_accepted_while_the_key_is_held(pump):
    def ask(bed: Bedside) -> str:
        bed.fault("stop-key-stuck")
        bed.listen(0.2)
        bed.client.stop()  # raises if it is refused
        return bed.state()

    assert pump.ask(ask) == "STOPPED"


@pytest.mark.req("F21")
@pytest.mark.parametrize("key", ("stop-key", "ok-key"))
def test_a_key_that_is_pressed_and_let_go_is_no_alarm(pump, key):
    seen = pump.after(key, 63)
    assert seen.names() == []
    assert seen.sound_ms == NEVER
