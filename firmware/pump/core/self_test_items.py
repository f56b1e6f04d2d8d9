"""The items of the power-on self-test, in their order, for those who name them."""

from micropython import const

RUNNING = const(0)
PASSED = const(1)
FAILED = const(2)
RESULT_NAMES = (b"RUNNING", b"PASSED", b"FAILED")

# Items in order; a bit of ``absent_mask`` is an item that is not fitted.
ITEM_NAMES = (
    b"CODE",
    b"IMAGE",
    b"STORAGE",
    b"MOTOR_AT_REST",
    b"GUARD",
    b"COUNTERS",
    b"DEAD_MAN",
    b"SOUNDER",
    b"PRESSURES",
    b"AIR_DETECTOR",
    b"DOOR",
    b"DRIVER",
    b"SUPPLY",
    b"KEYS",
    b"CLOCK",
    b"DATE",
    b"CALIBRATION",
    b"DEVICE_KEY",
)
# (what it shows, what fails it)
ITEM_TEXTS = (
    ("checksums compute", "a known answer is missed"),
    ("every file of the firmware is as it was shipped", "a file differs from the manifest"),
    ("FRAM takes and gives back a pattern", "it does not, or a fitted one is gone"),
    ("no STEP edge, no turn and ENABLE low since boot", "STEP, encoder or ENABLE says otherwise"),
    ("the guard runs 12 times in 100 ms", "it runs fewer than 5 times, or has tripped"),
    ("8 pulses with the driver off are counted twice", "either counter says another number"),
    ("ENABLE rises, and falls by itself unfed", "it does not rise, or stays up"),
    ("sound is heard, then silence; lamps light up", "never heard, or heard without order"),
    ("both pressures read and live", "never: absent"),
    ("with its emitter off it sees air", "it still sees fluid"),
    ("the door is closed", "never: absent or open"),
    ("its temperature is 0 to 60 C", "it is above"),
    ("the supply is above 3.3 V", "it is below"),
    ("no key is pressed", "never: absent or pressed"),
    ("two seconds of the clock chip are two seconds", "they are more than 2 % off"),
    ("the clock chip knows the date", "never: absent"),
    ("volume per step or a sensor was measured", "its record is damaged; absent: nominal"),
    ("a device key is set", "never: absent, and nobody can log in"),
)
