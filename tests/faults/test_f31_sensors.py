"""F31: each sensor stuck, absent, noisy, out of range, late."""

from dataclasses import dataclass

import pytest
from fault_bench import NEVER, SIGNAL_MS, Pump, infusing
from pump_bench import Bedside

from pump.hal import pinout


@dataclass(frozen=True)
class Case:
    """How the sensor fails, what then happens, and what has to be told by when.

    ``then``  something of the world that the sensor should show; without one
              the failure alone has to be told
    """

    begin: object
    alarms: frozenset
    limit_ms: float
    then: object = None
    stops: bool = True


def run_away(bed: Bedside) -> None:
    """The encoder's line picks up a hum of 100 Hz: a count each tick."""

    def hum() -> None:
        bed.board.line.encoder_edges += 1
        bed.board.at(bed.board.now_us + 10_000, hum)

    hum()


def fault(name: str, value: int = 0):
    return lambda bed: bed.fault(name, value)


def stuck_at(gpio: int, counts: int):
    return lambda bed: bed.board.stuck_counts.__setitem__(gpio, counts)


DOWN, UP, TEMPERATURE = pinout.PRESSURE_DOWN, pinout.PRESSURE_UP, pinout.DRIVER_TEMPERATURE
SENSOR = frozenset({"SENSOR_FAULT"})
FLOW = frozenset({"FLOW_DEVIATION", "MOTOR_FAULT", "GUARD_TRIP"})
TWO_WINDOWS_MS = 4050
# 500 ms that a converter of 12 bits is never still for, and the stop.
STILL_MS = 700
CASES = {
    "down stuck": Case(fault("pressure-sensor-stuck"), SENSOR, STILL_MS),
    "down absent": Case(fault("pressure-sensor-absent"), SENSOR, 100),
    "down noisy": Case(fault("pressure-sensor-noisy"), SENSOR, 1000),
    "down above its range": Case(stuck_at(DOWN, 4095), SENSOR, 100),
    "down below its range": Case(stuck_at(DOWN, 0), SENSOR, 100),
    "down drifting": Case(
        fault("pressure-sensor-drift"), frozenset({"DOWNSTREAM_OCCLUSION"}), 600_000
    ),
    "up stuck": Case(fault("up-pressure-sensor-stuck"), SENSOR, STILL_MS),
    "up absent": Case(fault("up-pressure-sensor-absent"), SENSOR, 100),
    "up noisy": Case(fault("up-pressure-sensor-noisy"), SENSOR, 1000),
    "up above its range": Case(stuck_at(UP, 4095), SENSOR, 100),
    "up below its range": Case(stuck_at(UP, 0), SENSOR, 100),
    "air stuck at fluid": Case(fault("air-sensor-stuck"), SENSOR, 1100),
    # At its worst: what it shows is air, and 50 uL of it stop.
    "air absent": Case(
        lambda bed: (setattr(bed.board, "fluid_stuck", 0), bed.board.set_fluid()),
        frozenset({"AIR_IN_LINE"}),
        1600,
    ),
    "door absent": Case(lambda bed: bed.board.open_door(True), frozenset({"DOOR_OPEN"}), 50),
    "door flickering": Case(fault("door-flicker"), frozenset({"DOOR_OPEN"}), 50),
    "encoder absent": Case(fault("encoder-dead"), FLOW, TWO_WINDOWS_MS),
    "encoder running away": Case(run_away, FLOW, TWO_WINDOWS_MS),
    "temperature absent": Case(fault("temperature-sensor-absent"), SENSOR, 500),
    "temperature shorted": Case(stuck_at(TEMPERATURE, 0), SENSOR | {"DRIVER_HOT"}, 1500),
    "supply above": Case(stuck_at(pinout.SUPPLY, 4095), frozenset(), 0, stops=False),
    "supply absent": Case(
        stuck_at(pinout.SUPPLY, 0), frozenset({"BATTERY_LOW", "BATTERY_EXHAUSTED"}), 500
    ),
    "sounder's loop-back high": Case(fault("sounder-stuck-on"), frozenset({"SOUNDER_FAULT"}), 2000),
    "clock chip absent": Case(fault("rtc-dead"), frozenset({"CLOCK_FAULT"}), 3000),
    # No drop for a millilitre: nothing comes from the bag, as far as anybody knows.
    "drop detector absent": Case(
        fault("drop-sensor-dead"), frozenset({"BAG_EMPTY"}), 36_000
    ),
}  # fmt: skip


