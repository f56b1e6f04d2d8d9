"""The bench of `tests/sim` serves this folder too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "sim"))
from board_watch import no_crash  # noqa: E402, F401
