"""The simulated world by figures that can be checked by hand: plant, pins, power, faults."""

import json

import pytest
from pump_bench import Bedside, program

from host_sim import faults, memory_faults
from host_sim.board import BY_FORCE, BY_TIMER, LAYERS, NOT_WATCHDOG, WATCHDOG_RESET, Board
from host_sim.client import Program
from host_sim.fakes import hub, machine
from host_sim.faults import BY_NAME, FAULTS, FaultSpec
from host_sim.i2c_devices import Fram
from host_sim.plant import driver, supply
from host_sim.plant.line import Line
from host_sim.power import PowerCut
from host_sim.shipped import firmware_files
from host_sim.simulation import Person, RunSpec, Simulation
from pump.hal import pinout

S = 1_000_000
RATE_STEPS = 20  # a tick: 1125 mL/h
UL_PER_STEP = 1000 / 6400


def run(line: Line, seconds: float, steps: int = 0) -> Line:
    for _ in range(round(seconds * 100)):
        line.step(0.01, steps)
    return line


def bare(seed: int = 1) -> Board:
    """A board whose processor does nothing, for its pins and its plant alone."""
    board = Board(seed)
    board.halt()
    return board


# --- occlusion and bolus -------------------------------------------------------------------------


@pytest.mark.req("L10")
@pytest.mark.parametrize(("ul_kpa", "bolus_ul"), [(0.5, 30), (1.5, 90), (5.0, 300)])
def test_the_bolus_of_a_released_occlusion_is_compliance_times_pressure(ul_kpa, bolus_ul):
    """Pumped against a clamp to 60 kPa above the vein, then opened."""
    line = Line(1, 500_000)
    line.down_compliance_ul_pa = ul_kpa / 1000
    line.down_occluded = True
    while line.down_pa < line.vein_pa + 60_000:
        line.step(0.01, 1)
    assert line.patient_ul == 0
    line.down_occluded = False
    run(line, 20)
    assert line.patient_ul == pytest.approx(bolus_ul, rel=0.02)


@pytest.mark.req("L10")
def test_a_motor_that_turns_back_takes_the_pressure_off():
    """90 uL in 1.5 uL/kPa are 60 kPa: 576 steps of 1/6.4 uL."""
    line = Line(1, 500_000)
    line.down_occluded = True
    run(line, 57.6 / 10, 1)
    assert line.down_pa - line.vein_pa == pytest.approx(60_000, rel=0.03)
    run(line, 57.6 / 10, -1)
    assert line.down_pa - line.vein_pa == pytest.approx(0, abs=600)
    assert line.motor_steps == 0


def test_a_higher_vein_and_a_narrower_catheter_raise_the_line_pressure():
    """1125 mL/h are 312.5 uL/s, through 100 Pa per uL/s 31 kPa above the vein."""
    line = run(Line(1, 500_000), 10, RATE_STEPS)
    assert line.down_pa == pytest.approx(31_250 + 1500, rel=0.05)
    line.vein_pa, line.down_resistance_pa_s_ul = 4000.0, 200.0
    run(line, 10, RATE_STEPS)
    assert line.down_pa == pytest.approx(62_500 + 4000, rel=0.05)


# --- motor and encoder ---------------------------------------------------------------------------


def test_the_encoder_gives_an_edge_per_four_steps_and_says_which_way():
    line = run(Line(1, 500_000), 4, 1)
    assert (line.encoder_edges, line.reverse_edges, line.encoder_b) == (100, 0, 0)
    run(line, 4, -1)
    assert (line.encoder_edges, line.reverse_edges, line.encoder_b) == (200, 100, 1)
    run(line, 4, 1)
    assert (line.encoder_edges, line.reverse_edges, line.encoder_b) == (300, 100, 0)


