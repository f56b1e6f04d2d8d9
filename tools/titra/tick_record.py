"""A record of every tick of a board: what the controller got and what it decided.

One JSON document a line.  First a header with the names of the integers, then
a row a tick; the row of a COMMIT is followed by the prescription that it took.
``replay_ticks`` gives the same to a fresh controller and compares every integer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from host_sim.simulation import firmware_digest
from host_sim.trace import TraceError
from pump.core import limits
from pump.core.controller import Controller
from pump.core.outputs import Outputs
from pump.core.prescription import Prescription
from pump.core.readings import Inputs
from titra.files import write_whole

FORMAT = "titra-ticks/1"
# Bounds of ``pump.core.limits`` that a record may state as other ones.
_BOUNDS = ("SLEW_MAX_UL_H_S", "DWELL_MIN_MS")
_GROUPS = ("told", "inputs", "outputs", "state", "rx")


def write_record(
    path: Path,
    names: dict[str, Sequence[str]],
    rows: Sequence[Sequence[int]],
    commits: dict[int, Sequence[int]],
    bounds: dict[str, int],
    image: str,
) -> None:
    """``names`` has ``_GROUPS``; a row is told, inputs, outputs and state in one;
    ``commits`` are by the number of the row that took them."""
    header = {
        "format": FORMAT,
        "image": image,
        "firmware": {"sha256": firmware_digest()},
        "bounds": bounds,
        **{group: list(names[group]) for group in _GROUPS},
    }
    lines = [json.dumps(header, separators=(",", ":"))]
    for number, row in enumerate(rows):
        lines.append(json.dumps(list(row), separators=(",", ":")))
        if number in commits:
            lines.append(json.dumps({"rx": list(commits[number])}, separators=(",", ":")))
    write_whole(path, "\n".join(lines) + "\n")


def is_tick_record(path: Path) -> bool:
    """Whether the first line says so."""
    try:
        with path.open(encoding="utf-8") as file:
            return f'"{FORMAT}"' in file.readline(200)
    except (OSError, UnicodeDecodeError):
        return False


@contextmanager
def _bounds(stated: dict[str, int]) -> Iterator[None]:
    before = {name: getattr(limits, name) for name in _BOUNDS}
    try:
        for name, value in stated.items():
            if name not in _BOUNDS:
                raise TraceError(f"line 1: {name} is not a bound that a record may state")
            setattr(limits, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(limits, name, value)


def _set(record: object, path: str, value: int) -> None:
    *parts, name = path.split(".")
    for part in parts:
        record = getattr(record, part)
    if name.endswith("]"):
        name, _, index = name[:-1].partition("[")
        getattr(record, name)[int(index)] = value
    else:
        setattr(record, name, value)


def _get(record: object, path: str) -> int:
    for part in path.split("."):
        record = getattr(record, part)
    return int(record)  # type: ignore[call-overload]


def load_record(path: Path) -> tuple[dict, list[tuple[list[int], list[int] | None]]]:
    """Header, and each row with the prescription that it took.  Raises ``TraceError``."""
    rows: list[tuple[list[int], list[int] | None]] = []
    header: dict = {}
    number = 0
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            document = json.loads(line)
            if number == 1:
                header = document
            elif isinstance(document, dict):
                rows[-1] = (rows[-1][0], document["rx"])
            else:
                rows.append((document, None))
        width = sum(len(header[group]) for group in _GROUPS[:-1])
        if any(len(row) != width for row, _ in rows):
            raise ValueError("a row of another length")
    except (OSError, UnicodeDecodeError, ValueError, KeyError, IndexError, TypeError) as error:
        raise TraceError(f"{path}: line {number}: not a record of ticks: {error}") from None
    return header, rows


def first_difference(
    header: dict, rows: list[tuple[list[int], list[int] | None]]
) -> tuple[int, list[tuple[str, int, int]]] | None:
    """Number of the first row that a fresh controller does otherwise, and what of it
    as (name, then, now)."""
    controller, inputs, outputs = Controller(), Inputs(), Outputs()
    told, given = header["told"], header["inputs"]
    decided = [(outputs, name) for name in header["outputs"]]
    decided += [(controller, name) for name in header["state"]]
    names = header["outputs"] + header["state"]
    with _bounds(header["bounds"]):
        for number, (row, rx) in enumerate(rows):
            if rx is not None:
                _fill(controller.staged, header["rx"], rx)
            for name, value in zip(told, row, strict=False):
                _set(controller, name, value)
            at = len(told)
            for name, value in zip(given, row[at:], strict=False):
                setattr(inputs, name, value)
            at += len(given)
            controller.step(inputs, outputs)
            now = [_get(owner, name) for owner, name in decided]
            then = row[at:]
            if now != then:
                return number, [
                    (name, a, b) for name, a, b in zip(names, then, now, strict=True) if a != b
                ]
    return None


def _fill(staged: Prescription, names: Sequence[str], values: Sequence[int]) -> None:
    for name, value in zip(names, values, strict=True):
        _set(staged, name, value)
