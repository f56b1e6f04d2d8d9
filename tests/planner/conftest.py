"""Fixtures of the planner's tests."""

from collections.abc import Callable
from datetime import date

import pytest
from planner_orders import TODAY, order_with

from titra.library import load_library
from titra.planning.order import parse_order
from titra.planning.planner import Plan, plan


@pytest.fixture(scope="session")
def today() -> date:
    return TODAY


@pytest.fixture(scope="session")
def library():
    return load_library()


@pytest.fixture(scope="session")
def order_bytes() -> Callable[[dict], bytes]:
    """The order worked by hand as a file; values are raw TOML, None removes."""
    return order_with


@pytest.fixture(scope="session")
def problems_of(library) -> Callable[[dict], dict[str, str]]:
    """What the reader says of a changed order: message by field."""
    from titra.planning.order import OrderError

    def problems(changes: dict) -> dict[str, str]:
        with pytest.raises(OrderError) as caught:
            parse_order(order_with(changes), "ORDER.toml", library)
        return {problem.field: problem.message for problem in caught.value.problems}

    return problems


@pytest.fixture(scope="session")
def planned(library) -> Callable[..., Plan]:
    """The plan of a changed order, as of a fixed day."""

    def planned(changes: dict, today: date = TODAY) -> Plan:
        return plan(parse_order(order_with(changes), "ORDER.toml", library), library, today)

    return planned
