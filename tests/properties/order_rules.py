"""What an order must be, from the text of the limits, in exact fractions."""

from fractions import Fraction

from properties.core_bench import Order
from properties.strategies import seconds_to_deliver


class LONGER_THAN_6_H:  # noqa: N801 - names of findings
    SURELY = "longer than 6 h"
    NEARLY = "longer than 6 h by less than the second that is not counted"


def order_problems(order: Order, scale: int = 1) -> set[str]:
    """Everything that is wrong with an order, by L8-L21, M3, M4 and M9.

    ``scale``: see ``compressed``.
    """
    problems = set()

    def need(holds: bool, what: str) -> None:
        if not holds:
            problems.add(what)

    need(1_000 // scale <= order.vtbi_ul <= 2_000_000, "volume")
    need(30 <= order.concentration_mg_ml <= 120, "concentration")
    need(30_000 <= order.weight_g <= 200_000, "weight")
    # The volume is the dose's, rounded down to whole microlitres.
    contained_mg = order.vtbi_ul * order.concentration_mg_ml // 1000
    need(0 <= order.dose_mg - contained_mg <= 1, "dose")
    if order.weight_g:
        need(Fraction(order.dose_mg, order.weight_g) <= 1, "more than 1 g/kg")
        mg_min = Fraction(order.cap_ul_h, 1000) * order.concentration_mg_ml / 60
        need(mg_min / Fraction(order.weight_g, 1000) <= 12, "cap above 12 mg/kg/min")
    need(100 <= order.cap_ul_h <= 1_200_000, "cap")
    need(1 <= len(order.rungs) <= 12, "rung count")
    rates = [rate for rate, _ in order.rungs]
    need(all(100 <= rate <= 1_200_000 and rate % 100 == 0 for rate in rates), "rate")
    need(all(rate <= order.cap_ul_h for rate in rates), "rung above the cap")
    need(rates == sorted(set(rates)), "not rising")
    need(all(600 <= dwell * scale <= 7_200 for _, dwell in order.rungs), "dwell")
    need(1_000 <= order.slew_ul_h_s <= 10_000, "slew")
    need(0 <= order.kvo_ul_h <= 1_000, "KVO")
    need(20_000 <= order.occlusion_pa <= 130_000, "occlusion limit")
    need(order.check_s * scale in (900, 1800), "check interval")
    need(0 <= order.link_timeout_s <= 300, "link time-out")
    if rates and all(rate > 0 for rate in rates):
        takes_s = seconds_to_deliver(order.vtbi_ul, order.rungs)
        # The board counts whole microlitres and whole seconds: each rung may
        # leave a microlitre more to the last one, which is rounded down.
        rounding_s = Fraction(len(rates) * 3600, rates[-1])
        most_s = 21_600 // scale
        if takes_s >= most_s + 1:
            problems.add(LONGER_THAN_6_H.SURELY)
        elif takes_s > most_s - rounding_s:
            problems.add(LONGER_THAN_6_H.NEARLY)
    return problems
