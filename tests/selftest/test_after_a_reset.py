"""After each reset that interrupted an infusion: off, latched, counted, and gone on with
only by a person.  (L7, L19)

Volumes are those of the motor's own position, which no reset forgets.
"""

import pytest
from power_on import OFF_US, PowerOn
from pump_bench import STEPS_PER_UL, program

from host_sim import fakes
from host_sim.board import WATCHDOG_RESET
from host_sim.client import Refused
from host_sim.i2c_devices import FRAM_ADDRESS
from pump.hal import pinout
from titra.event_log import read_log

reset_mark = fakes.load("pump.hal.reset_mark")  # over the fakes, as the board does

RESETS = ("reset", "power-cut", "brown-out", "cpu-hang", "cpu-hang-irq-off")
RATES = (10_000, 120_000, 1_200_000)
ML_UL = 1000.0
LADDER = program((60_000, 600), (300_000, 600), ml=60)


def infusing(order=None, seed: int = 1) -> tuple[PowerOn, int]:
    """A pump that delivers, and where its motor stood at START."""
    on = PowerOn(seed).boot()
    on.client.hello()
    on.client.load(order or program((120_000, 600), ml=20))
    began = on.board.line.motor_steps
    on.client.request("START")
    return on, began


def true_ul(on: PowerOn, began: int) -> float:
    on.board.take_edges()
    return (on.board.line.motor_steps - began) / STEPS_PER_UL


def interrupt(on: PowerOn, how: str) -> None:
    """The reset, and the self-test after it."""
    resets = on.board.resets
    on.fault(how)
    for _ in range(400):
        on.run(0.02)
        if on.board.resets > resets and on.board.application is not None:
            break
    on.board.run_self_test()
    on.run(0.3)


def delivered_ul(on: PowerOn) -> int:
    return int(on.client.status()["delivered_ul"])


def interrupted(on: PowerOn, began: int) -> None:
    """Safe, latched, and the volume counted with at most 1 mL more than was delivered."""
    assert on.state() == "ALARM_STOPPED"
    assert on.alarms() == "INTERRUPTED"
    assert on.board.levels[pinout.ENABLE] == 0
    assert on.board.levels[pinout.LAMP_RED] or on.lamps
    assert on.sounds
    truth = true_ul(on, began)
    # The display rounds down to whole microlitres.
    assert truth - 1 <= delivered_ul(on) <= truth + ML_UL


@pytest.mark.req("L7", "L19", "F34")
@pytest.mark.parametrize("rate_ul_h", RATES)
@pytest.mark.parametrize("how", RESETS)
def test_a_reset_leaves_it_off_latched_and_counted(how, rate_ul_h):
    on, began = infusing(program((rate_ul_h, 600), ml=20))
    on.run(7.003 if rate_ul_h < 1_000_000 else 43.0)
    on.forget()
    interrupt(on, how)
    interrupted(on, began)


@pytest.mark.req("L7", "F34")
@pytest.mark.parametrize("how", RESETS)
def test_nothing_is_resumed_by_itself_within_ten_minutes(how):
    on, _ = infusing()
    on.run(11.0)
    interrupt(on, how)
    on.forget()
    stood = on.board.line.motor_steps
    on.run(600)
    assert not on.enabled
    assert on.board.line.motor_steps == stood
    assert on.state() == "ALARM_STOPPED"
    assert "INTERRUPTED" in on.alarms()


@pytest.mark.req("L7", "L13")
def test_it_goes_on_only_by_reset_and_resume_of_an_operator_from_rung_0():
    on, began = infusing(LADDER)
    on.run(10.0 + 600.0)
    question = on.client.query("QUESTION?")[0]
    on.client.request("CONFIRM", int(question))
    on.run(20.0)
    assert on.client.status()["rung"] == "1"
    on.forget()
    interrupt(on, "reset")
    interrupted(on, began)
    on.forget()
    # Nobody is logged in: a reset ends every role.
    on.client._seq = int(on.client.status()["last_seq"])
    on.client._is_known = False
    for verb in ("RESET", "RESUME", "START"):
        with pytest.raises(Refused, match="HELLO_FIRST|NOT_ALLOWED"):
            on.client.request(verb)
    on.client.hello()
    for verb in ("RESUME", "START", "CLIMB"):
        with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
            on.client.request(verb)
    on.client.request("RESET")
    on.run(1.0)
    assert on.state() == "PAUSED"
    assert not on.enabled
    counted = delivered_ul(on)
    on.client.request("RESUME")
    on.run(8.0)
    status = on.client.status()
    assert (status["state"], status["rung"]) == ("INFUSING", "0")
    assert int(status["rate_ul_h"]) == 60_000
    assert int(status["delivered_ul"]) > counted
    on.run(590.0)
    with pytest.raises(Refused):
        on.client.request("CONFIRM", int(question))
    assert on.client.status()["rung"] == "0"


