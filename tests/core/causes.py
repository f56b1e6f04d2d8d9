"""Every alarm condition's real cause, as the world brings it about.

Nothing here touches the alarm system: a cause is what sensors, counters, clocks
or memory do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from properties.core_bench import CoreBench, Order

ALWAYS = frozenset(
    {
        *("SELF_TEST", "IDLE", "READY", "INFUSING", "RUNG_HELD", "HOLD", "PAUSED", "KVO"),
        *("STOPPED", "ALARM_STOPPED", "COMPLETE", "FAULT", "BACK_OFF", "SEVERE"),
    }
)
MOVING = frozenset({"INFUSING", "RUNG_HELD", "KVO"})
ENABLED = MOVING | {"HOLD", "BACK_OFF"}
OPEN = ENABLED | {"PAUSED", "STOPPED", "ALARM_STOPPED"}
LINKED = Order(link_timeout_s=5)


@dataclass(frozen=True)
class Cause:
    """``least_ms`` to ``most_ms``: from the cause to its alarm while INFUSING at
    full rate; ``together``: what the same cause raises as well."""

    begin: Callable[[CoreBench], None]
    states: frozenset[str]
    least_ms: int
    most_ms: int
    priority: str
    response: str
    requirement: str
    together: frozenset[str] = frozenset()


def put(**inputs):
    def begin(bench: CoreBench) -> None:
        for name, value in inputs.items():
            setattr(bench.inputs, name, value)

    return begin


def world(**settings):
    def begin(bench: CoreBench) -> None:
        for name, value in settings.items():
            setattr(bench, name, value)

    return begin


def motor_runs_wild(bench: CoreBench) -> None:
    if bench.state in ("INFUSING", "RUNG_HELD", "KVO", "BACK_OFF"):
        bench.turns_backward = True
    else:
        bench.turns_alone = 1


def a_bit_flips(bench: CoreBench) -> None:
    bench.controller.rx.weight_g ^= 1 << 9


# Causes that one can bring about at once.  Times: the row's delay, and how often
# the thing is looked at; volumes at 60 mL/h (16.7 uL/s).
CAUSES = {
    "DOWNSTREAM_OCCLUSION": Cause(put(down_pa=60_000), MOVING, 30, 40, "HIGH", "STOP", "L4"),
    "UPSTREAM_OCCLUSION": Cause(put(up_pa=-15_001), MOVING, 60, 70, "HIGH", "STOP", "L4"),
    "AIR_IN_LINE": Cause(put(air=True), MOVING, 2_900, 3_100, "HIGH", "STOP", "L9"),
    "DOOR_OPEN": Cause(put(door_open=True), ENABLED, 0, 10, "HIGH", "STOP", "L5"),
    "BAG_EMPTY": Cause(put(up_pa=900), MOVING, 4_000, 4_010, "HIGH", "STOP", "L15"),
    "FLOW_DEVIATION": Cause(
        world(encoder_permille=0), MOVING, 400, 4_000, "HIGH", "STOP", "L8"
    ),
    "SENSOR_FAULT": Cause(put(up_ok=False), ENABLED, 50, 60, "HIGH", "STOP", "L4"),
    "LINK_SILENT": Cause(put(host_silent_ms=5_000), MOVING, 0, 10, "HIGH", "STOP", "L21"),
    "INTERLOCK": Cause(world(stray_edges=1), ALWAYS, 0, 10, "HIGH", "FAIL", "L14"),
    "FLOW_DRIFT": Cause(
        world(encoder_permille=920), MOVING, 290_000, 602_000, "MEDIUM", "KEEP", "L8"
    ),
    "FREE_FLOW": Cause(world(pours=True), ALWAYS, 20, 100, "HIGH", "STOP", "L15"),
    "BAG_NEAR_EMPTY": Cause(put(up_pa=1_500), MOVING, 4_000, 4_010, "LOW", "KEEP", "M15"),
    "BATTERY_LOW": Cause(
        put(supply_good=False), ALWAYS, 200, 370, "MEDIUM", "KEEP", "F4"
    ),
    "BATTERY_EXHAUSTED": Cause(
        put(supply_mv=3_299), OPEN | {"READY"}, 200, 370, "HIGH", "STOP", "F4",
        frozenset({"BATTERY_LOW"}),
    ),
    "DRIVER_HOT": Cause(put(driver_c=85), ENABLED, 1_000, 1_170, "HIGH", "STOP", "F35"),
    "KEY_STUCK": Cause(put(ok_key=True), ALWAYS, 60_000, 60_170, "MEDIUM", "KEEP", "F21"),
    "SOUNDER_FAULT": Cause(world(heard=True), ALWAYS, 190, 210, "HIGH", "STOP", "F18"),
    "CLOCK_FAULT": Cause(put(osc_percent=121), ALWAYS, 0, 10, "HIGH", "FAIL", "L20"),
    "INTEGRITY": Cause(a_bit_flips, ALWAYS, 0, 1450, "HIGH", "FAIL", "F25"),
    "GUARD_TRIP": Cause(put(guard_trip=1), ALWAYS, 0, 10, "HIGH", "FAIL", "L6"),
    "MOTOR_FAULT": Cause(motor_runs_wild, ALWAYS, 0, 200, "HIGH", "FAIL", "F35"),
    "MOTOR_CUT_OFF": Cause(
        world(enable_level=False), ENABLED, 20, 20, "HIGH", "STOP", "F33"
    ),
    "STORAGE_FAULT": Cause(
        put(storage_ok=False), OPEN | {"READY"}, 0, 10, "HIGH", "STOP", "L19"
    ),
}  # fmt: skip
# These come with time or with a state, not by anything that one can do.
BY_TIME = {
    "NO_CONFIRMATION": ("HIGH", "STOP", "L12"),
    "DELIVERY_TIME": ("HIGH", "STOP", "M3"),
    "INFUSION_COMPLETE": ("MEDIUM", "KEEP", "L8"),
    "PROGRAM_IDLE": ("LOW", "KEEP", "L18"),
    "INTERRUPTED": ("HIGH", "STOP", "L7"),
    "LEFT_PAUSED": ("LOW", "KEEP", "L18"),
}
RANK = {"LOW": 0, "MEDIUM": 1, "HIGH": 2}
RESTRICTS = {"KEEP": 0, "STOP": 1, "FAIL": 2}


def state_after(state: str, name: str, response: str) -> str:
    """Where a new alarm leads, by its response."""
    if response == "FAIL" or state == "FAULT":
        return "FAULT"
    if response == "STOP" and state in ENABLED | {"PAUSED"}:
        back_off = name == "DOWNSTREAM_OCCLUSION" and state in MOVING
        return "BACK_OFF" if back_off else "ALARM_STOPPED"
    return state
