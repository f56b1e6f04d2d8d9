"""The firmware from its files: fitted and with nothing attached."""

from __future__ import annotations

import pytest
from emulated_bench import Pump, uf2

from emulator.fork import in_fork
from emulator.pump import program
from host_sim.client import LinkError, Refused
from pump.hal import pinout
from titra.chip_firmware import shipped_firmware


@pytest.mark.req("L16")
def test_a_fitted_board_passes_its_self_test_with_nothing_absent(pump):
    result, _, absent = in_fork(lambda: pump.client.query("POST?"))
    assert (result, absent) == ("PASSED", "0")
    assert not pump.is_enabled()


@pytest.fixture(scope="module")
def bare():
    return Pump(uf2(), shipped_firmware(), fitted=False).boot()


@pytest.mark.req("L16")
def test_a_bare_board_says_what_it_lacks_and_refuses_start(bare):
    def trial():
        bare.client.hello()
        answer = bare.client.query("POST?")
        try:
            bare.client.load(program())
            bare.client.request("START")
            refusal = ""
        except (Refused, LinkError) as error:
            refusal = str(error)
        bare.listen(0.5)
        return answer, refusal, bare.state(), len(bare.edges.rising(pinout.ENABLE))

    answer, refusal, state, rises = in_fork(trial)
    assert int(answer[2]) != 0, answer
    assert refusal
    assert state not in ("INFUSING", "RUNG_HELD", "KVO")
    assert rises <= 1  # the self-test's look at the dead-man
