"""After one tick that emptied the queue the lead is as it was."""

from itertools import pairwise

import pytest
from pump_bench import STEP_ULH_US, Bedside, program


@pytest.mark.req("L8")
@pytest.mark.parametrize("emptied_by_ms", (15, 20))
@pytest.mark.parametrize("late_ms", (2, 8))
def test_after_an_emptied_queue_a_slightly_late_tick_leaves_no_gap(emptied_by_ms, late_ms):
    bed = Bedside().start(program((1_200_000, 600), ml=400)).listen(122)
    bed.fault("flash-stall", emptied_by_ms)
    bed.listen(0.2)
    began_us = bed.board.now_us
    for tick in range(50):
        bed.fault("flash-stall", late_ms)
        bed.board.run_until(began_us + (tick + 1) * 130_000)
    edges = [us for us in bed.edges() if us > began_us]
    assert (
        max(later - earlier for earlier, later in pairwise(edges)) < 1.1 * STEP_ULH_US / 1_200_000
    )
