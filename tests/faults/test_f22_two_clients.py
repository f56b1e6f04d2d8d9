"""F22: a second program opens the same pump."""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pump_bench import Bedside, program

from host_sim.client import Client, Refused, frame
from host_sim.links import SerialLink

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30


def motion(bed: Bedside, second: str, seconds: int = 20) -> tuple[int, int, bool, int]:
    """What the motor does for ``seconds`` while a second program is busy."""
    seq = 40_000
    end_us = bed.board.now_us + seconds * 1_000_000
    refused = int(bed.client.status()["refused"])
    bodies = {
        "none": (),
        "asks": ("STATUS?", "LINK?", "*IDN?"),
        "changes": ("PAUSE", "DOWN", "CONFIRM 1", "PROGRAM 9000 900 100 70000 90000 1", "START"),
        "hello": ("HELLO 2 1",),
        "noise": ("\xff\xfe", "STOPS", "", "*"),
    }[second]
    while bed.board.now_us < end_us:
        for body in bodies:
            seq += 1
            asks = body.endswith("?")
            data = body.encode("latin-1") + b"\n" if asks else frame(
                f"{seq} {body}".encode("ascii", "replace").decode()
            )  # fmt: skip
            bed.board.usb.host_write(data)
        bed.board.run_until(bed.board.now_us + 200_000)
    bed.board.usb.host_read()
    digest, edges = bed.board.edge_digest, bed.board.step_edges
    return digest, edges, bed.is_enabled(), int(bed.client.status()["refused"]) - refused


@pytest.mark.req("F22", "L22")
@pytest.mark.parametrize("second", ("asks", "changes", "hello", "noise"))
def test_a_second_conversation_on_the_line_changes_no_step(pump, second):
    alone = pump.ask(lambda bed: motion(bed, "none"))
    both = pump.ask(lambda bed: motion(bed, second))
    assert both[:3] == alone[:3]
    if second in ("changes", "hello"):
        assert both[3] > 0  # and it is counted


@pytest.mark.req("F22", "L22")
def test_the_first_goes_on_between_the_lines_of_the_second(pump):
    def both(bed: Bedside) -> tuple[str, str]:
        bed.fault("second-client")
        bed.listen(5)
        bed.client.hello()
        bed.client.request("PAUSE")
        paused = bed.state()
        bed.client.request("RESUME")
        return paused, bed.state()

    assert pump.ask(both) == ("PAUSED", "INFUSING")


@pytest.mark.req("F22", "L3")
def test_a_stop_of_the_second_is_a_stop(pump):
    def stop(bed: Bedside) -> float:
        fed_us = bed.board.now_us
        bed.board.usb.host_write(b"41000 STATUS?\nSTOP\n")
        bed.board.run_until(fed_us + 500_000)
        return (bed.board.last_edge_us - fed_us) / 1000

    assert pump.ask(stop) <= 50


# --- two programs, one port -------------------------------------------------------------------


@pytest.fixture
def served() -> Iterator[str]:
    """`titra serve` on a TCP port; the port as it says it."""
    path = [ROOT / "firmware", ROOT, ROOT / "tools", ROOT / "host_sim/shim"]
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from titra.cli import main; main()",
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--speed",
            "50",
        ],  # fmt: skip
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
    )
    assert process.stdout
    try:
        readable, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        line = process.stdout.readline() if readable else ""
        assert line.startswith("serving on "), line
        yield line.removeprefix("serving on ").strip()
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


@pytest.mark.req("F22", "L22")
def test_a_second_client_of_a_served_pump_is_turned_away_with_a_line_and_counted(served):
    link = SerialLink(served)
    try:
        client = Client(link)
        client.hello()
        client.load(program((1_200_000, 600), ml=400))
        client.request("START")
        host, _, port = served.removeprefix("socket://").rpartition(":")
        for turn in range(1, 4):
            with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as other:
                said = other.makefile("rb").read()
            assert said.startswith(b"busy")
            for _ in range(100):
                if int(client.query_fields("LINK?")["turned_away"]) == turn:
                    break
            assert int(client.query_fields("LINK?")["turned_away"]) == turn
        assert client.status()["state"] == "INFUSING"
        with pytest.raises(Refused):
            client.request("START")
    finally:
        link.close()
