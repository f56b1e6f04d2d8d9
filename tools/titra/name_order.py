"""In which order the firmware's names are best known to MicroPython: ``python -m
titra.name_order UF2`` (``make names``).

MicroPython keeps the place of the name that it found last in one of 64 bytes, chosen
by the name's number, and looks there first: 0.7 us on an RP2040 instead of 2.4 and
more.  Numbers are given in the order in which names are first met.  A tick uses some
270 names 400 times; in the order of the files two thirds of its lookups miss.  Names
that stand at the same place in their tables can share a byte, so an order exists in
which few do.

Boots the firmware on an emulated RP2040, notes what its ticks look up while it
infuses, looks for such an order by exchanging names as long as that makes fewer
misses, and writes ``firmware/pump/name_order.py``, which the board loads before
anything else and forgets: what stays is the numbers.
"""

from __future__ import annotations

import random
import re
import sys
from collections import defaultdict
from pathlib import Path

from emulator.lookups import Lookup, Lookups, Name
from emulator.pump import Pump
from titra.chip_firmware import probed_firmware
from titra.compile import FIRMWARE
from titra.files import write_whole

ORDER = FIRMWARE / "pump" / "name_order.py"
_PLACES = 64  # MICROPY_OPT_MAP_LOOKUP_CACHE_SIZE of 128, of which names use every second
_TICKS = 16
_TICK_S = 0.01
_RATE_UL_H = 350_000
_ROUNDS = 400_000
_SEED = 2026
_LOADED_BEFORE = ("boot.py", "main.py", "pump/__init__.py")
_HEAD = '''"""Names in the order in which ticks look them up fastest.

Made by `make names`; see `tools/titra/name_order.py`.  Nothing here is ever called:
loading it is what numbers the names.  Of {lookups} lookups in a tick {after} miss the cache.
"""


def never_called(o):
'''


def _words(path: Path) -> set[str]:
    """Every name in a source file, attributes and strings too."""
    return set(re.findall(r"[A-Za-z_]\w*", path.read_text()))


def known_before() -> set[str]:
    """Names that have their numbers before the order is loaded."""
    return set().union(*(_words(FIRMWARE / name) for name in _LOADED_BEFORE))


class Order:
    """Which of the 64 places each name has, and what that costs.

    ``lookups``  of a few ticks
    ``free``     numbers of the names that may be moved, in their order at first
    ``first``    number that the first of them will have
    """

    def __init__(self, lookups: list[Lookup], free: list[int], first: int):
        self._first = first
        self._found = [look for look in lookups if look.slot >= 0]
        self.names = free
        self._place = {name: (first + i) % _PLACES for i, name in enumerate(free)}
        self._uses: dict[int, list[int]] = defaultdict(list)
        for at, look in enumerate(self._found):
            self._uses[look.name].append(at)
        self._at: list[list[int]] = [[] for _ in range(_PLACES)]
        for name in self._uses:
            self._at[self._place_of(name)].append(name)

    def _place_of(self, name: int) -> int:
        return self._place.get(name, name % _PLACES)

    def misses_at(self, place: int) -> int:
        """Lookups of the names at ``place`` that find another's slot."""
        found = self._found
        kept = -1
        misses = 0
        for at in sorted(at for name in self._at[place] for at in self._uses[name]):
            look = found[at]
            if kept < 0 or kept % look.alloc != look.slot:
                misses += 1
            kept = look.slot & 0xFF
        return misses

    def misses(self) -> int:
        """Of all lookups."""
        return sum(self.misses_at(place) for place in range(_PLACES))

    def exchange(self, i: int, j: int) -> None:
        """Names ``i`` and ``j`` of the order take each other's place."""
        names, place = self.names, self._place
        a, b = names[i], names[j]
        self._at[place[a]].remove(a)
        self._at[place[b]].remove(b)
        place[a], place[b] = place[b], place[a]
        self._at[place[a]].append(a)
        self._at[place[b]].append(b)
        names[i], names[j] = b, a

    def improve(self, rounds: int, seed: int) -> None:
        """Exchange two names at a time, and back if that made it worse."""
        chance = random.Random(seed)
        n = len(self.names)
        for _ in range(rounds):
            i, j = chance.randrange(n), chance.randrange(n)
            p, q = (self._first + i) % _PLACES, (self._first + j) % _PLACES
            if p == q:
                continue
            before = self.misses_at(p) + self.misses_at(q)
            self.exchange(i, j)
            if self.misses_at(p) + self.misses_at(q) > before:
                self.exchange(i, j)


def observe(uf2: str) -> tuple[list[Lookup], dict[int, Name]]:
    """Lookups of ticks that infuse, and the names by their numbers."""
    pump = Pump(uf2, probed_firmware(hurried=True))
    pump.boot()
    pump.client.hello()
    pump.at_rate(_RATE_UL_H)
    lookups = Lookups(pump.board)
    return lookups.watch(_TICKS * _TICK_S), lookups.names()


def main(uf2: str) -> None:
    """Measure, order, write."""
    lookups, names = observe(uf2)
    known = known_before()
    free = []
    for look in lookups:
        name = names[look.name]
        if not name.is_the_images and name.text not in known and look.name not in free:
            free.append(look.name)
    numbers = {name.text: number for number, name in names.items()}
    # The file that stands now was loaded first; whatever it holds, the next begins there.
    first = min(numbers[name] for name in re.findall(r"o\.(\w+)", ORDER.read_text()))
    order = Order(lookups, free, first)
    order.improve(_ROUNDS, _SEED)
    text = _HEAD.format(
        lookups=round(len(lookups) / _TICKS),
        after=round(order.misses() / _TICKS),
    )
    write_whole(ORDER, text + "".join(f"    o.{names[n].text}\n" for n in order.names))
    print(text)


if __name__ == "__main__":
    main(sys.argv[1])
