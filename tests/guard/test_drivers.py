"""What the drivers of the hardware layer read, from levels at the pins."""

import gc
import importlib
import math
import sys

import micropython
import pytest
from hypothesis import given
from hypothesis import strategies as some

from host_sim import fakes
from host_sim.board import POWER_ON, WATCHDOG_RESET, Board
from pump.core import event_log
from pump.core.outputs import Outputs
from pump.core.readings import Inputs
from pump.hal import pinout, thermistor_scale

fakes.load_application()
Keys = sys.modules["pump.hal.keys"].Keys
LineSensors = sys.modules["pump.hal.line_sensors"].LineSensors
RingOscillator = sys.modules["pump.hal.ring_oscillator"].RingOscillator
Signals = sys.modules["pump.hal.signals"].Signals
Supply = sys.modules["pump.hal.supply"].Supply
pin_levels = sys.modules["pump.hal.pin_levels"].pin_levels


@pytest.fixture
def board() -> Board:
    """Its application does not run: a driver is made and called by the test."""
    board = Board()
    board.watchdog_us = 1 << 62
    board.driven_inputs |= set(range(30))
    return board


@pytest.fixture
def inputs() -> Inputs:
    inputs = Inputs()
    inputs.dt_ms = 10
    return inputs


# --- keys ----------------------------------------------------------------------------------


@pytest.mark.req("L3")
def test_stop_counts_from_its_first_reading_and_a_release_after_30_ms(board, inputs):
    board.levels[pinout.STOP_KEY] = 0
    keys = Keys()
    seen = []
    for level in (0, 1, 0, 0, 1, 0, 0, 0, 0):
        board.levels[pinout.STOP_KEY] = level
        keys.read(inputs, pin_levels())
        seen.append(inputs.stop_key)
    assert seen == [False, True, True, True, True, True, True, False, False]


@pytest.mark.req("L3")
def test_a_broken_wire_of_the_stop_key_is_a_stop(board, inputs):
    board.driven_inputs.discard(pinout.STOP_KEY)
    Keys().read(inputs, pin_levels())
    assert inputs.stop_key


def test_ok_is_pressed_to_ground_and_a_broken_wire_is_not_a_press(board, inputs):
    board.driven_inputs.discard(pinout.OK_KEY)
    keys = Keys()
    keys.read(inputs, pin_levels())
    assert not inputs.ok_key
    board.levels[pinout.OK_KEY] = 0
    keys.read(inputs, pin_levels())
    assert inputs.ok_key


# --- the line --------------------------------------------------------------------------------


def test_each_drop_is_told_once(board, inputs):
    sensors = LineSensors()
    drops = []
    for level in (1, 0, 0, 1, 1, 0, 1, 1, 1, 0):
        board.levels[pinout.DROP] = level
        sensors.read_levels(inputs, pin_levels())
        drops.append(inputs.drop)
    assert drops == [False, False, False, True, False, False, True, False, False, False]


@pytest.mark.req("L9")
def test_the_air_probe_is_on_for_as_long_as_the_step_asks(board):
    sensors, outputs = LineSensors(), Outputs()
    levels = []
    for wanted in (False, True, True, False):
        outputs.air_probe = wanted
        sensors.probe(outputs)
        levels.append(board.levels[pinout.AIR_PROBE])
    assert levels == [0, 1, 1, 0]


@pytest.mark.req("F18")
def test_the_loop_back_says_whether_the_sounder_is_heard(board, inputs):
    assert Signals().is_fitted
    for level in (0, 1):
        board.levels[pinout.SOUND_SENSE] = level
        assert pin_levels() >> pinout.SOUND_SENSE & 1 == level


# --- supply ------------------------------------------------------------------------------------


def supply_at(board, counts: dict[int, int]):
    conversions = []

    def reader(gpio: int):
        def read() -> int:
            conversions.append(gpio)
            return counts[gpio] << 4

        return read

    board.adc_reader = reader
    return Supply(), conversions


@pytest.mark.req("F3")
def test_the_supply_is_three_times_what_its_pin_sees(board, inputs):
    """2069 of 4096 counts of 3.3 V are 1667 mV at the pin."""
    counts = {pinout.SUPPLY: 2069, pinout.DRIVER_TEMPERATURE: 2048}
    supply, _ = supply_at(board, counts)
    supply.read(inputs, pin_levels())
    assert inputs.supply_mv == 5000
    counts[pinout.SUPPLY] = 1448
    for _ in range(16):
        supply.read(inputs, pin_levels())
    assert inputs.supply_mv == 3499


