"""A plan's ladder on the real core, by a person who says yes as soon as asked.

Time is compressed as in ``properties.compressed``: dwells, intervals, volume and rises are all
divided by one scale, and rates stay what they are, so every cap is met as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from properties.compressed import Compressed
from properties.core_bench import CoreBench, Order

from pump.core import infusion_state as st
from pump.core import limits

SCALE = 100
TICK_MS = 20
STEP_UL_H_MS = 562_500  # a motor step is 1/6400 mL
_CONFIRM = st.EVENT_NAMES.index("CONFIRM")


class Wrong(AssertionError):
    """The core did not do what the plan says."""


@dataclass(frozen=True)
class Ladder:
    """What goes over the serial line, but for the dose: (uL/h, ms) for each rung."""

    rungs: tuple[tuple[int, int], ...]
    cap_ul_h: int
    concentration_mg_ml: int
    check_ms: int


@dataclass(frozen=True)
class Corner:
    """One dose of a ladder, and the time in ms in which the plan has it delivered."""

    volume_ul: int
    weight_g: int
    duration_ms: int


class CompressedCore(Compressed):
    """Rises are compressed too."""

    def begin(self) -> None:
        super().begin()
        self._kept["SLEW_MAX_UL_H_S"] = limits.SLEW_MAX_UL_H_S
        limits.SLEW_MAX_UL_H_S *= self.scale


def run(ladder: Ladder, corner: Corner, scale: int = SCALE) -> int:
    """Deliver ``corner`` by ``ladder``; returns the number of ticks.

    Raises `Wrong` when a rate is above the cap or above the rung that was confirmed, a rung is
    left before its dwell, more or less than the volume is delivered, it takes less time than
    planned, or anything alarms.
    """
    compressed = CompressedCore(scale)
    compressed.begin()
    try:
        return _run(ladder, corner, scale)
    finally:
        compressed.end()


def _run(ladder: Ladder, corner: Corner, scale: int) -> int:
    rungs = tuple((rate, dwell_ms // scale) for rate, dwell_ms in ladder.rungs)
    volume_ul = corner.volume_ul // scale
    bench = CoreBench()
    bench.begin(
        Order(
            vtbi_ul=volume_ul,
            dose_mg=volume_ul * ladder.concentration_mg_ml // 1000,
            concentration_mg_ml=ladder.concentration_mg_ml,
            weight_g=corner.weight_g,
            cap_ul_h=ladder.cap_ul_h,
            rungs=tuple((rate, dwell_ms // 1000) for rate, dwell_ms in rungs),
            slew_ul_h_s=limits.SLEW_MIN_UL_H_S * scale,
            kvo_ul_h=0,
            check_s=ladder.check_ms // 1000 // scale,
        )
    )
    # In uL/h x ms, which the rate integrates to exactly.
    wanted = volume_ul * 3_600_000
    last = len(rungs) - 1
    rung, reached_ms, integral, confirmed = 0, -1, 0, 0
    began_ms = bench.now_ms
    longest_ms = corner.duration_ms // scale + (last + 1) * 2_000 + 5_000
    outputs, tick, question = bench.outputs, bench.tick, bench.controller.open_question
    while bench.controller.state == st.INFUSING:
        asked = question()
        if asked:
            if tick(TICK_MS, _CONFIRM, asked):
                raise Wrong(f"rung {rung}: a confirmation was refused")
            confirmed += 1
            if rung < last:
                dwelt_ms = bench.now_ms - reached_ms
                if reached_ms < 0 or dwelt_ms < rungs[rung][1]:
                    raise Wrong(f"rung {rung}: left after {dwelt_ms} ms of {rungs[rung][1]}")
                rung, reached_ms = rung + 1, -1
        else:
            tick(TICK_MS)
        rate = outputs.rate_ul_h
        if rate > ladder.cap_ul_h or rate > rungs[rung][0]:
            raise Wrong(f"{rate} uL/h on rung {rung} of {rungs[rung][0]}, cap {ladder.cap_ul_h}")
        if reached_ms < 0 and rate == rungs[rung][0]:
            reached_ms = bench.now_ms
        integral += rate * TICK_MS
        if bench.now_ms - began_ms > longest_ms:
            raise Wrong(f"not done after {longest_ms} ms, planned {corner.duration_ms // scale}")
    for _ in range(4):
        tick(TICK_MS)
    took_ms = bench.now_ms - began_ms
    if bench.state != "COMPLETE" or bench.alarms - {"INFUSION_COMPLETE"}:
        raise Wrong(f"ended {bench.state} with {sorted(bench.alarms)}")
    delivered = bench.net_steps * STEP_UL_H_MS
    if delivered > wanted or wanted - delivered >= STEP_UL_H_MS:
        raise Wrong(f"delivered {delivered} of {wanted} uL/h x ms")
    planned_ms = corner.duration_ms // scale
    # Ticks are whole, and the volume is cut to whole microlitres when it is scaled.
    if took_ms < planned_ms - 1000:
        raise Wrong(f"took {took_ms} ms, planned {planned_ms}")
    return took_ms // TICK_MS
