"""The bus of FRAM, clock chip and display, and a way out when a part holds it.

A part that was sending when the processor was reset goes on waiting for clock
pulses with SDA low; up to nine let it finish (I2C specification UM10204,
3.1.16).
"""

from time import sleep_us

from machine import I2C, Pin
from micropython import const

from pump.hal import pinout

FREQUENCY_HZ = const(400_000)
# A transaction of the longest kind takes 2.4 ms.  A part that stretches the
# clock for ever costs a tick this much and not more.
TIMEOUT_US = const(5000)


def open_bus() -> I2C:
    """The bus, ready to use; nobody need be on it."""
    sda = Pin(pinout.SDA, Pin.IN, Pin.PULL_UP)
    if not sda.value():
        for _ in range(9):
            Pin(pinout.SCL, Pin.OUT, value=0)
            sleep_us(5)
            Pin(pinout.SCL, Pin.IN, Pin.PULL_UP)
            sleep_us(5)
    return I2C(
        0,
        sda=Pin(pinout.SDA),
        scl=Pin(pinout.SCL),
        freq=FREQUENCY_HZ,
        timeout=TIMEOUT_US,
    )
