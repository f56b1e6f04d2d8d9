"""Orders for the tests: the one that was worked by hand, with single entries changed."""

from collections.abc import Callable
from datetime import date

import pytest
from titra.library import load_library
from titra.order import parse_order
from titra.planner import Plan, plan

# Raw TOML per key, so that a test can put anything in its place.
BY_HAND = {
    "patient": {"weight_kg": "70.0", "risk": '["renal"]', "tolerance": '"tolerated"'},
    "product": {
        "name": '"gammagard-liquid"',
        "indication": '"pi"',
        "concentration_percent": "10",
        "lots": '[{ lot = "LE12V345", expiry = 2027-06-30, grams = 40.0 }]',
    },
    "dose": {"grams": "40.0", "days": "1"},
    "setting": {"place": '"clinic"', "premedication_minutes": "45"},
    "limits": {"max_rate_ml_h": "300.0"},
    "course": {"id": '"2026-11-A"', "last_dose": "2026-10-24"},
}
TODAY = date(2026, 11, 20)


def _bytes(changes: dict[str, str | None]) -> bytes:
    tables = {name: dict(rows) for name, rows in BY_HAND.items()}
    for field, raw in changes.items():
        table, _, key = field.partition(".")
        if not key:
            del tables[table]
        elif raw is None:
            del tables[table][key]
        else:
            tables.setdefault(table, {})[key] = raw
    lines = []
    for table, rows in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{key} = {raw}" for key, raw in rows.items()]
    return "\n".join(lines).encode()


@pytest.fixture(scope="session")
def today() -> date:
    return TODAY


@pytest.fixture(scope="session")
def library():
    return load_library()


@pytest.fixture(scope="session")
def order_bytes() -> Callable[[dict], bytes]:
    """The order worked by hand as a file; values are raw TOML, None removes."""
    return _bytes


@pytest.fixture(scope="session")
def problems_of(library) -> Callable[[dict], dict[str, str]]:
    """What the reader says of a changed order: message by field."""
    from titra.order import OrderError

    def problems(changes: dict) -> dict[str, str]:
        with pytest.raises(OrderError) as caught:
            parse_order(_bytes(changes), "ORDER.toml", library)
        return {problem.field: problem.message for problem in caught.value.problems}

    return problems


@pytest.fixture(scope="session")
def planned(library) -> Callable[..., Plan]:
    """The plan of a changed order, as of a fixed day."""

    def planned(changes: dict, today: date = TODAY) -> Plan:
        return plan(parse_order(_bytes(changes), "ORDER.toml", library), library, today)

    return planned
