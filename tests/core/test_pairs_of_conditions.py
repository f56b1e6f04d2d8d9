"""All pairs of alarm conditions, raised in the same tick.

A pair is brought about by its two real causes, the slower one begun earlier,
until both are raised in one tick: then the more urgent is shown, the more
restrictive response is taken, both are active, and sound and lamp are the more
urgent one's.
"""

from itertools import combinations

import pytest
from core.causes import BY_TIME, CAUSES, RANK, RESTRICTS, state_after
from properties.core_bench import CoreBench, Order, alarm_names, recovered

from pump.core import alarm_conditions as ac

NAMES = [row[ac.COL_NAME] for row in ac.ALARM_CONDITIONS]
PRIORITY = {name: c.priority for name, c in CAUSES.items()} | {n: c[0] for n, c in BY_TIME.items()}
RESPONSE = {name: c.response for name, c in CAUSES.items()} | {n: c[1] for n, c in BY_TIME.items()}
# One rung at 600 mL/h, so that everything that goes by volume is quick.
FAST = Order(
    vtbi_ul=2_000_000,
    dose_mg=200_000,
    weight_g=200_000,
    cap_ul_h=600_000,
    rungs=((599_900, 600), (600_000, 600)),
    link_timeout_s=5,
)
IN_INFUSING = [
    name for name in NAMES if name in CAUSES or name in ("NO_CONFIRMATION", "DELIVERY_TIME")
]
LONG = {"NO_CONFIRMATION", "DELIVERY_TIME", "FLOW_DRIFT", "KEY_STUCK"}
# Pairs that are not tried.
# The same reading of the same sensor cannot say both; with BAG_EMPTY the drops can.
NEVER_MEET = {
    frozenset({"UPSTREAM_OCCLUSION", "BAG_NEAR_EMPTY"}),
    # Too little and too much fall at once.
    frozenset({"FREE_FLOW", "BAG_EMPTY"}),
    # The question that is asked in that very moment is heard, and no fault then.
    frozenset({"SOUNDER_FAULT", "NO_CONFIRMATION"}),
    # Windows of 2 s that began with delivery, and moments that are fixed by it:
    # no order of this bench makes them meet.
    frozenset({"DELIVERY_TIME", "MOTOR_FAULT"}),  # counts come in twos and threes
    frozenset({"FLOW_DEVIATION", "MOTOR_FAULT"}),
    frozenset({"FLOW_DEVIATION", "BATTERY_EXHAUSTED"}),
    frozenset({"FLOW_DEVIATION", "DRIVER_HOT"}),
    frozenset({"FLOW_DEVIATION", "NO_CONFIRMATION"}),
    frozenset({"FLOW_DEVIATION", "DELIVERY_TIME"}),
}
# Nothing that is remembered can be believed: only what is judged in FAULT is.
UNJUDGED = {n for n in CAUSES if "FAULT" not in CAUSES[n].states} | {
    "NO_CONFIRMATION",
    "DELIVERY_TIME",
}


def begin(bench: CoreBench, name: str, other: str) -> None:
    inputs = bench.inputs
    if name == "BAG_EMPTY" and other in ("UPSTREAM_OCCLUSION", "BAG_NEAR_EMPTY", "SENSOR_FAULT"):
        bench.drop_permille = 0  # no drop for a millilitre says so as well
    elif name == "SENSOR_FAULT" and other in ("UPSTREAM_OCCLUSION", "BAG_NEAR_EMPTY", "BAG_EMPTY"):
        inputs.down_ok = False
    elif name == "INTEGRITY":
        bench.controller.delivery_ms ^= 1  # looked at in every tick
    elif name in CAUSES:
        CAUSES[name].begin(bench)


