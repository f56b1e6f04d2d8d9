"""From what was weighed and read to the figures that a board keeps."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from host_sim.client import Client, Program, ReadBackError, crc16
from host_sim.links import LinkError
from pump.core import calibration, units
from pump.protocol import messages

_FIELDS = dict(messages.REPLIES)[b"CAL?"]

# Of saline 0.9 % at 20 C, in g/mL (water at 20 C: 0.9982; handbooks give 1.0046 for
# the solution: --density says which was weighed).
DENSITY_G_ML = 0.998
# Smallest run that says anything: 5 mL, of which a drop of 50 uL is 1 %.
VOLUME_MIN_ML = 5.0
# Of a reading: the balance's last digit, and a drop that hangs.
WEIGHING_G = 0.01
DROP_ML = 0.05
# Least distance of the two points.
SPAN_MIN_KPA = 20.0


class CalibrationError(Exception):
    """What was measured cannot be; the message says what was expected."""


@dataclass(frozen=True)
class Step:
    """Volume of a motor step: ``step_ulh_ms`` is what the board keeps."""

    step_ulh_ms: int
    uncertainty_percent: float

    @property
    def steps_per_ml(self) -> float:
        return 1000 * units.UL_IN_ULH_MS / self.step_ulh_ms


def step_volume(weighed_g: float, steps: int, density_g_ml: float) -> Step:
    """From what ``steps`` of the motor delivered.  Raises ``CalibrationError``."""
    if not 0.9 <= density_g_ml <= 1.2:
        raise CalibrationError(f"a density of {density_g_ml:g} g/mL, expected 0.9 to 1.2")
    volume_ml = weighed_g / density_g_ml
    if not volume_ml >= VOLUME_MIN_ML:
        raise CalibrationError(
            f"{weighed_g:g} g are {volume_ml:.2f} mL, expected at least {VOLUME_MIN_ML:g} mL"
        )
    step = round(volume_ml * 1000 * units.UL_IN_ULH_MS / steps)
    if not calibration.STEP_MIN_ULH_MS <= step <= calibration.STEP_MAX_ULH_MS:
        off = 100 * (step / units.STEP_ULH_MS - 1)
        raise CalibrationError(
            f"a step would hold {off:+.1f} % of the nominal volume, expected within 10 %: "
            "weigh again, or it is another set"
        )
    doubt = (WEIGHING_G / density_g_ml + DROP_ML) / volume_ml
    return Step(step, 100 * doubt)


def sensor_line(
    low_counts: float, low_kpa: float, high_counts: float, high_kpa: float
) -> tuple[int, int]:
    """``zero`` and ``gain`` of a sensor from two points.  Raises ``CalibrationError``."""
    if not high_kpa - low_kpa >= SPAN_MIN_KPA:
        raise CalibrationError(
            f"the points are {high_kpa - low_kpa:g} kPa apart, expected {SPAN_MIN_KPA:g} or more"
        )
    counts = high_counts - low_counts
    if counts <= 0:
        raise CalibrationError("the sensor reads no more at the higher pressure")
    pa_per_count = (high_kpa - low_kpa) * 1000 / counts
    gain = round(64 * pa_per_count)
    zero = round(16 * (low_counts - low_kpa * 1000 / pa_per_count))
    if abs(gain - calibration.GAIN_NOMINAL) > calibration.GAIN_OFF_MAX:
        off = 100 * (gain / calibration.GAIN_NOMINAL - 1)
        raise CalibrationError(f"the gain would be {off:+.1f} % off, expected within 10 %")
    if abs(zero - calibration.ZERO_NOMINAL) > calibration.ZERO_OFF_MAX:
        off = (zero - calibration.ZERO_NOMINAL) * 73 / 16_000
        raise CalibrationError(f"the zero would be {off:+.1f} kPa off, expected within 10 kPa")
    return zero, gain


# --- with a board ---------------------------------------------------------------------------

# Readings of a point: the converter's noise of some counts, averaged to a fraction.
_READINGS = 32
# What can be ordered for a weighed run; the dose that the order must name is that of a
# solution of 3 %, for saline has none.
_CONCENTRATION_MG_ML = 30
_WEIGHT_G = 70_000
_SLEW_UL_H_S = 10_000
_OVER_S = 120.0


def order(ml: float, rate_ml_h: float) -> Program:
    """An ordinary order of ``ml`` at ``rate_ml_h``."""
    volume_ul, rate_ul_h = round(ml * 1000), round(rate_ml_h * 10) * 100
    return Program(
        vtbi_ul=volume_ul,
        dose_mg=volume_ul * _CONCENTRATION_MG_ML // 1000,
        concentration_mg_ml=_CONCENTRATION_MG_ML,
        weight_g=_WEIGHT_G,
        cap_ul_h=rate_ul_h,
        rungs=((rate_ul_h, 600),),
        slew_ul_h_s=_SLEW_UL_H_S,
    )


def dispense(client: Client, ml: float, rate_ml_h: float, progress: Callable[[int], None]) -> int:
    """Deliver ``ml``; the motor's steps.  ``progress`` is told uL.

    Raises ``CalibrationError`` if it ended otherwise than by the volume.
    """
    client.load(order(ml, rate_ml_h))
    client.request("START")
    until = client.link.now() + ml / rate_ml_h * 3600 + _OVER_S
    while (status := client.status())["state"] == "INFUSING":
        progress(int(status["delivered_ul"]))
        if client.link.now() > until:
            client.stop()
            raise CalibrationError("the run did not end in time: stopped")
        client.receive(0.5)
        client.pushed.clear()
    if status["state"] != "COMPLETE":
        raise CalibrationError(f"the run ended in {status['state']}: nothing to weigh")
    client.request("END")
    return last_run(client)


def last_run(client: Client) -> int:
    """The motor's steps since the last START."""
    return int(client.query_fields("MOTION?")["counted_steps"])


