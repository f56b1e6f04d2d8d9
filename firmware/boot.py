"""First thing after reset: the motor driver is off, whatever comes next."""

from machine import Pin

Pin(4, Pin.OUT, value=0)  # ENABLE, see pump/hal/pinout.py
