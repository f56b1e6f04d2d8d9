"""The guard's tests look through the same eyes as those of `tests/sim`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "sim"))