@pytest.mark.req("F4")
def test_the_comparator_is_a_path_of_its_own_and_a_broken_wire_says_low(board, inputs):
    board.driven_inputs.discard(pinout.SUPPLY_GOOD)
    supply, _ = supply_at(board, {pinout.SUPPLY: 2069, pinout.DRIVER_TEMPERATURE: 2048})
    supply.read(inputs, pin_levels())
    assert not inputs.supply_good
    board.levels[pinout.SUPPLY_GOOD] = 1
    supply.read(inputs, pin_levels())
    assert inputs.supply_good


@pytest.mark.req("L24")
def test_at_most_one_conversion_is_made_at_a_time(board, inputs):
    supply, conversions = supply_at(board, {pinout.SUPPLY: 2069, pinout.DRIVER_TEMPERATURE: 2048})
    supply.read(inputs, pin_levels())
    conversions.clear()
    for _ in range(16):
        before = len(conversions)
        supply.read(inputs, pin_levels())
        assert len(conversions) <= before + 1
    assert len(conversions) == 8


@pytest.mark.parametrize("celsius", [-19, 0, 25, 40, 60, 85, 105, 119])
def test_the_thermistors_table_is_its_curve_to_a_degree(celsius):
    ohm = 10_000 * math.exp(3950 * (1 / (celsius + 273.15) - 1 / 298.15))
    assert abs(thermistor_scale.celsius(round(4096 * ohm / (ohm + 10_000))) - celsius) <= 1


@pytest.mark.req("F31")
@pytest.mark.parametrize(
    ("count", "ok"), [(4095, False), (3742, False), (3741, True), (160, True), (159, False)]
)
def test_a_thermistor_beyond_its_table_is_not_judged(board, inputs, count, ok):
    supply, _ = supply_at(board, {pinout.SUPPLY: 2069, pinout.DRIVER_TEMPERATURE: count})
    supply.read(inputs, pin_levels())
    assert inputs.driver_ok is ok


@given(some.integers(thermistor_scale.COUNTS[-1], thermistor_scale.COUNTS[0]))
def test_a_higher_count_is_never_warmer(count):
    if count < thermistor_scale.COUNTS[0]:
        assert thermistor_scale.celsius(count + 1) <= thermistor_scale.celsius(count)


# --- clocks and resets ------------------------------------------------------------------------


@pytest.mark.req("L20")
@pytest.mark.parametrize(("permille", "percent"), [(1000, 100), (1210, 121), (790, 79)])
def test_the_ring_oscillator_is_told_in_percent_of_its_frequency_at_boot(board, permille, percent):
    board.osc_permille = 930  # no two chips are the same
    oscillator = RingOscillator()
    for _ in range(20):
        board.advance(10_000)
        oscillator.poll()
    assert oscillator.percent == 100
    board.osc_permille = 930 * permille // 1000
    for _ in range(20):
        board.advance(10_000)
        oscillator.poll()
    assert abs(oscillator.percent - percent) <= 1


@pytest.mark.req("L20")
def test_a_ring_oscillator_that_gives_no_count_is_dead_after_a_second(board):
    oscillator = RingOscillator()
    for _ in range(20):
        board.advance(10_000)
        oscillator.poll()
    board.frequency_counter.read = lambda address: 0  # never done
    for _ in range(200):
        board.advance(10_000)
        oscillator.poll()
    assert oscillator.percent == 0


def boots_on(board) -> list[int]:
    """Of each boot that the event log holds: whether its reset was planned."""
    log = board.application.journal.log
    board.run_until(board.now_us + 1_000_000)  # all is written
    found = []
    for seq in range(log.first_seq, log.next_seq):
        assert log.fetch(seq)
        if log.kind == event_log.BOOT:
            found.append(log.a)
    return found


@pytest.mark.req("L7")
def test_a_mark_outlives_the_watchdog_and_not_the_power(board):
    reset_mark = sys.modules["pump.hal.reset_mark"]
    planned = []
    for cause in (WATCHDOG_RESET, POWER_ON):
        reset_mark.leave(reset_mark.RESTART)
        # The second one is another reset: a mark counts once.
        for by in (cause, WATCHDOG_RESET):
            board.reset(by)
            board.run_self_test()
            planned.append(boots_on(board)[-1])
    assert planned == [1, 0, 0, 0]


