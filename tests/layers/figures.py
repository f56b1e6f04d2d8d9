"""Prints the table of `docs/layers.md` as it is measured now."""

import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent
for folder in ("sim", "anomaly", "layers"):
    sys.path.insert(0, str(TESTS / folder))

from cases import CASES, NO_BOUND  # noqa: E402
from run_on import RATES, measure  # noqa: E402

print("| fault | left out | 1 mL/h | 120 mL/h | 1200 mL/h | bound at 1200 mL/h | what ends it |")
print("|---|---|---|---|---|---|---|")
for case in CASES:
    cells = []
    for rate_ul_h in RATES:
        seen = measure(rate_ul_h, case.fault, case.without)
        volume_ul = seen.excess_ul if case.excess else seen.ul
        cells.append(f"{seen.ms:.0f} ms, {volume_ul:.1f} uL")
    bound_ul = f"{case.bound_ul(RATES[-1]):.0f} uL"
    bound = bound_ul if case.bound_ms == NO_BOUND else f"{case.bound_ms:.0f} ms, {bound_ul}"
    if case.excess:
        bound += " above the cap"
    fault, _, left_out = case.name.partition(": ")
    left_out = left_out.removeprefix("without ").replace("nothing left out", "-")
    if left_out.startswith("only "):
        left_out = f"all but {left_out.removeprefix('only ')}"
    print(f"| {fault} | {left_out} | {' | '.join(cells)} | {bound} | {case.reason} |")