def in_force(client: Client) -> dict[str, str]:
    """What CAL? says of the calibration that the board runs on."""
    return _line(client, 0)


def _line(client: Client, which: int) -> dict[str, str]:
    return dict(zip(_FIELDS, client.query("CAL?", which), strict=True))


def counts(client: Client) -> tuple[float, float]:
    """Both sensors as the converter reads them, averaged."""
    down = up = 0
    for _ in range(_READINGS):
        raw = client.query_fields("RAW?")
        down += int(raw["down_counts"])
        up += int(raw["up_counts"])
    return down / _READINGS, up / _READINGS


def store(client: Client, parts: list[tuple[int, int, int]]) -> dict[str, str]:
    """Stage ``parts`` (part, a, b), read back, compare, store; the board then restarts.
    What it was told to keep.

    Raises ``Refused`` with the board's reason, ``ReadBackError`` if it understood
    something else.
    """
    for part, a, b in parts:
        client.request("CALIBRATE", part, a, b)
    read = client.query("CAL?", 1)
    staged = dict(zip(_FIELDS, read, strict=True))
    for part, a, b in parts:
        expected = _told(part, a, b)
        if any(staged[name] != str(value) for name, value in expected.items()):
            raise ReadBackError(f"sent {expected}, read back {','.join(read)!r}")
    # Its answer may go with the line; what counts is what the board runs on afterwards.
    with contextlib.suppress(LinkError):
        client.request("CAL_COMMIT", crc16((",".join(read) + "\n").encode("ascii")))
    return staged


def _told(part: int, a: int, b: int) -> dict[str, int]:
    if part == calibration.VOLUME:
        return {"step_ulh_ms": a}
    if part == calibration.NOMINAL_ALL:
        return {"step_ulh_ms": units.STEP_ULH_MS}
    side = "down" if part == calibration.DOWN else "up"
    return {f"{side}_zero": a, f"{side}_gain": b}


def is_in_force(client: Client, staged: dict[str, str]) -> bool:
    """Whether the board, restarted, runs on what was stored."""
    now = in_force(client)
    return all(now[name] == staged[name] for name in _FIELDS if name != "which")
