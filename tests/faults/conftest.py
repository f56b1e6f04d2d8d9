"""The bench of `tests/sim` and the copies of `tests/anomaly` serve this folder too."""

import sys
from pathlib import Path

for folder in ("sim", "anomaly", "planner"):
    sys.path.insert(0, str(Path(__file__).parent.parent / folder))

import pytest  # noqa: E402

# Shared by all faults: what a copy of it suffers is not seen by the next.
from fault_bench import Pump, infusing  # noqa: E402


@pytest.fixture(scope="session")
def pump() -> Pump:
    """120 mL/h, the cap, well into its infusion."""
    return Pump(infusing())


def pytest_terminal_summary(terminalreporter) -> None:
    """How many pairs of faults were tried (F36), and which went wrong."""
    said = [
        prop
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for prop in report.user_properties
    ]
    counts = [value for name, value in said if name == "fault pairs"]
    if counts:
        pairs, stopping, wrong = (sum(column) for column in zip(*counts, strict=True))
        terminalreporter.write_line(
            f"F36: {pairs} pairs of faults, {stopping} with one that stops alone; "
            f"{wrong} went wrong"
        )
    for name, texts in said:
        if name == "wrong pairs":
            for text in texts:
                terminalreporter.write_line(f"  {text}")
