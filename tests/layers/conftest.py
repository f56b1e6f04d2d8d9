"""The benches of `tests/sim` and `tests/anomaly` serve this folder too."""

import sys
from pathlib import Path

from board_watch import no_crash  # noqa: E402, F401

for folder in ("sim", "anomaly"):
    sys.path.insert(0, str(Path(__file__).parent.parent / folder))
