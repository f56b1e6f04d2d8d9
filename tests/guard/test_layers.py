"""Each layer that stops the motor stops it alone, measured at the ENABLE and STEP pins.

In virtual time on the simulated board; the firmware is the whole of it.
"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pump_bench import TICK_US, Bedside, program

from pump.core.readings import Inputs
from pump.guard import guard
from pump.hal import pinout

PHASES_US = range(100, TICK_US, 1900)


def running(rate_ul_h: int = 1_200_000, seconds: float = 1.0, ml: int = 60) -> Bedside:
    """A pump that has reached its rate."""
    bed = Bedside().start(program((rate_ul_h, 600), ml=ml))
    return bed.listen(rate_ul_h / 10_000 + 1 + seconds)


def pump_of(bed: Bedside):
    """The application, to break one of its layers; nothing is asserted on it
    but the reason that a layer gives."""
    return bed.board.application


def hang(bed: Bedside, phase_us: int, irqs_off: bool) -> int:
    """The loop ends somewhere between two ticks; when."""
    at_us = bed.board.now_us + phase_us
    bed.fault_at(at_us, "cpu-hang-irq-off" if irqs_off else "cpu-hang")
    return at_us


def fall_after(bed: Bedside, us: int, within_us: int = 500_000) -> int:
    """Time from ``us`` until ENABLE fell, in us."""
    bed.board.run_until(us + within_us)
    falls = [pin.us for pin in bed.changes("ENABLE", us) if pin.level == 0]
    assert falls, "ENABLE stayed high"
    return falls[0] - us


@pytest.mark.req("L6")
@pytest.mark.parametrize("rate_ul_h", [35_000, 1_200_000])
def test_a_hang_without_interrupts_is_ended_by_the_dead_man_within_35_ms(rate_ul_h):
    longest_us = 0
    for phase_us in PHASES_US:
        bed = running(rate_ul_h)
        hung_us = hang(bed, phase_us, irqs_off=True)
        longest_us = max(longest_us, fall_after(bed, hung_us))
        assert pump_of(bed).guard_timer.trip == 0
        assert bed.board.last_edge_us <= hung_us + 35_000
    assert 20_000 < longest_us <= 35_000


@pytest.mark.req("L6")
def test_a_hang_with_interrupts_is_ended_by_the_guard_within_45_ms_if_the_dead_man_is_fed():
    """As when the loop is caught in an inner one that still feeds."""
    longest_us = 0
    for phase_us in PHASES_US:
        bed = running()
        dead_man = pump_of(bed).dead_man

        def feed_on(bed=bed, dead_man=dead_man) -> None:
            if dead_man.is_armed:
                dead_man.feed()
            bed.board.at(bed.board.now_us + TICK_US, feed_on)

        hung_us = hang(bed, phase_us, irqs_off=False)
        bed.board.at(hung_us, feed_on)
        longest_us = max(longest_us, fall_after(bed, hung_us))
        assert pump_of(bed).guard_timer.trip == guard.NO_BEAT
        assert bed.board.last_edge_us <= hung_us + 45_000
    assert 25_000 < longest_us <= 45_000


@pytest.mark.req("L6")
def test_enable_stays_low_after_a_hang_until_the_watchdog_resets():
    bed = running()
    hung_us = hang(bed, 3000, irqs_off=True)
    fall_after(bed, hung_us, within_us=900_000)
    assert len(bed.changes("ENABLE", hung_us)) == 1
    assert bed.board.resets == 0
    bed.board.run_until(hung_us + 1_100_000)
    assert bed.board.resets == 1
    assert not bed.is_enabled()


@pytest.mark.req("L20")
@pytest.mark.parametrize("late_ms", [25, 40, 400])
@pytest.mark.parametrize("irqs_off", [False, True])
def test_a_tick_that_is_late_by_more_than_20_ms_ends_delivery(late_ms, irqs_off):
    """The motor turns no more; what the controller makes of it is not ours."""
    bed = running()
    bed.fault("flash-stall", late_ms)
    bed.board.irqs_off = irqs_off
    began_us = bed.board.now_us
    bed.board.run_tick()
    bed.board.irqs_off = False
    assert fall_after(bed, began_us, within_us=60_000) <= 45_000
    turned = bed.board.edge_totals[pinout.ENCODER]
    bed.listen(1)
    assert not bed.is_enabled()
    assert bed.board.edge_totals[pinout.ENCODER] <= turned + 1


@pytest.mark.req("L20")
@pytest.mark.parametrize(("rate_ul_h", "ml"), [(1_200_000, 50), (60_000, 2), (35_000, 1)])
def test_the_guard_never_trips_in_a_whole_infusion_with_ticks_up_to_20_ms_late(rate_ul_h, ml):
    rng = random.Random(rate_ul_h)
    bed = Bedside().start(program((rate_ul_h, 600), ml=ml))
    while bed.state() != "COMPLETE":
        for _ in range(rng.randrange(1, 60)):
            bed.board.run_tick()
        late_us = rng.choice((300, 2000, 7000, 11_000, 15_000, 20_000))
        # With interrupts off the guard is late as well.
        bed.board.stall(late_us, irqs_off=rng.random() < 0.5)
        assert pump_of(bed).guard_timer.trip == 0
        assert bed.board.now_us < 600_000_000
    bed.listen(5)
    assert pump_of(bed).guard_timer.trip == 0
    assert pump_of(bed).guard._total == bed.board.step_edges


class _Blind(Inputs):
    """Of a controller that sees no step."""

    step_edges = property(lambda self: 0, lambda self, edges: None)


@pytest.mark.req("L14")
def test_steps_that_nobody_ordered_are_cut_off():
    """Something else puts words into the queue, twice the rate of the cap, and
    the controller does not see it."""
    bed = running(60_000, ml=4)
    motor = pump_of(bed).stepper
    pump_of(bed).inputs.__class__ = _Blind
    began_us, before = bed.board.now_us, bed.board.step_edges

    def stuff() -> None:
        if motor._sm.tx_fifo() < 3:
            motor._put(10 | 4676 << 8)
        bed.board.at(bed.board.now_us + 5000, stuff)

    bed.board.at(began_us + 1, stuff)
    assert fall_after(bed, began_us, within_us=2_000_000) < 500_000
    assert pump_of(bed).guard_timer.trip == guard.TOO_FAST
    assert bed.board.last_edge_us <= began_us + 500_000
    assert bed.board.step_edges - before < 60


@pytest.mark.req("F32")
def test_an_exception_in_the_guards_handler_cuts_the_motor_off():
    bed = running()

    def raise_it(*_):
        raise MemoryError

    began_us = bed.board.now_us
    pump_of(bed).guard_timer._check = raise_it
    assert fall_after(bed, began_us) <= 8_000
    assert pump_of(bed).guard_timer.trip == guard.HANDLER


@pytest.mark.req("L6")
def test_a_guard_that_has_died_ends_delivery_for_good_without_a_reset():
    """The loop has noticed and the motor is off: a reset would only hide it."""
    bed = running()
    began_us = bed.board.now_us
    pump_of(bed).guard_timer._timer = None
    assert fall_after(bed, began_us) <= 70_000
    bed.listen(3)
    assert bed.alarms() == ["GUARD_TRIP"]
    assert bed.state() == "FAULT"
    assert bed.board.resets == 0
    assert not bed.is_enabled()


@pytest.mark.req("L7")
def test_a_guard_that_has_died_unnoticed_leads_to_a_reset():
    """The loop lives and goes on delivering all the same."""
    bed = running()
    began_us = bed.board.now_us
    pump = pump_of(bed)
    pump.guard_timer._timer = None
    pump.controller.alarms.fail_mask = 0
    bed.board.run_until(began_us + 1_200_000)
    assert bed.board.resets == 1
    turned = bed.board.line.motor_steps
    bed.listen(8)
    assert bed.board.resets == 1
    assert bed.board.line.motor_steps == turned
    assert bed.state() == "ALARM_STOPPED"
    assert bed.alarms()[-1] == "INTERRUPTED"


@pytest.mark.req("L6")
def test_what_the_guard_has_cut_off_cannot_be_switched_on_again_before_a_reset():
    bed = running()
    app = pump_of(bed)
    app.guard.trip = guard.DAMAGED
    bed.board.run_tick()
    assert not bed.is_enabled()
    app.dead_man.follow(False)
    app.dead_man.follow(True)
    # Not even by the program itself: the pin is no longer PIO's.
    app.dead_man._put(11_000)
    app.dead_man._sm.active(1)
    before = bed.board.step_edges
    bed.board.run_until(bed.board.now_us + 500_000)
    assert not bed.is_enabled()
    assert pinout.ENABLE not in bed.board.pio_pins
    assert bed.board.step_edges == before
    bed.board.reset(3)
    bed.board.run_self_test()
    assert pinout.ENABLE in bed.board.pio_pins
    assert not bed.is_enabled()


@pytest.mark.req("L6")
def test_a_dead_man_that_has_expired_is_armed_only_after_enable_was_withdrawn():
    bed = Bedside()
    board, dead_man = bed.board, pump_of(bed).dead_man
    dead_man.follow(True)
    board.advance(10)
    assert bed.is_enabled()
    board.irqs_off = True  # the guard would not let this go on
    board.advance(34_000)
    assert not bed.is_enabled()
    for _ in range(10):
        dead_man.follow(True)
        board.advance(10_000)
        assert not bed.is_enabled()
    assert dead_man.expired
    dead_man.follow(False)
    dead_man.follow(True)
    board.advance(10)
    assert bed.is_enabled()


@pytest.mark.req("L6")
def test_drop_is_at_once_and_leaves_nothing_behind():
    bed = Bedside()
    board, dead_man = bed.board, pump_of(bed).dead_man
    for wait_us in (0, 1, 2, 3, 17, 9000):
        assert dead_man.arm()
        board.advance(wait_us)
        dead_man.feed()
        dead_man.drop()
        assert not bed.is_enabled()
        board.advance(60_000)
        assert not bed.is_enabled()


@pytest.mark.req("L6")
@settings(max_examples=25, deadline=None)
@given(some.lists(some.integers(0, 60_000), max_size=30))
def test_enable_is_never_high_for_longer_than_33_ms_after_the_last_word(waits):
    bed = Bedside()
    board, dead_man = bed.board, pump_of(bed).dead_man
    board.irqs_off = True
    dead_man.arm()
    fed_us = board.now_us
    for wait_us in waits:
        board.advance(wait_us)
        assert bed.is_enabled() == (5 < board.now_us - fed_us < 33_000) or wait_us < 33_010
        if not bed.is_enabled():
            break
        dead_man.feed()
        fed_us = board.now_us
    board.advance(33_010)
    assert not bed.is_enabled()


# --- backwards ---------------------------------------------------------------------------


class Decided:
    """What a step of the controller would have decided."""

    def __init__(self, rate_ul_h=0, steps=0, reverse=False):
        self.enable = True
        self.rate_ul_h = rate_ul_h
        self.slot_ms = 10
        self.steps = steps
        self.last_step_us = 9000
        self.reverse = reverse


@pytest.mark.req("L10")
def test_direction_is_low_only_while_steps_go_back_and_changes_with_an_empty_queue():
    bed = Bedside()
    board, motor = bed.board, pump_of(bed).stepper
    # This test drives the stepper, not the loop; the guard would not permit it.
    board.watchdog_us = 1 << 62
    board.irqs_off = True
    changes = []
    board.on_pin.append(lambda name, level: changes.append((name, level, board.now_us)))
    script = [(False, 30), (True, 30), (None, 3), (True, 20), (False, 30), (None, 5)]
    for reverse, ticks in script:
        for _ in range(ticks):
            motor.apply(Decided() if reverse is None else Decided(500_000, 8, reverse), 10_000)
            board.advance(10_000)
    turns = [(level, us) for name, level, us in changes if name == "DIRECTION"]
    assert [level for level, _ in turns] == [0, 1, 0, 1]
    edges = bed.edges()
    assert len(edges) > 500
    for _, us in turns:
        later = [edge for edge in edges if edge > us]
        earlier = [edge for edge in edges if edge <= us]
        # Set-up time of any driver is below 1 ms, and a step pulse is 4 us.
        assert not later or later[0] - us > 10_000
        assert us - earlier[-1] >= 4
