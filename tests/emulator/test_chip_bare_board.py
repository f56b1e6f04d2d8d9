"""The firmware from its files: fitted and with nothing attached."""

from __future__ import annotations

import pytest
from emulated_bench import Pump, uf2

from emulator.fork import in_fork
from emulator.pump import program
from host_sim.client import Refused
from pump.core.self_test_items import ITEM_NAMES
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


# What a Pico has not got; the item that sees to it is absent, and not failed.
_NOT_ON_A_PICO = {
    "STORAGE",
    "SOUNDER",
    "PRESSURES",
    "AIR_DETECTOR",
    "DOOR",
    "DRIVER",
    "KEYS",
    "CLOCK",
    "DATE",
}


@pytest.mark.req("L16")
def test_a_bare_board_says_what_it_lacks_and_refuses_start(bare):
    def trial():
        bare.client.hello()
        answer = bare.client.query("POST?")
        refusals = []
        for attempt in (lambda: bare.client.load(program()), lambda: bare.client.request("START")):
            try:
                attempt()
            except Refused as refused:
                refusals.append(refused.code)
        bare.listen(0.5)
        rises = len(bare.edges.rising(pinout.ENABLE))
        return answer, refusals, bare.state(), rises, bare.is_enabled()

    (result, _, mask), refusals, state, rises, is_enabled = in_fork(trial)
    absent = {name.decode() for n, name in enumerate(ITEM_NAMES) if int(mask) >> n & 1}
    assert result == "PASSED"
    assert absent >= _NOT_ON_A_PICO
    # Prescription and START: an open STOP key is one that is pressed.
    assert refusals == ["STOP_KEY", "STOP_KEY"]
    assert state not in ("INFUSING", "RUNG_HELD", "KVO")
    assert rises == 1  # the self-test's look at the dead-man
    assert not is_enabled
