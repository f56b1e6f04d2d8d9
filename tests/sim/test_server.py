"""`titra serve`: the simulated board behind a real pseudo-terminal and a real TCP port.

Real processes and real time: what is waited for is an event, never a duration.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pump_bench import program

from host_sim.client import Client, Refused
from host_sim.links import LinkError, SerialLink

TITRA = str(Path(sys.executable).parent / "titra")
# Board seconds per second: a ramp takes a moment, and one core keeps up.
SPEED = "50"
# A failure, not a measure: nothing here takes a tenth of it.
PATIENCE_S = 20
FAST = program((1_200_000, 600), ml=400)


class Served:
    """A `titra serve` process and the port that it says it serves on."""

    def __init__(self, *arguments: str):
        self.process = subprocess.Popen(
            [TITRA, "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        line = self.process.stdout.readline() if readable else ""
        assert line.startswith("serving on "), line
        self.port = line.removeprefix("serving on ").strip()
        self._links: list[SerialLink] = []

    def client(self) -> Client:
        """A client on a connection of its own."""
        link = SerialLink(self.port)
        self._links.append(link)
        return Client(link)

    def connect(self) -> socket.socket:
        """A bare TCP connection."""
        host, _, port = self.port.removeprefix("socket://").rpartition(":")
        return socket.create_connection((host, int(port)), timeout=PATIENCE_S)

    def close(self) -> None:
        for link in self._links:
            link.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start `titra serve`; what was started is ended with the test."""
    started = []

    def start(*arguments: str) -> Served:
        started.append(Served(*arguments))
        return started[-1]

    yield start
    for served in started:
        served.close()


