"""Fixtures of the core's tests: pumps in any state, reached by events alone."""

from collections.abc import Callable

import pytest
from properties.core_bench import CoreBench, Order, reach

from pump.core.prescription import Prescription


@pytest.fixture(scope="session")
def _benches() -> dict[str, CoreBench]:
    return {}


@pytest.fixture(scope="session")
def bench_in(_benches) -> Callable[[str], CoreBench]:
    """A pump in the named state with the default order."""

    def bench_in(state: str) -> CoreBench:
        if state not in _benches:
            _benches[state] = reach(state)
        return _benches[state].clone()

    return bench_in


@pytest.fixture(scope="session")
def _asked() -> CoreBench:
    bench = reach("INFUSING")
    bench.run_until_asked()
    return bench


@pytest.fixture
def asked(_asked) -> CoreBench:
    """A pump on rung 0 that has just asked for the step up."""
    return _asked.clone()


@pytest.fixture(scope="session")
def staged() -> Callable[[Order], Prescription]:
    """A prescription that holds an order, not yet checked."""

    def staged(order: Order) -> Prescription:
        rx = Prescription()
        order.stage(rx)
        return rx

    return staged
