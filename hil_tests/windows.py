"""The suite's own reckoning of what a rate allows, from edges alone."""

from __future__ import annotations

from hil_tests.promised import STEPS_PER_ML


def period_us(rate_ul_h: int) -> float:
    """From step to step at that rate."""
    return 3.6e9 * 1000 / (rate_ul_h * STEPS_PER_ML)


def above_cap(edges: list[int], cap_ul_h: int) -> float:
    """By how many steps the fullest window of any length holds more than the cap delivers
    in it: one is the promise, for a window that begins with a step."""
    period = period_us(cap_ul_h)
    least = 0.0
    worst = 0.0
    for number, us in enumerate(edges):
        ahead = number - (us - edges[0]) / period
        least = min(least, ahead)
        worst = max(worst, ahead - least)
    return worst


def from_grid(edges: list[int], rate_ul_h: int) -> list[float]:
    """How far each step is from where an even train would have it, counted from the first."""
    period = period_us(rate_ul_h)
    return [abs(number - (us - edges[0]) / period) for number, us in enumerate(edges)]
