"""The event log of a pump, read over its serial line and checked on this side.

The chain is verified here from the fields alone, with the standard library's
CRC; what the pump says of its own log is shown beside it.
"""

from __future__ import annotations

import binascii
import csv
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.table import Table

from host_sim.client import Client, Refused
from pump.core import alarm_conditions as ac
from pump.core import event_log
from pump.core import infusion_state as st

HEAD = "LOG_ENDS?"
RECORD = "LOG?"
_EPOCH = datetime(2000, 1, 1)
# The checksum of the record before, in the first of all.
_NO_PREV = 0xFFFF


@dataclass(frozen=True)
class Record:
    """One record, as the pump gave it."""

    seq: int
    day: int
    ms: int
    kind: int
    code: int
    a: int
    b: int
    prev: int
    crc: int

    @property
    def name(self) -> str:
        """Name of its kind."""
        if self.kind < len(event_log.LOG_KINDS):
            return event_log.LOG_KINDS[self.kind][event_log.COL_NAME]
        return f"KIND_{self.kind}"

    @property
    def time(self) -> datetime | None:
        """When it was, if the pump knew the date."""
        return _EPOCH + timedelta(days=self.day, milliseconds=self.ms) if self.day else None

    @property
    def when(self) -> str:
        """Date and time, or time since boot."""
        if self.time:
            return self.time.isoformat(sep=" ", timespec="milliseconds")
        return f"boot + {self.ms / 1000:.3f} s"

    def is_whole(self) -> bool:
        """Whether its checksum is that of its fields."""
        body = struct.pack(
            "<IHIBBiiH",
            self.seq,
            self.day,
            self.ms,
            self.kind,
            self.code,
            self.a,
            self.b,
            self.prev,
        )
        return binascii.crc_hqx(body, 0xFFFF) == self.crc

    def meaning(self) -> str:
        """What code, a and b stand for, as ``LOG_KINDS`` says."""
        if self.kind >= len(event_log.LOG_KINDS):
            return f"code {self.code}, a {self.a}, b {self.b}"
        row = event_log.LOG_KINDS[self.kind]
        values = (
            (row[event_log.COL_CODE], self._code_text()),
            (row[event_log.COL_A], str(self.a)),
            (row[event_log.COL_B], str(self.b)),
        )
        return "; ".join(f"{text}: {value}" for text, value in values if text != "-")

    def _code_text(self) -> str:
        if self.kind in (event_log.ALARM_RAISED, event_log.ALARM_CLEARED):
            names = [row[ac.COL_NAME] for row in ac.ALARM_CONDITIONS]
        elif self.kind == event_log.STATE:
            names = list(st.STATE_NAMES)
        elif self.kind == event_log.PERSON:
            names = list(st.EVENT_NAMES)
        else:
            names = []
        return names[self.code] if self.code < len(names) else str(self.code)


@dataclass(frozen=True)
class Log:
    """What was read.

    ``unreadable``  numbers of records that the pump could not give
    ``broken``      (number, why) of each place where the chain does not hold
    """

    head: dict[str, int]
    records: list[Record]
    unreadable: list[int]
    broken: list[tuple[int, str]]

    def document(self, port: str) -> dict[str, object]:
        """For ``--json``."""
        return {
            "port": port,
            **self.head,
            "chain_ok": not self.broken,
            "broken": [{"seq": seq, "message": why} for seq, why in self.broken],
            "records": [_row(record) for record in self.records],
        }

    def csv(self) -> str:
        """For ``--out``."""
        names = list(_row(Record(0, 0, 0, 0, 0, 0, 0, 0, 0)))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_row(record) for record in self.records)
        return text.getvalue()

    def table(self) -> Table:
        """For a person."""
        table = Table(box=None, pad_edge=False)
        for name, style in (("seq", "dim"), ("time", ""), ("kind", "bold"), ("", "")):
            table.add_column(name, style=style, no_wrap=name != "")
        for record in self.records:
            table.add_row(str(record.seq), record.when, record.name, record.meaning())
        return table


def _row(record: Record) -> dict[str, object]:
    return {
        "seq": record.seq,
        "time": record.time.isoformat() if record.time else None,
        "name": record.name,
        **{name: getattr(record, name) for name in event_log.LOG_FIELDS if name != "seq"},
    }


def read_log(
    client: Client, last: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Log:
    """Read the log, or its ``last`` records; ``progress`` is told how many of how
    many.  Raises ``LinkError`` or ``Refused`` as the client does."""
    answer = client.query(HEAD)
    head: dict[str, int] = dict(zip(event_log.LOG_HEAD_FIELDS, map(int, answer), strict=True))
    first, until = head["first_seq"], head["next_seq"]
    if last is not None:
        first = max(first, until - last)
    records: list[Record] = []
    unreadable = []
    for seq in range(first, until):
        try:
            fields = [int(field) for field in client.query(RECORD, seq)]
        except Refused as refusal:
            if refusal.code != "NO_SUCH_RECORD":
                raise
            fields = []
        if len(fields) != len(event_log.LOG_FIELDS) or fields[0] != seq:
            unreadable.append(seq)
        else:
            records.append(Record(*fields))
        if progress:
            progress(seq + 1 - first, until - first)
    # What was overwritten while it was read is not damage.
    oldest = int(client.query(HEAD)[0])
    records = [record for record in records if record.seq >= oldest]
    unreadable = [seq for seq in unreadable if seq >= oldest]
    return Log(head, records, unreadable, verify(records, unreadable))


def verify(records: list[Record], unreadable: list[int]) -> list[tuple[int, str]]:
    """Each place where the chain does not hold, in order."""
    broken = [(seq, "cannot be read") for seq in unreadable]
    before: Record | None = None
    for record in records:
        if not record.is_whole():
            broken.append((record.seq, "checksum is not that of its fields"))
        elif record.seq == 0 and record.prev != _NO_PREV:
            broken.append((0, "the first record names one before it"))
        elif before and before.seq == record.seq - 1 and before.crc != record.prev:
            broken.append((record.seq, "does not follow the record before it"))
        before = record
    return sorted(broken)
