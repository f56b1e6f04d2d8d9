"""The oracle bites: a pump that is tampered with is convicted, a sound one is not.

Each case spoils one thing in a running controller and lets a bedside go on.
"""

import ast
import types
from pathlib import Path

import pytest
from properties import oracle, order_rules
from properties.bedside import Bedside
from properties.core_bench import Order
from properties.oracle import Broken

from pump.core import infusion_state as st
from pump.core import reasons


@pytest.fixture
def bedside() -> Bedside:
    """INFUSING on the first of three rungs."""
    bedside = Bedside()
    bedside.power_on(queue_ticks=1, order=Order(), climbed=0)
    bedside.bench.run(1_000, 20)
    return bedside


def spoil(owner, method: str, change) -> None:
    """Replace a method by ``change(original)``."""
    setattr(owner, method, change(getattr(owner, method)))


def faster_slew(controller):
    spoil(controller.ramp, "step", lambda f: lambda target, slew, dt_ms: f(target, slew, 2 * dt_ms))


def faster_dwell(controller):
    spoil(
        controller.titration,
        "advance",
        lambda f: lambda rx, at_rate, may_climb, dt_ms: f(rx, at_rate, may_climb, dt_ms + 1),
    )


def more_steps(controller):
    controller.interlock.apply = lambda outputs, state, cap: False
    spoil(
        controller.volume, "grant", lambda f: lambda rate, dt_ms, lease: f(rate, dt_ms, lease) + 1
    )


def fewer_steps(controller):
    controller.volume.grant = lambda rate, dt_ms, lease: 0


def higher_rung(controller):
    controller.titration.rung = 1
    controller.shadow.seal(controller)


def deaf_to_stop(controller):
    spoil(controller, "_go", lambda f: lambda event: event != st.EV_STOP and f(event))


def deaf_to_alarms(controller):
    controller.alarms.step = lambda seen, state, dt_ms: 0


def stop_refused(controller):
    controller._person = lambda inputs, event, argument: reasons.NOT_IN_THIS_STATE


def any_answer(controller):
    def confirm(self, number):
        self.rung += 1
        return reasons.OK

    controller.titration.confirm = types.MethodType(confirm, controller.titration)


def no_questions(controller):
    controller.titration.advance = lambda rx, at_rate, may_climb, dt_ms: False


def backward_at_once(controller):
    controller.interlock.apply = lambda outputs, state, cap: False

    def deliver(f):
        def spoiled(bit, inputs, outputs, dt_ms):
            f(bit, inputs, outputs, dt_ms)
            outputs.reverse = True

        return spoiled

    spoil(controller, "_deliver", deliver)


def back_off_without_end(controller):
    """Neither the pressure nor the volume ends it."""

    def back_off(inputs, outputs, dt_ms):
        controller.back_off.reversing = True
        outputs.reverse, outputs.rate_ul_h, outputs.steps = True, 300_000, 8
        return True

    controller.back_off.step = back_off
    controller.interlock.apply = lambda outputs, state, cap: False


def forward_in_back_off(controller):
    def back_off(inputs, outputs, dt_ms):
        outputs.rate_ul_h, outputs.steps = 300_000, 1
        return True

    controller.back_off.step = back_off
    controller.interlock.apply = lambda outputs, state, cap: False


def more_than_the_lease(controller):
    spoil(controller.volume, "grant", lambda f: lambda rate, dt_ms, lease: f(rate, dt_ms, 1 << 29))


def no_supervisor_needed(controller):
    controller.alarms.needs_supervisor = lambda: False


def relieved(b):
    b.bench.inputs.down_pa = 61_000
    b.run(500)
    b.bench.inputs.down_pa = 4_000
    b.run(500)


def three_doors(b):
    for _ in range(3):
        b.something_happens({"door_open": True}, 100, False)
        b.come_back("RESUME", 3_000, 1)


# (what is spoiled, what then happens, what the oracle says)
CASES = [
    (faster_slew, lambda b: b.run(1_000), "uL/h .* ms after a start"),
    (faster_dwell, lambda b: b.wait_for_a_question(False, 11), "asked after"),
    (more_steps, lambda b: b.run(1_000), "a window with more"),
    (fewer_steps, lambda b: b.run(10_000), "a step that is owed"),
    (higher_rung, lambda b: b.run(10_000), "60000 allowed"),
    (deaf_to_stop, lambda b: b.send("STOP"), "in STOPPED"),
    (stop_refused, lambda b: b.send("STOP"), "STOP was refused"),
    (any_answer, lambda b: b.send("CONFIRM", 1), "answer 1 accepted"),
    (deaf_to_alarms, lambda b: b.something_happens({"door_open": True}, 100, True), "door open"),
    (deaf_to_alarms, lambda b: b.something_happens({"down_pa": 60_000}, 900, True), "down"),
    (deaf_to_alarms, lambda b: b.something_happens({"up_ok": False}, 900, True), "sensor"),
    (deaf_to_alarms, lambda b: b.something_happens({"up_pa": 0}, 9_000, True), "bag"),
    (deaf_to_alarms, lambda b: b.something_happens({"air": True}, 30_000, True), "50 uL of air"),
    (backward_at_once, lambda b: b.run(1_000), "backward in INFUSING"),
    (back_off_without_end, lambda b: b.the_line_is_blocked(80, "stays", 1), "0.5 mL backward"),
    (back_off_without_end, relieved, "line is relieved"),
    (forward_in_back_off, lambda b: b.the_line_is_blocked(5, "stays", 1), "forward in BACK_OFF"),
    (more_than_the_lease, lambda b: b.the_lease_runs_out(3, 5_000), "beyond the lease"),
    (no_supervisor_needed, three_doors, "without a supervisor"),
]


@pytest.mark.req("M24")
@pytest.mark.parametrize(
    ("tamper", "story", "verdict"), CASES, ids=[f"{c[0].__name__}: {c[2]}" for c in CASES]
)
def test_a_pump_that_was_tampered_with_is_convicted(bedside, tamper, story, verdict):
    tamper(bedside.bench.controller)
    bedside.bench.controller.bind_parts()
    with pytest.raises(Broken, match=verdict):
        story(bedside)


@pytest.mark.req("M24")
def test_a_held_rung_without_a_question_is_convicted(bedside):
    bedside.send("STAY")
    no_questions(bedside.bench.controller)
    bedside.bench.controller.bind_parts()
    with pytest.raises(Broken, match="nobody was asked"):
        bedside.bench.run(1_801_000, 20)


@pytest.mark.req("M24")
def test_a_ladder_that_does_not_start_again_is_convicted(bedside):
    bedside.wait_for_a_question(climb=True, most_min=11)
    bedside.bench.controller.titration.restart_ladder = lambda: None
    bedside.send("PAUSE")
    bedside.bench.run(1_801_000, 20)
    bedside.send("RESUME")
    with pytest.raises(Broken, match="60000 allowed"):
        bedside.bench.run(20_000, 20)


@pytest.mark.req("M24")
@pytest.mark.parametrize("story", [story for _, story, _ in CASES])
def test_a_sound_pump_is_acquitted(bedside, story):
    story(bedside)
    bedside.the_pump_is_where_the_oracle_is()
    bedside.what_is_reported_was_counted()


@pytest.mark.req("M24")
@pytest.mark.parametrize("module", [oracle, order_rules])
def test_the_oracle_asks_the_core_for_nothing(module):
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        if isinstance(node, ast.ImportFrom):
            assert not node.module.startswith("pump"), node.module
        elif isinstance(node, ast.Import):
            assert not node.names[0].name.startswith("pump")
