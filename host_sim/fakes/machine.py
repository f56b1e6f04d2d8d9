"""`machine` of MicroPython on RP2040, as far as the firmware uses it."""

import sys
import traceback
import weakref

from host_sim.fakes import hub
from host_sim.fakes.registers import mem32 as mem32

PWRON_RESET = 1
WDT_RESET = 3


class Pin:
    IN = 0
    OUT = 1
    PULL_UP = 1
    PULL_DOWN = 2

    def __init__(self, gpio: int, mode: int = -1, pull: int = -1, value: int | None = None):
        self.gpio = gpio
        self._board = hub.board
        self._levels = hub.board.levels
        self._is_output = mode == Pin.OUT
        if mode != -1:
            # The pin's function is the processor's now, no longer PIO's.
            self._board.pio_pins.discard(gpio)
        if mode == Pin.IN:
            self._board.pull_input(gpio, 1 if pull == Pin.PULL_UP else 0)
        if self._is_output and value is not None:
            self._board.set_pin(gpio, value)

    def value(self, level: int | None = None) -> int | None:
        if level is None:
            return self._levels[self.gpio]
        if not self._is_output:
            raise ValueError(f"GP{self.gpio} is an input")
        self._board.set_pin(self.gpio, 1 if level else 0)
        return None


class ADC:
    def __init__(self, pin: Pin):
        self.read_u16 = hub.board.adc_reader(pin.gpio)


class PWM:
    def __init__(self, pin: Pin, freq: int, duty_u16: int):
        self._gpio = pin.gpio
        self._board = hub.board
        self._freq = freq
        self.duty_u16(duty_u16)

    def duty_u16(self, duty: int) -> None:
        self._board.set_sound(self._freq if duty else 0)


class WDT:
    def __init__(self, timeout: int):
        if not 1 <= timeout <= 8388:
            raise ValueError("timeout is 1 to 8388 ms")
        self._board = hub.board
        self._timeout_us = timeout * 1000
        self.feed()

    def feed(self) -> None:
        self._board.watchdog_us = self._board.now_us + self._timeout_us


class Timer:
    """Calls back in virtual time, in the middle of whatever sleeps or hangs.

    As on the board: it is gone with its last reference and with a reset, an
    exception that escapes stops it, and while interrupts are off (the board's
    ``irqs_off``) calls are not lost but late.
    """

    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, timer_id: int, *, mode: int, period: int, callback, hard: bool = False):
        if timer_id != -1:
            raise ValueError("Timer doesn't exist")
        if mode != Timer.PERIODIC or not hard:
            raise NotImplementedError("only hard periodic timers")
        board = self._board = hub.board
        self._life = board.life
        self._period_us = period * 1000
        self._due_us = board.now_us + self._period_us
        self._missed = 0
        self._callback = callback
        me = weakref.ref(self)

        def ring() -> None:
            timer = me()
            if timer is not None:
                timer._run(ring)

        board.at(self._due_us, ring)

    def _run(self, ring) -> None:
        board = self._board
        if board.life != self._life:
            return
        if board.irqs_off:
            self._missed += 1
        elif board.timers_run():
            try:
                self._callback(self)
                while self._missed:
                    self._missed -= 1
                    self._callback(self)
            except Exception:
                print("Uncaught exception in IRQ callback handler", file=sys.stderr)
                traceback.print_exc()
                return
        self._due_us += self._period_us
        board.at(self._due_us, ring)


def reset_cause() -> int:
    return hub.board.reset_cause


def unique_id() -> bytes:
    return hub.board.unique_id


class I2C:
    """The bus as its processor sees it; a part that is not there, or does not
    acknowledge, is EIO.  Takes no time, but for a bus that is stuck: each
    transfer then waits for its time-out, and is ETIMEDOUT."""

    def __init__(self, bus: int, *, sda: Pin, scl: Pin, freq: int = 400_000, timeout: int = 50_000):
        self._devices = hub.board.i2c_devices
        self._timeout_us = timeout

    def _device(self, address: int):
        if hub.board.i2c_is_stuck:
            hub.board.advance(self._timeout_us)
            raise OSError(110, "ETIMEDOUT")
        device = self._devices.get(address)
        if device is None or not device.is_present or device.is_deaf:
            raise OSError(5, "EIO")
        return device

    def scan(self) -> list[int]:
        if hub.board.i2c_is_stuck:
            return []
        return [
            address
            for address, device in sorted(self._devices.items())
            if device.is_present and not device.is_deaf
        ]

    def writeto(self, address: int, data, stop: bool = True, /) -> int:
        taken = self._device(address).receive(bytes(data))
        if taken < len(data):
            raise OSError(5, "EIO")
        return taken

    def readfrom_into(self, address: int, data, stop: bool = True, /) -> None:
        data[:] = self._device(address).send(len(data))

    def writeto_mem(self, address: int, register: int, data, *, addrsize: int = 8) -> None:
        pointer = register.to_bytes(addrsize // 8, "big")
        self.writeto(address, pointer + bytes(data))

    def readfrom_mem_into(self, address: int, register: int, data, *, addrsize: int = 8) -> None:
        self.writeto(address, register.to_bytes(addrsize // 8, "big"), False)
        self.readfrom_into(address, data)


def reset() -> None:
    """Does not come back."""
    hub.board.planned_reset()
