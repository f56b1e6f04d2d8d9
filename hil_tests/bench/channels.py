"""What the rig sees and drives: one table for its firmware, its client, its models and
its wiring in the documentation."""

from __future__ import annotations

from typing import NamedTuple

from pump.hal import pinout

VERSION = "1"
# The first sixteen pins of the rig are sampled together, once a microsecond.
SAMPLED = 16
RUN = -1  # the Pico's RUN pin is no GPIO
SENSED = "in"
DRIVEN = "out"
ANALOG = "analog"


class Channel(NamedTuple):
    """``gpio`` of the rig; ``dut`` is the pump's GPIO; ``rest`` is the level, or the
    microvolts, with which nothing is wrong."""

    name: str
    gpio: int
    kind: str
    dut: int
    rest: int
    why: str


CHANNELS = (
    Channel("STEP", 0, SENSED, pinout.STEP, 0, "rising edge: one microstep"),
    Channel("ENABLE", 1, SENSED, pinout.ENABLE, 0, "high: driver powered"),
    Channel("DIRECTION", 2, SENSED, pinout.DIRECTION, 1, "high: forward"),
    Channel("SOUNDER", 3, SENSED, pinout.SOUNDER, 0, "edges of the tone itself, 880 Hz"),
    Channel("LAMP_RED", 4, SENSED, pinout.LAMP_RED, 0, "before the lamp's resistor"),
    Channel("LAMP_YELLOW", 5, SENSED, pinout.LAMP_YELLOW, 0, "before the lamp's resistor"),
    Channel("LAMP_GREEN", 6, SENSED, pinout.LAMP_GREEN, 0, "before the lamp's resistor"),
    Channel("AIR_PROBE", 7, SENSED, pinout.AIR_PROBE, 0, "high for one tick each second"),
    Channel("DOOR", 8, DRIVEN, pinout.DOOR, 0, "low: closed"),
    Channel("STOP_KEY", 9, DRIVEN, pinout.STOP_KEY, 0, "high: pressed"),
    Channel("OK_KEY", 10, DRIVEN, pinout.OK_KEY, 1, "low: pressed"),
    Channel("FLUID", 11, DRIVEN, pinout.FLUID, 1, "low: air; the rig answers AIR_PROBE by PIO"),
    Channel("SUPPLY_GOOD", 12, DRIVEN, pinout.SUPPLY_GOOD, 1, "low: battery low"),
    Channel("RUN", 13, DRIVEN, RUN, 1, "to the pump's RUN, open drain: low resets it"),
    Channel("TURNS", 18, DRIVEN, pinout.ENCODER, 1, "encoder A by PIO from STEP; 0: it stands"),
    Channel("REVERSE", 19, DRIVEN, pinout.ENCODER_B, 0, "encoder B: high is backwards"),
    Channel("DROPS", 20, DRIVEN, pinout.DROP, 1, "a drop each 320 steps; 0: none falls"),
    Channel("HEARD", 21, DRIVEN, pinout.SOUND_SENSE, 1, "high while SOUNDER has edges; 0: deaf"),
    Channel("PRESSURE_DOWN", 16, ANALOG, pinout.PRESSURE_DOWN, 1_116_500, "PWM, 4k7 and 1 uF"),
    Channel("PRESSURE_UP", 17, ANALOG, pinout.PRESSURE_UP, 1_166_000, "PWM, 4k7 and 1 uF"),
)
BY_NAME = {channel.name: channel for channel in CHANNELS}
# Position of a channel in the word that is sampled.
BIT = {c.name: c.gpio for c in CHANNELS if c.gpio < SAMPLED}
# The pump's pressure sensors: 1.10 V at ambient, 11 mV per kPa (docs/wiring.md).
AMBIENT_UV = 1_100_000
UV_PER_PA = 11
FULL_SCALE_UV = 3_300_000


def pressure_uv(pa: int) -> int:
    """What a sound sensor shows at that pressure above ambient, in Pa."""
    return max(0, min(FULL_SCALE_UV, AMBIENT_UV + UV_PER_PA * pa))
