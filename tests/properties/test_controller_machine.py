"""Nothing is delivered that was not earned, whatever happens in whatever order.

The rules are in ``bedside``, the promises in ``oracle``.  A counterexample
prints as a list of calls that can be replayed by hand.  Shrinking replays hours
of infusion many times and is left to ``HYPOTHESIS_PROFILE=nightly``.
"""

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as hs
from hypothesis.stateful import initialize, rule
from properties import strategies
from properties.bedside import Bedside
from properties.compressed import Compressed
from properties.core_bench import Order
from properties.profiles import NAME, examples

PHASES = tuple(Phase) if NAME == "nightly" else (Phase.explicit, Phase.reuse, Phase.generate)
TIMEOUT_S = 7200 if NAME == "nightly" else 120
SCALE = 100

# Orders that come through in the time of an example.
orders = strategies.valid_orders(fewest_rungs=3, most_rungs=4, longest_dwell_s=630)
fast_orders = strategies.valid_orders(
    fewest_rungs=2, most_rungs=5, longest_dwell_s=1_000, highest_cap=60_000, scale=SCALE
)


class RealTime(Bedside):
    """Limits as they are."""

    @initialize(queue_ticks=hs.integers(1, 3), order=orders, climbed=hs.sampled_from([2, 1, 2, 0]))
    def power_on(self, queue_ticks: int, order: Order, climbed: int) -> None:
        super().power_on(queue_ticks, order, climbed)

    @rule(order=hs.one_of(orders, strategies.any_orders()), begin=hs.booleans())
    def program(self, order: Order, begin: bool) -> None:
        super().program(order, begin)


class CompressedTime(Bedside):
    """A minute lasts 0.6 s: many more decisions in an example."""

    SCALE = SCALE
    TICKS_MOST = 20_000 if NAME == "nightly" else 6_000

    def __init__(self):
        super().__init__()
        self.compressed = Compressed(SCALE)
        self.compressed.begin()

    def teardown(self) -> None:
        self.compressed.end()

    @initialize(
        queue_ticks=hs.integers(1, 3), order=fast_orders, climbed=hs.sampled_from([1, 3, 0, 2])
    )
    def power_on(self, queue_ticks: int, order: Order, climbed: int) -> None:
        super().power_on(queue_ticks, order, climbed)

    @rule(order=fast_orders, begin=hs.booleans())
    def program(self, order: Order, begin: bool) -> None:
        super().program(order, begin)


RealTime.TestCase.settings = settings(
    max_examples=examples(16), stateful_step_count=30, phases=PHASES
)
CompressedTime.TestCase.settings = settings(
    max_examples=examples(220), stateful_step_count=50, phases=PHASES
)


@pytest.mark.req("L12", "M1", "M17", "M24")
@pytest.mark.req("L14")
@pytest.mark.timeout(TIMEOUT_S)
class TestRealTime(RealTime.TestCase):
    pass


@pytest.mark.req("L12", "M1", "M17", "M24")
@pytest.mark.req("L14")
@pytest.mark.timeout(TIMEOUT_S)
class TestCompressedTime(CompressedTime.TestCase):
    pass