def test_three_turns_at_once_move_what_they_do_one_step_at_a_time():
    """What left the inlet is in the tubing and in the patient."""
    moved_ul = []
    for steps, turns in ((500, 1), (1, 500), (-500, 1), (-1, 500)):
        line = Line(1, 500_000)
        run(line, turns / 100, steps)
        moved_ul.append(line.patient_ul + (line.down_pa - line.vein_pa) * 0.0015)
        assert line.motor_steps == steps * turns
        assert line.encoder_edges == 125
    assert moved_ul[0] == pytest.approx(500 * UL_PER_STEP, rel=0.02)
    assert moved_ul == pytest.approx([moved_ul[0]] * 2 + [-moved_ul[0]] * 2, rel=0.01)


def test_low_direction_turns_the_motor_back():
    bed = Bedside().start(program((300_000, 600), ml=40)).listen(35)
    bed.board.set_pin(pinout.DIRECTION, 0)
    before = bed.board.edge_totals[pinout.ENCODER_B]
    edges = bed.board.step_edges
    position = bed.board.line.motor_steps
    bed.listen(0.3)
    steps = position - bed.board.line.motor_steps
    # Until the pump has seen it, after three counts of the encoder.
    assert bed.alarms() == ["MOTOR_FAULT"]
    assert 12 <= steps == bed.board.step_edges - edges
    assert bed.board.edge_totals[pinout.ENCODER_B] - before == pytest.approx(steps / 4, abs=1)
    assert bed.board.levels[pinout.ENCODER_B] == 1


@pytest.mark.req("F28")
@pytest.mark.parametrize(
    ("fault", "turned"),
    [("motor-stall", 0), ("motor-missed-steps", 900), ("motor-reversed", -1000)],
)
def test_a_faulty_motor_turns_as_its_fault_says(fault, turned):
    board = bare()
    bench = faults.Bench(board, None)
    BY_NAME[fault].begin(bench, 0)
    for _ in range(100):
        board.turn_motor(10)
        board.advance(10_000)
    assert board.line.motor_steps == turned
    BY_NAME[fault].end(bench)
    board.turn_motor(8)
    board.advance(10_000)
    assert board.line.motor_steps == turned + 8


@pytest.mark.req("F35")
def test_a_creeping_motor_turns_30_steps_a_second_and_only_while_disabled():
    board = bare()
    bench = faults.Bench(board, None)
    BY_NAME["motor-creep"].begin(bench, 0)
    board.advance(10 * S)
    assert board.line.motor_steps == pytest.approx(300, abs=1)
    board.set_pin(pinout.ENABLE, 1)
    at_enable = board.line.motor_steps
    board.advance(S)
    assert board.line.motor_steps <= at_enable + 1


# --- bag and drops -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_a_millilitre_falls_in_18_to_22_drops(seed):
    line = Line(seed, 500_000)
    run(line, 100, RATE_STEPS)
    gone_ml = (500_000 - line.bag_ul) / 1000
    assert gone_ml == pytest.approx(31.25, rel=0.02)
    assert line.chamber.drops == pytest.approx(gone_ml * 1000 / line.chamber.drop_ul, abs=1)
    assert 18 <= line.chamber.drops / gone_ml <= 22.3


def test_a_drop_is_a_pulse_of_30_ms():
    board = bare()
    board.line.free_flow = True  # 125 mL/h: 0.7 drops a second
    high_us = 0
    for _ in range(60_000):
        board.advance(1000)
        high_us += 1000 * board.levels[pinout.DROP]
    drops = board.edge_totals[pinout.DROP]
    assert drops == board.line.chamber.drops
    assert drops == pytest.approx(60 * 34.6 / board.line.chamber.drop_ul, abs=2)
    assert high_us == pytest.approx(drops * 30_000, rel=0.05)


def test_no_drop_falls_below_a_closed_clamp_or_an_empty_bag():
    line = run(Line(1, 500_000), 10, RATE_STEPS)
    line.up_occluded = True
    before = line.chamber.drops
    run(line, 10, RATE_STEPS)
    assert line.chamber.drops == before
    line.up_occluded, line.bag_ul = False, 1e-6
    line.up_pa = 0.0
    run(line, 1, 1)
    before = line.chamber.drops
    run(line, 10, 1)
    assert line.chamber.drops == before


