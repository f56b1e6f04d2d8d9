"""F7: a concentration is stated that is a quarter or four times the true one."""

from dataclasses import replace

import pytest
from fault_bench import refusal, stage
from planner_orders import TODAY, order_with
from pump_bench import Bedside, program
from what_if import what_if

from titra.planning.plan_command import run_plan

TRUE = program((60_000, 600), ml=50, conc=100)
WRONG = (25, 40, 400, 10, 1000, 0, 30, 120, 99)
EXIT_WRONG, EXIT_REFUSED = 2, 3


@pytest.fixture(scope="module")
def idle() -> Bedside:
    bed = Bedside()
    bed.client.hello()
    return bed


@pytest.mark.req("F7", "M4")
@pytest.mark.parametrize("percent_x10", WRONG)
def test_the_board_refuses_a_concentration_that_does_not_fit_dose_and_volume(idle, percent_x10):
    def typed() -> tuple[str, str, int]:
        wrong = replace(TRUE, concentration_mg_ml=percent_x10)
        code = stage(idle, wrong)
        started = refusal(idle, "START")
        idle.listen(3)
        return code, started, idle.board.step_edges

    code, started, edges = what_if(typed)
    assert code in {"RX_DOSE_VOLUME", "RX_CONCENTRATION", "OUT_OF_RANGE"}
    assert (started, edges) == ("NOT_IN_THIS_STATE", 0)


@pytest.mark.req("F7", "M9")
@pytest.mark.parametrize("percent", ("2.5", "40", "5", "1", "100", "0", "-10"))
def test_the_planner_refuses_it_with_its_exit_code_and_its_reason(tmp_path, capsys, percent):
    path = tmp_path / "ORDER.toml"
    path.write_bytes(order_with({"product.concentration_percent": percent}))
    code = run_plan(str(path), False, TODAY)
    said = capsys.readouterr()
    assert code in {EXIT_WRONG, EXIT_REFUSED}
    assert "concentration" in (said.out + said.err).lower()


@pytest.mark.req("F7")
def test_the_true_one_is_accepted(idle):
    assert what_if(lambda: stage(idle, TRUE)) == ""
