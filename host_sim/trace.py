"""The trace of a run: one JSON document a line, in order of time.

First a header with everything that the run was made from, so that it can be
run again; then records, each with ``us`` (true time since power-on):

``host``   bytes that the host sent (long ones as length and checksum)
``pump``   a line that the device sent
``pin``    a pin changed: ``level``, and for ENABLE and DIRECTION the last STEP edge
           before that turned the motor forward
``start``  when ENABLE rose at the first START, known 40 ms later
``boot``   the processor was reset; the cause as the firmware sees it
``power``  power went or came back: 0 or 1
``crash``  an exception came out of the firmware: its last line
``fault``  a fault began or ended
``note``   what a fault has chosen
``display``  a second and a half after the state, an alarm or a question changed: the
           display's memory in hex, column by column and page by page
``edges``  every second: STEP edges so far and a digest of all their times,
           those of them that turned the motor forward and back, the last that
           did it forward, true pressures, flow into the vein, volume in the patient and bag,
           drops, supply and temperature of the driver
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterator
from pathlib import Path

from host_sim.board import Board
from host_sim.links import Tapped

FORMAT = "titra-trace/1"
SAMPLE_US = 1_000_000
_LONG = 200
# The display is behind by half a second at most and sends an alarm's text in another.
_DISPLAY_US = 1_500_000
# What is shown when one of these was sent is worth a picture; more than so many tell nothing.
_SHOWN = (b"!S", b"!A", b"!Q")
_DISPLAYS_MAX = 60


class TraceError(Exception):
    """Not a trace, or a broken one; the message names file and line."""


class Recorder:
    """Writes down what passes at the boundary of a board."""

    def __init__(self, board: Board, link: Tapped, header: dict):
        self.lines = [json.dumps(header, separators=(",", ":"))]
        self._board = board
        self._from_pump = b""
        self._display_due = False
        self._displays = 0
        board.on_pin.append(self._pin)
        board.on_boot.append(lambda: self.add(boot=board.reset_cause))
        board.on_first_enable.append(lambda: self.add(start=board.first_enable_us))
        board.on_power.append(lambda is_on: self.add(power=int(is_on)))
        board.on_crash.append(lambda text: self.add(crash=text.strip().splitlines()[-1]))
        link.on_write = self._host
        link.on_read = self._pump
        board.at(SAMPLE_US, self._sample)

    def add(self, **fields) -> None:
        """A record of what happens now."""
        self.lines.append(json.dumps({"us": self._board.now_us, **fields}, separators=(",", ":")))

    def _pin(self, name: str, level: int) -> None:
        if name in ("ENABLE", "DIRECTION"):
            self.add(pin=name, level=level, last_edge_us=self._board.last_forward_us)
        else:
            self.add(pin=name, level=level)

    def _host(self, data: bytes) -> None:
        if len(data) > _LONG:
            self.add(host=f"<{len(data)} bytes, crc32 {binascii.crc32(data):08x}>")
        else:
            self.add(host=data.decode("latin-1"))

    def _pump(self, data: bytes) -> None:
        *lines, self._from_pump = (self._from_pump + data).split(b"\n")
        for line in filter(None, lines):
            # The commonest record by far; its characters need no escaping.
            self.lines.append(f'{{"us":{self._board.now_us},"pump":"{line.decode("latin-1")}"}}')
            if line[:2] in _SHOWN and not self._display_due and self._displays < _DISPLAYS_MAX:
                self._display_due = True
                self._board.at(self._board.now_us + _DISPLAY_US, self._display)

    def _display(self) -> None:
        self._display_due = False
        display = self._board.display
        if display.is_on and display.is_present:
            self._displays += 1
            self.add(display=display.memory.hex())

    def _sample(self) -> None:
        self.sample()
        self._board.at(self._board.now_us + SAMPLE_US, self._sample)

    def sample(self) -> None:
        """A record of the motion so far and of the plant."""
        board = self._board
        line = board.line
        self.lines.append(
            f'{{"us":{board.now_us},"edges":{board.step_edges},"digest":"{board.edge_digest:08x}",'
            f'"forward":{board.forward_edges},"back":{board.backward_edges},'
            f'"last_edge_us":{board.last_forward_us},'
            f'"down_pa":{int(line.down_pa)},"up_pa":{int(line.up_pa)},'
            f'"flow_ul_h":{int(line.flow_ul_s * 3600)},"patient_ul":{int(line.patient_ul)},'
            f'"bag_ul":{int(line.bag_ul)},"drops":{line.chamber.drops},'
            f'"supply_mv":{int(board.supply.mv)},"driver_c":{int(board.driver.celsius)}}}'
        )

    def text(self) -> str:
        """The whole trace."""
        return "\n".join(self.lines) + "\n"


def read_trace(path: Path) -> tuple[dict, list[dict], list[str]]:
    """Header, records and raw lines of a trace file.

    Raises ``TraceError`` naming the file and the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except IsADirectoryError:
        raise TraceError(f"{path}: is a directory, expected a trace") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError(f"{path}: {getattr(error, 'strerror', None) or 'not text'}") from None
    lines = text.splitlines()
    if not lines:
        raise TraceError(f"{path}: empty, expected a trace")
    records = list(_parse(path, lines))
    header = records[0]
    if header.get("format") != FORMAT:
        raise TraceError(f"{path}: line 1: not a trace of format {FORMAT}")
    for number, record in enumerate(records[1:], 2):
        if not isinstance(record.get("us"), int):
            raise TraceError(f"{path}: line {number}: record without a time")
    return header, records[1:], lines


def start_us(records: list[dict]) -> int:
    """When ENABLE rose at the first START, 0 if nobody said it."""
    return next((r["start"] for r in records if isinstance(r.get("start"), int)), 0)


def _parse(path: Path, lines: list[str]) -> Iterator[dict]:
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            raise TraceError(f"{path}: line {number}: not JSON") from None
        if not isinstance(record, dict):
            raise TraceError(f"{path}: line {number}: not a record")
        yield record
