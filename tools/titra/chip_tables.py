"""Tables of ``docs/performance.md`` from the figures that ``make budget`` has stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

FIGURES = Path(__file__).resolve().parents[2] / "docs" / "chip_figures.json"
_LARGEST = 12


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table of Markdown."""
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _figures() -> dict:
    return json.loads(FIGURES.read_text(encoding="utf-8"))


def _ms(us: int) -> str:
    return f"{us / 1000:.2f} ms"


def _kb(n: int) -> str:
    return f"{n / 1000:.1f} kB"


def _measured() -> str:
    f = _figures()
    return table(
        ("measured", "with"),
        (
            ("firmware", f"{f['firmware']}, compiled by {f['compiler']}"),
            ("image", f["image"]),
            ("chip", f"{f['emulator']}, 125 MHz, as `emulator/` corrects it"),
        ),
    )


def _boot() -> str:
    f = _figures()
    boot = f["boot"]
    return table(
        ("figure", "value"),
        (
            ("reset to the first tick", f"{boot['first_tick_ms'] / 1000:.2f} s"),
            ("first tick to POST passed", f"{boot['self_test_ms'] / 1000:.2f} s"),
        ),
    )


def _ticks() -> str:
    f = _figures()
    rows = []
    for name, state in f["states"].items():
        shown = f"{name} at {f['rate_ul_h'] // 1000} mL/h" if name == "INFUSING" else name
        allocated = state["allocated_per_tick"]
        rows.append(
            (
                shown,
                state["ticks"],
                _ms(state["mean_us"]),
                _ms(state["p99_9_us"]),
                _ms(state["max_us"]),
                "collected meanwhile" if allocated is None else f"{allocated:g} bytes",
            )
        )
    return table(("state", "ticks", "mean", "p99.9", "max", "allocated a tick"), rows)


def _memory() -> str:
    f = _figures()
    loaded, boot = f["loaded"], f["boot"]
    files = sum(module["mpy"] for module in loaded["modules"].values())
    return table(
        ("figure", "value"),
        (
            (
                "heap, and in use before the firmware is imported",
                f"{_kb(loaded['heap'])}, {_kb(loaded['before'])}",
            ),
            ("all modules: files, and on the heap", f"{_kb(files)}, {_kb(loaded['after'])}"),
            (
                "whole firmware after POST: in use, free",
                f"{_kb(boot['heap_used'])}, {_kb(boot['heap_free'])}",
            ),
            ("longest collection", _ms(boot["collection_us"])),
        ),
    )


def _modules() -> str:
    modules = _figures()["loaded"]["modules"]
    ordered = sorted(modules.items(), key=lambda item: -item[1]["heap"])
    rows = [
        (f"`{name.removeprefix('pump.')}`", module["mpy"], module["heap"])
        for name, module in ordered[:_LARGEST]
    ]
    rest = [module for _, module in ordered[_LARGEST:]]
    rows.append((f"{len(rest)} others", sum(m["mpy"] for m in rest), sum(m["heap"] for m in rest)))
    return table(("module", "bytes of its file", "bytes on the heap"), rows)


def _if_measured(table: Callable[[], str]) -> Callable[[], str]:
    return lambda: table() if FIGURES.exists() else "Not measured yet: `make budget UF2=path`.\n"


GENERATORS: dict[str, Callable[[], str]] = {
    "chip-measured": _if_measured(_measured),
    "chip-boot": _if_measured(_boot),
    "chip-ticks": _if_measured(_ticks),
    "chip-memory": _if_measured(_memory),
    "chip-modules": _if_measured(_modules),
}
