"""Nothing that anybody sends, presses, knows or does gets past the self-test.  (L16)"""

from random import Random

import pytest
from power_on import OFF_US, PowerOn, keys_of

from host_sim.board import NOT_WATCHDOG, WATCHDOG_RESET
from host_sim.client import Refused, frame
from pump.core import roles
from pump.hal import pinout
from pump.protocol import messages
from pump.protocol.framing import Crc16

ROLES = [name.lower() for name in roles.ROLE_NAMES[roles.OPERATOR :]]
# Within 5 s: while files are read, in the middle, while the clock chip is waited for.
MOMENTS_S = (0.02, 1.2, 1.9, 4.0)


def arguments(row) -> str:
    """The least that each argument may be."""
    words = []
    for _, least, most, *_ in row[messages.COL_ARGUMENTS]:
        words.append("0" * least if most == messages.HEX else str(least))
    return "".join(f" {word}" for word in words)


def everything(on: PowerOn) -> None:
    """Every verb there is, once as it should be and once out of order."""
    client = on.client
    for row in messages.MESSAGES:
        verb = row[messages.COL_VERB].decode()
        if verb in ("HELLO", "LOGOUT", "REPL"):
            continue
        on.link.write(f"{verb}{arguments(row)}\n".encode())
        on.link.write(frame(f"{client._seq + 1} {verb}{arguments(row)}"))
        client.receive(0.02)
        client._seq = int(client.status()["last_seq"])


def moved(on: PowerOn) -> int:
    on.board.take_edges()
    return on.board.line.motor_steps


@pytest.mark.req("L16")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("moment_s", MOMENTS_S)
def test_no_line_frame_or_key_of_any_role_ends_a_self_test_that_runs(moment_s, role):
    on = PowerOn()
    on.board.power_cut(OFF_US)
    on.run((OFF_US / 1e6) + moment_s)
    assert on.post()[0] == "RUNNING"
    before = moved(on)
    log_in(on, role)
    for verb in ("START", "RESUME", "CONFIRM 1", "KVO", "RELEASE", "RESET", "END", "CLIMB"):
        with pytest.raises(Refused):
            on.client.request(*verb.split())
    keys_of(on)
    assert on.state() == "SELF_TEST" or on.post()[0] == "PASSED"
    on.board.run_self_test()
    assert on.post() == ("PASSED", "DEVICE_KEY", 0)
    assert moved(on) == before
    on.run(0.1)
    assert on.state() == "IDLE"


def log_in(on: PowerOn, role: str) -> None:
    """HELLO and LOGIN, without waiting for the self-test."""
    client = on.client
    on.link.write(b"\n")
    table = messages.table_checksum(Crc16())
    hello = frame(f"0 HELLO {messages.PROTOCOL_VERSION} {table}")
    client._seq = int(client._exchange(hello, "0", "HELLO", 1.0)[2])
    client.login(role)


@pytest.mark.req("L16")
@pytest.mark.parametrize("role", ROLES)
def test_nothing_gets_past_a_self_test_that_failed(role):
    on = PowerOn().boot(lambda on: on.fault("sounder-dead"))
    assert on.post()[:2] == ("FAILED", "SOUNDER")
    before = moved(on)
    on.forget()
    log_in(on, role)
    everything(on)
    keys_of(on)
    noise = Random(3)
    for _ in range(20):
        on.link.write(noise.randbytes(200))
        on.run(0.05)
    on.link.write(b"\n")
    assert on.state() == "FAULT"
    assert on.post()[:2] == ("FAILED", "SOUNDER")
    assert on.alarms() == "SELF_TEST_FAILED"
    assert moved(on) == before
    assert not on.enabled


@pytest.mark.req("L16", "F34")
@pytest.mark.parametrize("cause", (WATCHDOG_RESET, NOT_WATCHDOG + 1))
@pytest.mark.parametrize("moment_s", MOMENTS_S)
def test_a_reset_in_the_middle_begins_the_self_test_anew(moment_s, cause):
    on = PowerOn()
    for _ in range(3):
        on.board.reset(cause)
        on.run(moment_s)
        assert on.post()[0] == "RUNNING"
    on.board.run_self_test()
    assert on.post() == ("PASSED", "DEVICE_KEY", 0)
    booted_us = on.board.boot_us
    assert on.board.now_us - booted_us > 2_000_000, "all of it, not the rest of it"


@pytest.mark.req("L16", "F34")
@pytest.mark.parametrize("how", ("reset", "planned", "power"))
def test_an_infusion_before_the_reset_does_not_vouch_for_the_board(how):
    """What passed before is broken now; what was open stays open for the next."""
    on = PowerOn().boot().programmed()
    on.client.request("START")
    on.run(20)
    assert on.state() == "INFUSING"
    on.fault("air-sensor-stuck")
    if how == "reset":
        on.board.reset(WATCHDOG_RESET)
    elif how == "planned":
        on.board.planned_reset()
    else:
        on.board.power_cut(OFF_US)
    on.run(0.05)
    on.board.run_self_test()
    assert on.post()[:2] == ("FAILED", "AIR_DETECTOR")
    assert on.board.levels[pinout.ENABLE] == 0
    before = moved(on)
    log_in(on, "operator")
    for verb in ("RESET", "RESUME", "START"):
        with pytest.raises(Refused):
            on.client.request(verb)
    on.run(30)
    assert (on.state(), moved(on)) == ("FAULT", before)
    # Mended: it is still an interrupted infusion, and nothing else.
    on.board.fluid_stuck = None
    on.board.set_fluid()
    on.boot()
    on.run(1)
    assert on.state() == "ALARM_STOPPED"
    assert on.alarms() == "INTERRUPTED"


@pytest.mark.req("L16")
def test_a_start_that_was_sent_before_the_end_is_not_remembered():
    on = PowerOn()
    on.board.power_cut(OFF_US)
    on.run(OFF_US / 1e6 + 0.5)
    log_in(on, "operator")
    seq = on.client._seq
    for n in range(40):
        on.link.write(frame(f"{seq + 1 + n} START") + b"RESUME\n")
        on.run(0.1)
    on.board.run_self_test()
    before = moved(on)
    on.run(5)
    assert on.state() == "IDLE"
    assert moved(on) == before
