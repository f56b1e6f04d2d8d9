"""A host that does not read, floods, or pulls the cable; a flash that stalls everything."""

from __future__ import annotations

from itertools import pairwise

import pytest
from emulated_bench import STEP_ULH_US, Pump, distribution, figures

from emulator.fork import in_fork, in_forks
from pump.hal import pinout

RATE = 350_000
SECONDS = 2.0
FLOOD_S = 0.3
AFTER_S = 0.2
# Moments of a tick, and of the four by turns, at which STOP is typed or pressed: ms.
PHASES = (0.0, 2.3, 4.7, 7.1, 19.4)
# Of the megabyte a second that the host offers, bytes a tick: a STOP behind the 768 that
# the device holds is then read within four ticks.
FLOOD_BYTES = 160
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
STOP_MS = 50
WORST_STOP_MS = 150
TICK_US = 5000
WORST_TICK_US = 7000
TYPED = {"bare": b"\nSTOP\n", "framed": b"\n900 STOP*0000\n"}


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


def _press(pump: Pump) -> None:
    pump.board.drive(pinout.STOP_KEY, 1)


def _typist(data: bytes):
    """Types behind all that the device holds of a flood; until the line feed has entered it."""

    def type_it(pump: Pump) -> None:
        usb = pump.board.usb
        usb.flood(b"")
        usb.write(data)
        pump.until(lambda: not usb.waiting(), 0.2, 0.0001)

    return type_it


def _type_behind_noise(pump: Pump) -> None:
    pump.board.usb.write(b"x" * 200 + b" STOP\n")


def _trial(pump: Pump, trouble, stop=_press, seconds: float = SECONDS) -> dict:
    """What the motor and the loop make of ``trouble``, and of ``stop`` after it."""
    began_s = pump.board.now_s
    taken = pump.board.usb.delivered
    pump.probe.clear()
    trouble(pump)
    pump.run(seconds)
    # A processor that is kept busy by its own interrupts has none.
    assert len(pump.probe.ticks) >= int(99 * seconds), "the loop stands still"
    n = len(pump.probe.ticks)
    gaps = [later - earlier for earlier, later in pairwise(pump.steps(began_s))]
    late = [abs(b[0] - a[0]) / 1000 - 10_000 for a, b in pairwise(pump.probe.ticks)]
    falls = len(pump.edges.falling(pinout.ENABLE, began_s))
    delivered = pump.board.usb.delivered - taken
    stop(pump)
    ns = pump.board.clock.nanos
    pump.run(AFTER_S)
    return {
        "ticks": n,
        "steps": len(gaps),
        "bytes": delivered,
        "longest_gap_us": max(gaps) / 1000,
        "falls": falls,
        # The tick that stops is one of them.
        "tick_max_us": max((end - begin) / 1000 for begin, end, _, _ in pump.probe.ticks),
        "late_max_us": max(late),
        "stop_ms": max(0.0, (pump.last_step_ns() - ns) / 1e6),
        "enabled": pump.is_enabled(),
    }


def _flood_trials(pump: Pump, data: bytes) -> list:
    """The key, and a STOP behind all that fits the device, with a frame and without."""
    stops = [_press, *(_typist(typed) for typed in TYPED.values())]
    return [
        lambda stop=stop, phase=phase: _trial(
            pump, lambda pump: pump.board.usb.flood(data), stop, FLOOD_S + phase / 1000
        )
        for stop in stops
        for phase in PHASES
    ]


def _merged(rows: list[dict]) -> dict:
    """The worst of several trials; ``stop_ms`` of all."""
    merged = {key: sum(row[key] for row in rows) for key in ("ticks", "steps", "bytes", "falls")}
    for key in ("longest_gap_us", "tick_max_us", "late_max_us", "enabled"):
        merged[key] = max(row[key] for row in rows)
    stops = sorted(row["stop_ms"] for row in rows)
    return merged | {"stop_ms": stops[-1], "stop": distribution(stops)}


@pytest.mark.req("L22", "L3")
def test_the_motor_goes_on_and_stops_whatever_the_host_does(pump):
    def trials():
        pump.at_rate(RATE)
        return in_forks([lambda t=trouble: _trial(pump, t) for trouble in TROUBLES.values()])

    rows = dict(zip(TROUBLES, in_fork(trials), strict=True))
    figures("L22", limit="L1-L6", **rows)
    _judge(rows)


def _judge(rows: dict[str, dict], tick_us=TICK_US, stop_ms=STOP_MS) -> None:
    for name, row in rows.items():
        assert row["tick_max_us"] <= tick_us, name
        assert row["falls"] == 0, name
        assert row["longest_gap_us"] < 1.1 * STEP_ULH_US / RATE, name
        assert row["stop_ms"] <= (STOP_MS if name.endswith(", key") else stop_ms), name
        assert not row["enabled"], name


def _flooded(pump: Pump, floods: dict[str, bytes]) -> dict[str, dict]:
    def trials():
        pump.at_rate(RATE)
        return in_forks([trial for data in floods.values() for trial in _flood_trials(pump, data)])

    found = in_fork(trials)
    rows = {}
    for name in floods:
        for stop in ("key", *TYPED):
            rows[f"{name}, {stop}"] = _merged(found[: len(PHASES)])
            found = found[len(PHASES) :]
    return rows


@pytest.mark.req("L22", "L3", "L24")
def test_a_flood_of_whatever_makes_no_tick_too_long_and_keeps_no_stop_waiting(pump):
    rows = _flooded(pump, FLOODS)
    figures("L22-floods", limit="L3, L24", **rows)
    for name, row in rows.items():
        assert row["bytes"] > FLOOD_BYTES * row["ticks"], name
    _judge(rows)


@pytest.mark.req("L22")
def test_a_flood_that_was_made_to_be_the_worst_disturbs_no_step(pump):
    """Beyond L24 and L3 of a typed STOP, and by no more than this."""
    rows = _flooded(pump, WORST_FLOODS)
    figures("L22-worst", limit="steps; STOP key 50 ms", **rows)
    _judge(rows, WORST_TICK_US, WORST_STOP_MS)


@pytest.mark.req("L22", "L3")
def test_a_stop_behind_200_bytes_of_noise_does_not_wait(pump):
    def trials():
        pump.at_rate(RATE)
        return in_forks(
            [
                lambda phase=phase: _trial(pump, _calm, _type_behind_noise, 0.1 + phase / 1000)
                for phase in PHASES
            ]
        )

    rows = {"200 bytes before it, typed": _merged(in_fork(trials))}
    figures("L22-noise", limit="L3", **rows)
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

    def trial():
        pump.at_rate(RATE)
        ns = pump.board.clock.nanos
        pump.board.stall(400e6)
        during = [t for t in pump.steps() if t >= ns]
        fell = pump.enable_fell_ns(ns / 1e9)
        pump.run(0.1)
        end_ns = pump.board.clock.nanos
        after = [t for t in pump.steps() if t >= ns + 400e6]
        return {
            "last_step_ms": (during[-1] - ns) / 1e6,
            "enable_ms": (fell - ns) / 1e6,
            "steps_within": len(during),
            "steps_after": len(after),
            "passed_ms": (end_ns - ns) / 1e6,
            "state": pump.state(),
        }

    row = in_fork(trial)
    figures("flash-stall", limit="60 ms; nothing is made up for", **row)
    assert row["last_step_ms"] <= 60
    assert row["enable_ms"] <= 60
    period_ms = STEP_ULH_US / RATE / 1000
    assert row["steps_after"] <= (row["passed_ms"] - 400) / period_ms + 1
