"""First thing after reset: the motor driver is off, whatever comes next."""

import micropython
from machine import Pin

Pin(4, Pin.OUT, value=0)  # ENABLE, see pump/hal/pinout.py
micropython.kbd_intr(-1)  # byte 3 on the serial line interrupts nothing
