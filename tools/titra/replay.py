"""A trace run again: identical, or where it first differs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path

from host_sim.client import PUSHED_FIELDS, ReadBackError, Refused
from host_sim.faults import UnknownFault, check
from host_sim.links import LinkError
from host_sim.simulation import NotWhole, RunSpec, Simulation, firmware_digest
from host_sim.trace import TraceError, read_trace, start_us
from titra.tick_record import first_difference, is_tick_record, load_record


@dataclass(frozen=True)
class Difference:
    """The first record that is not the same.  ``fields`` are (name, then, now)."""

    line: int
    t_s: float
    then: str
    now: str
    fields: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Outcome:
    """What a replay came to."""

    records: int
    ticks: int
    firmware_changed: bool
    difference: Difference | None
    failure: str | None = None

    @property
    def is_identical(self) -> bool:
        return self.difference is None and self.failure is None

    def document(self) -> dict:
        """What ``--json`` prints."""
        return {"identical": self.is_identical, **asdict(self)}

    def lines(self) -> list[str]:
        """What a person reads."""
        firmware = "changed since" if self.firmware_changed else "the same"
        if self.is_identical:
            return [
                f"identical: {self.records} records over {self.ticks} ticks; firmware {firmware}"
            ]
        lines = [f"different; firmware {firmware}"]
        if self.failure:
            lines.append(f"the run could not be made again: {self.failure}")
        if self.difference:
            d = self.difference
            lines.append(f"first difference at {d.t_s:.3f} s after START, line {d.line}")
            lines += [f"  {name}: {then} became {now}" for name, then, now in d.fields]
            lines += [f"  then  {d.then}", f"  now   {d.now}"]
        return lines


def replay(path: Path) -> Outcome:
    """Run the trace at ``path`` again.

    Raises ``TraceError`` if it is not a trace or cannot be run again.
    """
    if is_tick_record(path):
        return _replay_ticks(path)
    header, records, lines = read_trace(path)
    if header.get("served"):
        raise TraceError(f"{path}: was served to a client, and cannot be run again by itself")
    failure = None
    try:
        changed = header["firmware"]["sha256"] != firmware_digest()
        spec = RunSpec.from_header(header)
        for fault in spec.faults:
            check(fault)
        simulation = Simulation(spec)
    except NotWhole as error:
        raise TraceError(f"{path}: line 1: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, UnknownFault) as error:
        raise TraceError(f"{path}: line 1: the header is not whole: {error!r}") from None
    try:
        simulation.run()
    except (Refused, LinkError, ReadBackError) as error:
        failure = str(error)
    zero_us = start_us(records)
    difference = _first_difference(lines, simulation.recorder.lines, zero_us)
    ticks = simulation.board.now_us // 10_000
    return Outcome(len(records), ticks, changed, difference, failure)


def _replay_ticks(path: Path) -> Outcome:
    """A board's ticks through a fresh controller."""
    header, rows = load_record(path)
    changed = header["firmware"]["sha256"] != firmware_digest()
    found = first_difference(header, rows)
    difference = None
    if found:
        number, fields = found
        shown = tuple((name, str(then), str(now)) for name, then, now in fields)
        # One row a tick of 10 ms, from the first on.
        difference = Difference(number + 2, number / 100, "the board", "this firmware", shown)
    return Outcome(len(rows), len(rows), changed, difference)


def _first_difference(then: list[str], now: list[str], zero_us: int) -> Difference | None:
    # The header is left out: it names the firmware, which may have changed
    # without changing what the pump does.
    for number, (old, new) in enumerate(zip_longest(then[1:], now[1:], fillvalue=""), 2):
        if old != new:
            old_record = json.loads(old) if old else {}
            new_record = json.loads(new) if new else {}
            at_us = min(r["us"] for r in (old_record, new_record) if r)
            return Difference(
                number,
                round((at_us - zero_us) / 1_000_000, 6),
                old or "(the trace ends here)",
                new or "(the run ends here)",
                tuple(_fields(old_record, new_record)),
            )
    return None


def _fields(old: dict, new: dict) -> list[tuple[str, str, str]]:
    """What differs, by name; the fields of a pushed line by theirs."""
    old, new = _by_name(old), _by_name(new)
    names = list(dict.fromkeys([*old, *new]))
    return [
        (name, str(old.get(name, "nothing")), str(new.get(name, "nothing")))
        for name in names
        if old.get(name) != new.get(name)
    ]


def _by_name(record: dict) -> dict:
    mark, *values = str(record.get("pump", "")).rpartition("*")[0].split(",")
    names = PUSHED_FIELDS.get(mark)
    if names is None:
        return record
    return {"us": record["us"], "line": mark, **dict(zip(names, values, strict=False))}
