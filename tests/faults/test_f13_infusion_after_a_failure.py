"""F13: a part of the system fails and the motor is not told; whichever layer sees
it first takes ENABLE away."""

import pytest
from fault_bench import DEAD_MS, DEAD_STEPS, infusing, watch

from host_sim.board import LAYERS

FAILURES = ("cpu-hang", "cpu-hang-irq-off", "reset", "power-cut", "timer-exception", "timer-dead")
# Any one of them may be missing, and the others do it.
ONE_LESS = sorted(LAYERS - {"watchdog", "interlock"})


@pytest.mark.req("F13", "L6")
@pytest.mark.parametrize("phase_us", (0, 3300, 8700))
@pytest.mark.parametrize("fault", FAILURES)
def test_the_motor_is_off_within_60_ms_of_the_failure(pump, fault, phase_us):
    seen = pump.after(fault, 6, phase_us=phase_us)
    assert seen.last_ms - phase_us / 1000 <= DEAD_MS
    assert seen.off_ms - phase_us / 1000 <= DEAD_MS + 10  # nothing moves any more
    assert seen.steps <= DEAD_STEPS
    assert not seen.is_enabled


@pytest.mark.req("F13", "L6", "L2")
@pytest.mark.parametrize("layer", ONE_LESS)
@pytest.mark.parametrize("fault", ("cpu-hang", "cpu-hang-irq-off"))
def test_without_any_one_layer_the_others_still_stop_it(pump, fault, layer):
    def begin(bed):
        bed.board.without = {layer}
        bed.fault(fault)

    seen = pump.when(begin, 0.5)
    assert seen.last_ms <= DEAD_MS
    assert seen.steps <= DEAD_STEPS


@pytest.mark.req("F13")
def test_without_credit_dead_man_and_guard_it_would_go_on(pump):
    """What the tests above can see: with nothing left, a hang does go on."""

    def begin(bed):
        bed.board.without = {"credit", "dead-man", "guard", "watchdog"}
        bed.fault("cpu-hang-irq-off")

    seen = pump.when(begin, 0.5)
    assert seen.last_ms > DEAD_MS


@pytest.mark.req("F13", "L7")
def test_an_exception_in_the_loop_ends_in_a_reset_with_the_motor_off(pump):
    def question(bed):
        board = bed.board

        def fails(buffer):
            raise RuntimeError("the line driver failed")

        def begin():
            board.application.usb._readinto = fails
            board.usb.host_write(b"STATUS?\n")

        seen = watch(bed, 8, begin)
        board.crashes.clear()  # asked for
        return seen

    seen = pump.ask(question)
    assert len(seen.crashes) == 1
    assert seen.last_ms <= DEAD_MS
    assert (seen.state, seen.is_enabled) == ("ALARM_STOPPED", False)
    assert "INTERRUPTED" in seen.names()


@pytest.mark.req("F13", "L19")
@pytest.mark.parametrize("fault", ("fram-absent", "fram-dead", "i2c-stuck"))
def test_without_its_memory_the_pump_delivers_no_step_beyond_what_is_stored(pump, fault):
    """The lease is up to 1 mL ahead; no step is made that it does not cover."""
    seen = pump.after(fault, 40)
    assert "STORAGE_FAULT" in seen.names()
    assert not seen.is_enabled
    assert seen.steps <= 6400
    assert seen.last_ms <= seen.told_ms("STORAGE_FAULT")
    assert max(seen.sound_ms, seen.red_ms) <= seen.told_ms("STORAGE_FAULT")


@pytest.mark.req("F13")
def test_a_fault_free_run_as_long_has_no_alarm_and_goes_on():
    bed = infusing()
    seen = watch(bed, 60, lambda: None)
    assert (seen.names(), seen.is_enabled, seen.resets) == ([], True, 0)
    assert (seen.sound_ms, seen.red_ms, seen.yellow_ms) == (1 << 40, 1 << 40, 1 << 40)
    assert seen.above < 1
