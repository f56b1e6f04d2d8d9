"""A processor that executes nothing: what stops the motor then, and who resets it."""

from __future__ import annotations

import pytest

from hil_tests.bench import dut
from hil_tests.bench.bench import PINS, Trial, order
from hil_tests.promised import DEAD_MS, DEAD_UL, STEPS_PER_ML, WATCHDOG_MS
from hil_tests.rates import trial_rates
from hil_tests.responses import columns, ran_before

HUNG_S = 1.2
pytestmark = [pytest.mark.needs_rig, pytest.mark.timing]
HANGS = [
    pytest.param(True, id="interrupts-off", marks=pytest.mark.needs(dut.HANG)),
    pytest.param(False, id="interrupts-on", marks=pytest.mark.needs(dut.LOOP)),
]


def hang(irqs_off: bool):
    def trial(trial: Trial) -> dict:
        bench = trial.bench
        watch = bench.rig.arm(*PINS, "LAMP_GREEN")
        bench.wait(0.1)
        after_us = trial.random.randrange(10_000)
        hung_us = bench.rig.time_us() + after_us
        lit = bench.rig.levels()["LAMP_GREEN"]
        bench.dut.hang(after_us, HUNG_S, irqs_off)
        bench.rig.read(watch)
        dark = watch.falling("LAMP_GREEN", hung_us)
        off = watch.falling("ENABLE", hung_us)
        return {
            "step_ms": max(0, watch.last_step_us() - hung_us) / 1000,
            "ul": watch.steps_while_enabled(hung_us) * 1000 / STEPS_PER_ML,
            "off_ms": (off[0] - hung_us) / 1000 if off else None,
            # Pins float in a reset, and what they drive is off.
            "reset_ms": (dark[0] - hung_us) / 1000 if lit and dark else None,
            "steps_before": watch.steps_between(watch.armed_us, hung_us),
        }

    return trial


@pytest.mark.req("L6", "L7")
@pytest.mark.parametrize("rate", trial_rates(), indirect=True)
@pytest.mark.parametrize("irqs_off", HANGS)
def test_a_dead_processor_stops_the_motor_and_is_reset(bench, n, record, rate, irqs_off):
    rows = bench.trials(n, hang(irqs_off), order(rate))
    ran_before(rows)
    how = f"{'hang' if irqs_off else 'loop, interrupts on,'} at {rate // 1000} mL/h"
    record(
        limit="L6", name=f"{how} to last STEP edge", bound=DEAD_MS, values=columns(rows, "step_ms")
    )
    record(
        limit="L6",
        name=f"{how}: volume after it",
        unit="uL",
        bound=DEAD_UL,
        values=columns(rows, "ul"),
        uncertainty=0,
    )
    record(limit="L6", name=f"{how} to ENABLE low", bound=DEAD_MS, values=columns(rows, "off_ms"))
    record(
        limit="L7",
        name=f"{how} to the reset (lamps dark)",
        bound=WATCHDOG_MS,
        values=columns(rows, "reset_ms"),
    )
