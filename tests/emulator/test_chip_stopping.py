"""How fast the motor stands still: what happens at a pin, on the line, or to the processor."""

from __future__ import annotations

import random
from functools import partial

import pytest
from emulated_bench import Pump, distribution, figures

from emulator import tick_probe
from emulator.fork import in_fork, in_forks
from pump.core import alarm_conditions as ac
from pump.core import limits, units
from pump.hal import pinout

# At 1 mL/h a step comes every half second: only what a dead processor still does
# is of interest there.
RATES = (350_000, 1_200_000)
RATES_OF_THE_DEAD = (1000, 350_000, 1_200_000)
TRIALS = 12
TRIALS_OF_THE_DEAD = 6
MS = 1e6  # ns
STOP_MS = 50
SENSOR_MS = ac.ALARM_CONDITIONS[ac.SENSOR_FAULT][ac.COL_DELAY]
DEAD_MS = 60
DEAD_UL = 20
OCCLUSION_MS = 100
SIGNAL_MS = 500
WATCHDOG_MS = 1000


def _phase(trial: int) -> float:
    """When within a tick the trial begins; always the same ones."""
    return 0.001 + 0.010 * random.Random(trial).random()


def _after(ns: float, last_ns: float) -> float:
    """ms from ``ns`` to an edge; one before it counts as 0."""
    return max(0.0, (last_ns - ns) / MS)


def _trial(pump: Pump, act, number: int, watch_s: float = 0.15) -> dict:
    """What follows ``act`` at a random moment of a tick."""
    pump.run(_phase(number))
    ns = pump.board.clock.nanos
    steps = len(pump.steps())
    ns = act(pump) or ns
    pump.board.run_until(ns / 1e9 + watch_s)
    since_s = ns / 1e9
    lit = list(pump.edges.rising(pinout.LAMP_RED, since_s))
    heard = list(pump.edges.rising(pinout.SOUNDER, since_s))
    return {
        "step_ms": _after(ns, pump.last_step_ns() if pump.steps() else 0.0),
        "steps": len(pump.steps()) - steps,
        "enable_ms": (pump.enable_fell_ns(since_s) - ns) / MS if not pump.is_enabled() else None,
        "lamp_ms": (lit[0] - ns) / MS if lit else None,
        "sound_ms": (heard[0] - ns) / MS if heard else None,
    }


def _trials(pump: Pump, act, rate_ul_h: int, watch_s: float = 0.15, n: int = TRIALS) -> list[dict]:
    def all_of_them():
        pump.at_rate(rate_ul_h)
        return in_forks([partial(_trial, pump, act, i, watch_s) for i in range(n)])

    return in_fork(all_of_them)


def _write_down(name: str, limit, trials: dict[int, list[dict]]) -> None:
    figures(
        name,
        limit=limit,
        rates={
            rate: {
                key: distribution([t[key] for t in rows if t[key] is not None])
                for key in rows[0]
                if any(t[key] is not None for t in rows)
            }
            for rate, rows in trials.items()
        },
    )


def _set(pin: int, level: int):
    return lambda pump: pump.board.drive(pin, level)


def _no_sensor(pump: Pump) -> None:
    pump.fittings.counts[0] = 0


@pytest.mark.req("L2")
def test_a_stop_alarm_at_a_pin_stops_the_motor(pump):
    """A pressure sensor that is torn off.  It becomes a condition by five readings in a
    row, which is the delay in the table; L2 counts from there."""
    trials = {rate: _trials(pump, _no_sensor, rate) for rate in RATES}
    _write_down("L2", f"{SENSOR_MS} ms until it is one, then 50 ms", trials)
    for rows in trials.values():
        assert all(row["enable_ms"] is not None for row in rows)
        assert max(row["step_ms"] for row in rows) <= SENSOR_MS + STOP_MS


@pytest.mark.req("L5")
def test_an_open_door_cuts_the_driver_off(pump):
    trials = {rate: _trials(pump, _set(pinout.DOOR, 1), rate) for rate in RATES}
    _write_down("L5", "50 ms", trials)
    for rows in trials.values():
        assert all(row["enable_ms"] is not None for row in rows)
        assert max(max(row["enable_ms"], row["step_ms"]) for row in rows) <= STOP_MS


@pytest.mark.req("L3")
@pytest.mark.parametrize("way", ("key", "verb"))
def test_stop_stops_the_motor(pump, way):
    """From the key's contact, and from the last byte on its way into the device."""
    act = _set(pinout.STOP_KEY, 1) if way == "key" else lambda p: p.board.usb.write(b"STOP\n")
    trials = {rate: _trials(pump, act, rate) for rate in RATES}
    _write_down(f"L3-{way}", "50 ms", trials)
    for rows in trials.values():
        assert all(row["enable_ms"] is not None for row in rows)
        assert max(row["step_ms"] for row in rows) <= STOP_MS


def _occlude(pump: Pump) -> float:
    """Pressure that rises by 8 kPa in 10 ms until well above the limit; ns of the crossing."""
    from pump.hal.pressure_scale import COUNTS_AT_AMBIENT, PA_PER_COUNT

    pressure = 6000
    crossed = 0.0
    while pressure < 90_000:
        pressure += 800
        pump.fittings.counts[0] = COUNTS_AT_AMBIENT + pressure // PA_PER_COUNT
        if not crossed and pressure >= 60_000:
            crossed = pump.board.clock.nanos
        pump.run(0.001)
    return crossed


