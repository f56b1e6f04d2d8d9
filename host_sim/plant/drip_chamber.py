"""The drip chamber below the bag: falling drops count what really leaves it."""

from __future__ import annotations

from collections.abc import Callable

# A 20 drops/mL giving set, the common one; how large its drops are differs from
# set to set and with the fluid, by a tenth either way.
NOMINAL_DROP_UL = 50.0
DROP_TOLERANCE = 0.1
# The detector's beam is broken for this long by one drop.
PULSE_US = 30_000
# Faster than one in 60 ms (3000 mL/h) drops run together.
LEAST_APART_US = 60_000


class DripChamber:
    """Lets a drop fall each time that ``drop_ul`` more have left the bag.

    ``next_at_ul``  volume of the bag at which the next drop falls
    ``drops``       that have fallen
    ``on_drop``     told of each; until it sets ``is_free`` again none falls
    """

    def __init__(self, chance: float, bag_ul: float):
        """``chance``, 0 to 1, is where in the tolerance this set lies."""
        self.drop_ul = NOMINAL_DROP_UL * (1 - DROP_TOLERANCE + 2 * DROP_TOLERANCE * chance)
        self.next_at_ul = bag_ul - self.drop_ul
        self.drops = 0
        self.is_free = True
        self.on_drop: Callable[[], None] | None = None

    def let_fall(self, bag_ul: float) -> None:
        """The bag is down to ``bag_ul``, at or below ``next_at_ul``."""
        if not self.is_free:
            return
        self.drops += 1
        self.next_at_ul -= self.drop_ul
        if self.next_at_ul > bag_ul:
            # More than one is owed: a stream, not drops.
            self.next_at_ul = bag_ul - self.drop_ul
        if self.on_drop:
            self.is_free = False
            self.on_drop()

    def new_bag(self, bag_ul: float) -> None:
        """Another bag hangs above it."""
        self.next_at_ul = bag_ul - self.drop_ul