@pytest.mark.req("L7")
def test_the_watchdog_has_a_second_from_each_feeding(board):
    watchdog = sys.modules["pump.hal.watchdog"].Watchdog()
    assert board.watchdog_us == board.now_us + 1_000_000
    board.advance(500_000)
    watchdog.feed()
    assert board.watchdog_us == board.now_us + 1_000_000


# --- boot.py and main.py -------------------------------------------------------------------------


class Reset(BaseException):
    """The processor has been reset: nothing after it is executed."""


class Boot:
    """`boot.py` and `main.py` as the board runs them, on a board's pins."""

    def __init__(self, board: Board, monkeypatch, application):
        self.levels_at_reset: list[int] = []
        self.interrupt_character = 3
        self.collects_every = -1  # bytes
        fake = importlib.import_module("host_sim.fakes.machine")
        monkeypatch.setattr(fake, "reset", self._reset, raising=False)
        monkeypatch.setitem(sys.modules, "machine", fake)
        monkeypatch.setattr(micropython, "kbd_intr", self._kbd_intr)
        monkeypatch.setattr(gc, "threshold", self._threshold, raising=False)
        monkeypatch.setattr(
            sys.modules["pump.app.application"], "Application", application, raising=False
        )
        self._board = board

    def _reset(self) -> None:
        self.levels_at_reset.append(self._board.levels[pinout.ENABLE])
        raise Reset

    def _kbd_intr(self, character: int) -> None:
        self.interrupt_character = character

    def _threshold(self, n: int) -> None:
        self.collects_every = n

    def run(self, name: str) -> None:
        path = sys.modules["pump"].__path__[0] + "/../" + name
        with open(path) as file:
            exec(compile(file.read(), name, "exec"), {"__name__": "__main__"})


class Faulty:
    """An application that enables the motor and then fails."""

    def __init__(self):
        self._board = fakes.hub.board

    def run_once(self) -> None:
        self._board.set_pin(pinout.ENABLE, 1)
        raise ZeroDivisionError


@pytest.mark.req("L6")
def test_boot_puts_enable_low_and_takes_the_interrupt_character_away(board, monkeypatch):
    boot = Boot(board, monkeypatch, Faulty)
    board.levels[pinout.ENABLE] = 1
    boot.run("boot.py")
    assert board.levels[pinout.ENABLE] == 0
    assert boot.interrupt_character == -1


@pytest.mark.req("F13")
def test_an_exception_that_escapes_puts_enable_low_and_resets(board, monkeypatch):
    board.levels[pinout.MAINTENANCE] = 1
    boot = Boot(board, monkeypatch, Faulty)
    with pytest.raises(Reset):
        boot.run("main.py")
    assert boot.levels_at_reset == [0]


@pytest.mark.req("L23")
def test_the_heap_is_kept_in_one_piece_while_loading_and_collected_when_full_afterwards(
    board, monkeypatch
):
    collects_every = []

    class Watched(Faulty):
        def __init__(self):
            super().__init__()
            collects_every.append(boot.collects_every)

        def run_once(self) -> None:
            collects_every.append(boot.collects_every)
            super().run_once()

    board.levels[pinout.MAINTENANCE] = 1
    boot = Boot(board, monkeypatch, Watched)
    with pytest.raises(Reset):
        boot.run("main.py")
    loading, looping = collects_every
    assert 0 < loading <= 32_768
    assert looping == -1


@pytest.mark.parametrize("by", ["strap", "mark"])
def test_maintenance_leaves_to_the_repl_with_the_motor_off(board, monkeypatch, capsys, by):
    reset_mark = sys.modules["pump.hal.reset_mark"]
    board.levels[pinout.MAINTENANCE] = 0 if by == "strap" else 1
    if by == "mark":
        reset_mark.leave(reset_mark.MAINTENANCE)
    board.watchdog_us = 1 << 62
    boot = Boot(board, monkeypatch, Faulty)
    boot.run("boot.py")
    boot.run("main.py")
    assert boot.levels_at_reset == []
    assert board.levels[pinout.ENABLE] == 0
    assert board.watchdog_us == 1 << 62
    assert boot.interrupt_character == 3
    assert len(capsys.readouterr().out.splitlines()) == 1
    # Once: the next start is the pump's.
    board.levels[pinout.MAINTENANCE] = 1
    with pytest.raises(Reset):
        boot.run("main.py")