def test_faster_than_one_in_60_ms_drops_run_together():
    board = bare()
    board.line.gain = 1.0
    for _ in range(600):  # 1600 uL/s, 32 drops a second
        board.turn_motor(100)
        board.advance(10_000)
    assert board.edge_totals[pinout.DROP] == pytest.approx(6 / 0.06, abs=2)


def test_the_head_of_an_empty_bag_falls_over_3_ml_and_air_comes_after_5():
    line = Line(1, 500_000)
    run(line, 10, 1)
    assert line.up_pa == pytest.approx(6000 - 156, rel=0.02)  # 15.6 uL/s x 10 Pa
    line.bag_ul = 1e-6
    drained_ul = {}
    while not line.air_present:
        line.step(0.01, 1)
        drained_ul[round(5000 - line.column_ul, -1)] = line.up_pa
    assert drained_ul[10.0] == pytest.approx(6000 - 156, rel=0.02)
    assert drained_ul[1500.0] == pytest.approx(3000 - 156, rel=0.02)
    assert drained_ul[3000.0] == pytest.approx(-156, abs=60)
    assert drained_ul[4500.0] == pytest.approx(-156, abs=60)
    assert 5000 - line.column_ul == pytest.approx(5000, abs=20)


def test_a_new_bag_carries_its_column_again():
    line = run(Line(1, 100), 30, RATE_STEPS)
    assert line.air_present
    line.new_bag(200_000)
    run(line, 5, 1)
    assert not line.air_present
    assert line.up_pa == pytest.approx(6000 - 156, rel=0.02)


# --- air -----------------------------------------------------------------------------------------


@pytest.mark.req("F29")
def test_a_train_of_bubbles_is_air_for_its_share_of_the_volume():
    """49 uL of air and 60 uL of fluid in turns: 45 % of the time."""
    board = bare()
    bench = faults.Bench(board, None)
    BY_NAME["air-bubbles"].begin(bench, 49)
    air = bubbles = 0
    before = 1
    for _ in range(6000):
        board.turn_motor(4)
        board.advance(10_000)
        fluid = board.levels[pinout.FLUID]
        air += not fluid
        bubbles += before and not fluid
        before = fluid
    assert air / 6000 == pytest.approx(49 / 109, rel=0.05)
    assert bubbles == pytest.approx(6000 * 4 * UL_PER_STEP / 109, abs=2)
    BY_NAME["air-bubbles"].end(bench)
    for _ in range(100):
        board.turn_motor(4)
        board.advance(10_000)
    assert board.levels[pinout.FLUID] == 1


def test_with_its_emitter_off_the_air_detector_says_air_unless_it_is_stuck():
    board = bare()
    board.set_pin(pinout.AIR_PROBE, 1)
    assert board.levels[pinout.FLUID] == 0
    board.advance(20_000)
    assert board.levels[pinout.FLUID] == 0
    board.set_pin(pinout.AIR_PROBE, 0)
    assert board.levels[pinout.FLUID] == 1
    BY_NAME["air-sensor-stuck"].begin(faults.Bench(board, None), 0)
    board.set_pin(pinout.AIR_PROBE, 1)
    assert board.levels[pinout.FLUID] == 1


# --- supply and temperature ----------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "mv"), [(240, 4180), (20, 3900), (5, 3500), (7.5, 3610)])
def test_a_battery_discharges_along_its_curve(minutes, mv):
    assert supply.battery_mv(minutes) == pytest.approx(mv, abs=1)


