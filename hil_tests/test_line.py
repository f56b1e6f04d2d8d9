"""Lines that are not what they say they are change nothing."""

from __future__ import annotations

import pytest

from hil_tests.bench.bench import PINS, Trial, order
from host_sim.client import frame

pytestmark = [pytest.mark.needs_rig, pytest.mark.smoke]


def tell(line):
    """A line that would pause the infusion, were it what it says."""

    def trial(trial: Trial) -> dict:
        bench = trial.bench
        watch = bench.rig.arm(*PINS)
        seq = int(bench.client.status()["last_seq"]) + 1
        bench.client.link.write(line(seq & 0xFFFF))
        bench.wait(0.5)
        bench.rig.read(watch)
        return {"state": bench.state(), "fell": len(watch.falling("ENABLE"))}

    return trial


def wrong_crc(seq: int) -> bytes:
    good = frame(f"{seq} PAUSE")
    return good[:-2] + (b"0" if good[-2:-1] != b"0" else b"1") + b"\n"


def no_crc(seq: int) -> bytes:
    return f"{seq} PAUSE\n".encode()


def wrong_seq(seq: int) -> bytes:
    return frame(f"{(seq + 7) & 0xFFFF} PAUSE")


def flipped_bit(seq: int) -> bytes:
    return frame(f"{seq} PAUSF").replace(b"PAUSF", b"PAUSE")


@pytest.mark.req("F19")
@pytest.mark.parametrize("line", [wrong_crc, no_crc, wrong_seq, flipped_bit])
def test_a_line_that_is_not_whole_or_not_next_changes_nothing(bench, line):
    (row,) = bench.trials(1, tell(line), order(60_000))
    assert row == {"state": "INFUSING", "fell": 0}


@pytest.mark.req("F19")
def test_the_same_line_whole_pauses(bench):
    """So that the others are refused for the right reason."""
    (row,) = bench.trials(1, tell(lambda seq: frame(f"{seq} PAUSE")), order(60_000))
    assert row == {"state": "PAUSED", "fell": 1}


@pytest.mark.req("L12")
def test_a_repeated_line_is_answered_and_not_executed_again(bench):
    """A PAUSE, a RESUME by somebody, and the line of that PAUSE again, as one that was held
    up on its way: it is told that its SEQ is not the next."""

    def trial(trial: Trial) -> dict:
        bench = trial.bench
        seq = (int(bench.client.status()["last_seq"]) + 1) & 0xFFFF
        line = frame(f"{seq} PAUSE")
        bench.client.request("PAUSE")
        bench.client.request("RESUME")
        link = bench.client.link
        link.write(line)
        end_s = link.now() + 0.5
        said = b""
        while (left := end_s - link.now()) > 0:
            said += link.read(left)
        return {"state": bench.state(), "told": f"\n{seq} ERR SEQ_".encode() in b"\n" + said}

    (row,) = bench.trials(1, trial, order(60_000))
    assert row == {"state": "INFUSING", "told": True}
