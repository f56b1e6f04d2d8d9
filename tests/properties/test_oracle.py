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
    spoil(controller.volume, "grant", lambda f: lambda rate, dt_ms: f(rate, dt_ms) + 1)


def fewer_steps(controller):
    controller.volume.grant = lambda rate, dt_ms: 0


def higher_rung(controller):
    controller.titration.rung = 1


def deaf_to_stop(controller):
    spoil(controller, "_go", lambda f: lambda event: event != st.EV_STOP and f(event))


def deaf_to_alarms(controller):
    controller.alarms.step = lambda seen, state, dt_ms: 0


def stop_refused(controller):
    controller._person = lambda inputs: reasons.NOT_IN_THIS_STATE


def any_answer(controller):
    def confirm(self, number):
        self.rung += 1
        return reasons.OK

    controller.titration.confirm = types.MethodType(confirm, controller.titration)


def no_questions(controller):
    controller.titration.advance = lambda rx, at_rate, may_climb, dt_ms: False


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
]


@pytest.mark.req("M24")
@pytest.mark.parametrize(
    ("tamper", "story", "verdict"), CASES, ids=[f"{c[0].__name__}: {c[2]}" for c in CASES]
)
def test_a_pump_that_was_tampered_with_is_convicted(bedside, tamper, story, verdict):
    tamper(bedside.bench.controller)
    with pytest.raises(Broken, match=verdict):
        story(bedside)


@pytest.mark.req("M24")
def test_a_held_rung_without_a_question_is_convicted(bedside):
    bedside.send("STAY")
    no_questions(bedside.bench.controller)
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
