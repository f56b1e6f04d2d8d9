"""Strategies for whoever wants to attack the rate logic.

Use them from the repository with ``PYTHONPATH=tests``::

    from properties import strategies
    from properties.core_bench import CoreBench

``valid_orders()`` are accepted by the core, ``broken_orders()`` mostly are not;
``tick_patterns()`` are lengths of control ticks in ms, zero and late ones
included.  Rates are uL/h, volumes uL, times ms unless the name says otherwise.
"""

from fractions import Fraction

from hypothesis import strategies as hs
from properties.core_bench import Order

from pump.core import infusion_state as st

slews = hs.integers(1_000, 10_000)
rates = hs.one_of(
    hs.integers(0, 1_200_000),
    hs.integers(0, 3_000),
    hs.sampled_from([1, 100, 500, 999, 1_000, 33_600, 562_500, 1_199_999, 1_200_000]),
)
ticks_in_time = hs.one_of(hs.just(10), hs.integers(0, 20))
ticks_late = hs.integers(21, 10_000)
any_tick = hs.one_of(ticks_in_time, ticks_in_time, ticks_late)


def tick_patterns(most_ticks: int, late: bool = False) -> hs.SearchStrategy[list[int]]:
    """Lists of tick lengths: even, uneven, bursts of zeros, late ones."""
    one = any_tick if late else ticks_in_time
    return hs.one_of(
        hs.builds(lambda dt, n: [dt] * n, one, hs.integers(1, most_ticks)),
        hs.builds(
            lambda some, n: (some * n)[:most_ticks],
            hs.lists(one, min_size=1, max_size=6),
            hs.integers(1, most_ticks),
        ),
        hs.lists(one, min_size=1, max_size=min(most_ticks, 60)),
    )


# --- events and what the sensors say ---------------------------------------------

# A severe reaction is reported by a rule of its own: it ends everything, for good.
person_events = hs.integers(st.EV_COMMIT, st.EV_END)
arguments = hs.one_of(hs.integers(0, 5), hs.integers(0, 65_535))
pressures_pa = hs.one_of(
    hs.sampled_from(
        [-100_010, -15_001, -15_000, -14_999, 999, 1_000, 1_001, 6_000, 59_999, 60_000]
    ),
    hs.integers(-100_010, 198_925),  # the whole scale of the converter
)


# --- orders ------------------------------------------------------------------------


def seconds_to_deliver(vtbi_ul: int, rungs) -> Fraction:
    """Delivery time if every rung lasts its dwell, rises left out."""
    left = Fraction(vtbi_ul)
    total = Fraction(0)
    for index, (rate, dwell) in enumerate(rungs):
        takes = left * 3600 / rate
        if index == len(rungs) - 1 or takes <= dwell:
            return total + takes
        total += dwell
        left -= Fraction(rate * dwell, 3600)
    raise ValueError("no rungs")


def most_volume_ul(rungs, left_s: int) -> int:
    """What a ladder delivers in ``left_s``, rises left out, rounded down."""
    total = Fraction(0)
    for index, (rate, dwell) in enumerate(rungs):
        spent = left_s if index == len(rungs) - 1 else min(dwell, left_s)
        total += Fraction(rate * spent, 3600)
        left_s -= spent
    return int(total)


@hs.composite
def valid_orders(
    draw,
    fewest_rungs: int = 1,
    most_rungs: int = 12,
    longest_dwell_s: int = 7_200,
    highest_cap: int = 1_200_000,
    scale: int = 1,
) -> Order:
    """Orders that the core must accept.  ``scale``: see ``compressed``."""
    weight = draw(hs.integers(30_000, 200_000))
    concentration = draw(hs.one_of(hs.sampled_from([30, 50, 60, 100, 120]), hs.integers(30, 120)))
    cap = draw(hs.integers(20_000, min(highest_cap, 720 * weight // concentration)))
    count = draw(hs.integers(fewest_rungs, most_rungs))
    tenths = draw(hs.sets(hs.integers(1, cap // 100), min_size=count, max_size=count))
    if len(tenths) < 12 and draw(hs.booleans()):  # a first rung as slow as KVO
        tenths.add(draw(hs.integers(1, 15)))
    dwells = hs.integers(600 // scale, max(600, longest_dwell_s) // scale)
    rungs = tuple((tenth * 100, draw(dwells)) for tenth in sorted(tenths))
    in_time_ul = most_volume_ul(rungs, 21_600 // scale)
    least = 1_000 // scale
    if in_time_ul <= least:  # the last rung is too slow for the least volume
        rungs = ((20_000, 600 // scale),)
        in_time_ul = 20_000 * 6 // scale
    most = min(2_000_000, weight * 1000 // concentration, in_time_ul - 1)
    vtbi = draw(hs.one_of(hs.integers(least, most), hs.integers(least, min(most, 50 * least))))
    dose = vtbi * concentration // 1000
    if dose < weight:
        dose += draw(hs.integers(0, 1))
    return Order(
        vtbi_ul=vtbi,
        dose_mg=dose,
        concentration_mg_ml=concentration,
        weight_g=weight,
        cap_ul_h=cap,
        rungs=rungs,
        slew_ul_h_s=draw(hs.one_of(hs.just(10_000), slews)),
        kvo_ul_h=draw(hs.one_of(hs.integers(0, 1_000), hs.sampled_from([0, 1_000]))),
        occlusion_pa=draw(hs.one_of(hs.just(60_000), hs.integers(20_000, 130_000))),
        check_s=draw(hs.sampled_from([900, 1800])) // scale,
        link_timeout_s=draw(hs.one_of(hs.just(0), hs.integers(0, 300))),
    )


_FIELDS = {
    "vtbi_ul": hs.integers(0, 2_000_000),
    "dose_mg": hs.integers(0, 200_000),
    "concentration_mg_ml": hs.integers(0, 120),
    "weight_g": hs.integers(0, 200_000),
    "cap_ul_h": hs.integers(0, 1_200_000),
    "rungs": hs.lists(
        hs.tuples(hs.integers(100, 1_200_000), hs.integers(600, 7_200)), min_size=1, max_size=12
    ).map(tuple),
    "slew_ul_h_s": slews,
    "kvo_ul_h": hs.integers(0, 1_000),
    "occlusion_pa": hs.integers(20_000, 130_000),
    "check_s": hs.integers(900, 1_800),
    "link_timeout_s": hs.integers(0, 300),
}


@hs.composite
def broken_orders(draw) -> Order:
    """Orders with one or two fields anywhere in what the serial line lets through."""
    order = draw(valid_orders(most_rungs=4))
    names = draw(hs.sets(hs.sampled_from(sorted(_FIELDS)), min_size=1, max_size=2))
    return order.but(**{name: draw(_FIELDS[name]) for name in sorted(names)})


def any_orders() -> hs.SearchStrategy[Order]:
    """Valid and broken ones."""
    return hs.one_of(valid_orders(), broken_orders())
