"""``titra log`` against a pump's journal behind a TCP port."""

from __future__ import annotations

import csv
import json
import socket
import threading

import pytest
from click.testing import CliRunner
from storage_bench import Infusion, StorageBoard

from pump.app import journal as journal_module
from pump.core import event_log
from pump.protocol.framing import Crc16, LineWriter
from titra.commands.log import command
from titra.event_log import Record, verify

DONE, FAILED, WRONG_INPUT, NO_DEVICE = 0, 1, 2, 5


class LogServer:
    """Answers LOG_ENDS? and LOG? as the pump does; one line at a time."""

    def __init__(self, journal):
        self.journal = journal
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                answer = self._answer(line.split())
                if answer:
                    connection.sendall(answer)

    def _answer(self, words: list[bytes]) -> bytes:
        if not words:
            return b""
        journal = self.journal
        writer = LineWriter(Crc16())
        writer.text(b"- OK " + words[0])
        if words[0] == b"LOG_ENDS?":
            log = journal.log
            for value in (log.first_seq, log.next_seq, log.broken_seq):
                writer.field(value)
            writer.field(1 if journal.fram_fitted else 0)
            writer.field(1 if journal.date_known else 0)
        elif journal.read_record(int(words[1])):
            journal.write_log_line(writer)
        else:
            writer.begin()
            writer.text(b"- ERR NO_SUCH_RECORD there is none, or it is damaged")
        writer.finish()
        return bytes(writer.data[: writer.length])


@pytest.fixture
def board() -> StorageBoard:
    """One that has had a session and an alarm."""
    board = StorageBoard()
    infusion = Infusion(board)
    assert infusion.start()
    infusion.run(50, 5)
    infusion.journal.note(event_log.ALARM_RAISED, 0, 39, 60_000)
    infusion.settle()
    assert infusion.end()
    infusion.settle()
    return board


def titra_log(board: StorageBoard, *arguments: object):
    server = LogServer(board.boot())
    return CliRunner().invoke(command, [server.port, *map(str, arguments)])


@pytest.mark.req("L19")
def test_the_log_is_shown_and_its_chain_verified(board):
    done = titra_log(board)
    assert done.exit_code == DONE, done.output
    for text in ("2026-10-31 12:00", "STORAGE", "START", "ALARM_RAISED", "CLOSED"):
        assert text in done.stdout
    assert "chain verified" in done.stderr


@pytest.mark.req("L19")
def test_the_log_as_json_and_as_csv(board, tmp_path):
    out = tmp_path / "log.csv"
    done = titra_log(board, "--json", "--out", out)
    assert done.exit_code == DONE, done.output
    document = json.loads(done.stdout)
    assert document["chain_ok"] and document["fram"] == 1
    assert [record["name"] for record in document["records"]] == [
        "STORAGE", "START", "ALARM_RAISED", "CLOSED",
    ]  # fmt: skip
    rows = list(csv.DictReader(out.open()))
    assert [row["seq"] for row in rows] == ["0", "1", "2", "3"]
    assert rows[2]["b"] == "60000"


@pytest.mark.req("L19")
def test_a_broken_chain_is_a_failure_that_says_where(board):
    board.fram.memory[journal_module.LOG_BASE + 2 * 24 + 13] ^= 1
    done = titra_log(board, "--json")
    assert done.exit_code == FAILED
    assert not json.loads(done.stdout)["chain_ok"]
    assert "record 2 cannot be read" in done.stderr


@pytest.mark.req("L19")
def test_only_the_last_records_when_only_they_are_wanted(board):
    done = titra_log(board, "--last", 2, "--json")
    assert [record["seq"] for record in json.loads(done.stdout)["records"]] == [2, 3]


@pytest.mark.req("L19")
def test_a_bare_board_says_that_its_log_is_short():
    board = StorageBoard(fram=False, clock=False)
    infusion = Infusion(board)
    infusion.settle()
    infusion.journal.archive()
    done = titra_log(board)
    assert done.exit_code == DONE
    assert "boot + " in done.stdout and "no FRAM" in done.stderr


def test_no_device_is_5_and_a_wrong_option_2():
    assert CliRunner().invoke(command, ["socket://127.0.0.1:9"]).exit_code == NO_DEVICE
    assert CliRunner().invoke(command, ["x", "--last", "0"]).exit_code == WRONG_INPUT


@pytest.mark.req("L19")
@pytest.mark.parametrize("field", ["seq", "day", "ms", "kind", "code", "a", "b", "prev", "crc"])
def test_a_record_changed_in_any_field_does_not_pass(board, field):
    journal = board.boot()
    records = []
    for seq in range(journal.log.next_seq):
        assert journal.log.fetch(seq)
        records.append(Record(*(getattr(journal.log, name) for name in event_log.LOG_FIELDS)))
    assert verify(records, []) == []
    changed = Record(**{**vars(records[1]), field: getattr(records[1], field) ^ 1})
    assert verify([records[0], changed, *records[2:]], [])


@pytest.mark.req("L19")
def test_the_longest_record_fits_into_a_line():
    board = StorageBoard()
    journal = board.boot()
    log = journal.log
    log.seq = log.ms = log.a = log.b = -(1 << 30)
    log.day = log.prev = log.crc = 65_535
    log.kind = log.code = 255
    writer = LineWriter(Crc16())
    writer.text(b"65535 OK LOG?")
    journal.write_log_line(writer)
    writer.finish()
    assert writer.length <= 97 and writer.data[writer.length - 1] == 10
