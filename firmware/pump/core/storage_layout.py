"""What stands where in the FRAM, and how far a lease goes; ``docs/storage.md``."""

from micropython import const

# --- the FRAM, 32768 bytes ---------------------------------------------------
CHECKPOINT_0 = const(0x0000)
CHECKPOINT_1 = const(0x0040)
PRESCRIPTION_0 = const(0x0080)
PRESCRIPTION_1 = const(0x0140)
# 24 bytes that the self-test writes and reads back; free before and after them.
SCRATCH = const(0x0400)
LOG_BASE = const(0x0440)
LOG_SLOTS = const(1320)  # to the last byte

# Records of a board without FRAM, 1.5 KiB of memory.
RAM_SLOTS = const(64)

# --- the lease -----------------------------------------------------------------
# A new lease reaches this far beyond what was granted: 0.5 mL.  With what the
# queue can hold (47 steps at 1200 mL/h) it is how much more than the true
# volume may be recovered; L19 allows 1 mL.
LEASE_STEPS = const(3200)
# It is renewed when less than this is left: 0.25 mL, 0.75 s at 1200 mL/h, for a
# renewal that takes 4 ticks, and 32 behind an amended prescription.
LEASE_LOW_STEPS = const(1600)
