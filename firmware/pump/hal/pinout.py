"""Which pin does what.  External pull resistors decide what a pin says while
the processor is in reset; each input reads its unsafe side when its wire is
broken.
"""

from micropython import const

STEP = const(2)  # rising edge: one microstep
ENCODER_B = const(3)  # second channel: high at ENCODER's rising edge means backwards
ENABLE = const(4)  # high: driver powered; 10 k to ground keeps it off in reset
ENCODER = const(5)  # first channel: one rising edge per four microsteps
FLUID = const(6)  # high: fluid before the air detector; low, or no wire: air
DOOR = const(7)  # low: door closed and set in place; high, or no wire: open
DIRECTION = const(8)  # high: forward; low only while an occlusion is relieved
STOP_KEY = const(9)  # closed to ground at rest; high, or no wire: pressed
SOUNDER = const(10)
LAMP_RED = const(11)
LAMP_YELLOW = const(12)
LAMP_GREEN = const(13)
SOUND_SENSE = const(14)  # loop-back: high while the sounder is heard
OK_KEY = const(15)  # open at rest; low: pressed
SDA = const(16)  # I2C0: FRAM, clock chip and display
SCL = const(17)
RTC_SECOND = const(18)  # 1 Hz square wave of the clock chip's own crystal
SUPPLY_GOOD = const(19)  # high: comparator sees enough; low, or no wire: battery low
MAINTENANCE = const(20)  # strapped to ground at boot: REPL instead of the pump
DROP = const(21)  # drip chamber: one pulse of 20 ms or more per drop
AIR_PROBE = const(22)  # high: the air detector's emitter is off, so FLUID must go low
PRESSURE_DOWN = const(26)  # ADC0
PRESSURE_UP = const(27)  # ADC1
DRIVER_TEMPERATURE = const(28)  # ADC2
SUPPLY = const(29)  # ADC3: supply voltage / 3

# State machines of PIO block 0.
SM_STEPPER = const(0)
SM_STEP_COUNTER = const(1)
SM_GUARD_ENCODER_COUNTER = const(2)
SM_DEAD_MAN = const(3)
# State machines of PIO block 1.
SM_ENCODER_COUNTER = const(4)
SM_REVERSE_COUNTER = const(5)
SM_GUARD_STEP_COUNTER = const(6)
SM_SECOND_COUNTER = const(7)
