"""The limits as they are promised (docs/limits.md): figures, and nothing from the firmware,
whose own constants may be what is wrong."""

TICK_MS = 10  # L1
JITTER_MS = 2
STOP_MS = 50  # L2, L3
STOP_GOAL_MS = 20
OCCLUSION_STOP_MS = 100  # L4
OCCLUSION_SIGNAL_MS = 500
DOOR_MS = 50  # L5
DEAD_MS = 60  # L6
DEAD_UL = 20
WATCHDOG_MS = 1000  # L7
BUBBLE_UL = 50  # L9
AUDIO_PAUSE_S = 120  # L11
SLEW_MAX_UL_H_S = 10_000  # L13
POST_S = 10  # L16
LINK_LATE_MS = 500  # L21
TICK_MEAN_MS = 2  # L24
TICK_MAX_MS = 5

# Not promised, but stated where the alarm is: five readings in a row.
SENSOR_MS = 50
# What a prescription of the suite orders, and where an inlet counts as closed.
OCCLUSION_PA = 60_000
UPSTREAM_PA = -15_000
# The suite looks at the pump from outside, where this is the head's geometry.
STEPS_PER_ML = 6400
RELIEF_UL = 500  # L10
KVO_UL_H = 1000  # L15