def until(condition: Callable[[], bool], client: Client | None = None) -> None:
    """Wait for ``condition``, reading what the device says meanwhile."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        if client:
            client.receive(0.05)
        else:
            time.sleep(0.02)


def when_free(served: Served) -> Client:
    """A client that has said HELLO, as soon as the line is not taken any more."""
    client: Client | None = None

    def is_free() -> bool:
        nonlocal client
        client = served.client()
        try:
            client.hello()
        except LinkError:
            return False
        return True

    until(is_free)
    assert client
    return client


def steps(client: Client) -> int:
    return int(client.query_fields("MOTION?")["counted_steps"])


def start_infusion(client: Client) -> None:
    client.hello()
    client.load(FAST)
    client.request("START")
    until(lambda: steps(client) > 100)


def listen(port: str = "127.0.0.1:0") -> tuple[str, ...]:
    return ("--listen", port, "--speed", SPEED)


KINDS = pytest.mark.parametrize(
    "arguments", [("--pty", "--speed", SPEED), listen()], ids=["pty", "tcp"]
)


@pytest.mark.req("M21")
@KINDS
def test_a_client_programs_starts_and_stops_an_infusion(serve, arguments):
    client = serve(*arguments).client()
    start_infusion(client)
    assert client.status()["state"] == "INFUSING"
    client.stop()
    assert client.status()["state"] == "STOPPED"
    stopped_at = steps(client)
    with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
        client.request("RESUME")
    assert steps(client) == stopped_at
    assert client.bad <= 1  # the line in the middle of which it connected


@KINDS
def test_a_client_that_leaves_and_comes_back_finds_its_infusion_going_on(serve, arguments):
    served = serve(*arguments)
    first = served.client()
    start_infusion(first)
    before = steps(first)
    first.link.write(b"12 PAU")  # dies in the middle of a line
    first.link.close()
    second = when_free(served)
    assert second.status()["state"] == "INFUSING"
    until(lambda: steps(second) > before + 100)
    second.request("PAUSE")
    assert second.status()["state"] == "PAUSED"


@KINDS
@pytest.mark.req("L22")
def test_a_client_that_asks_and_does_not_read_does_not_hold_the_pump_up(serve, arguments):
    """400 times HELP? are 100 kB of answers: more than a pseudo-terminal holds."""
    client = serve(*arguments).client()
    start_infusion(client)
    before = steps(client)
    for _ in range(400):
        client.link.write(b"HELP?\n")
    time.sleep(1)
    client.hello()
    until(lambda: int(client.query_fields("LINK?")["dropped"]) > 0)
    assert steps(client) > before + 1000
    assert client.status()["state"] == "INFUSING"
    client.stop()
    assert client.status()["state"] == "STOPPED"


@KINDS
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_code_0(serve, arguments, sign):
    served = serve(*arguments)
    client = served.client()
    client.hello()
    served.process.send_signal(sign)
    assert served.process.wait(PATIENCE_S) == 0
    assert served.process.stderr.read() == ""


@pytest.mark.req("F22")
def test_a_second_connection_is_turned_away_with_a_line_and_counted(serve):
    served = serve(*listen())
    client = served.client()
    start_infusion(client)
    refused = int(client.status()["refused"])
    for number in (1, 2, 3):
        with served.connect() as other:
            said = other.makefile("rb").read()  # until the server hangs up
        assert said.startswith(b"busy")
        assert said.endswith(b"\n")
        until(lambda n=number: int(client.query_fields("LINK?")["turned_away"]) == n)
        assert int(client.status()["refused"]) == refused + number
    assert client.status()["state"] == "INFUSING"


@pytest.mark.req("F22")
def test_what_a_second_connection_sends_before_it_is_turned_away_is_not_heard(serve):
    served = serve(*listen())
    client = served.client()
    start_infusion(client)
    before = client.query_fields("LINK?")
    for _ in range(5):
        with served.connect() as other:
            other.sendall(b"STOP\nnonsense\n" * 10)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    until(lambda: int(client.query_fields("LINK?")["turned_away"]) == 5)
    after = client.query_fields("LINK?")
    assert after["verb"] == before["verb"]
    assert client.status()["state"] == "INFUSING"


def test_the_line_is_free_again_when_its_client_has_left(serve):
    served = serve(*listen())
    for _ in range(3):
        client = when_free(served)
        assert client.status()["state"] == "IDLE"
        client.link.close()
    assert when_free(served).status()["state"] == "IDLE"


def test_a_half_line_of_a_client_that_died_does_not_spoil_the_next_ones(serve):
    served = serve(*listen())
    with served.connect() as dying:
        dying.sendall(b"1 PROGRAM 1000")
    client = when_free(served)
    client.load(program())
    assert client.status()["state"] == "READY"


def test_a_port_that_is_taken_is_said_so(serve):
    served = serve(*listen())
    address = served.port.removeprefix("socket://")
    second = subprocess.run(
        [TITRA, "serve", "--listen", address],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert second.returncode == 5
    assert address in second.stderr
    assert second.stdout == ""


def test_a_link_to_a_port_that_is_not_there_says_which():
    with pytest.raises(LinkError, match="/dev/no-such-port"):
        SerialLink("/dev/no-such-port")


def test_the_pseudo_terminal_is_a_path_that_other_tools_can_open(serve):
    served = serve("--speed", SPEED)
    descriptor = os.open(served.port, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(descriptor, b"*IDN?\n")
        said = b""
        while b"OK *IDN?,Titra,RP2040" not in said:
            readable, _, _ = select.select([descriptor], [], [], PATIENCE_S)
            assert readable, said
            said += os.read(descriptor, 1000)
    finally:
        os.close(descriptor)


def test_a_fault_given_to_serve_happens_after_the_start(serve):
    client = serve(*listen(), "--fault", "door-open@20s").client()
    start_infusion(client)
    until(lambda: client.status()["state"] == "ALARM_STOPPED")
    assert "DOOR_OPEN" in client.query("ALARMS?")


def test_a_trace_of_what_was_served_is_written_at_the_end(serve, tmp_path):
    served = serve(*listen(), "--trace", str(tmp_path / "trace.jsonl"))
    client = served.client()
    start_infusion(client)
    served.process.terminate()
    assert served.process.wait(PATIENCE_S) == 0
    text = (tmp_path / "trace.jsonl").read_text()
    assert '"served":true' in text.splitlines()[0]
    assert "START" in text
