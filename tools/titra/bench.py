"""Performance figures, printed and not judged: ``make bench``."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from host_sim.client import Program
from host_sim.simulation import RunSpec, Simulation
from titra.report import write_report
from titra.simulate import OVERFILL_UL
from titra.summary import summarize

# Just under six hours of delivery: an hour to the last rung, then 100 mL/h.
SIX_HOURS = Program(
    vtbi_ul=530_000,
    dose_mg=53_000,
    concentration_mg_ml=100,
    weight_g=70_000,
    cap_ul_h=100_000,
    rungs=((25_000, 1800), (50_000, 1800), (100_000, 1800)),
)
_STARTS = 7


def main() -> None:
    """Run and print."""
    print(f"{platform.python_implementation()} {platform.python_version()}, one core")
    began = time.perf_counter()
    simulation = Simulation(RunSpec(SIX_HOURS, bag_ul=SIX_HOURS.vtbi_ul + OVERFILL_UL))
    lines = simulation.run()
    took_s = time.perf_counter() - began
    board = simulation.board
    ticks = board.now_us // 10_000
    print(
        f"infusion of {board.last_edge_us / 3.6e9:.2f} h ({simulation.state}): {took_s:.1f} s, "
        f"{board.now_us / 1e6 / took_s:.0f} x real time, {took_s / ticks * 1e6:.2f} us a tick "
        f"(firmware, plant and trace; {board.step_edges} steps)"
    )
    began = time.perf_counter()
    header = json.loads(lines[0])
    summary = summarize(header, [json.loads(line) for line in lines[1:]])
    summarized_s = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        write_report(Path(folder) / "report.html", header, summary, "trace.jsonl")
        print(
            f"its summary: {summarized_s:.2f} s, its report: {time.perf_counter() - began:.2f} s, "
            f"its trace: {sum(map(len, lines)) / 1e6:.1f} MB"
        )
    titra = str(Path(sys.executable).parent / "titra")
    best = min(_timed([titra, "--help"]) for _ in range(_STARTS))
    print(f"titra --help: {best:.3f} s (best of {_STARTS})")


def _timed(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