@pytest.mark.req("F3")
def test_a_low_battery_warns_after_15_minutes_and_the_power_is_gone_after_20():
    bed = Bedside()
    reads = bed.board.adc_reader(pinout.SUPPLY)
    assert (reads() >> 4) * 3 * 3300 / 4095 == pytest.approx(5000, abs=10)
    bed.fault("battery-low")
    board = bed.board
    assert board.supply.mv == pytest.approx(3900)
    began_us = board.now_us
    bed.wait_for(lambda: not board.levels[pinout.SUPPLY_GOOD], 1000)
    assert (board.now_us - began_us) / 60e6 == pytest.approx(15, abs=0.1)
    assert (reads() >> 4) * 3 * 3300 / 4095 == pytest.approx(3500, abs=10)
    bed.wait_for(lambda: not board.is_powered, 400)
    assert (board.now_us - began_us) / 60e6 == pytest.approx(20, abs=0.1)
    board.run_until(board.now_us + 5 * S)
    assert board.application is None
    bed.undo("battery-low")
    board.run_until(board.now_us + S)
    assert board.application is not None
    assert board.reset_cause == 1


@pytest.mark.req("F3")
def test_a_brown_out_shows_at_the_comparator_before_the_power_is_gone():
    bed = infusing()
    board = bed.board
    began_us = board.now_us
    bed.fault("brown-out")
    assert (board.levels[pinout.SUPPLY_GOOD], board.is_powered) == (0, True)
    bed.wait_for(lambda: not board.is_powered, 1)
    assert board.now_us - began_us == pytest.approx(20_000, abs=10_000)
    assert not bed.is_enabled()
    bed.wait_for(lambda: board.is_powered, 2)
    assert board.now_us - began_us == pytest.approx(1_000_000, abs=10_000)
    assert board.levels[pinout.SUPPLY_GOOD] == 1


@pytest.mark.req("F4")
def test_neither_path_of_the_supply_tells_the_other():
    bed = Bedside()
    bed.fault("battery-estimate-lies")
    bed.fault("battery-low")
    bed.board.supply.battery_min = 1.0
    bed.board.look_at_supply()
    assert bed.board.levels[pinout.SUPPLY_GOOD] == 0
    assert (bed.board.adc_reader(pinout.SUPPLY)() >> 4) * 3 * 3300 / 4095 > 4950
    bed.fault("supply-comparator-dead")
    assert bed.board.levels[pinout.SUPPLY_GOOD] == 1
    bed.undo("battery-estimate-lies")
    assert (bed.board.adc_reader(pinout.SUPPLY)() >> 4) * 3 * 3300 / 4095 < 3500


@pytest.mark.parametrize(("celsius", "counts"), [(25, 2047), (85, 400), (0, 3158)])
def test_the_thermistor_reads_as_its_formula_says(celsius, counts):
    """10 k and 10 k at 25 C; 1.084 k at 85 C; 33.6 k at 0 C."""
    assert driver.ntc_counts(celsius) == pytest.approx(counts, abs=2)


def test_the_driver_warms_to_45_degrees_and_beyond_85_without_cooling():
    board = bare()
    read = board.adc_reader(pinout.DRIVER_TEMPERATURE)
    assert read() >> 4 == pytest.approx(2047, abs=3)
    board.set_pin(pinout.ENABLE, 1)
    board.advance(300 * S)
    assert board.driver.celsius == pytest.approx(25 + 20 * 0.632, abs=0.2)
    board.advance(7200 * S)
    assert board.driver.celsius == pytest.approx(45, abs=0.1)
    board.driver.is_overheated = True
    board.advance(60 * S)
    assert board.driver.celsius > 85
    assert read() >> 4 < 400


# --- keys, sound, clock chip ---------------------------------------------------------------------


def test_keys_rest_and_are_pressed_at_the_levels_of_the_pinout():
    bed = Bedside()
    levels = bed.board.levels
    assert (levels[pinout.STOP_KEY], levels[pinout.OK_KEY], levels[pinout.MAINTENANCE]) == (0, 1, 1)
    bed.fault("stop-key")
    bed.fault("ok-key-stuck")
    assert (levels[pinout.STOP_KEY], levels[pinout.OK_KEY]) == (1, 0)
    bed.board.advance(199_000)
    assert levels[pinout.STOP_KEY] == 1
    bed.board.advance(2000)
    assert (levels[pinout.STOP_KEY], levels[pinout.OK_KEY]) == (0, 0)


