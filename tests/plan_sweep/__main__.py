"""``PYTHONPATH=tests python -m plan_sweep``: the whole grid, its ladders on the core, and one
order of each product on the whole simulated board.  Prints counts and, with ``--write``, keeps
them in ``docs/plan_sweep.json``.  Exit code 1 with the order that is planned wrongly.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from plan_sweep import board_run, orders
from plan_sweep.sweep import Counts, run_corners, sweep_use

FIGURES = Path(__file__).resolve().parents[2] / "docs" / "plan_sweep.json"
_CHUNK = 40


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def _in_order(pool: ProcessPoolExecutor, job: Callable, of: Iterable, what: str) -> Iterator:
    some = list(of)
    for done, result in enumerate(pool.map(job, some), start=1):
        if done % 10 == 0 or done == len(some):
            _say(f"{what}: {done} of {len(some)}")
        yield result


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m plan_sweep", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--dose-step", type=int, default=5, metavar="G", help="g (default 5)")
    parser.add_argument("--write", action="store_true", help="keep the counts in docs")
    parser.add_argument("--boards", type=int, default=99, help="orders for the whole simulator")
    arguments = parser.parse_args()
    grid = orders.Grid(
        orders.WHOLE.weights_kg, orders.WHOLE.subsets, range(20, 61, arguments.dose_step)
    )
    uses = orders.all_uses()
    total, by_product = Counts(), {key: Counts() for key in orders.RAW}
    began = time.monotonic()
    try:
        with ProcessPoolExecutor(arguments.jobs) as pool:
            job = partial(sweep_use, grid=grid)
            for use, counts in zip(uses, _in_order(pool, job, uses, "plans"), strict=True):
                by_product[use.key].add(counts)
                total.add(counts)
            planned_s = time.monotonic() - began
            some = sorted(total.corners.items(), key=repr)
            chunks = [some[at : at + _CHUNK] for at in range(0, len(some), _CHUNK)]
            ran = list(_in_order(pool, run_corners, chunks, "ladders on the core"))
            core_s = time.monotonic() - began - planned_s
            sample = board_run.one_of_each(some)[: arguments.boards]
            boards = list(_in_order(pool, board_run.run, sample, "whole boards"))
    except AssertionError as wrong:
        print(wrong, file=sys.stderr)
        return 1
    figures = {
        "grid": {
            "uses": len(uses),
            "weights_kg": [40, 130],
            "weights": len(grid.weights_kg),
            "subsets_of_flags": len(grid.subsets),
            "doses_g": [20, 60],
            "dose_step_g": arguments.dose_step,
        },
        "planned": total.planned,
        "accepted": total.accepted,
        "refused": total.planned - total.accepted,
        "refused_for": _sorted(total.refused),
        "ladders": len(total.corners),
        "core_runs": sum(runs for runs, _ in ran),
        "core_ticks": sum(ticks for _, ticks in ran),
        "board_runs": boards,
        "seconds": {"plans": round(planned_s), "core": round(core_s)},
        "products": {
            key: {
                "planned": counts.planned,
                "accepted": counts.accepted,
                "refused_for": _sorted(counts.refused),
                "ladders": len(counts.corners),
                "slowest_ml_h": min(x.rungs[0][0] for x in counts.corners) / 1000,
                "fastest_ml_h": max(x.rungs[-1][0] for x in counts.corners) / 1000,
            }
            for key, counts in by_product.items()
        },
    }
    print(json.dumps(figures, indent=1))
    if arguments.write:
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def _sorted(counter: Counter) -> dict[str, int]:
    return dict(sorted(counter.items()))


if __name__ == "__main__":
    sys.exit(main())
