"""Each item of the power-on self-test against the fault that it is there for.  (L16)

The fault is there before the firmware boots; what follows is seen at the pins
and on the serial line.
"""

import pytest
from power_on import OFF_US, POST_MS, PowerOn
from pump_bench import program

from host_sim import fakes
from host_sim.fakes import pio_models
from host_sim.i2c_devices import CLOCK_ADDRESS, FRAM_ADDRESS
from pump.core import self_test_items
from pump.hal import pinout

self_test = fakes.load("pump.app.self_test")  # over the fakes, as the board does
ITEMS = [name.decode() for name in self_test_items.ITEM_NAMES]

# --- faults ---------------------------------------------------------------------------


def faults(*names):
    return lambda on, patch: on.fault(*names)


def wrong_arithmetic(on, patch):
    """A flipped bit in what the checksums are computed with."""

    class Wrong(self_test.Crc16):
        def of(self, data, length):
            return super().of(data, length) ^ 1

    patch.setattr(self_test, "Crc16", Wrong)


def altered_file(on, patch):
    """One bit of one file; the last of the manifest is as good as the first."""
    path = "pump/protocol/session.py"
    with on.board.flash.open(path, "rb") as file:
        data = bytearray(file.read())
    data[len(data) // 2] ^= 0x10
    with on.board.flash.open(path, "wb") as file:
        file.write(bytes(data))


def missing_file(on, patch):
    on.board.flash.remove("pump/guard/guard.py")


class StuckBit(bytearray):
    """Memory with a cell that holds 0, whatever is written."""

    def __setitem__(self, at, value):
        super().__setitem__(at, value & 0xFE if isinstance(at, int) else value)


def worn_fram(on, patch):
    fram = on.board.i2c_devices[FRAM_ADDRESS]
    fram.memory = StuckBit(fram.memory)


def step_wire_noisy(on, patch):
    """Edges on STEP that nobody made."""

    def pulse():
        on.board.edge_totals[pinout.STEP] += 1
        on.board.at(on.board.now_us + 20_000, pulse)

    on.board.at(on.board.now_us + 1_000_000, pulse)


def counter_counts(which, factor):
    """The ``which``-th counter of STEP that the firmware makes counts wrongly."""

    def break_it(on, patch):
        made = []

        class Wrong(pio_models.EdgeCounter):
            def __init__(self, board, gpio, freq):
                super().__init__(board, gpio, freq)
                if gpio == pinout.STEP:
                    made.append(self)
                    if len(made) == which:
                        right = self.get
                        self.get = lambda: int(right() * factor)

        patch.setitem(pio_models.MODELS, "edge_counter", Wrong)

    return break_it


def steps_as(change):
    """Pulses are lost or doubled, or turn the motor with the driver off."""

    def break_it(on, patch):
        class Wrong(pio_models.StepTrain):
            def run(self, until_us):
                return change(on, super().run(until_us))

        patch.setitem(pio_models.MODELS, "step_train", Wrong)

    return break_it


def ignores_enable(on, edges):
    on.board.turn_motor(edges)
    return edges


def without_dead_man(on, patch):
    on.board.without = {"dead-man"}


def supply_of(mv):
    def break_it(on, patch):
        on.board.supply.forced_mv = mv
        on.board.look_at_supply()

    return break_it


def hot_driver(on, patch):
    on.board.driver.ambient_c = 75.0
    on.board.driver.celsius = 75.0
    on.board.driver.step(0.0, False)


def fast_clock_chip(ppm):
    def break_it(on, patch):
        on.board.rtc_ppm = ppm

    return break_it


def gone_fram(on, patch):
    """One was there when the last session was closed."""
    on.board.i2c_devices[FRAM_ADDRESS].is_present = False


# (item, what is wrong, the fault)
FAILS = [
    ("CODE", "arithmetic", wrong_arithmetic),
    ("IMAGE", "a bit of a file", altered_file),
    ("IMAGE", "a file is missing", missing_file),
    ("STORAGE", "a bit that stays 0", worn_fram),
    ("MOTOR_AT_REST", "ENABLE shorted high", faults("enable-stuck-high")),
    ("MOTOR_AT_REST", "the motor turns by itself", faults("motor-creep")),
    ("MOTOR_AT_REST", "noise on STEP", step_wire_noisy),
    ("GUARD", "no timer", faults("timer-dead")),
    ("GUARD", "what the timer calls raises", faults("timer-exception")),
    ("COUNTERS", "the guard's counter is dead", counter_counts(1, 0)),
    ("COUNTERS", "the loop's counter is dead", counter_counts(2, 0)),
    ("COUNTERS", "the guard's counter counts twice", counter_counts(1, 2)),
    ("COUNTERS", "the loop's counter counts twice", counter_counts(2, 2)),
    ("COUNTERS", "pulses are lost", steps_as(lambda on, edges: edges // 2)),
    ("COUNTERS", "the driver ignores ENABLE", steps_as(ignores_enable)),
    ("DEAD_MAN", "ENABLE shorted low", faults("enable-stuck-low")),
    ("DEAD_MAN", "it does not let go", without_dead_man),
    ("SOUNDER", "dead", faults("sounder-dead")),
    ("SOUNDER", "never silent", faults("sounder-stuck-on")),
    ("AIR_DETECTOR", "sees fluid with its emitter off", faults("air-sensor-stuck")),
    ("DRIVER", "75 C at power-on", hot_driver),
    ("SUPPLY", "3.25 V", supply_of(3250.0)),
    ("CLOCK", "its seconds do not come", faults("rtc-dead")),
    ("CLOCK", "its seconds are 4 % short", fast_clock_chip(42_000)),
    ("CLOCK", "its seconds are 4 % long", fast_clock_chip(-40_000)),
]
# What is shown then: the failure itself, or what the same fault is found as once
# the self-test has ended, which stands before it in the table.
FAULTS_SHOWN = ("SELF_TEST_FAILED", "INTERLOCK", "CLOCK_FAULT", "GUARD_TRIP", "MOTOR_FAULT")


@pytest.mark.req("L16", "F34")
@pytest.mark.parametrize(
    ("item", "what", "break_it"), FAILS, ids=[f"{i}: {w}" for i, w, _ in FAILS]
)
def test_what_is_wrong_at_power_on_is_named_and_ends_in_fault(item, what, break_it, monkeypatch):
    on = PowerOn().boot(lambda on: break_it(on, monkeypatch))
    board = on.board
    assert on.post() == ("FAILED", item, on.post()[2])
    assert board.now_us - board.boot_us <= POST_MS * 1000
    assert on.post()[2] >> ITEMS.index(item) == 0, "nothing after it was looked at"
    # ENABLE rises in one item only.
    if ITEMS.index(item) < ITEMS.index("DEAD_MAN"):
        assert not [us for us in on.enabled if us > board.boot_us]
    failed_us = board.now_us
    on.forget()
    edges = board.step_edges
    on.run(3.0)
    assert on.state() == "FAULT"
    assert on.alarms() in FAULTS_SHOWN
    assert int(on.client.status()["alarms"]) >> 29 & 1
    assert on.lamps and on.lamps[0][0] - failed_us <= 500_000
    if item != "SOUNDER":
        assert on.sounds and on.sounds[0][0] - failed_us <= 500_000
    assert not on.enabled
    if what != "ENABLE shorted high":
        assert board.levels[pinout.ENABLE] == 0
    assert on.start_is_refused() == "NOT_IN_THIS_STATE"
    assert board.step_edges == edges
    assert board.resets == 1, "only the power-on"


@pytest.mark.req("L16", "L19")
def test_a_fram_that_was_fitted_and_is_gone_fails_the_self_test():
    on = PowerOn().boot().programmed()
    on.client.request("START")
    on.run(5)
    on.client.request("PAUSE")
    on.client.request("END")
    on.run(1)
    on.boot(lambda on: gone_fram(on, None))
    assert on.post()[:2] == ("FAILED", "STORAGE")
    assert on.start_is_refused() == "NOT_IN_THIS_STATE"


# --- what is not fitted -----------------------------------------------------------------


def no_part(address):
    def break_it(on):
        on.board.i2c_devices[address].is_present = False

    return break_it


def no_key(on):
    on.board.flash.remove("key")
    on.client.key = None


def no_calibration(on):
    on.board.flash.remove("calibration")


def no_date(on):
    on.board.i2c_devices[CLOCK_ADDRESS].lose_battery()


def no_detector(on):
    on.board.fluid_stuck = 0
    on.board.set_fluid()


def no_sounder(on):
    """Neither sounder nor loop-back: its pin has no wire."""
    on.fault("sounder-dead")
    on.board.driven_inputs.discard(pinout.SOUND_SENSE)


def named(*names):
    return lambda on: on.fault(*names)


# (items, what is not there, why START is refused; None: it is not)
ABSENT = [
    ({"STORAGE"}, no_part(FRAM_ADDRESS), None),
    ({"SOUNDER"}, no_sounder, "ALARM_PRESENT"),
    ({"PRESSURES"}, named("pressure-sensor-absent"), "ALARM_PRESENT"),
    ({"PRESSURES"}, named("up-pressure-sensor-absent"), "ALARM_PRESENT"),
    ({"PRESSURES"}, named("pressure-sensor-stuck"), "ALARM_PRESENT"),
    ({"AIR_DETECTOR"}, no_detector, "ALARM_PRESENT"),
    ({"DOOR"}, named("door-open"), "ALARM_PRESENT"),
    ({"DRIVER"}, named("temperature-sensor-absent"), "ALARM_PRESENT"),
    ({"KEYS"}, named("stop-key-stuck"), "STOP_KEY"),
    ({"KEYS"}, named("ok-key-stuck"), None),
    ({"CLOCK", "DATE"}, no_part(CLOCK_ADDRESS), None),
    ({"DATE"}, no_date, None),
    ({"CALIBRATION"}, no_calibration, None),
    ({"DEVICE_KEY"}, no_key, "NOT_ALLOWED"),
]


def items_of(mask):
    return {item for i, item in enumerate(ITEMS) if mask >> i & 1}


@pytest.mark.req("L16")
@pytest.mark.parametrize(("items", "take_away", "refused"), ABSENT)
def test_what_is_not_fitted_is_named_and_refuses_start_where_safety_hangs_on_it(
    items, take_away, refused
):
    on = PowerOn().boot(take_away)
    result, _, mask = on.post()
    assert (result, items_of(mask)) == ("PASSED", items)
    on.run(0.1)
    assert on.state() == "IDLE"
    on.run(1.0)
    if refused:
        assert on.start_is_refused() == refused
        assert on.board.levels[pinout.ENABLE] == 0
    else:
        on.programmed()
        on.client.request("START")
        on.run(3.0)
        assert on.state() == "INFUSING"


@pytest.mark.req("L16")
def test_a_bare_board_boots_and_says_all_that_it_lacks():
    def strip(on):
        for device in on.board.i2c_devices.values():
            device.is_present = False
        no_key(on)
        no_detector(on)
        no_sounder(on)
        on.fault("pressure-sensor-absent", "up-pressure-sensor-absent", "door-open")
        on.fault("temperature-sensor-absent", "stop-key-stuck", "drop-sensor-dead", "encoder-dead")

    on = PowerOn().boot(strip)
    result, _, mask = on.post()
    assert result == "PASSED"
    assert items_of(mask) == {
        "STORAGE", "SOUNDER", "PRESSURES", "AIR_DETECTOR", "DOOR", "DRIVER", "KEYS", "CLOCK",
        "DATE", "DEVICE_KEY",
    }  # fmt: skip
    assert on.board.now_us - on.board.boot_us <= POST_MS * 1000
    on.run(0.1)
    assert on.state() == "IDLE"
    assert on.start_is_refused() == "NOT_ALLOWED"


# --- a sound board ----------------------------------------------------------------------------


@pytest.mark.req("L16", "F16")
@pytest.mark.parametrize("seed", range(50))
def test_a_sound_board_passes_with_nothing_absent(seed):
    on = PowerOn(seed).boot()
    assert on.post() == ("PASSED", "DEVICE_KEY", 0)
    assert on.board.now_us - on.board.boot_us <= POST_MS * 1000
    on.run(0.1)
    assert on.state() == "IDLE"
    assert on.alarms() == "NONE"


@pytest.mark.req("L16")
def test_every_item_is_broken_by_a_test_or_taken_away_by_one():
    """What can never fail is not tested: each item is in one table or both."""
    covered = {item for item, _, _ in FAILS}.union(*(items for items, _, _ in ABSENT))
    assert covered == set(ITEMS)


@pytest.mark.req("L16")
def test_an_order_is_delivered_after_the_self_test():
    on = PowerOn().boot().programmed()
    assert program().vtbi_ul == 2000
    on.client.request("START")
    on.run(200)
    assert on.state() == "COMPLETE"


@pytest.mark.req("L16", "F25")
def test_memory_that_changes_by_itself_ends_the_self_test():
    on = PowerOn()
    on.board.power_cut(OFF_US)
    on.run(OFF_US / 1e6 + 0.6)
    assert on.post()[0] == "RUNNING"
    on.board.application.controller.ramp.rate_ul_h ^= 1 << 9
    on.run(0.1)
    on.forget()
    assert on.post()[0] == "FAILED"
    assert (on.state(), on.alarms()) == ("FAULT", "INTEGRITY")
    on.run(5.0)
    assert on.post()[0] == "FAILED"
    assert on.sounds
    assert not on.enabled
    assert on.start_is_refused() == "NOT_IN_THIS_STATE"


@pytest.mark.req("L16", "L6")
def test_a_guard_that_dies_after_its_item_is_found_once_the_self_test_has_ended():
    on = PowerOn()
    on.board.power_cut(OFF_US)
    on.run(OFF_US / 1e6 + 4.0)
    on.fault("timer-dead")
    on.board.run_self_test()
    on.run(0.2)
    assert (on.state(), on.alarms()) == ("FAULT", "GUARD_TRIP")
    assert on.start_is_refused() == "NOT_IN_THIS_STATE"