@pytest.mark.req("F18")
def test_the_loop_back_hears_what_the_sounder_does_and_not_what_it_is_told():
    bed = Bedside()
    board = bed.board
    for fault, driven, heard in (
        (None, 880, 1),
        ("sounder-dead", 880, 0),
        ("sounder-stuck-on", 0, 1),
        (None, 0, 0),
    ):
        board.set_sound(driven)
        if fault:
            bed.fault(fault)
        assert board.levels[pinout.SOUND_SENSE] == heard, fault
        if fault:
            bed.undo(fault)


@pytest.mark.req("L20")
@pytest.mark.parametrize(("ppm", "edges"), [(0, 3600), (10_000, 3636), (-10_000, 3564)])
def test_the_clock_chip_gives_its_seconds_whatever_the_processor_does(ppm, edges):
    board = bare()
    board.rtc_ppm = ppm
    board.advance(3600 * S)
    assert board.edge_totals[pinout.RTC_SECOND] == pytest.approx(edges, abs=1)


# --- life of the board ---------------------------------------------------------------------------


def infusing() -> Bedside:
    return Bedside().start(program((60_000, 600), ml=20)).listen(10)


@pytest.mark.req("L7")
def test_a_power_cut_lasts_2_s_in_which_the_plant_goes_on():
    bed = infusing()
    board = bed.board
    board.scratch[0] = 7
    device = board.i2c_devices[0x50]
    memory = bytes(device.memory)
    cut_us, life = board.now_us, board.life
    board.line.down_pa = 30_000.0
    bed.fault("power-cut")
    assert not bed.is_enabled()
    board.run_until(cut_us + 1_900_000)
    assert board.application is None
    assert board.sound_hz == 0
    assert board.line.down_pa < 5000
    board.run_until(cut_us + 2_100_000)
    assert board.application is not None
    assert board.boot_us == cut_us + 2_000_000
    assert board.scratch[0] == 0
    assert board.i2c_devices[0x50] is device
    assert device.memory[0x440:0x500] == memory[0x440:0x500]  # its first records
    assert board.life == life + 1


@pytest.mark.req("F27")
def test_power_that_goes_in_the_middle_of_an_access_ends_the_program_there():
    bed = infusing()
    board = bed.board

    def tick() -> None:
        raise PowerCut

    board.application.tick = tick
    board.run_tick()
    assert not board.is_powered
    assert not bed.is_enabled()
    board.run_until(board.now_us + 3 * S)
    assert (board.application is not None, board.reset_cause, board.resets) == (True, 1, 1)


@pytest.mark.req("L19")
def test_faults_of_the_fram_act_on_the_part_that_is_fitted_and_say_when_none_is():
    bed = Bedside()
    said = []
    bed.bench.say = said.append
    bed.board.i2c_devices.clear()
    for name in ("fram-absent", "fram-dead"):
        bed.fault(name)
    assert [text.split(":")[0] for text in said] == ["fram-absent", "fram-dead"]
    part = bed.board.i2c_devices[0x50] = Fram(bed.board.memory_supply)
    bed.fault("fram-absent")
    bed.fault("fram-dead")
    assert (part.is_present, part.is_deaf) == (False, True)
    bed.undo("fram-absent")
    bed.undo("fram-dead")
    assert (part.is_present, part.is_deaf) == (True, False)


@pytest.mark.req("L7")
def test_a_reset_by_the_watchdog_and_a_planned_one_differ_in_their_reason_alone():
    bed = infusing()
    board = bed.board
    assert board.watchdog_reason == NOT_WATCHDOG
    board.scratch[3] = 11
    bed.fault("cpu-hang")
    board.run_until(board.now_us + 1_500_000)
    assert (board.reset_cause, board.watchdog_reason) == (WATCHDOG_RESET, BY_TIMER)
    hub.board = board
    machine.reset()
    board.run_tick()
    assert (board.reset_cause, board.watchdog_reason) == (WATCHDOG_RESET, BY_FORCE)
    assert board.scratch[3] == 11
    bed.fault("power-cut")
    board.run_until(board.now_us + 3 * S)
    assert board.watchdog_reason == NOT_WATCHDOG


