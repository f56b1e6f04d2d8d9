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
# A session ends 8 h after it began, pauses included: that long may a pooled
# bag hang.  (M3)
SESSION_MAX_S = const(28_800)
# What a supervisor who goes on after either has is another half hour.
DELIVERY_EXTENSION_MS = const(1_800_000)

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
# Paused, held or stopped and left alone: the same 5 min.
LEFT_PAUSED_MS = const(300_000)
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
# Occlusion: the motor turns back until the line has this little pressure left
# (5 kPa at the 5 uL/kPa of the softest line leave 25 uL of bolus, of the 200
# that are allowed), at most 0.5 mL, at 300 mL/h, which is 6 s.  (L10)
BACK_OFF_RELIEF_PA = const(5000)
BACK_OFF_MAX_UL = const(500)
BACK_OFF_UL_H = const(300_000)
BACK_OFF_MAX_MS = const(10_000)
# No further back when the inlet is closed too and this much has built up there.
BACK_OFF_UP_PA = const(30_000)
# A sensor that says the very same for half a second is stuck or late: a sound
# one is never still within its last bits.  One that jumps by more than a line
# can (release of 130 kPa with 0.15 s is 8.4 kPa a tick) is noisy.
SENSOR_STILL_MS = const(500)
SENSOR_JUMP_PA = const(12_000)
# A single bubble of 50 uL stops; so does 1 mL in any 15 min.  (L9)
AIR_BUBBLE_UL = const(50)
AIR_WINDOW_UL = const(1000)
AIR_WINDOW_MS = const(900_000)
# The air detector's emitter is switched off for a tick this often: a detector
# that does not see "air" then sees nothing.
AIR_PROBE_MS = const(1000)
# Drip chamber, 20 drops a mL.  Free flow: drops fall for 150 uL more than the
# motor has taken with a fifth added, or with the motor off.  No drop for a
# millilitre: nothing comes from the bag.
DROP_UL = const(50)
FREE_FLOW_UL = const(150)
DROP_MARGIN_PERCENT = const(20)
NO_DROP_UL = const(1000)
# The bag's column falls: its head at the inlet, corrected for the flow's own
# loss of 10 Pa per uL/s (1/360 Pa per uL/h), of 6 kPa full and 1 kPa empty.
NEAR_EMPTY_PA = const(4000)
HEAD_LOSS_UL_H_PER_PA = const(360)
NEAR_EMPTY_DELAY_MS = const(4000)
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

# --- the board itself ------------------------------------------------------------

# Supply: low below 3.6 V, or when the comparator at 3.5 V says so; exhausted
# below 3.3 V, or when low has lasted 4 min, because neither path alone is
# believed: on the cell of the simulator 3.5 V are 5 min before the end.
# The sources ask for less than 15 min of notice.
SUPPLY_LOW_MV = const(3600)
SUPPLY_EXHAUSTED_MV = const(3300)
SUPPLY_LOW_MAX_MS = const(240_000)
SUPPLY_DELAY_MS = const(200)
# The usual driver chips shut down by themselves at 150 C of junction; their
# case is then near 100 C.
DRIVER_MAX_C = const(85)
DRIVER_DELAY_MS = const(1000)
# A key that is down for a minute is stuck.
KEY_STUCK_MS = const(60_000)
# A press answers a question only if the key was up for a second: the second half
# of a double press, meant for an alarm, is no answer.  (F1)
KEY_APART_MS = const(1000)
# The sounder is on and the loop-back does not hear it for this long; or hears
# it for so long while it is off.
SOUNDER_DEAF_MS = const(60)
SOUNDER_STUCK_MS = const(200)
# Ticks against the clock chip's crystal: 1 % over 60 s; a second that does not
# come for 2.5 s is a fault as well.  Without one, ticks against the ring
# oscillator: 20 %.  (L20)
CLOCK_WINDOW_S = const(60)
CLOCK_WINDOW_OFF_MS = const(600)
CLOCK_MISSING_MS = const(2500)
CLOCK_RING_PERCENT = const(20)
# The guard runs every 10 ms; if it has not for this long it is dead.
GUARD_MISSING_MS = const(50)
# ENABLE reads otherwise than it was ordered, for two ticks.
ENABLE_WRONG_MS = const(20)
# Counts of the encoder against the order of its direction, or while disabled:
# one may be the shaft settling on a detent.
STRAY_COUNTS = const(3)

# --- alarms ------------------------------------------------------------------------

# The same stop alarm for the third time in 10 min needs a supervisor.  (L17)
REPEAT_COUNT = const(3)
REPEAT_WINDOW_S = const(600)

# --- alarm signals ---------------------------------------------------------------

# An acknowledged alarm is silent for at most 2 min.  (L11)
AUDIO_PAUSE_MS = const(120_000)
