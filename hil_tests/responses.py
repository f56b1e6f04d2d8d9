"""What the tests of a stop have in common: stimulus at a stamped time, response at the pins."""

from __future__ import annotations

from collections.abc import Callable

from hil_tests.bench.bench import PINS, Trial, response_ms

# How long the pins are watched after a stimulus.
WATCH_S = 0.2


def columns(rows: list[dict], key: str) -> list[float]:
    """One figure of every trial; a trial without it is a failure of its own."""
    values = [row[key] for row in rows]
    assert None not in values, f"{values.count(None)} of {len(values)} trials: {key} never came"
    return values


def segments(rows: list[dict]) -> dict[str, list[float]]:
    """M-test: what the device itself says of each response, where it can be asked."""
    out: dict[str, list[float]] = {}
    for row in rows:
        for key, value in (row.get("stamps") or {}).items():
            out.setdefault(key, []).append(value)
    return out


def stimulus(name: str, value: int, watch_s: float = WATCH_S) -> Callable[[Trial], dict]:
    """A trial: ``name`` goes to ``value`` at any moment of a tick."""

    def trial(trial: Trial) -> dict:
        bench = trial.bench
        rig = bench.rig
        watch = rig.arm(*PINS, "LAMP_RED", "SOUNDER", *_sampled(name))
        bench.wait(0.1)
        ordered_us = trial.soon_us()
        rig.at(ordered_us, name, value)
        bench.wait(watch_s + bench.lead_us / 1e6)
        rig.read(watch)
        # What the rig samples it stamps; an analog one cannot be earlier than ordered.
        edges = watch.changes(name, ordered_us) if _sampled(name) else []
        return after(trial, watch, edges[0][0] if edges else ordered_us)

    return trial


def _sampled(name: str) -> tuple[str, ...]:
    from hil_tests.bench.channels import BIT

    return (name,) if name in BIT else ()


def after(trial: Trial, watch, since_us: int) -> dict:
    """What came of it, in ms from ``since_us``; ``None`` is what did not come."""
    bench = trial.bench

    def first(times: list[int]) -> float | None:
        return (times[0] - since_us) / 1000 if times else None

    off = 0.0 if not watch.level("ENABLE") else None
    return {
        "step_ms": response_ms(watch, since_us),
        "forward_ms": response_ms(watch, since_us, forward_only=True),
        "off_ms": first(watch.falling("ENABLE", since_us)) if off is not None else None,
        "red_ms": first(watch.rising("LAMP_RED", since_us)),
        "sound_ms": first(watch.rising("SOUNDER", since_us)),
        "steps_before": watch.steps_between(watch.armed_us, since_us),
        "steps_after": watch.steps_while_enabled(since_us),
        "state": bench.state(),
        "alarms": bench.alarms(),
        "stamps": bench.stamps(),
    }


def ran_before(rows: list[dict]) -> None:
    assert min(row["steps_before"] for row in rows) > 0, "the motor did not run before"
