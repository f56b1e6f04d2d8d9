"""Slew between rates: rises are stepped, falls are immediate.  (L13)"""


class RateRamp:
    """The commanded rate on its way to a target.

    ``rate_ul_h`` never passes the target on the way up, and is at the target
    in the same tick on the way down.
    """

    def __init__(self):
        self.rate_ul_h = 0
        self._carry = 0  # uL/h x ms/s, the part of a rise below 1 uL/h

    def zero(self) -> None:
        """Stop at once; stopping is never ramped."""
        self.rate_ul_h = 0
        self._carry = 0

    def step(self, target_ul_h: int, slew_ul_h_s: int, dt_ms: int) -> int:
        """Move towards ``target_ul_h`` for ``dt_ms`` (0 to 20 ms); returns the rate.

        ``slew_ul_h_s`` is 1_000 to 10_000 uL/h per second; its product with
        ``dt_ms`` is divided by 1000 with the remainder carried, so a rise of
        1 mL/h takes exactly a second however the ticks fall.
        """
        rate = self.rate_ul_h
        if rate == target_ul_h:
            return rate
        if rate > target_ul_h:
            self._carry = 0
            self.rate_ul_h = target_ul_h
            return target_ul_h
        total = slew_ul_h_s * dt_ms + self._carry
        rate += total // 1000
        self._carry = total % 1000
        if rate >= target_ul_h:
            rate = target_ul_h
            self._carry = 0
        self.rate_ul_h = rate
        return rate
