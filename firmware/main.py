"""Titra.  Bench and research device: not a medical device."""

import gc
import sys

import machine
import micropython
from machine import Pin
from micropython import const

# MicroPython lets byte 3 interrupt again for each file that it starts.
micropython.kbd_intr(-1)

import pump.name_order  # noqa: E402  (gives names their numbers: before anything else does)

del sys.modules["pump.name_order"], pump.name_order  # its work is done

from pump.hal import pinout, reset_mark  # noqa: E402  (only then)

# Bytes between collections while loading: what loading leaves behind, uncollected
# till the heap is full, cuts it up so that no 5 kB in one piece are left.
_LOADING_BYTES = const(16_384)

strapped = Pin(pinout.MAINTENANCE, Pin.IN, Pin.PULL_UP).value() == 0
if strapped or reset_mark.is_left(reset_mark.MAINTENANCE):
    reset_mark.clear()
    micropython.kbd_intr(3)
    print("MAINTENANCE: the motor stays off; the pump starts after a reset")
else:
    try:
        gc.threshold(_LOADING_BYTES)
        from pump.app.application import Application

        application = Application()
        gc.collect()
        gc.threshold(-1)  # from here on only when the heap is full
        while True:
            application.run_once()
    finally:
        Pin(pinout.ENABLE, Pin.OUT, value=0)
        machine.reset()