@pytest.mark.req("F31", "L4", "L8")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.nightly] if case.limit_ms > 60_000 else [])
        for name, case in CASES.items()
    ],
)
def test_a_sensor_that_fails_is_judged_at_its_worst(pump, name):
    case = CASES[name]
    seen = pump.when(case.begin, min(case.limit_ms / 1000 + 3, 620))
    assert not case.alarms or seen.alarms, name
    if case.stops:
        assert seen.names()[0] in case.alarms
        assert seen.last_ms <= case.limit_ms
        assert not seen.is_enabled
        assert seen.red_ms <= case.limit_ms + SIGNAL_MS
    else:
        assert (seen.names(), seen.is_enabled) == ([], True)
    assert seen.above < 1


# --- late: what it shows is true, and was so some time ago ----------------------------------


@pytest.mark.req("F31", "L4")
@pytest.mark.parametrize(("prefix", "clamp"), (("", "downstream"), ("up-", "upstream")))
@pytest.mark.parametrize("ms", (50, 200, 400))
def test_an_occlusion_behind_a_late_sensor_stops_as_much_later(pump, prefix, clamp, ms):
    """It lives, so that nothing tells it from a sound one: the clamp stops the pump
    when it sees it, and its pressure has risen for so much longer."""

    def late(bed: Bedside) -> None:
        bed.fault(f"{prefix}pressure-sensor-late", ms)
        bed.listen(3)
        bed.fault(f"{clamp}-occlusion")

    def crossed(bed: Bedside) -> bool:
        line = bed.board.line
        return line.down_pa >= 60_000 or line.up_pa <= -15_000

    seen = pump.when(late, 15, since=crossed)
    assert seen.names()[0] in {f"{clamp.upper()}_OCCLUSION", "SENSOR_FAULT"}
    assert seen.last_ms <= 100 + ms + 10
    assert not seen.is_enabled


@pytest.mark.req("F31", "L4")
@pytest.mark.parametrize("prefix", ("", "up-"))
@pytest.mark.parametrize("ms", (1000, 60_000))
def test_a_sensor_that_is_later_than_half_a_second_has_stood_still_before(pump, prefix, ms):
    seen = pump.after(f"{prefix}pressure-sensor-late", 5, value=ms)
    assert seen.names() == ["SENSOR_FAULT"]
    assert seen.last_ms <= STILL_MS
    assert not seen.is_enabled


@pytest.mark.req("F31", "L5")
def test_a_door_that_is_open_for_one_reading_only_stops(pump):
    def rattle(bed: Bedside) -> None:
        bed.board.open_door(True)
        bed.board.at(bed.board.now_us + 10_000, lambda: bed.board.open_door(False))

    seen = pump.when(rattle, 2)
    assert seen.names() == ["DOOR_OPEN"]
    assert seen.last_ms <= 50


@pytest.mark.req("F31", "L15")
def test_an_empty_bag_behind_a_stuck_inlet_sensor_is_stopped_by_something():
    """By the sensor's own fault, long before the air comes."""
    bed = infusing()
    seen = Pump(bed).when(lambda b: (b.fault("up-pressure-sensor-stuck"), b.fault("bag-empty")), 5)
    assert seen.names() == ["SENSOR_FAULT"]
    assert seen.red_ms < NEVER
