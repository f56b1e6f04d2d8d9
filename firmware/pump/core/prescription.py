"""A prescription: one day's ladder and its limits, validated on the board.

Whatever the host says, nothing is accepted that fails a check here, and START
checks again.  All figures are integers in the units of ``units``.
"""

from array import array

from micropython import const

from pump.core import limits, reasons

# What of a prescription has been set so far.
HAS_PROGRAM = const(1)
HAS_SETTINGS = const(2)

# The fastest rate of any label in the library is 12 mg/kg/min (Octagam 10 %);
# a cap above it for the stated weight and concentration is a mistyped order.
MAX_MG_PER_KG_MIN = const(12)


class Prescription:
    """Fields and bounds; see ``limits`` for the source of each number.

    ``vtbi_ul``             volume to be infused, 1_000 to 2_000_000 uL
    ``dose_mg``             the day's dose; must equal volume x concentration
    ``concentration_mg_ml`` 30 to 120 mg/mL
    ``weight_g``            30_000 to 200_000 g
    ``cap_ul_h``            no rung above it, no rate above it, ever
    ``n_rungs``             1 to 12
    ``rate_ul_h[i]``        rising; whole multiples of 100 uL/h
    ``dwell_s[i]``          600 to 7200 s at that rate before a step up
    ``slew_ul_h_s``         rise per second, 1_000 to 10_000 uL/h
    ``kvo_ul_h``            0 (none) to 1_000 uL/h
    ``occlusion_pa``        downstream limit, 20_000 to 130_000 Pa
    ``check_s``             a person is asked this often on the last rung,
                            900 or 1800 s
    ``link_timeout_s``      0: the link is not required; else 1 to 300 s
    """

    def __init__(self):
        self.rate_ul_h = array("i", [0] * limits.RUNGS_MAX)
        self.dwell_s = array("i", [0] * limits.RUNGS_MAX)
        self.clear()
        self.slew_ul_h_s = limits.SLEW_MIN_UL_H_S
        self.kvo_ul_h = 0
        self.occlusion_pa = limits.OCCLUSION_DEFAULT_PA
        self.check_s = limits.CHECK_INTERVAL_MS // 1000
        self.link_timeout_s = 0

    def clear(self) -> None:
        """Forget everything; the result is not valid."""
        for i in range(limits.RUNGS_MAX):
            self.rate_ul_h[i] = 0
            self.dwell_s[i] = 0
        self.rungs_set = 0
        self.has = 0
        self.age_ms = 0  # since it was touched; counted while it is staged (L18)
        self.n_rungs = 0
        self.vtbi_ul = 0
        self.dose_mg = 0
        self.concentration_mg_ml = 0
        self.weight_g = 0
        self.cap_ul_h = 0

    def set_program(
        self,
        vtbi_ul: int,
        dose_mg: int,
        concentration_mg_ml: int,
        weight_g: int,
        cap_ul_h: int,
        n_rungs: int,
    ) -> None:
        """Start a new prescription; rungs and settings must follow."""
        self.clear()
        self.vtbi_ul = vtbi_ul
        self.dose_mg = dose_mg
        self.concentration_mg_ml = concentration_mg_ml
        self.weight_g = weight_g
        self.cap_ul_h = cap_ul_h
        self.n_rungs = n_rungs
        self.has = HAS_PROGRAM

    def set_settings(
        self, slew_ul_h_s: int, kvo_ul_h: int, occlusion_pa: int, check_s: int, link_timeout_s: int
    ) -> None:
        """Everything that is not the ladder itself."""
        self.slew_ul_h_s = slew_ul_h_s
        self.kvo_ul_h = kvo_ul_h
        self.occlusion_pa = occlusion_pa
        self.check_s = check_s
        self.link_timeout_s = link_timeout_s
        self.has |= HAS_SETTINGS
        self.age_ms = 0

    def set_rung(self, index: int, rate_ul_h: int, dwell_s: int) -> None:
        """Set rung ``index`` (0 to 11)."""
        self.rate_ul_h[index] = rate_ul_h
        self.dwell_s[index] = dwell_s
        self.rungs_set |= 1 << index
        self.age_ms = 0

    def copy_from(self, other: "Prescription") -> None:
        """Take over every field of ``other``; allocates nothing."""
        for i in range(limits.RUNGS_MAX):
            self.rate_ul_h[i] = other.rate_ul_h[i]
            self.dwell_s[i] = other.dwell_s[i]
        self.rungs_set = other.rungs_set
        self.has = other.has
        self.n_rungs = other.n_rungs
        self.vtbi_ul = other.vtbi_ul
        self.dose_mg = other.dose_mg
        self.concentration_mg_ml = other.concentration_mg_ml
        self.weight_g = other.weight_g
        self.cap_ul_h = other.cap_ul_h
        self.slew_ul_h_s = other.slew_ul_h_s
        self.kvo_ul_h = other.kvo_ul_h
        self.occlusion_pa = other.occlusion_pa
        self.check_s = other.check_s
        self.link_timeout_s = other.link_timeout_s

    def check(self) -> int:
        """``reasons.OK``, or the first reason why this is not safe to run."""
        if self.has != HAS_PROGRAM | HAS_SETTINGS:
            return reasons.RX_INCOMPLETE
        n = self.n_rungs
        if not 1 <= n <= limits.RUNGS_MAX:
            return reasons.RX_RUNG_COUNT
        if self.rungs_set != (1 << n) - 1:
            return reasons.RX_INCOMPLETE
        if not limits.WEIGHT_MIN_G <= self.weight_g <= limits.WEIGHT_MAX_G:
            return reasons.RX_WEIGHT
        conc = self.concentration_mg_ml
        if not limits.CONCENTRATION_MIN_MG_ML <= conc <= limits.CONCENTRATION_MAX_MG_ML:
            return reasons.RX_CONCENTRATION
        if not limits.VTBI_MIN_UL <= self.vtbi_ul <= limits.VTBI_MAX_UL:
            return reasons.RX_VTBI
        # Volume is rounded down from the dose, so it may fall short of it by
        # less than one microlitre's worth of protein, which is below 1 mg.
        missing_mg = self.dose_mg - self.vtbi_ul * conc // 1000
        if not 0 <= missing_mg <= 1:
            return reasons.RX_DOSE_VOLUME
        # 1 g/kg is 1 mg per gram of body mass.
        if self.dose_mg * 1000 > self.weight_g * limits.DAY_DOSE_MAX_MG_PER_KG:
            return reasons.RX_DAY_DOSE
        cap = self.cap_ul_h
        if not limits.RATE_MIN_UL_H <= cap <= limits.HARDWARE_CAP_UL_H:
            return reasons.RX_CAP
        # mg/kg/min = uL/h x mg/mL / 60 / g of body mass.
        if cap * conc > MAX_MG_PER_KG_MIN * 60 * self.weight_g:
            return reasons.RX_CAP_FOR_WEIGHT
        if not limits.SLEW_MIN_UL_H_S <= self.slew_ul_h_s <= limits.SLEW_MAX_UL_H_S:
            return reasons.RX_SLEW
        if not 0 <= self.kvo_ul_h <= limits.KVO_MAX_UL_H:
            return reasons.RX_KVO
        if not limits.OCCLUSION_MIN_PA <= self.occlusion_pa <= limits.OCCLUSION_MAX_PA:
            return reasons.RX_OCCLUSION_LIMIT
        check_ms = self.check_s * 1000
        if check_ms != limits.CHECK_INTERVAL_MS and check_ms != limits.CHECK_INTERVAL_RISK_MS:
            return reasons.RX_CHECK_INTERVAL
        if not 0 <= self.link_timeout_s <= limits.LINK_TIMEOUT_MAX_S:
            return reasons.RX_LINK_TIMEOUT
        return self._check_ladder()

    def seconds_for(self, volume_ul: int) -> int:
        """Shortest time of delivery for ``volume_ul`` by this ladder, every step up
        taken at once; for a prescription that has passed its check."""
        left_ul = volume_ul
        seconds = 0
        last = self.n_rungs - 1
        for i in range(self.n_rungs):
            rate = self.rate_ul_h[i]
            # 100 uL/h for 36 s is 1 uL; the products stay below 2**30.
            whole_s = left_ul * 36 // (rate // 100)
            if i == last or whole_s <= self.dwell_s[i]:
                return seconds + whole_s
            seconds += self.dwell_s[i]
            left_ul -= rate // 100 * self.dwell_s[i] // 36
        return seconds

    def _check_ladder(self) -> int:
        below = 0
        for i in range(self.n_rungs):
            rate = self.rate_ul_h[i]
            dwell = self.dwell_s[i]
            if not limits.RATE_MIN_UL_H <= rate <= limits.HARDWARE_CAP_UL_H:
                return reasons.RX_RATE
            if rate % limits.RATE_RESOLUTION_UL_H != 0:
                return reasons.RX_RATE_RESOLUTION
            if rate > self.cap_ul_h:
                return reasons.RX_ABOVE_CAP
            if rate <= below:
                return reasons.RX_NOT_RISING
            if not limits.DWELL_MIN_MS <= dwell * 1000 <= limits.DWELL_MAX_MS:
                return reasons.RX_DWELL
            below = rate
        if self.seconds_for(self.vtbi_ul) > limits.DELIVERY_MAX_MS // 1000:
            return reasons.RX_TOO_LONG
        return reasons.OK
