"""Orders for the planner's tests: the one worked by hand, with single entries changed."""

from datetime import date

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


def order_with(changes: dict[str, str | None]) -> bytes:
    """The order as a file, with keys such as ``patient.risk`` changed, or removed by None."""
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


def codes(reasons):
    """The stable words of some reasons."""
    return [reason.code for reason in reasons]


def product(name, indication, percent, lot='{ lot = "A", expiry = 2031-06-30, grams = 200 }'):
    """Changes that order another product, from a lot that is large enough."""
    return {
        "product.name": f'"{name}"',
        "product.indication": f'"{indication}"',
        "product.concentration_percent": percent,
        "product.lots": f"[{lot}]",
        "limits": None,
    }
