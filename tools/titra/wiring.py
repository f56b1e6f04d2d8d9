"""What is wired to which pin of a Pico, and what decides there while nothing drives it.

Numbers and reasons of the pins are those of ``firmware/pump/hal/pinout.py``, read from
its text; what is added here is the part at the other end, the external resistor, and the
jumpers of the bench configuration.  A pin that is missing on either side is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PINOUT = Path(__file__).resolve().parents[2] / "firmware/pump/hal/pinout.py"
_ROW = re.compile(r"^([A-Z][A-Z_]*) = const\((\d+)\)(?:  # (.*))?$", re.MULTILINE)
# The header of a Pico: what each of its 40 pins is, from pin 1 on (Pico datasheet, 2.1).
HEADER: tuple[int | str, ...] = (
    0, 1, "GND", 2, 3, 4, 5, "GND", 6, 7, 8, 9, "GND", 10, 11, 12, 13, "GND", 14, 15,
    16, 17, "GND", 18, 19, 20, 21, "GND", 22, "RUN", 26, 27, "AGND", 28, "ADC_VREF",
    "3V3", "3V3_EN", "GND", "VSYS", "VBUS",
)  # fmt: skip

MOTION, LINE, PERSON, SOUND, BUS, POWER = "motion", "line", "person", "sound", "bus", "power"
KINDS = {
    MOTION: "motor and encoder",
    LINE: "fluid line",
    PERSON: "keys and lamps",
    SOUND: "sounder",
    BUS: "FRAM, clock, display",
    POWER: "supply and heat",
}


@dataclass(frozen=True)
class Wire:
    """One pin's wire.

    ``to``      the part at the other end
    ``pull``    external resistor: ``10k GND``, ``10k 3V3`` or empty
    ``holds``   what the pin says, or does, in reset and with a broken wire
    """

    kind: str
    to: str
    pull: str
    holds: str


WIRES = {
    "STEP": Wire(MOTION, "driver STEP", "10k GND", "low: no edge, no step"),
    "ENCODER_B": Wire(MOTION, "encoder B", "10k GND", "forward; the encoder alone tells nothing"),
    "ENABLE": Wire(MOTION, "driver ENABLE", "10k GND", "low: driver off, at the driver's end"),
    "ENCODER": Wire(MOTION, "encoder A", "10k GND", "no turns: FLOW_DEVIATION while it steps"),
    "FLUID": Wire(LINE, "air detector", "10k GND", "low: air"),
    "DOOR": Wire(LINE, "door switch", "10k 3V3", "high: open"),
    "DIRECTION": Wire(MOTION, "driver DIR", "10k 3V3", "high: forward"),
    "STOP_KEY": Wire(PERSON, "STOP key, NC", "10k 3V3", "high: pressed"),
    "SOUNDER": Wire(SOUND, "sounder driver", "10k GND", "silent; the loop-back finds it"),
    "LAMP_RED": Wire(PERSON, "red lamp", "", "dark"),
    "LAMP_YELLOW": Wire(PERSON, "yellow lamp", "", "dark"),
    "LAMP_GREEN": Wire(PERSON, "green lamp", "", "dark"),
    "SOUND_SENSE": Wire(SOUND, "sound detector", "", "follows the chip's own pulls: not fitted"),
    "OK_KEY": Wire(PERSON, "OK key, NO", "10k 3V3", "high: not pressed"),
    "SDA": Wire(BUS, "FRAM, clock, display", "4k7 3V3", "no answer: not fitted"),
    "SCL": Wire(BUS, "FRAM, clock, display", "4k7 3V3", "no answer: not fitted"),
    "RTC_SECOND": Wire(BUS, "clock SQW", "10k 3V3", "no seconds: CLOCK_FAULT"),
    "SUPPLY_GOOD": Wire(POWER, "comparator", "10k GND", "low: battery low"),
    "MAINTENANCE": Wire(PERSON, "strap", "10k 3V3", "high: the pump starts"),
    "DROP": Wire(LINE, "drop sensor", "10k GND", "no drops: FLOW_DEVIATION"),
    "AIR_PROBE": Wire(LINE, "detector off", "10k GND", "low: emitter on"),
    "PRESSURE_DOWN": Wire(LINE, "pressure, line", "100k GND", "0 V, below range: SENSOR_FAULT"),
    "PRESSURE_UP": Wire(LINE, "pressure, inlet", "100k GND", "0 V, below range: SENSOR_FAULT"),
    "DRIVER_TEMPERATURE": Wire(POWER, "NTC to ground", "10k 3V3", "3.3 V, beyond the table: fault"),
    "SUPPLY": Wire(POWER, "VSYS / 3, on the Pico", "", "always there"),
}
# The jumpers of the bench configuration, in the order in which they are put in.
JUMPERS = (
    ("DOOR", "GND", "the door is closed", "DOOR_OPEN"),
    ("STOP_KEY", "GND", "the STOP key is at rest", "the pump stops, as by the key"),
    ("FLUID", "3V3", "there is fluid", "AIR_IN_LINE"),
    ("SUPPLY_GOOD", "3V3", "the comparator is content", "BATTERY_LOW"),
    ("SOUNDER", "SOUND_SENSE", "the sounder is heard", "SOUNDER_FAULT at the next sound"),
    ("STEP", "ENCODER", "the shaft turns with the steps", "FLOW_DEVIATION"),
)


def pins() -> list[tuple[str, int, str]]:
    """(name, GPIO, reason) of every pin, as ``pinout.py`` has them."""
    rows = [
        (name, int(gpio), reason or "")
        for name, gpio, reason in _ROW.findall(PINOUT.read_text(encoding="utf-8"))
        if not name.startswith("SM_")
    ]
    names = {name for name, _, _ in rows}
    if names != WIRES.keys():
        raise ValueError(f"pinout.py and wiring.py differ: {sorted(names ^ WIRES.keys())}")
    return rows


def gpio_of(name: str) -> int:
    """The GPIO of a pin."""
    return next(gpio for other, gpio, _ in pins() if other == name)


def header_pin(gpio: int) -> int:
    """Its number on the header, 1 to 40; 0 for one that is not on it."""
    return HEADER.index(gpio) + 1 if gpio in HEADER else 0


def pin_rows() -> list[tuple[str, ...]]:
    """The pin table of ``docs/wiring.md``."""
    rows = []
    for name, gpio, reason in sorted(pins(), key=lambda row: row[1]):
        wire = WIRES[name]
        at = str(header_pin(gpio) or "inside")
        pull = wire.pull.replace(" ", " to ") or "-"
        rows.append((at, f"GP{gpio}", f"`{name}`", wire.to, pull, wire.holds, reason or "-"))
    return rows


def jumper_rows() -> list[tuple[str, ...]]:
    """The jumper table of ``docs/bench.md``."""

    def place(name: str) -> str:
        if name in WIRES:
            gpio = gpio_of(name)
            return f"pin {header_pin(gpio)} (GP{gpio}, `{name}`)"
        return f"{name}, any of pins 3 8 13 18 23 28 38" if name == "GND" else "pin 36 (3V3)"

    return [
        (str(n), place(begin), place(end), says, pulled)
        for n, (begin, end, says, pulled) in enumerate(JUMPERS, start=1)
    ]
