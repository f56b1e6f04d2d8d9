"""What a logic analyser at the pins has seen, in nanoseconds since power-on."""

from __future__ import annotations

from emulator.board import Board


class Edges:
    """Changes of ``pins``, each (ns, level); a pin that is let go counts as low, as
    its external resistor makes it."""

    def __init__(self, board: Board, pins: tuple[int, ...]):
        self._changes: dict[int, list[tuple[float, int]]] = {pin: [] for pin in pins}
        self._levels = dict.fromkeys(pins, 0)
        board.on_edge.append(self._edge)

    def _edge(self, ns: float, pin: int, _old: int, new: int) -> None:
        if pin not in self._changes:
            return
        level = 1 if new == 1 else 0
        if level != self._levels[pin]:
            self._levels[pin] = level
            self._changes[pin].append((ns, level))

    def of(self, pin: int, since_s: float = 0.0) -> list[tuple[float, int]]:
        return [change for change in self._changes[pin] if change[0] >= since_s * 1e9]

    def rising(self, pin: int, since_s: float = 0.0) -> list[float]:
        """Times of the rising edges in ns."""
        return [ns for ns, level in self.of(pin, since_s) if level]

    def falling(self, pin: int, since_s: float = 0.0) -> list[float]:
        return [ns for ns, level in self.of(pin, since_s) if not level]

    def count(self, pin: int) -> int:
        """Rising edges so far."""
        return len(self.rising(pin))

    def level(self, pin: int) -> int:
        return self._levels[pin]

    def clear(self) -> None:
        """Forget what was; levels stay."""
        for changes in self._changes.values():
            changes.clear()
