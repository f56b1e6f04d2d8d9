"""Titra.  Bench and research device: not a medical device."""

import machine
import micropython
from machine import Pin

from pump.hal import pinout, reset_mark

strapped = Pin(pinout.MAINTENANCE, Pin.IN, Pin.PULL_UP).value() == 0
if strapped or reset_mark.is_left(reset_mark.MAINTENANCE):
    reset_mark.clear()
    micropython.kbd_intr(3)
    print("MAINTENANCE: the motor stays off; the pump starts after a reset")
else:
    try:
        from pump.app.application import Application

        application = Application()
        while True:
            application.run_once()
    finally:
        Pin(pinout.ENABLE, Pin.OUT, value=0)
        machine.reset()