class Bases:
    """Pumps shortly before a slow condition is raised."""

    SPARE = 700  # ticks

    def __init__(self) -> None:
        self.made: dict[str, CoreBench] = {}

    def get(self, name: str, shift: int = 0) -> CoreBench:
        """``shift``: ticks by which the slow round of the board lies elsewhere; a
        tick of 20 ms at its end makes it end one tick later.  Below zero: ticks
        by which everything is later."""
        if name not in self.made:
            self.made[name] = getattr(self, f"make_{name}")()
        bench = self.made[name].clone()
        for _ in range(-shift):
            bench.tick()
        for _ in range(shift):
            while bench.controller.board._slow_ms != 150:
                bench.tick()
            bench.tick(20)
        return bench

    def make_plain(self) -> CoreBench:
        bench = CoreBench().begin(FAST)
        bench.run(60_000, 20)
        return bench

    def make_KEY_STUCK(self) -> CoreBench:  # noqa: N802 - the condition's name
        bench = self.get("plain")
        bench.inputs.ok_key = True
        bench.run(60_000 - 10 * self.SPARE)
        return bench

    def make_FLOW_DRIFT(self) -> CoreBench:  # noqa: N802 - likewise
        bench = self.get("plain")
        bench.encoder_permille = 920
        probe = bench.clone()
        most = probe.run_until(lambda: "FLOW_DRIFT" in probe.alarms, 700_000)
        bench.run(most - 10 * self.SPARE)
        return bench

    def make_NO_CONFIRMATION(self) -> CoreBench:  # noqa: N802 - likewise
        bench = self.get("plain")
        bench.run_until_asked(20)
        bench.run(900_000 - 10 * self.SPARE)
        return bench

    def make_DELIVERY_TIME(self) -> CoreBench:  # noqa: N802 - likewise
        bench = recovered(delivery_s=21_600 - 62, order=FAST)
        bench.tick()
        assert bench.send("RESET") == "OK"
        assert bench.send("RESUME") == "OK"
        bench.run(62_000 - 10 * self.SPARE)
        return bench


@pytest.fixture(scope="module")
def bases() -> Bases:
    return Bases()


def ticks_to(base: CoreBench, name: str, other: str = "", begins: bool = True) -> int:
    """Ticks until ``name`` is raised, from its cause or, if that has begun, from now."""
    bench = base.clone()
    if begins:
        begin(bench, name, other)
    for tick in range(2 * Bases.SPARE):
        bench.tick()
        if name in alarm_names(bench.outputs.raised):
            return tick
    raise AssertionError(f"{name} was not raised")


def attempt(base: CoreBench, one: str, other: str, delay: int, most: int) -> CoreBench | None:
    """``one`` has begun, ``other`` does after ``delay`` ticks; the bench in the
    tick in which both were raised."""
    bench = base.clone()
    for tick in range(most):
        if tick == delay:
            begin(bench, other, one)
        bench.tick()
        raised = alarm_names(bench.outputs.raised)
        if {one, other} <= raised:
            return bench
        if bench.state != "INFUSING":
            return None
    return None


def together(bases: Bases, one: str, other: str) -> CoreBench | None:
    """Both raised in one tick."""
    slow = [name for name in (one, other) if name in LONG]
    # Slow things are looked at every 16th tick, a window of the flow closes every
    # 200th: where they lie is shifted until the two can meet.
    keeps = "KEEP" in (RESPONSE[one], RESPONSE[other])
    shifts = [0, 1] if keeps else [*range(0, -16, -1), *range(1, 16)]
    if "FLOW_DEVIATION" in (one, other) and not slow:
        base = bases.get("plain")
        took = {name: ticks_to(base, name) for name in (one, other)}
        quick = other if one == "FLOW_DEVIATION" else one
        shifts.insert(0, (took[quick] - took["FLOW_DEVIATION"]) % 200 - 200)
    for shift in shifts:
        base = bases.get(slow[0] if slow else "plain", shift)
        took = {one: ticks_to(base, one, other), other: ticks_to(base, other, one)}
        later = slow[0] if slow else max((one, other), key=took.__getitem__)
        earlier = other if later == one else one
        begin(base, later, earlier)
        # Near to the tick of the slower one, so that attempts are short.
        for _ in range(took[later] - took[earlier] - 25):
            base.tick()
        left = ticks_to(base, later, begins=False)
        guess = left - took[earlier]
        if RESPONSE[later] != "STOP":
            guess = left - ticks_to(base, earlier, later)
        for step in range(20):
            for delay in {guess + step, guess - step}:
                bench = attempt(base, later, earlier, delay, left + 40) if delay >= 0 else None
                if bench is not None:
                    return bench
    return None


def one_after_the_other(bases: Bases, one: str, other: str) -> CoreBench:
    """For two that are looked at in different ticks of a slow round: what goes on
    delivering is raised first, and the other one comes to it."""
    first, second = sorted((one, other), key=lambda name: RESTRICTS[RESPONSE[name]])
    assert RESPONSE[first] == "KEEP", (one, other)
    if second == "NO_CONFIRMATION":  # every alarm is a new question, and a new quarter
        first, second = second, first
    slow = [name for name in (one, other) if name in LONG]
    bench = bases.get(slow[0] if slow else "plain")
    for name, role in ((first, second), (second, first)):
        begin(bench, name, role)
        # Called before the loop goes on, so what it has bound is of this turn.
        bench.run_until(lambda: name in bench.alarms, 15_000)  # noqa: B023
    return bench


