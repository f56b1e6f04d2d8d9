"""How the driver's thermistor reads.

10 kOhm at 25 degrees Celsius (beta 3950 K) to ground, 10 kOhm to the
converter's reference, 12 bits: count = 4096 R / (R + 10 kOhm).  The count
falls as it gets warmer.  A broken wire or a short reads beyond either end.
"""

from micropython import const

# One count every ten degrees from the lowest on.
LOWEST_C = const(-20)
STEP_C = const(10)
COUNTS = (3741, 3496, 3157, 2739, 2278, 1825, 1419, 1082, 816, 613, 462, 350, 267, 206, 160)


def celsius(count: int) -> int:
    """Degrees for a count within the table, rounded up."""
    i = 1
    while count < COUNTS[i]:
        i += 1
    return LOWEST_C + i * STEP_C - STEP_C * (count - COUNTS[i]) // (COUNTS[i - 1] - COUNTS[i])
