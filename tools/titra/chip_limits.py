"""Limits as measured on the emulated chip: ``python -m titra.chip_limits FOLDER``.

Takes the figures that ``make emulator`` leaves in ``out/emulator`` into
``docs/chip_limits.json``, of which the tables of ``docs/performance.md`` are made.
Figures that a run did not make stay as they were.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from titra.chip_tables import table
from titra.files import write_whole

FIGURES = Path(__file__).resolve().parents[2] / "docs" / "chip_limits.json"
_FASTEST = "1200000"
# file: (limit, what is done, key of the values, to what, promise)
_RESPONSES = (
    ("L2", "L2", "a pressure sensor torn off, its 50 ms of delay included", "50 + 50 ms"),
    ("L3-key", "L3", "STOP key", "50 ms"),
    ("L3-verb", "L3", "STOP typed", "50 ms"),
    ("L5", "L5", "door", "50 ms"),
)
_DEATHS = (
    ("L6-loops", "`while True` in the tick"),
    ("L6-loops-with-interrupts-off", "the same, interrupts off"),
    ("L6-hard-fault", "hard fault: an address where nothing is"),
    ("L6-stands-still", "the processor stands still"),
    ("L6-tick-raises", "exception in the tick"),
    ("L6-handler-raises", "exception in the guard's handler"),
)
# file: what its rows are
_TROUBLES = (
    ("L22", "host"),
    ("L22-noise", "host"),
    ("L22-floods", "flood"),
    ("L22-worst", "worst flood"),
)
_HEAD = ("limit", "what", "n", "p50", "p99", "max", "promised")


def _ms(value: float) -> str:
    return f"{value:.1f}"


def _spread(row: dict, unit: str, show: Callable[[float], str] = _ms) -> tuple[str, ...]:
    return str(row["n"]), show(row["p50"]), show(row["p99"]), f"{show(row['max'])} {unit}"


def _responses(figures: dict) -> list[tuple]:
    rows: list[tuple] = []
    for name, limit, what, promise in _RESPONSES:
        for rate, row in figures.get(name, {}).get("rates", {}).items():
            shown = f"{what}, {int(rate) // 1000} mL/h: to the last STEP edge"
            rows.append((limit, shown, *_spread(row["step_ms"], "ms"), promise))
    for rate, row in figures.get("L4", {}).get("rates", {}).items():
        shown = f"occlusion at its limit, {int(rate) // 1000} mL/h: to the last forward edge"
        rows.append(("L4", shown, *_spread(row["step_ms"], "ms"), "100 ms"))
        rows.append(("L4", "the same, to the signal", *_spread(row["signal_ms"], "ms"), "500 ms"))
    return rows


def _deaths(figures: dict) -> list[tuple]:
    rows: list[tuple] = []
    for name, what in _DEATHS:
        if name not in figures:
            continue
        row = figures[name]["rates"][_FASTEST]
        shown = f"{what}, 1200 mL/h: to the last STEP edge ({row['steps']['max']:.0f} steps)"
        rows.append(("L6", shown, *_spread(row["step_ms"], "ms"), "60 ms, 20 uL: 128 steps"))
    for name, what in (
        ("L7-loops-with-interrupts-off", "loop to reset"),
        ("L7-hard-fault", "hard fault to reset"),
    ):
        if name in figures:
            row = figures[name]
            shown = f"{what}; then {row['state']} with {row['alarms'][0]}, {row['steps']} steps"
            rows.append(("L7", shown, *_spread(row["reset_ms"], "ms"), "1000 ms"))
    return rows


def _troubles(figures: dict) -> list[tuple]:
    rows: list[tuple] = []
    for file, kind in _TROUBLES:
        for name, row in figures.get(file, {}).get("rows", {}).items():
            for how, spread in row["stop_ms"].items():
                shown = f"{kind}: {name}; STOP {how}, to the last STEP edge"
                rows.append(("L22", shown, *_spread(spread, "ms"), "50 ms"))
    if "flash-stall" in figures:
        row = figures["flash-stall"]
        shown = f"a stall of 400 ms: to the last STEP edge; {row['steps_after']} steps afterwards"
        rows.append(("L22", shown, *_spread(row["step_ms"], "ms"), "60 ms"))
    return rows


def _ticks_in_trouble() -> str:
    """What a host in trouble does to the loop."""
    figures = _figures()
    rows = []
    for file, kind in _TROUBLES:
        for name, row in figures.get(file, {}).get("rows", {}).items():
            tick = {key: f"{value / 1000:.2f}" for key, value in row["tick_us"].items()}
            rows.append(
                (
                    f"{kind}: {name}",
                    row["ticks"],
                    f"{row['bytes'] / row['ticks']:.0f}",
                    tick["mean"],
                    tick["p99"],
                    f"{tick['max']} ms",
                    f"{row['longest_gap_us']:.0f} us",
                )
            )
    head = ("what", "ticks", "bytes a tick", "mean", "p99", "max", "longest gap between steps")
    return table(head, rows)


def _processor(figures: dict) -> list[tuple]:
    rows: list[tuple] = []
    if "L23" in figures:
        row = figures["L23"]
        shown = (f"{row['ticks']} ticks", "", "", f"{row['allocated']} bytes", "0 bytes")
        rows.append(("L23", "allocated, INFUSING", *shown))
    for name, what in (
        ("L24-INFUSING", "a tick, INFUSING at 350 mL/h, stamps of 0.03 ms included"),
        ("L24-IDLE", "a tick, IDLE, motor off, looks for the next file of the image included"),
    ):
        if name in figures:
            row = {key: value / 1000 for key, value in figures[name]["length_us"].items()}
            n = figures[name]["length_us"]["n"]
            largest = f"{row['max']:.2f} ms, mean {row['mean']:.2f} ms"
            shown = (str(n), f"{row['p50']:.2f}", f"{row['p99']:.2f}", largest)
            rows.append(("L24", what, *shown, "mean 2, max 5 ms"))
    return rows


def _limits() -> str:
    figures = _figures()
    rows: list[tuple] = []
    if "L1" in figures:
        spread = _spread(figures["L1"]["jitter_us"], "us", lambda us: f"{us:.0f}")
        rows.append(("L1", "tick against its 10 ms, INFUSING at 350 mL/h", *spread, "2 ms p99.9"))
    return table(
        _HEAD,
        rows + _responses(figures) + _deaths(figures) + _troubles(figures) + _processor(figures),
    )


def _spacing() -> str:
    figures = _figures()
    rows = []
    for name in sorted((n for n in figures if n.startswith("spacing-")), key=lambda n: int(n[8:])):
        row = figures[name]
        rows.append(
            (
                f"{int(name[8:]) / 1000:g} mL/h",
                row["edges"],
                f"{row['rate_error_ppm']:.1f} ppm",
                f"{row['deviation_us']:.1f} us",
                f"{row['longest_us']:.0f} us",
            )
        )
    return table(("rate", "steps", "error of the rate", "deviation", "longest gap"), rows)


def _figures() -> dict:
    return json.loads(FIGURES.read_text(encoding="utf-8"))


def collect(folder: Path) -> None:
    """Every figure in ``folder`` into the file of all."""
    figures = _figures() if FIGURES.exists() else {}
    for path in sorted(folder.glob("*.json")):
        figures[path.stem] = json.loads(path.read_text(encoding="utf-8"))
    write_whole(FIGURES, json.dumps(figures, indent=1, sort_keys=True) + "\n")


GENERATORS: dict[str, Callable[[], str]] = {
    "chip-limits": _limits,
    "chip-trouble": _ticks_in_trouble,
    "chip-spacing": _spacing,
}

if __name__ == "__main__":
    collect(Path(sys.argv[1]))