def _occlusion_trial(pump: Pump, number: int) -> dict:
    pump.run(_phase(number))
    crossed = _occlude(pump)
    pump.run(0.5)
    turned = pump.edges.falling(pinout.DIRECTION, crossed / 1e9)
    forward = [t for t in pump.steps() if not turned or t < turned[0]]
    lit = pump.edges.rising(pinout.LAMP_RED, crossed / 1e9)
    heard = pump.edges.rising(pinout.SOUNDER, crossed / 1e9)
    return {
        "step_ms": _after(crossed, forward[-1] if forward else 0.0),
        "signal_ms": (min(lit[0], heard[0]) - crossed) / MS if lit and heard else None,
    }


@pytest.mark.req("L4")
def test_an_occlusion_stops_the_motor_and_is_signalled(pump):
    def trials_at(rate):
        pump.at_rate(rate)
        return in_forks([partial(_occlusion_trial, pump, i) for i in range(TRIALS)])

    trials = {rate: in_fork(partial(trials_at, rate)) for rate in RATES}
    _write_down("L4", "100 ms, 500 ms", trials)
    for rows in trials.values():
        assert max(row["step_ms"] for row in rows) <= OCCLUSION_MS
        assert all(row["signal_ms"] is not None for row in rows)
        assert max(row["signal_ms"] for row in rows) <= SIGNAL_MS


def _stand_still(pump: Pump) -> None:
    """The processor stops executing, interrupts off."""
    pump.board.stall(0.3e9)


def _command(what: int):
    def act(pump: Pump) -> float:
        pump.probe.command(what)
        begun: list[float] = []

        def note() -> None:
            begun.append(pump.board.clock.nanos)
            pump.board.halt()

        # Time counts from the tick that is told to.
        pump.probe.on_begin = note
        pump.run(0.1)
        pump.probe.on_begin = None
        return begun[0]

    return act


DEATHS = {
    "stands still": _stand_still,
    "loops": _command(tick_probe.HANG),
    "loops with interrupts off": _command(tick_probe.HANG_WITHOUT_INTERRUPTS),
    "hard fault": _command(tick_probe.HARD_FAULT),
    "tick raises": _command(tick_probe.TICK_RAISES),
    "handler raises": _command(tick_probe.HANDLER_RAISES),
    "handler's timer is gone": _command(tick_probe.HANDLER_DIES),
}
# In these the loop still runs, and is what stops the motor, once it has noticed.
_LOOP_RUNS = {"handler's timer is gone": limits.GUARD_MISSING_MS + STOP_MS}


@pytest.mark.req("L6")
@pytest.mark.parametrize("death", DEATHS)
def test_a_dead_processor_stops_the_motor(pump, death):
    trials = {
        rate: _trials(pump, DEATHS[death], rate, 0.3, TRIALS_OF_THE_DEAD)
        for rate in RATES_OF_THE_DEAD
    }
    _write_down("L6-" + death.replace(" ", "-").replace("'", ""), "60 ms, 20 uL", trials)
    limit_ms = _LOOP_RUNS.get(death, DEAD_MS)
    for rows in trials.values():
        assert all(row["enable_ms"] is not None for row in rows)
        assert max(row["step_ms"] for row in rows) <= limit_ms
        assert (
            max(row["steps"] for row in rows) <= DEAD_UL * units.STEPS_PER_ML / 1000 * limit_ms / 60
        )


_RESET_AFTER = {
    "loops with interrupts off": tick_probe.HANG_WITHOUT_INTERRUPTS,
    "hard fault": tick_probe.HARD_FAULT,
}


def _reset_trial(pump: Pump, what: int, number: int) -> dict:
    """From the tick in which the processor is lost to the reset, and the steps in between."""
    pump.run(_phase(number))
    ns = _command(what)(pump)
    steps = len(pump.steps())
    pump.until(lambda: bool(pump.board.resets), 1.5)
    reset_s, cause = pump.board.resets[0]
    return {
        "reset_ms": (reset_s - ns / 1e9) * 1e3,
        "cause": cause,
        "run_on": len(pump.steps()) - steps,
    }


def _after_the_reset(pump: Pump, what: int) -> dict:
    """The same, and what the board is and does once it has booted."""
    row = _reset_trial(pump, what, 0)
    reset_s = pump.board.now_s
    pump.link.log.clear()
    pump.boot()
    pump.client.hello()
    pump.listen(1.0)
    return {
        **row,
        "state": pump.state(),
        "steps": len(pump.steps(reset_s)) - _TEST_PULSES,
        "rises": len(pump.edges.rising(pinout.ENABLE, reset_s)),
        "alarms": pump.alarms(),
    }


@pytest.mark.req("L7")
@pytest.mark.parametrize("death", _RESET_AFTER)
def test_the_watchdog_resets_a_dead_board_and_nothing_goes_on_by_itself(pump, death):
    what = _RESET_AFTER[death]

    def trials():
        pump.at_rate(350_000)
        return in_forks(
            [partial(_reset_trial, pump, what, i) for i in range(1, TRIALS_OF_THE_DEAD)]
            + [partial(_after_the_reset, pump, what)]
        )

    rows = in_fork(trials)
    after = rows[-1]
    figures(
        "L7-" + death.replace(" ", "-"),
        limit="1000 ms",
        reset_ms=distribution([row["reset_ms"] for row in rows]),
        run_on=distribution([float(row["run_on"]) for row in rows]),
        **{key: after[key] for key in ("state", "steps", "rises", "alarms")},
    )
    assert {row["cause"] for row in rows} == {"WATCHDOG"}
    assert max(row["reset_ms"] for row in rows) <= WATCHDOG_MS
    assert after["state"] == "ALARM_STOPPED"
    assert "INTERRUPTED" in after["alarms"]
    assert after["steps"] == 0
    assert after["rises"] == 1  # the self-test's look at the dead-man


# The self-test makes the motor's driver see these, with ENABLE low.
_TEST_PULSES = 8
