"""How the pressure sensors read.

Ratiometric, on a 12-bit converter: 73 Pa a count and 1370 counts at ambient
pressure cover -100 to +198 kPa.  A broken wire or a short reads near either
end of the scale, where a sound sensor never comes, and is not a pressure.
"""

from micropython import const

PA_PER_COUNT = const(73)
COUNTS_AT_AMBIENT = const(1370)
COUNT_MIN = const(40)
COUNT_MAX = const(4055)
