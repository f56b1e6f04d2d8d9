"""Which names a stretch of time on the emulated board looks up, and where they were.

MicroPython finds an attribute through ``mp_map_lookup``.  An image has no symbols, so
its address is found by what it does: it is called with a map, and a name that is in
the map.  Names are known by their numbers; what they are is read from the pools of
interned strings, a chain that begins somewhere in static memory and ends in the image.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from emulator.board import Board

_RAM = range(0x2000_0000, 0x2004_2000)
_FLASH = range(0x1000_0000, 0x1020_0000)
# ``mp_map_t``: flags and number of entries, room, table of (key, value).
_ALLOC = 4
_TABLE = 8
_ALLOC_MAX = 4000
_LR = 14
_PC = 15
_CYCLE_NS = 8.0  # at 125 MHz
_CALLS_TO_BE_SURE = 50
# ``qstr_pool_t``: pool before, names before (and a flag), room, names, hashes, lengths,
# and the names from here on.
_POOL_NAMES = 24
_POOLS_MAX = 40
_POOL_SIZE_MAX = 4096


@dataclass(frozen=True)
class Lookup:
    """``name`` is the name's number; ``slot`` its place in a table with room for
    ``alloc``, or -1 if it is not there; ``cycles`` what finding out took."""

    name: int
    slot: int
    alloc: int
    cycles: int


@dataclass(frozen=True)
class Name:
    """``is_the_images``: its number never changes."""

    text: str
    is_the_images: bool


class Lookups:
    """Watches the processor of ``board``, which then takes five times as long."""

    def __init__(self, board: Board):
        self._board = board
        self._core = board.mcu.core
        self._entry = 0
        self._seen: list[Lookup] = []

    def watch(self, seconds: float) -> list[Lookup]:
        """All lookups of the next ``seconds``, in their order."""
        if not self._entry:
            self._entry = self._find_entry()
        self._seen = []
        self._run(seconds, self._record())
        return self._seen

    def names(self) -> dict[int, Name]:
        """Every name that has a number so far.  Raises ``ValueError``."""
        longest: list[int] = []
        for address in _RAM:
            if address & 3 == 0:
                chain = self._pools(self._read(address))
                if len(chain) > len(longest):
                    longest = chain
        if not longest:
            raise ValueError("the image's names were not found")
        return {
            number: Name(name, pool_at in _FLASH)
            for pool_at in longest
            for number, name in self._names_in(pool_at)
        }

    # --- names ------------------------------------------------------------------------

    def _pools(self, pool_at: int) -> list[int]:
        """The chain that begins at ``pool_at``, or nothing if that is no pool."""
        chain: list[int] = []
        expected = None
        while True:
            if pool_at & 3 or (pool_at not in _RAM and pool_at not in _FLASH):
                return []
            before, number, room, length = (self._read(pool_at + 4 * i) for i in range(4))
            number &= 0x7FFF_FFFF
            if not 0 < length <= _POOL_SIZE_MAX or room > _POOL_SIZE_MAX:
                return []
            if expected is not None and number + length != expected:
                return []
            expected = number
            chain.append(pool_at)
            if before == 0:
                return chain if number == 0 and len(chain) > 1 else []
            if len(chain) == _POOLS_MAX:
                return []
            pool_at = before

    def _names_in(self, pool_at: int):
        number = self._read(pool_at + 4) & 0x7FFF_FFFF
        lengths = self._read(pool_at + 20)
        read_byte = self._board.mcu.read_uint8
        for i in range(self._read(pool_at + 12)):
            text = self._read(pool_at + _POOL_NAMES + 4 * i)
            data = bytes(read_byte(text + k) for k in range(read_byte(lengths + i)))
            yield number + i, data.decode("utf-8", "replace")

    # --- the processor -------------------------------------------------------------

    def _run(self, seconds: float, look) -> None:
        """One instruction after the other, ``look(cycles of the one before)`` before
        each."""
        core, clock = self._core, self._board.clock
        end_ns = clock.nanos + seconds * 1e9
        cycles = 0
        while clock.nanos < end_ns:
            if core.waiting:
                clock.tick(clock.nanos_to_next_alarm)
                continue
            look(cycles)
            cycles = core.execute_instruction()
            clock.tick(cycles * _CYCLE_NS)

    def _find_entry(self) -> int:
        """Where calls go whose arguments are a map and a name that is in it."""
        registers = self._core.registers
        called: Counter[int] = Counter()
        before = 0

        def look(_cycles: int) -> None:
            nonlocal before
            pc = registers[_PC] & ~1
            came_from = registers[_LR] & ~1
            if pc - before not in (0, 2, 4) and came_from - before in (2, 4):
                map_at, key, kind = registers[0], registers[1], registers[2]
                if kind == 0 and key & 7 == 2 and self._slot(map_at, key) >= 0:
                    called[pc] += 1
            before = pc

        self._run(0.02, look)
        (entry, calls), *_ = called.most_common(1) or [(0, 0)]
        if calls < _CALLS_TO_BE_SURE:
            raise ValueError("the image's lookup of names was not found")
        return entry

    def _record(self):
        registers = self._core.registers
        entry, seen = self._entry, self._seen
        returns = (0, 0)
        begun = (0, 0, 0)
        spent = 0

        def look(cycles: int) -> None:
            nonlocal returns, begun, spent
            spent += cycles
            pc = registers[_PC] & ~1
            if pc == entry and registers[1] & 7 == 2:
                map_at, key = registers[0], registers[1]
                begun = (key >> 3, self._slot(map_at, key), self._read(map_at + _ALLOC))
                returns = (registers[_LR] & ~1, registers[13])
                spent = 0
            elif pc == returns[0] and registers[13] == returns[1]:
                seen.append(Lookup(*begun, spent))
                returns = (0, 0)

        return look

    def _slot(self, map_at: int, key: int) -> int:
        if map_at & 3 or (map_at not in _RAM and map_at not in _FLASH):
            return -1
        table = self._read(map_at + _TABLE)
        alloc = self._read(map_at + _ALLOC)
        if alloc > _ALLOC_MAX or table & 3 or (table not in _RAM and table not in _FLASH):
            return -1
        for slot in range(alloc):
            if self._read(table + 8 * slot) == key:
                return slot
        return -1

    def _read(self, address: int) -> int:
        return self._board.mcu.read_uint32(address)