@pytest.mark.req("L7")
def test_a_reset_ends_the_program_in_the_middle_of_its_tick():
    """What stands behind the reset is not executed any more."""
    bed = infusing()
    application = bed.board.application
    beyond = []

    def tick() -> None:
        bed.board.planned_reset()
        beyond.append(1)

    application.tick = tick
    bed.board.run_tick()
    bed.board.run_tick()
    assert beyond == []
    assert bed.board.application is not application


@pytest.mark.req("F32")
def test_an_exception_out_of_the_firmware_is_a_reset_with_enable_low():
    bed = infusing()

    def broken() -> None:
        raise ValueError("a bug")

    bed.board.application.tick = broken
    bed.board.run_tick()
    assert not bed.is_enabled()
    ((at_us, text),) = bed.board.crashes
    assert at_us == bed.board.now_us
    assert text.endswith("ValueError: a bug\n")
    bed.board.crashes.clear()
    bed.listen(8)
    assert bed.state() == "ALARM_STOPPED"
    assert bed.alarms() == ["INTERRUPTED"]


def test_an_exception_of_the_bench_is_not_taken_for_one_of_the_firmware():
    bed = infusing()
    bed.board.at(bed.board.now_us + 5000, lambda: bed.heard[99])
    with pytest.raises(IndexError):
        bed.board.run_tick()
    assert bed.board.crashes == []


@pytest.mark.parametrize(("irqs_off", "calls"), [(False, 10), (True, 0)])
def test_a_hang_stops_the_loop_and_timers_only_with_interrupts_off(irqs_off, calls):
    bed = infusing()
    board = bed.board
    called = []

    def timer() -> None:
        board.at(board.now_us + 10_000, timer)
        if board.timers_run():
            called.append(board.now_us)

    bed.fault("cpu-hang-irq-off" if irqs_off else "cpu-hang")
    board.at(board.now_us + 5000, timer)
    board.run_until(board.now_us + 100_000)
    assert len(called) == calls


def test_faults_count_from_the_first_enable_that_lasts_40_ms():
    """A pulse of 20 ms, as of a self-test, is not START."""
    board = bare()
    happened = []
    bench = faults.Bench(board, None)
    faults.schedule(
        (FaultSpec("door-open", 100),), bench, lambda _text, _what: happened.append(board.now_us)
    )
    for at_us, level in ((S, 1), (S + 20_000, 0), (2 * S, 1)):
        board.at(at_us, lambda level=level: board.set_pin(pinout.ENABLE, level))
    board.advance(3 * S)
    assert board.first_enable_us == 2 * S
    assert happened == [2 * S + 100_000]


# --- builds that go without a layer --------------------------------------------------------------


@pytest.mark.req("L6")
def test_without_credit_the_step_train_goes_on_after_a_hang():
    for without, goes_on in (((), False), (("credit", "watchdog"), True)):
        bed = infusing()
        bed.board.without = without
        bed.fault("cpu-hang-irq-off")
        hung_us = bed.board.now_us
        bed.board.run_until(hung_us + 900_000)
        assert (bed.board.last_edge_us - hung_us > 800_000) == goes_on


@pytest.mark.req("L7")
def test_without_the_watchdog_a_hang_lasts():
    bed = infusing()
    bed.board.without = {"watchdog"}
    bed.fault("cpu-hang")
    bed.board.run_until(bed.board.now_us + 10 * S)
    assert bed.board.resets == 0


@pytest.mark.req("L7")
def test_without_pull_resistors_enable_floats_high_through_a_reset():
    for without, level in (((), 0), (("pull-resistors",), 1)):
        bed = infusing()
        bed.board.without = without
        bed.board.boot_takes_us = 500_000
        bed.fault("reset")
        bed.board.run_until(bed.board.now_us + 400_000)
        assert bed.board.levels[pinout.ENABLE] == level
        bed.board.run_until(bed.board.now_us + 200_000)
        assert bed.board.levels[pinout.ENABLE] == 0


