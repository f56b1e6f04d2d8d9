"""Which pin does what.  External pull resistors decide what a pin says while
the processor is in reset; each input reads its unsafe side when its wire is
broken.
"""

from micropython import const

STEP = const(2)  # rising edge: one microstep
ENABLE = const(4)  # high: driver powered; 10 k to ground keeps it off in reset
ENCODER = const(5)  # one rising edge per four microsteps
FLUID = const(6)  # high: fluid before the air detector; low, or no wire: air
DOOR = const(7)  # low: door closed and set in place; high, or no wire: open
DIRECTION = const(8)  # high: forward; tied, never reversed in this stage
SOUNDER = const(10)
LAMP_RED = const(11)
LAMP_YELLOW = const(12)
LAMP_GREEN = const(13)
PRESSURE_DOWN = const(26)  # ADC0
PRESSURE_UP = const(27)  # ADC1

# State machines of PIO block 0.
SM_STEPPER = const(0)
SM_STEP_COUNTER = const(1)
SM_ENCODER_COUNTER = const(2)
