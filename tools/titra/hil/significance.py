"""Is one set of times later than another?  Two tests that assume no distribution.

Latencies are not normal: bounded below, quantised by the tick, with a tail.  So:

- *Location*: Mann and Whitney's U (Ann. Math. Stat. 18, 1947), ties averaged.  Every
  arrangement of the labels is counted where there are few, else the normal approximation
  with correction for ties and continuity.  Size of the effect: the probability that a value
  of B is the larger one (Vargha and Delaney, J. Educ. Behav. Stat. 25, 2000), and the shift,
  the median of all differences (Hodges and Lehmann, Ann. Math. Stat. 34, 1963).
- *Tail*: how many of the largest values of both together belong to B.  When labels are
  exchanged at random this number is hypergeometric, so the permutation test is exact and
  needs no drawing; it sees a few late stops that a median does not.
- *Several at once*: Holm's step-down correction (Scand. J. Stat. 6, 1979) over all tests of
  a comparison.

SciPy has two of the three; forty lines are less than a dependency of 100 MB.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

# The largest twentieth of all values is the tail, at least so many of them: with fewer than
# eight, all from one side, chance alone does it once in 128 times.
TAIL_SHARE = 0.05
TAIL_LEAST = 8
_ARRANGEMENTS_MOST = 20_000
# Below this the normal approximation of U is not trusted.
_NORMAL_FROM = 8


def _ranks(values: Sequence[float]) -> list[float]:
    """Rank of each value from 1; equal ones share the mean of theirs."""
    ordered = sorted(values)
    return [(bisect_left(ordered, v) + 1 + bisect_right(ordered, v)) / 2 for v in values]


def location_p(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Two-sided p of Mann and Whitney's test; ``None`` where there are too few values."""
    n, m = len(a), len(b)
    ranks = _ranks([*a, *b])
    mean = m * (n + m + 1) / 2
    off = abs(sum(ranks[n:]) - mean)
    if math.comb(n + m, m) <= _ARRANGEMENTS_MOST:
        sums = [sum(chosen) for chosen in combinations(ranks, m)]
        return sum(abs(s - mean) >= off - 1e-9 for s in sums) / len(sums)
    if min(n, m) < _NORMAL_FROM:
        return None
    ties = sum(t**3 - t for t in Counter([*a, *b]).values())
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    return math.erfc(max(0.0, off - 0.5) / math.sqrt(2 * variance))


def probability_later(a: Sequence[float], b: Sequence[float]) -> float:
    """That a value of ``b`` is above one of ``a``, equal ones counted half; 0.5: no effect."""
    n, m = len(a), len(b)
    return (sum(_ranks([*a, *b])[n:]) - m * (m + 1) / 2) / (n * m)


def shift(a: Sequence[float], b: Sequence[float]) -> float:
    """The median of all differences b - a, to a billionth of their range."""
    first, second = sorted(a), sorted(b)
    low, high = second[0] - first[-1], second[-1] - first[0]
    half = len(first) * len(second) / 2
    close = (high - low) * 1e-9
    while high - low > close:
        middle = (low + high) / 2
        # Pairs whose difference is at most ``middle``, walked in one pass.
        at = 0
        count = 0
        for value in second:
            while at < len(first) and value - first[at] > middle:
                at += 1
            count += len(first) - at
        if count < half:
            low = middle
        else:
            high = middle
    middle = (low + high) / 2
    return 0.0 if abs(middle) <= close else middle


def tail_p(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p of the number of ``b`` among the largest values of both."""
    pooled = sorted([*a, *b])
    total = len(pooled)
    wanted = min(total, max(TAIL_LEAST, math.ceil(TAIL_SHARE * total)))
    cut = pooled[-wanted]
    # Equal values belong together; where that would be half of all, the tail begins above.
    size = total - bisect_left(pooled, cut)
    above = size <= total / 2
    if not above:
        size = total - bisect_right(pooled, cut)
    late = sum(value >= cut if above else value > cut for value in b)
    m = len(b)
    least, most = max(0, size - len(a)), min(size, m)
    weights = {k: math.comb(m, k) * math.comb(total - m, size - k) for k in range(least, most + 1)}
    every = sum(weights.values())
    upper = sum(w for k, w in weights.items() if k >= late) / every
    lower = sum(w for k, w in weights.items() if k <= late) / every
    return min(1.0, 2 * min(upper, lower))


def holm(ps: Sequence[float]) -> list[float]:
    """Adjusted p of each, in the order given."""
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[index]))
        adjusted[index] = highest
    return adjusted
