"""``results.json`` of a HIL run, read and judged by its form.

The file is written by the suite (``hil_tests``); ``docs/hil_report.md`` tells its fields.
Whatever is wrong with it is one line that names the file and the field.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

SCHEMA = 1
FILE_NAME = "results.json"
OUTCOMES = ("passed", "failed", "error", "skipped")
# What of a distribution the limit is set against; most say that no single one may be later.
JUDGED_BY = ("max", "p99.9", "p99", "mean")
# What tells one device under test from another.
DUT_FIELDS = (
    "kind",
    "serial",
    "firmware_version",
    "firmware_digest",
    "micropython",
    "port",
)


class ResultsError(Exception):
    """The folder holds no usable results; the message names file and field."""


@dataclass(frozen=True)
class Measurement:
    """A limit's distribution as one test saw it, all numbers in ``unit``.

    ``bound`` is the limit, ``goal`` what is aimed at (both ``None`` where nothing is
    promised); ``uncertainty`` is what the measurement may be wrong by, 0 or more, and
    counts against the device.  ``values`` are empty where a test came to measure and could
    not.  ``segments`` are parts of each value by name, in order of
    time; they need not be complete.  ``judged`` is one of ``JUDGED_BY``.
    """

    limit: str
    name: str
    unit: str
    bound: float | None
    goal: float | None
    uncertainty: float
    values: tuple[float, ...]
    segments: Mapping[str, tuple[float, ...]]
    test: str
    judged: str = "max"

    @property
    def key(self) -> tuple[str, str, str]:
        """What is the same measurement in another run."""
        return self.limit, self.name, self.unit


@dataclass(frozen=True)
class Test:
    """One test; ``reason`` says why it failed or was skipped."""

    id: str
    outcome: str
    reason: str
    requirements: tuple[str, ...]
    duration_s: float


@dataclass(frozen=True)
class Results:
    """A run.  ``dut``, ``rig`` and ``bench`` are as the suite wrote them, as text;
    ``ended_early`` says why the run did not come to its end, empty if it did."""

    path: Path
    dut: Mapping[str, str]
    rig: Mapping[str, str]
    bench: Mapping[str, str]
    started: datetime
    measurements: tuple[Measurement, ...]
    tests: tuple[Test, ...]
    ended_early: str = ""


def load(folder: str | Path) -> Results:
    """The results in ``folder``.  Raises ``ResultsError``."""
    folder = Path(folder)
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ResultsError(f"{path}: is not UTF-8 text") from None
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from None
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ResultsError(
            f"{path}: is not JSON: {error.msg}, line {error.lineno} column {error.colno}"
        ) from None
    except (RecursionError, ValueError):
        raise ResultsError(f"{path}: is not JSON that can be read") from None
    return _Reader(path).results(document)


class _Reader:
    """Checks as it reads; ``where`` is the path of a field, such as ``tests[3].outcome``."""

    def __init__(self, path: Path):
        self.path = path

    def results(self, document: Any) -> Results:
        top = self._table(document, "the document")
        schema = self._of(top, "schema", "", self._anything)
        if type(schema) is not int or schema != SCHEMA:
            self._wrong("schema", schema, f"{SCHEMA}; this titra reads no other")
        dut = self._of(top, "dut", "", self._texts)
        ended_early = self._text_or_none(top.get("ended_early"), "ended_early")
        for name in DUT_FIELDS:
            # A run that ended before it had a device knows nothing of one.
            if name not in dut and not ended_early:
                raise ResultsError(f"{self.path}: dut.{name}: is missing")
            dut.setdefault(name, "")
        return Results(
            self.path,
            dut,
            self._of(top, "rig", "", self._texts_or_none),
            self._of(top, "bench", "", self._texts),
            self._of(top, "started", "", self._date),
            tuple(self._of(top, "measurements", "", self._rows(self._measurement))),
            tuple(self._of(top, "tests", "", self._rows(self._test))),
            ended_early,
        )

    def _measurement(self, value: Any, where: str) -> Measurement:
        row = self._table(value, where)
        segments = self._table(
            self._of(row, "segments", where, self._anything), f"{where}.segments"
        )
        uncertainty = self._of(row, "uncertainty", where, self._number)
        if uncertainty < 0:
            self._wrong(f"{where}.uncertainty", uncertainty, "0 or more")
        judged = row.get("judged", "max")
        if judged not in JUDGED_BY:
            self._wrong(f"{where}.judged", judged, f"one of {', '.join(JUDGED_BY)}")
        return Measurement(
            self._of(row, "limit", where, self._text),
            self._of(row, "name", where, self._text),
            self._of(row, "unit", where, self._text),
            self._of(row, "bound", where, self._number_or_none),
            self._of(row, "goal", where, self._number_or_none),
            uncertainty,
            self._of(row, "values", where, self._numbers),
            {
                name: self._numbers(part, f"{where}.segments.{name}")
                for name, part in segments.items()
            },
            self._of(row, "test", where, self._text),
            judged,
        )

    def _test(self, value: Any, where: str) -> Test:
        row = self._table(value, where)
        outcome = self._of(row, "outcome", where, self._text)
        if outcome not in OUTCOMES:
            self._wrong(f"{where}.outcome", outcome, f"one of {', '.join(OUTCOMES)}")
        return Test(
            self._of(row, "id", where, self._text),
            outcome,
            self._of(row, "reason", where, self._text_or_none),
            tuple(self._of(row, "requirements", where, self._rows(self._text))),
            self._of(row, "duration_s", where, self._number),
        )

    # --- fields ----------------------------------------------------------------------

    def _of(self, table: dict, name: str, where: str, read: Callable[[Any, str], Any]) -> Any:
        at = f"{where}.{name}" if where else name
        if name not in table:
            raise ResultsError(f"{self.path}: {at}: is missing")
        return read(table[name], at)

    def _wrong(self, where: str, value: Any, expected: str) -> None:
        shown = repr(value)
        shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
        raise ResultsError(f"{self.path}: {where}: is {shown}, expected {expected}")

    def _anything(self, value: Any, _where: str) -> Any:
        return value

    def _table(self, value: Any, where: str) -> dict:
        if not isinstance(value, dict):
            self._wrong(where, value, "an object")
        return value

    def _rows(self, read: Callable[[Any, str], Any]) -> Callable[[Any, str], list]:
        def rows(value: Any, where: str) -> list:
            if not isinstance(value, list):
                self._wrong(where, value, "a list")
            return [read(item, f"{where}[{index}]") for index, item in enumerate(value)]

        return rows

    def _text(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or not value.strip():
            self._wrong(where, value, "text")
        return value

    def _text_or_none(self, value: Any, where: str) -> str:
        if value is not None and not isinstance(value, str):
            self._wrong(where, value, "text or null")
        return value or ""

    def _number(self, value: Any, where: str) -> float:
        if type(value) not in (int, float) or not math.isfinite(value):
            self._wrong(where, value, "a number")
        return value

    def _number_or_none(self, value: Any, where: str) -> float | None:
        return None if value is None else self._number(value, where)

    def _numbers(self, value: Any, where: str) -> tuple[float, ...]:
        return tuple(self._rows(self._number)(value, where))

    def _texts(self, value: Any, where: str) -> dict[str, str]:
        """An object whose values are shown as they are; nested ones as JSON."""
        table = self._table(value, where)
        return {name: _shown(item) for name, item in table.items()}

    def _texts_or_none(self, value: Any, where: str) -> dict[str, str]:
        return {} if value is None else self._texts(value, where)

    def _date(self, value: Any, where: str) -> datetime:
        try:
            return datetime.fromisoformat(value)
        except (TypeError, ValueError):
            self._wrong(where, value, "a date and time such as 2026-11-20T09:30:00+00:00")
            raise


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