def check(bench: CoreBench, state: str, one: str, other: str, in_one_tick=True) -> None:
    def key(name: str) -> tuple[int, int, int]:
        return RANK[PRIORITY[name]], RESTRICTS[RESPONSE[name]], -NAMES.index(name)

    shown = NAMES[bench.controller.alarms.first()]
    assert {one, other} <= bench.alarms
    assert shown == max(bench.alarms, key=key)
    assert key(shown) >= max(key(one), key(other))
    worse = max((one, other), key=lambda name: RESTRICTS[RESPONSE[name]])
    stops = {n for n in bench.alarms if RESPONSE[n] == "STOP"}
    expected = state_after(state, worse, RESPONSE[worse])
    if expected == "BACK_OFF" and stops != {"DOWNSTREAM_OCCLUSION"}:
        expected = "ALARM_STOPPED"  # turning back only if nothing else is wrong
    assert bench.state == expected
    out = bench.outputs
    rank = RANK[PRIORITY[shown]]
    assert out.sound or not in_one_tick
    if in_one_tick:
        assert (out.lamp_red, out.lamp_yellow) == (rank == 2, rank < 2)
    if RESTRICTS[RESPONSE[worse]]:
        assert (out.rate_ul_h, out.steps) == (0, 0)
        assert out.enable is (bench.state == "BACK_OFF")


PAIRS = [p for p in combinations(IN_INFUSING, 2) if frozenset(p) not in NEVER_MEET]
OF_MEMORY = [p for p in PAIRS if "INTEGRITY" in p and set(p) & UNJUDGED]
TWO_SLOW = [p for p in PAIRS if set(p) <= LONG]
IN_ONE_TICK = [p for p in PAIRS if p not in OF_MEMORY and p not in TWO_SLOW]


def test_how_many_pairs_there_are():
    assert len(NAMES) == 30
    assert len(PAIRS) + len(NEVER_MEET) == 25 * 24 // 2
    print(f"INFUSING: {len(PAIRS)} pairs, of them {len(TWO_SLOW)} of two slow ones")


@pytest.mark.parametrize("one", IN_INFUSING[:-1])
@pytest.mark.req("F36")
def test_two_at_once_while_infusing_are_taken_by_the_worse(bases, one):
    missed = []
    for pair in IN_ONE_TICK:
        if pair[0] == one:
            bench = together(bases, *pair)
            in_one_tick = bench is not None
            if not in_one_tick:
                if "KEEP" not in (RESPONSE[pair[0]], RESPONSE[pair[1]]):
                    missed.append(pair)
                    continue
                bench = one_after_the_other(bases, *pair)
            check(bench, "INFUSING", *pair, in_one_tick)
    assert not missed


@pytest.mark.parametrize("pair", OF_MEMORY, ids="-".join)
@pytest.mark.req("F25")
def test_a_fault_of_memory_leaves_nothing_else_to_be_believed(bases, pair):
    other = pair[0] if pair[1] == "INTEGRITY" else pair[1]
    bench = bases.get(other if other in LONG else "plain")
    begin(bench, other, "INTEGRITY")
    for _ in range(ticks_to(bench, other, begins=False)):
        bench.tick()
    begin(bench, "INTEGRITY", other)
    bench.tick()
    assert (bench.state, bench.outputs.enable) == ("FAULT", False)
    assert (bench.outputs.rate_ul_h, bench.outputs.steps) == (0, 0)
    assert NAMES[bench.controller.alarms.first()] == "INTEGRITY"
    assert bench.outputs.sound
    assert bench.outputs.lamp_red


# Judged in the state, and raised by a cause within seconds.
STANDING = {
    state: [
        name
        for name, cause in CAUSES.items()
        if state in cause.states and name != "KEY_STUCK" and cause.most_ms < 5_000
    ]
    for state in ("PAUSED", "IDLE")
}


@pytest.mark.parametrize("state", ["PAUSED", "IDLE"])
@pytest.mark.req("F36")
def test_two_at_once_while_standing_are_taken_by_the_worse(bench_in, state):
    count = 0
    for one, other in combinations(STANDING[state], 2):
        bench = bench_in(state)
        bench.run(300)
        for name, role in ((one, other), (other, one)):
            begin(bench, name, role)
        for _ in range(500):
            bench.tick()
            if {one, other} <= bench.alarms:
                break
            if bench.state == "FAULT":
                # The rest is judged in every state; what is not, is not raised.
                assert bench.controller.alarms.active
        judged = {name for name in (one, other) if "FAULT" in CAUSES[name].states}
        if {one, other} <= bench.alarms:
            check(bench, state, one, other, in_one_tick=False)
        else:
            assert bench.state == "FAULT"
            assert judged <= bench.alarms
        assert not bench.outputs.enable
        count += 1
    print(f"{state}: {count} pairs")
    assert count == len(STANDING[state]) * (len(STANDING[state]) - 1) // 2 >= 28
