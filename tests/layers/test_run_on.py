"""Each layer that stops the motor is missed by none of the others.  (L6, L7, L14)

Figures go to `docs/layers.md`; ``python tests/layers/figures.py`` prints them.
"""

import pytest
from cases import CASES, L6_MS, L6_UL, NOTHING_LEFT, Case
from run_on import RATES, WINDOW_US, measure, wrong_rate

from host_sim.board import LAYERS

MS_OF_WINDOW = WINDOW_US / 1000


@pytest.mark.req("L6", "L7", "L14")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_left_bounds_the_run_on(case: Case):
    for rate_ul_h in RATES:
        seen = measure(rate_ul_h, case.fault, case.without)
        print(f"{rate_ul_h:>9} uL/h  {seen.ms:7.1f} ms  {seen.ul:7.2f} uL  {case.name}")
        assert seen.ms <= case.bound_ms
        assert (seen.excess_ul if case.excess else seen.ul) <= case.bound_ul(rate_ul_h)


@pytest.mark.req("L6")
def test_with_all_in_place_nothing_that_stops_the_processor_leaves_more_than_l6():
    whole = [case for case in CASES if not case.without and case.bound_ms <= L6_MS]
    assert len(whole) >= 5
    assert max(case.bound_ul(rate) for case in whole for rate in RATES) <= L6_UL


@pytest.mark.parametrize(("fault", "without"), NOTHING_LEFT)
def test_where_nothing_is_left_the_motor_goes_on(fault, without):
    """Or the rows above would prove nothing."""
    for rate_ul_h in RATES[1:]:
        assert measure(rate_ul_h, fault, without).ms > MS_OF_WINDOW - 20


@pytest.mark.req("L14")
def test_a_wrong_rate_that_interlock_and_guard_would_let_pass_goes_on():
    """The two are what stands between a wrong rate and the ordered volume."""
    seen = measure(120_000, wrong_rate, frozenset(("interlock", "guard")))
    assert seen.excess_ul > 100


def test_every_layer_is_left_out_once_and_every_one_that_can_stands_alone():
    """The interlock and the resistors stop nothing by themselves when the loop is
    dead, so they have rows of their own kind."""
    assert frozenset().union(*(case.without for case in CASES)) >= LAYERS
    alone = {next(iter(LAYERS - case.without)) for case in CASES if len(case.without) == 5}
    assert alone == {"credit", "dead-man", "guard", "watchdog"}
