"""Every bound that the firmware holds, each with the reason for its number.

L-numbers are the promised limits of ``docs/limits.md``; M-numbers are the
rows of the mission.
"""

from micropython import const

# --- rates -------------------------------------------------------------------

# Highest rate the mechanism is driven at.  Needed over 40-130 kg: up to
# 1092 mL/h (0.14 mL/kg/min at 130 kg); 1200 covers it.  (L14)
HARDWARE_CAP_UL_H = const(1_200_000)
# Lowest rung: the smallest useful start is 10 mL/h (0.5 mg/kg/min of a 12 %
# solution at 40 kg); a tenth of that still steps evenly.
RATE_MIN_UL_H = const(100)
# Rates are whole tenths of a mL/h on a prescription, as pumps display them.
RATE_RESOLUTION_UL_H = const(100)

# Keep-vein-open: at most 1 mL/h, the pump sources' figure.  (L15)
KVO_MAX_UL_H = const(1000)

# Upward slew: 1 mL/h per second, configurable up to 10.  (L13)
SLEW_MIN_UL_H_S = const(1000)
SLEW_MAX_UL_H_S = const(10_000)

# --- a prescription -----------------------------------------------------------

RUNGS_MAX = const(12)
# Shortest dwell of any label in the library is 10 min (Bivigam, first rung).
DWELL_MIN_MS = const(600_000)
DWELL_MAX_MS = const(7_200_000)
# 60 g at 3 % is 2 L; nothing larger is one day's dose.
VTBI_MIN_UL = const(1000)
VTBI_MAX_UL = const(2_000_000)
# Rates are proven over 40-130 kg; 30-200 kg is accepted.
WEIGHT_MIN_G = const(30_000)
WEIGHT_MAX_G = const(200_000)
# Solutions of the library run from 3 % (30 mg/mL) to 12 % (120 mg/mL).
CONCENTRATION_MIN_MG_ML = const(30)
CONCENTRATION_MAX_MG_ML = const(120)
# A day delivers at most 1 g/kg (label maxima of several products).  (M4)
DAY_DOSE_MAX_MG_PER_KG = const(1000)
# Six hours of delivery is the longest infusion.  (M3)
DELIVERY_MAX_MS = const(21_600_000)

# --- time ----------------------------------------------------------------------

# Control tick.  (L1)
TICK_MS = const(10)
# A tick that comes late integrates no more than this; the rest is counted
# and never delivered.  (L20)
TICK_INTEGRATE_MAX_MS = const(20)

# The confirmation window: asked when the dwell has ended, void after 2 min,
# asked again every 5 min, 15 min unanswered alarms and pauses.  (L12, M15)
QUESTION_WINDOW_MS = const(120_000)
QUESTION_REPEAT_MS = const(300_000)
QUESTION_UNANSWERED_MS = const(900_000)
# On the last rung (and on a held one) somebody is asked every 30 min, every
# 15 min when the prescription carries a risk flag.  (M15)
CHECK_INTERVAL_MS = const(1_800_000)
CHECK_INTERVAL_RISK_MS = const(900_000)
# Half an hour without delivery and the ladder starts again at rung 0.  (L13)
LADDER_RESTART_MS = const(1_800_000)
# Programming left idle: a reminder after 5 min, cleared after 10.  (L18)
PROGRAM_REMINDER_MS = const(300_000)
PROGRAM_CLEAR_MS = const(600_000)
# Longest time-out a prescription may ask for on a required link.
LINK_TIMEOUT_MAX_S = const(300)

# --- detectors -----------------------------------------------------------------

# Downstream occlusion: 20 psi (138 kPa) is the sources' upper bound; the
# default leaves margin for the pressure a wide-open line needs at 1200 mL/h.
OCCLUSION_MIN_PA = const(20_000)
OCCLUSION_DEFAULT_PA = const(60_000)
OCCLUSION_MAX_PA = const(130_000)
# Upstream: a closed clamp or a kinked set pulls the inlet below ambient.
UPSTREAM_LIMIT_PA = const(-15_000)
# An empty bag no longer carries its column: the inlet settles near 0 Pa, down
# to -4 kPa at 1200 mL/h.  A full one, 60 cm above the pump, holds it near
# 6 kPa; the upper limit is a sixth of that.  A clamped inlet passes through
# the same band on its way down, in less than 4 s from 10 mL/h up.
BAG_EMPTY_PA = const(1000)
BAG_EMPTY_LOWEST_PA = const(-4000)
BAG_EMPTY_DELAY_MS = const(4000)
# Readings outside of these are not pressures but a broken sensor.
PRESSURE_VALID_MIN_PA = const(-80_000)
PRESSURE_VALID_MAX_PA = const(190_000)
# A single bubble of 50 uL stops.  (L9)
AIR_BUBBLE_UL = const(50)
# Fluid that parts two bubbles: a tenth of the smallest that counts.
AIR_GAP_UL = const(5)
# Flow against the encoder: off by more than 20 % over max(2 s, 50 steps)
# stops; off by more than 5 % for 5 min is a warning.  (L8)
FLOW_HIGH_PERCENT = const(20)
FLOW_HIGH_MS = const(2000)
FLOW_HIGH_STEPS = const(50)
FLOW_LOW_PERCENT = const(5)
FLOW_LOW_MS = const(300_000)
# One encoder count is four motor steps (800 counts a turn).
ENCODER_STEPS_PER_COUNT = const(4)

# --- alarm signals ---------------------------------------------------------------

# An acknowledged alarm is silent for at most 2 min.  (L11)
AUDIO_PAUSE_MS = const(120_000)
