"""A flow test from its readings to its files: start-up and trumpet curve.

See ``docs/flow_test.md``.  The arithmetic is that of ``hil_tests.flow.curves``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil_tests.flow import curves
from hil_tests.flow.curves import Conditions, Trumpet

PAGE, FLOW, TRUMPET, READINGS = "trumpet.html", "flow.csv", "trumpet.csv", "readings.csv"


@dataclass(frozen=True)
class FlowTest:
    """A measured run.  ``readings`` are (s, g) of a balance, or (s, mL) of the plant.

    ``readability_g`` is one of the balance's last digit, 0 in simulation; ``about`` is what
    was measured and with what, for the page.
    """

    rate_ml_h: float
    readings: Sequence[tuple[float, float]]
    conditions: Conditions
    readability_g: float
    is_simulated: bool
    about: dict[str, str]
    volumes_ml: Sequence[float]
    flow_ml_h: Sequence[float]
    trumpet: Trumpet

    def resolution_percent(self, window_min: int) -> float:
        """What the balance's last digit alone can do to the error of a window."""
        return curves.resolution_percent(self.readability_g, self.rate_ml_h, window_min)

    def document(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "rate_ml_h": self.rate_ml_h,
            "simulated": self.is_simulated,
            "overall_percent": self.trumpet.overall_percent,
            "windows": [
                {
                    "window_min": row.window_min,
                    "max_percent": row.max_percent,
                    "min_percent": row.min_percent,
                    "resolution_percent": self.resolution_percent(row.window_min),
                }
                for row in self.trumpet.windows
            ],
            "delivered_ml": self.volumes_ml[-1],
            "about": self.about,
        }


def flow_test(
    rate_ml_h: float,
    readings: Sequence[tuple[float, float]],
    conditions: Conditions,
    readability_g: float,
    is_simulated: bool,
    about: dict[str, str],
) -> FlowTest:
    """Both curves.  Raises ``CurveError``."""
    volumes = curves.volumes(curves.on_grid(readings), conditions)
    return FlowTest(
        rate_ml_h,
        readings,
        conditions,
        readability_g,
        is_simulated,
        about,
        volumes,
        curves.start_up(volumes),
        curves.trumpet(volumes, rate_ml_h),
    )


def write(test: FlowTest, folder: Path) -> Path:
    """Write the page and the tables into ``folder``; the page's path.  Raises ``OSError``."""
    from titra.files import write_whole
    from titra.flow_page import render

    folder.mkdir(parents=True, exist_ok=True)
    unit = "ml" if test.is_simulated else "g"
    write_whole(folder / READINGS, _table(["s", unit], test.readings))
    write_whole(folder / FLOW, _table(["minute", "volume_ml", "flow_ml_h"], _flow_rows(test)))
    write_whole(
        folder / TRUMPET,
        _table(
            ["window_min", "max_percent", "min_percent", "resolution_percent"],
            [
                (r.window_min, r.max_percent, r.min_percent, test.resolution_percent(r.window_min))
                for r in test.trumpet.windows
            ],
        ),
    )
    write_whole(folder / PAGE, render(test))
    return folder / PAGE


def _flow_rows(test: FlowTest) -> list[tuple[float, float, float | str]]:
    minutes = curves.SAMPLE_S / 60
    flows = ["", *test.flow_ml_h]
    return [
        (index * minutes, volume, flow)
        for index, (volume, flow) in enumerate(zip(test.volumes_ml, flows, strict=True))
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return out.getvalue()
