"""F24: a day's volume summed in steps of a hundred nanolitres."""

import pytest
from pump_bench import Bedside, program

from host_sim.memory_faults import CRITICAL_PARTS
from pump.core import units
from pump.core.volume import Volume

# Trickles that no power of two divides: six hours of each, below 2 L.
TRICKLES = (10_100, 33_300, 333_300)
SIX_HOURS_MS = 21_600_000
NO_LEASE = 1 << 29


def exact_steps(rate_ul_h: int, ms: int) -> int:
    """Of what ``rate_ul_h`` delivers in ``ms``, in whole steps."""
    return rate_ul_h * ms // units.STEP_ULH_MS


@pytest.mark.req("F24", "L8")
@pytest.mark.parametrize("rate_ul_h", TRICKLES)
def test_six_hours_in_ticks_of_every_length_are_exact_to_the_step(rate_ul_h):
    volume = Volume()
    volume.begin(2_000_000)
    ms = steps = 0
    ticks = (10, 10, 11, 9, 10, 20, 1)
    grant = volume.grant
    while ms < SIX_HOURS_MS:
        for dt_ms in ticks:
            steps += grant(rate_ul_h, dt_ms, NO_LEASE)
            ms += dt_ms
    assert steps == volume.granted_steps == exact_steps(rate_ul_h, ms)
    assert type(volume.remainder) is int


@pytest.mark.req("F24", "L8", "L23")
def test_a_whole_order_of_a_crooked_rate_ends_on_the_step():
    bed = Bedside(seed=3).start(program((77_700, 600), ml=7))
    bed.listen(400, until=lambda: "INFUSION_COMPLETE" in bed.alarms())
    bed.listen(1)
    assert bed.board.step_edges == 7 * 6400 == bed.board.line.motor_steps
    assert bed.client.status()["delivered_ul"] == "7000"


@pytest.mark.req("F24", "L23")
def test_nothing_that_counts_the_dose_is_a_float(pump):
    def floats(bed: Bedside) -> list[str]:
        controller = bed.board.application.controller
        parts = [(name, getattr(controller, name)) for name in CRITICAL_PARTS]
        parts += [("controller", controller), ("guard", bed.board.application.guard)]
        return [
            f"{part}.{name}"
            for part, owner in parts
            for name, value in vars(owner).items()
            if isinstance(value, float)
        ]

    assert pump.ask(floats) == []


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.req("F24", "L8", "M3")
def test_a_six_hour_trickle_on_the_whole_board_ends_on_the_step():
    """55 mL at 10.1 mL/h with the questions answered: 5 h 27 min."""
    bed = Bedside(seed=3).start(program((10_100, 600), ml=55))
    asked = 0
    for _ in range(22_000):
        bed.listen(1)
        if len(bed.questions()) > asked:
            asked = len(bed.questions())
            bed.client.request("CONFIRM", int(bed.questions()[-1].fields["question"]))
        if "INFUSION_COMPLETE" in bed.alarms():
            break
    assert bed.alarms() == ["INFUSION_COMPLETE"]
    bed.listen(1)
    assert bed.board.step_edges == 55 * 6400 == bed.board.line.motor_steps
    assert bed.client.status()["delivered_ul"] == "55000"
    assert len(bed.edges()) == 55 * 6400
