"""How often the timing set fails if it is run again and again.

``python -m hil_tests.flakes docs/hil_flakes.json DIR ...``: of the report folders of runs with
``titra hil --times N``; a device that is there already is replaced.  1 if a test failed in any.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from hil_tests.bench.errors import WRONG_INPUT, BenchError
from hil_tests.figures import by_device

_TIME = re.compile(r"time\d+(?=[-\]])")


def summary(documents: list[dict]) -> dict:
    """Of one device's runs, each from a boot of its own.  ``times`` in which a test failed are
    counted apart from the verdicts that were red.  Raises ``BenchError``."""
    verdicts: list[str] = []
    red = []
    bad_times = set()
    for number, document in enumerate(documents):
        for test in document["tests"]:
            time = _TIME.search(test["id"])
            if time is None:
                raise BenchError(f"{test['id']}: not of a run with --times", WRONG_INPUT)
            verdicts.append(test["outcome"])
            if test["outcome"] not in ("passed", "skipped"):
                red.append(f"{test['id'].removeprefix('hil_tests/')}: {test['reason']}")
                bad_times.add((number, time[0]))
    times = sum(document["bench"]["times"] for document in documents)
    about = documents[-1]["dut"]
    return {
        "date": max(document["started"][:10] for document in documents),
        "firmware_version": about["firmware_version"],
        "firmware_digest": about["firmware_digest"][:12],
        "micropython": about["micropython"],
        "boots": len(documents),
        "times": times,
        "trials": max(document["bench"]["repeat"] for document in documents),
        "tests": (len(verdicts) - verdicts.count("skipped")) // times,
        "skipped": verdicts.count("skipped") // times,
        "verdicts": len(verdicts) - verdicts.count("skipped"),
        "red": red,
        "red_times": len(bad_times),
        "minutes": round(
            sum(test["duration_s"] for document in documents for test in document["tests"]) / 60, 1
        ),
    }


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        print("python -m hil_tests.flakes FILE DIR ...", file=sys.stderr)
        return WRONG_INPUT
    file = Path(arguments[0])
    try:
        runs = by_device([Path(name) for name in arguments[1:]])
        found = {kind: summary(documents) for kind, documents in runs.items()}
    except BenchError as error:
        print(error, file=sys.stderr)
        return error.code
    kept = json.loads(file.read_text()) if file.is_file() else {}
    kept.update(found)
    file.write_text(json.dumps(kept, indent=1) + "\n")
    for kind, row in found.items():
        print(f"{kind}: {row['red_times']} of {row['times']} times red, {row['minutes']} min")
        print("".join(f"  {line}\n" for line in row["red"]), end="")
    return 1 if any(row["red"] for row in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