@pytest.mark.req("L14")
def test_without_the_interlock_it_is_left_out_of_every_life():
    bed = infusing()
    bed.board.without = {"interlock"}
    bed.board.reset(WATCHDOG_RESET)
    bed.board.run_tick()
    interlock = bed.board.application.controller.interlock
    assert "apply" in vars(interlock)
    bed.board.without = ()
    assert "apply" not in vars(interlock)


def test_a_layer_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="no such layer: seat-belt"):
        bare().without = LAYERS | {"seat-belt"}


# --- every fault ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_every_fault_begins_and_ends_on_a_running_board(name):
    fault = BY_NAME[name]
    bed = infusing()
    for value in {fault.value_min, min(fault.value_max, 400)} if fault.value_unit else {0}:
        bed.fault(name, value)
        bed.board.run_until(bed.board.now_us + 300_000)
        if fault.end:
            bed.undo(name)
        bed.board.run_until(bed.board.now_us + 3 * S)
    # What a flipped bit does to the program is the program's.
    if name != "bit-flip":
        assert bed.board.crashes == []
    bed.board.crashes.clear()
    assert bed.bench.active == set()


def test_every_fault_is_explained_in_a_line_with_its_range():
    for fault in FAULTS:
        assert "\n" not in fault.explanation()
        if fault.value_unit:
            assert f"{fault.value_min} to {fault.value_max}" in fault.explanation()
    assert BY_NAME["bit-flip"].usage() == "bit-flip[=N]"


@pytest.mark.req("F31")
def test_a_pressure_sensor_is_late_noisy_or_drifts_as_its_fault_says():
    bed = Bedside()
    board = bed.board
    read = board.adc_reader(pinout.PRESSURE_UP)
    true = read() >> 4
    bed.fault("up-pressure-sensor-late", 500)
    board.line.up_pa += 7300  # 100 counts
    shown = []
    for _ in range(80):
        board.advance(10_000)
        board.line.up_pa = 13_300.0
        shown.append(read() >> 4)
    assert shown[40] == pytest.approx(true, abs=4)
    assert shown[60] == pytest.approx(true + 100, abs=4)
    bed.undo("up-pressure-sensor-late")
    bed.fault("up-pressure-sensor-drift")
    board.advance(73 * S)
    board.line.up_pa = 6000.0
    assert read() >> 4 == pytest.approx(true + 100, abs=4)
    bed.undo("up-pressure-sensor-drift")
    bed.fault("up-pressure-sensor-noisy")
    shown = [read() >> 4 for _ in range(500)]
    assert max(shown) - min(shown) > 300
    bed.undo("up-pressure-sensor-noisy")
    assert read() >> 4 == pytest.approx(true, abs=4)


@pytest.mark.req("F36")
def test_two_faults_of_one_sensor_leave_one_by_one():
    bed = Bedside()
    read = bed.board.adc_reader(pinout.PRESSURE_DOWN)
    true = read() >> 4
    bed.fault("pressure-sensor-absent")
    bed.fault("pressure-sensor-stuck")
    assert read() == 0
    bed.undo("pressure-sensor-absent")
    assert read() == 0
    bed.undo("pressure-sensor-stuck")
    assert read() >> 4 == pytest.approx(true, abs=4)


def test_pressure_readings_are_never_the_same_for_long():
    read = bare().adc_reader(pinout.PRESSURE_DOWN)
    shown = [read() for _ in range(2000)]
    longest = run_length = 1
    for a, b in zip(shown, shown[1:], strict=False):
        run_length = run_length + 1 if a == b else 1
        longest = max(longest, run_length)
    assert longest <= 10