@pytest.mark.req("L7", "L19")
@pytest.mark.parametrize("seed", range(3))
def test_interrupted_again_and_again_it_never_counts_less_nor_delivers_more(seed):
    """Each interruption may count 1 mL too much, and none too little."""
    on, began = infusing(program((600_000, 600), ml=12, cap=600_000), seed)
    excess = 0.0
    n = 0
    for n, how in enumerate((*RESETS, *RESETS)):
        on.run(9.0 + 1.37 * ((n * 7 + seed) % 5))
        if on.state() not in ("INFUSING",):
            break
        on.forget()
        interrupt(on, how)
        if on.state() == "COMPLETE":
            break
        truth = true_ul(on, began)
        assert on.state() == "ALARM_STOPPED"
        assert truth - 1 <= delivered_ul(on) <= truth + excess + ML_UL
        excess = delivered_ul(on) - truth
        on.client.hello()
        on.client.request("RESET")
        on.run(0.1)
        on.client.request("RESUME")
    on.run(120)
    assert on.state() == "COMPLETE"
    assert n >= 4
    assert true_ul(on, began) <= 12_000 + 1 / STEPS_PER_UL


@pytest.mark.req("L7")
@pytest.mark.parametrize("how", RESETS)
def test_a_reset_in_the_middle_of_the_self_test_after_a_reset_changes_nothing(how):
    on, began = infusing()
    on.run(8.0)
    on.forget()
    on.board.reset(WATCHDOG_RESET)
    on.run(1.5)
    interrupt(on, how)
    interrupted(on, began)


@pytest.mark.req("L19")
@pytest.mark.parametrize("how", RESETS)
def test_without_fram_the_day_is_closed_as_fully_delivered(how):
    on = PowerOn().boot(lambda on: setattr(on.board.i2c_devices[FRAM_ADDRESS], "is_present", False))
    on.client.hello()
    on.client.load(program((120_000, 600), ml=20))
    on.client.request("START")
    on.run(8)
    on.forget()
    interrupt(on, how)
    assert on.state() == "COMPLETE"
    assert delivered_ul(on) == 20_000
    assert "INTERRUPTED" in on.alarms()
    assert on.sounds
    on.client.hello()
    for verb in ("RESUME", "START"):
        with pytest.raises(Refused):
            on.client.request(verb)
    on.client.request("RESET")
    on.forget()
    on.run(60)
    assert not on.enabled


@pytest.mark.req("L7")
@pytest.mark.parametrize(
    ("do", "cause", "planned"),
    [
        (lambda board: board.power_cut(OFF_US), 1, 0),
        (lambda board: board.reset(WATCHDOG_RESET), 3, 0),
        # The chip names the same cause for both: the mark tells them apart.
        (lambda board: board.planned_reset(), 3, 0),
        (lambda board: leave_mark(board) or board.planned_reset(), 3, 1),
        (lambda board: leave_mark(board) or board.power_cut(OFF_US), 1, 0),
    ],
    ids=["power-on", "watchdog", "exception", "planned", "mark and power cut"],
)
def test_the_cause_of_a_reset_is_judged_and_logged(do, cause, planned):
    on = PowerOn().boot()
    do(on.board)
    on.run(1.5)
    on.board.run_self_test()
    on.run(0.5)
    boots = [record for record in read_log(on.client).records if record.name == "BOOT"]
    assert (boots[-1].code, boots[-1].a) == (cause, planned)
    # It counts for one start.
    on.board.reset(WATCHDOG_RESET)
    on.run(0.5)
    on.board.run_self_test()
    on.run(0.5)
    boots = [record for record in read_log(on.client).records if record.name == "BOOT"]
    assert (boots[-1].code, boots[-1].a) == (3, 0)


def leave_mark(board) -> None:
    """As the firmware does right before a reset that it plans."""
    board.scratch[0] = reset_mark.RESTART


@pytest.mark.req("L7")
def test_even_a_planned_reset_resumes_nothing():
    on, began = infusing()
    on.run(8)
    on.forget()
    leave_mark(on.board)
    on.board.planned_reset()
    on.run(0.5)
    on.board.run_self_test()
    on.run(0.3)
    interrupted(on, began)
