"""F9: the line is blocked again after the first alarm was reset, and again."""

import pytest
from fault_bench import SIGNAL_MS, forward_edges, infusing, refusal, watch
from pump_bench import Bedside

LIMIT_PA = 60_000
UPSTREAM_PA = -15_000
LAST_EDGE_MS = {"downstream-occlusion": 100, "upstream-occlusion": 100}
CROSSED = {
    "downstream-occlusion": lambda bed: bed.board.line.down_pa >= LIMIT_PA,
    "upstream-occlusion": lambda bed: bed.board.line.up_pa <= UPSTREAM_PA,
}


def release(bed: Bedside) -> None:
    bed.fault("occlusion-release")
    bed.listen(3)
    bed.client.request("RESET")
    bed.client.request("RESUME")
    bed.listen(15)


@pytest.mark.req("F9", "L4", "L17")
@pytest.mark.parametrize("fault", CROSSED)
def test_the_second_and_the_third_occlusion_stop_like_the_first(fault):
    bed = infusing()
    condition = fault.upper().replace("-", "_")
    for turn in range(3):
        seen = watch(bed, 12, lambda: bed.fault(fault), since=lambda: CROSSED[fault](bed))
        assert seen.names() == [condition], turn
        assert seen.last_ms <= LAST_EDGE_MS[fault], turn
        assert max(seen.sound_ms, seen.red_ms, seen.told_ms(condition)) <= SIGNAL_MS, turn
        assert (seen.state, seen.is_enabled) == ("ALARM_STOPPED", False), turn
        if turn < 2:
            release(bed)
            assert forward_edges(bed, bed.board.now_us - 1_000_000), turn
    # The third time in ten minutes needs a supervisor.
    bed.fault("occlusion-release")
    bed.listen(3)
    assert refusal(bed, "RESET") == "NEEDS_SUPERVISOR"
    assert refusal(bed, "RESUME") == "NOT_IN_THIS_STATE"
    bed.client.login("supervisor")
    assert refusal(bed, "RESET") == ""


@pytest.mark.req("F9", "L4")
def test_the_second_occlusion_right_behind_the_resume_stops_too():
    bed = infusing()
    watch(bed, 12, lambda: bed.fault("downstream-occlusion"))
    bed.fault("occlusion-release")
    bed.listen(3)
    bed.client.request("RESET")
    bed.client.request("RESUME")
    seen = watch(
        bed, 20, lambda: bed.fault("downstream-occlusion"),
        since=lambda: bed.board.line.down_pa >= LIMIT_PA,
    )  # fmt: skip
    assert seen.names() == ["DOWNSTREAM_OCCLUSION"]
    assert seen.last_ms <= LAST_EDGE_MS["downstream-occlusion"]