@pytest.mark.req("F25")
def test_a_bit_flip_is_one_bit_of_one_critical_cell():
    bed = infusing()
    controller = bed.board.application.controller
    names = [name for name, _, _ in memory_faults.critical_cells(controller)]
    assert "volume.granted_steps" in names
    assert "rx.rate_ul_h[0]" in names
    number = names.index("rx.cap_ul_h") * memory_faults.BITS + 3
    before = controller.rx.cap_ul_h
    said = []
    bed.bench.say = said.append
    bed.fault("bit-flip", number)
    assert controller.rx.cap_ul_h == before ^ 8
    assert said == [f"bit-flip: rx.cap_ul_h bit 3: {before} becomes {before ^ 8}"]
    bed.fault("bit-flip", number + len(names) * memory_faults.BITS)
    assert controller.rx.cap_ul_h == before


def test_a_flash_bit_flip_flips_one_bit_of_one_file_of_the_firmware():
    bed = Bedside()
    said = []
    bed.bench.say = said.append

    def files() -> dict[str, bytes]:
        found = {}
        for path in firmware_files():
            with bed.board.flash.open(path, "rb") as file:
                found[path] = file.read()
        return found

    before = files()
    bed.fault("flash-bit-flip")
    after = files()
    assert (
        sum(
            (a ^ b).bit_count()
            for path in before
            for a, b in zip(after[path], before[path], strict=True)
        )
        == 1
    )
    assert [path for path in before if path in said[0] and before[path] != after[path]]


# --- people --------------------------------------------------------------------------------------


CLIMBING = program((20_000, 600), (40_000, 600), ml=5)
SHORT = program((60_000, 600), ml=3)


def simulated(
    *specs: FaultSpec, seed: int = 5, order: Program = SHORT, resume_ms: int = 150_000
) -> Simulation:
    simulation = Simulation(
        RunSpec(
            order,
            Person(actions=((resume_ms, "resume"),)),
            specs,
            seed,
        )
    )
    simulation.run()
    return simulation


@pytest.mark.req("L12")
def test_a_mild_reaction_takes_the_rate_down_and_a_severe_one_stops_for_good():
    mild = simulated(FaultSpec("reaction-mild", 700_000, 60_000), order=CLIMBING, resume_ms=900_000)
    sent = [line for line in mild.recorder.lines if '"host"' in line]
    assert len([line for line in sent if " DOWN" in line]) == 1
    assert mild.state == "COMPLETE"
    severe = simulated(FaultSpec("reaction-severe", 70_000))
    sent = [line for line in severe.recorder.lines if '"host"' in line]
    assert len([line for line in sent if "STOP" in line]) == 1
    assert not [line for line in sent if " RESUME" in line]
    assert severe.state == "STOPPED"
    assert severe.board.last_edge_us < 72_000_000 + severe.board.first_enable_us


def test_a_trace_says_when_start_was_and_what_a_fault_chose():
    run_ = simulated(FaultSpec("bit-flip", 30_000, 0, 3), FaultSpec("power-cut", 60_000))
    records = [json.loads(line) for line in run_.recorder.lines]
    (start,) = [record for record in records if "start" in record]
    assert start["start"] == run_.board.first_enable_us == start["us"] - 40_001
    (note,) = [record for record in records if "note" in record]
    assert note["us"] == start["start"] + 30_000_000
    assert note["note"].startswith("bit-flip: rx.")
    power = [
        (record["us"] - start["start"], record["power"]) for record in records if "power" in record
    ]
    assert power == [(60_000_000, 0), (62_000_000, 1)]


# --- determinism ---------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_world_to_the_last_digit():
    def trace(seed: int) -> list[str]:
        return simulated(
            FaultSpec("air-bubbles", 20_000, 5000, 20),
            FaultSpec("pressure-sensor-noisy", 60_000, 2000),
            FaultSpec("battery-low", 100_000),
            FaultSpec("power-cut", 120_000),
            seed=seed,
        ).recorder.lines

    assert trace(7) == trace(7)
    assert trace(7)[1:] != trace(8)[1:]
