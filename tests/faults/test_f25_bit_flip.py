"""F25: a bit of a rate, a ladder, a sum or the program changes by itself."""

from random import Random

import pytest
from fault_bench import CAP_UL_H, DEAD_MS, Pump, forward_edges
from pump_bench import Bedside, program, steps_above
from what_if import what_if

from host_sim.board import POWER_ON
from host_sim.fakes import hub
from host_sim.memory_faults import BITS, critical_cells

ORDER_ML = 2
# Every tick compares these; whatever flips in them is found by the next.
EVERY_TICK = {
    "volume.vtbi_steps", "volume.granted_steps", "volume.counted_steps", "volume.missing_steps",
    "volume.remainder", "interlock.budget", "ramp.rate_ul_h", "titration.rung",
    "titration.dwell_ms", "rx.cap_ul_h", "rx.slew_ul_h_s", "rx.occlusion_pa", "rx.rate_ul_h[0]",
}  # fmt: skip
# A field of the order is looked at every 34 ticks.
ORDER_MS = 400


@pytest.fixture(scope="module")
def short() -> Pump:
    """2 mL on two rungs, running at the first, which is 120 of 150 mL/h."""
    bed = Bedside(seed=3)
    bed.start(program((CAP_UL_H, 600), (150_000, 600), ml=ORDER_ML)).listen(15)
    return Pump(bed)


def cells(bed: Bedside) -> list[str]:
    return [name for name, _, _ in critical_cells(bed.board.application.controller)]


def flip(bed: Bedside, number: int) -> tuple[float, float, int, bool, list[str]]:
    """(last edge ms, steps above the cap, steps in all, ENABLE, alarms) after a flip."""
    bed.board.edge_log = []
    before, began_us = bed.board.step_edges, bed.board.now_us
    bed.fault("bit-flip", number)
    bed.listen(1.2)
    for _ in range(50):
        if bed.board.step_edges == before or not bed.is_enabled():
            break
        bed.board.run_until(bed.board.now_us + 2_000_000)
    bed.listen(0.2)
    edges = forward_edges(bed, began_us)
    last = edges[-1] if edges else began_us
    return (
        (last - began_us) / 1000,
        steps_above(edges, 150_000),
        bed.board.line.motor_steps,
        bed.is_enabled(),
        bed.alarms(),
    )


def judge(short: Pump, numbers: list[int]) -> dict[str, str]:
    """What is wrong after each flip, by what was flipped."""
    names = cells(short.bed)
    wrong = {}
    for number in numbers:
        last_ms, above, steps, is_enabled, alarms = short.ask(lambda bed, n=number: flip(bed, n))
        name = names[number // BITS % len(names)]
        what = f"{name} bit {number % BITS}"
        if above >= 1:
            wrong[what] = f"{above} steps above the cap"
        elif steps > ORDER_ML * 6400 + 1:
            wrong[what] = f"{steps} steps of {ORDER_ML * 6400}"
        elif name in EVERY_TICK and last_ms > DEAD_MS:
            wrong[what] = f"ran on for {last_ms} ms"
        elif name.startswith("rx.") and name != "rx.rungs_set" and is_enabled:
            wrong[what] = "never found"
        elif name in EVERY_TICK and "INTEGRITY" not in alarms:
            wrong[what] = f"stopped without its alarm: {alarms}"
    return wrong


@pytest.mark.req("F25", "L14")
def test_a_flip_in_every_variable_of_the_dose_is_never_above_the_cap_and_is_found(short):
    rng = Random(25)
    numbers = [i * BITS + rng.randrange(20) for i in range(len(cells(short.bed)))]
    assert len(numbers) >= 40
    assert judge(short, numbers) == {}


@pytest.mark.nightly
@pytest.mark.timeout(3000)
@pytest.mark.req("F25", "L14")
def test_a_flip_of_every_bit_of_every_variable_is_never_above_the_cap_and_is_found(short):
    assert judge(short, list(range(len(cells(short.bed)) * BITS))) == {}


@pytest.mark.req("F25")
def test_a_flip_in_the_guards_own_numbers_is_found_by_the_guard(short):
    def damage(bed: Bedside, name: str) -> tuple[float, bool]:
        guard = bed.board.application.guard
        setattr(guard, name, getattr(guard, name) ^ 1 << 9)
        began_us = bed.board.now_us
        bed.listen(0.5)
        return (bed.board.last_edge_us - began_us) / 1000, bed.is_enabled()

    # The permission is not among them: the loop says it anew in every tick.
    for name in ("_cap", "_cap_not", "_vtbi", "_total", "_back"):
        last_ms, is_enabled = short.ask(lambda bed, name=name: damage(bed, name))
        assert last_ms <= DEAD_MS, name
        assert not is_enabled, name


@pytest.mark.req("F25", "L16")
@pytest.mark.parametrize("seed", range(6))
def test_a_flip_in_a_file_of_the_firmware_fails_the_next_self_test(seed):
    bed = Bedside(seed)
    bed.fault("flash-bit-flip")
    bed.board.reset(POWER_ON)
    bed.board.run_self_test(15_000_000)
    assert bed.client.query("POST?")[:2] == ["FAILED", "IMAGE"]
    assert not bed.is_enabled()


@pytest.mark.req("F25")
def test_a_flip_in_flash_is_found_while_the_pump_is_off():
    def question() -> list[str]:
        bed = Bedside(seed=3)
        hub.board = bed.board
        bed.client.hello()
        bed.fault("flash-bit-flip")
        bed.listen(400, until=lambda: bool(bed.alarms()))
        return bed.alarms()

    assert what_if(question) == ["INTEGRITY"]


@pytest.mark.req("F25", "L8")
def test_a_flip_in_flash_changes_no_step_of_the_running_infusion(short):
    quiet = short.when(lambda bed: None, 10)
    seen = short.after("flash-bit-flip", 10)
    assert (seen.steps, seen.names()) == (quiet.steps, [])
