"""A HIL run as the suite would write it, drawn from distributions with a fixed seed.

``python tests/hil_report/example_run.py FOLDER`` writes its ``results.json``, from which
the picture in ``docs/hil_report.md`` is made.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

TICK_MS = 10.0

# limit, name, n, bound, goal; detected and decided in ms on average, acted
STOPS: tuple[tuple[str, str, int, float, float | None, float, float], ...] = (
    ("L2", "set removed to last STEP edge", 120, 50, 20, 2.0, 6.2),
    ("L3", "STOP key to last STEP edge", 400, 50, 20, 1.0, 5.0),
    ("L3", "STOP line to last STEP edge", 400, 50, 20, 1.4, 5.0),
    ("L4", "threshold to last forward STEP edge", 60, 100, None, 22.0, 6.0),
    ("L4", "threshold to alarm signal", 60, 500, None, 22.0, 8.0),
    ("L5", "door open to driver disabled", 120, 50, None, 2.2, 6.0),
    ("L6", "hang to last STEP edge", 25, 60, None, 0.0, 12.0),
)


def stop_time(rng: random.Random, detected: float, decided: float) -> tuple[float, float, float]:
    """Detected, decided and acted in ms: some time into a tick, its processing, the queue."""
    return (
        rng.random() * TICK_MS * 0.4 + detected,
        decided + rng.random() * 2.0,
        0.2 + rng.expovariate(1.0),
    )


def _stop(rng: random.Random, row: tuple) -> dict[str, Any]:
    limit, name, n, bound, goal, detected, decided = row
    parts = [stop_time(rng, detected, decided) for _ in range(n)]
    names = ("detected", "decided", "acted")
    return {
        "limit": limit,
        "name": name,
        "unit": "ms",
        "bound": bound,
        "goal": goal,
        "uncertainty": 0.002,
        "values": [round(sum(part), 3) for part in parts],
        "segments": {
            key: [round(part[index], 3) for part in parts] for index, key in enumerate(names)
        },
        "test": f"hil_tests/test_stop.py::test_{limit.lower()}",
    }


def _plain(limit: str, name: str, unit: str, bound: float, values: list[float], **more: Any):
    return {
        "limit": limit,
        "name": name,
        "unit": unit,
        "bound": bound,
        "goal": None,
        "uncertainty": 0.001,
        "values": [round(value, 4) for value in values],
        "segments": {},
        "test": f"hil_tests/test_timing.py::test_{limit.lower()}",
        **more,
    }


def _tests(measurements: list[dict]) -> list[dict]:
    rows = [
        {
            "id": name,
            "outcome": "passed",
            "reason": "",
            "requirements": sorted({m["limit"] for m in measurements if m["test"] == name}),
            "duration_s": 20.0 + len(name),
        }
        for name in sorted({m["test"] for m in measurements})
    ]
    for name, reason, ids in (
        ("test_battery.py::test_low", "needs wiring GP26-GP17, which is not there", ["L22"]),
        ("test_soak.py::test_six_hours", "slow: give --soak to run it", ["L8", "L23"]),
        ("test_flow.py::test_trumpet", "no balance attached", ["L8"]),
        ("test_door.py::test_bounce", "needs a rig: no --rig-port was given", ["L5"]),
        ("test_door.py::test_slam", "needs a rig: no --rig-port was given", ["L5"]),
    ):
        rows.append(
            {
                "id": f"hil_tests/{name}",
                "outcome": "skipped",
                "reason": reason,
                "requirements": ids,
                "duration_s": 0.0,
            }
        )
    return rows


def example(seed: int = 1, later_ms: float = 0.0, late: str = "L3") -> dict[str, Any]:
    """A document such as the suite writes; limit ``late`` is ``later_ms`` slower."""
    rng = random.Random(seed)
    stops = [_stop(rng, row) for row in STOPS]
    for item in stops:
        if item["limit"] == late:
            item["values"] = [round(value + later_ms, 3) for value in item["values"]]
            decided = item["segments"]["decided"]
            item["segments"]["decided"] = [round(value + later_ms, 3) for value in decided]
    measurements = [
        _plain(
            "L1",
            "jitter of the tick while INFUSING",
            "us",
            2000,
            [rng.expovariate(0.5) for _ in range(3000)],
            judged="p99.9",
        ),
        *stops,
        _plain("L7", "hang to reset", "ms", 1000, [997 + rng.random() for _ in range(20)]),
        _plain("L16", "power-on to IDLE", "s", 10, [6.1 + rng.random() / 9 for _ in range(20)]),
        _plain("L21", "time-out to safe state", "ms", 500, [rng.random() * 10 for _ in range(30)]),
        _plain(
            "L22",
            "STOP to last STEP edge, host floods",
            "ms",
            50,
            [8 + rng.random() * 8 for _ in range(60)],
        ),
        _plain(
            "L24",
            "processor time of a tick, mean",
            "ms",
            2,
            [rng.gauss(1.86, 0.12) for _ in range(2000)],
            judged="mean",
        ),
        _plain(
            "L24",
            "processor time of a tick, longest",
            "ms",
            5,
            [rng.gauss(1.86, 0.12) + (rng.random() > 0.99) * 2.4 for _ in range(2000)],
        ),
    ]
    return {
        "schema": 1,
        "dut": {
            "kind": "serial",
            "serial": "E6614C311B5A2F27",
            "firmware_version": "0.1.0",
            "firmware_digest": "9f2b" * 16,
            "micropython": "v1.28.0 on 2026-04-06; Raspberry Pi Pico with RP2040",
            "port": "/dev/ttyACM0",
        },
        "rig": {"serial": "E6614C311B7719AA", "version": "0.1.0", "resolution_us": 0.016},
        "bench": {"configuration": "full bench", "rates_ml_h": [350, 1200], "supply_v": 5.02},
        "started": "2026-11-20T09:30:00+00:00",
        "measurements": measurements,
        "tests": _tests(measurements),
    }


def write(folder: Path, document: dict | None = None) -> Path:
    """Put ``results.json`` into ``folder``; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(document or example(), indent=1) + "\n")
    return folder


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
