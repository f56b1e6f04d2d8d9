"""The bench of `tests/sim` serves this folder too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "sim"))

import pytest  # noqa: E402
from pump_bench import Bedside, program  # noqa: E402

# Ten minutes on 60 mL/h, then a step up, and 30 s later the end.
LADDER = program((60_000, 600), (120_000, 600), ml=11)


@pytest.fixture
def started() -> Bedside:
    """READY: the next thing to be said is START."""
    bed = Bedside(seed=3)
    bed.client.hello()
    bed.client.load(LADDER)
    return bed


@pytest.fixture
def asked(started) -> Bedside:
    """Asked whether to step up; nobody has answered yet."""
    started.client.request("START")
    return started.listen(650, until=lambda: bool(started.questions()))


@pytest.fixture
def ending(asked) -> Bedside:
    """The last drops: 200 steps before the end."""
    asked.client.request("CONFIRM", 1)
    asked.wait_for(lambda: asked.board.step_edges >= 11_000 * 6.4 - 200, 60)
    return asked


@pytest.fixture(params=["start", "rung change", "end"])
def moment(request) -> tuple[Bedside, bytes]:
    """A pump shortly before something happens, and the line that makes it
    happen, to be sent as it is; nothing has to be sent for the end."""
    from host_sim.client import frame

    if request.param == "start":
        bed = request.getfixturevalue("started")
        verb = "START"
    elif request.param == "rung change":
        bed = request.getfixturevalue("asked")
        verb = "CONFIRM 1"
    else:
        return request.getfixturevalue("ending"), b""
    seq = int(bed.client.status()["last_seq"]) + 1
    return bed, frame(f"{seq} {verb}")
