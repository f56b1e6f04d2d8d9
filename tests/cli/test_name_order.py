"""The order of names: what it costs is counted as MicroPython's cache would."""

import re
from random import Random

from emulator.lookups import Lookup
from titra.name_order import ORDER, Order, known_before

PLACES = 64


def a_tick() -> list[Lookup]:
    """Three hundred names, each at its place in a table, some of them several times."""
    chance = Random(7)
    names = [(name, chance.randrange(37)) for name in range(1000, 1300)]
    uses = [chance.choice(names) for _ in range(600)]
    return [Lookup(name, slot, 37, 0) for name, slot in uses * 3]


def missed(lookups: list[Lookup], place: dict[int, int]) -> int:
    """Counted one lookup after the other."""
    kept: dict[int, int] = {}
    misses = 0
    for look in lookups:
        misses += kept.get(place[look.name]) != look.slot
        kept[place[look.name]] = look.slot
    return misses


def places(order: Order, first: int) -> dict[int, int]:
    return {name: (first + i) % PLACES for i, name in enumerate(order.names)}


def test_misses_are_those_of_the_cache_and_fewer_after_exchanges():
    lookups = a_tick()
    first = 1241
    order = Order(lookups, sorted({look.name for look in lookups}), first)
    before = order.misses()
    assert before == missed(lookups, places(order, first))
    order.improve(5000, 1)
    assert order.misses() == missed(lookups, places(order, first))
    assert order.misses() < before / 2
    assert len(set(order.names)) == len(order.names)


def test_no_name_in_the_file_has_its_number_before_or_twice():
    """One that had would move all behind it by a place."""
    names = re.findall(r"(?m)^    o\.(\w+)$", ORDER.read_text())
    assert len(names) == len(set(names)) > 200
    assert not set(names) & known_before()
