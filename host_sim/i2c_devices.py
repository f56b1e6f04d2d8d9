"""The parts on the I2C bus: a FRAM and a clock chip, as their data sheets say.

A part has ``receive(data)`` for what the processor sends and ``send(n)`` for
what it reads; one that is not ``is_present``, or ``is_deaf``, acknowledges
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from host_sim.power import PowerCut, Supply

FRAM_ADDRESS = 0x50
CLOCK_ADDRESS = 0x68
SECONDS_A_DAY = 86_400


class Device(Protocol):
    is_present: bool
    is_deaf: bool

    def receive(self, data: bytes) -> int:
        """Take ``data``; how many bytes of it were acknowledged."""
        ...

    def send(self, n: int) -> bytes: ...


class Fram:
    """32 KiB with 16-bit addresses; a byte is stored when it is acknowledged.

    ``memory``    survives resets and power cuts
    ``writes``    how often something was written
    ``on_write``  is told (address, data) before it is stored
    """

    SIZE = 32768

    def __init__(self, supply: Supply, memory: bytes | None = None):
        self.memory = bytearray(memory or bytes(self.SIZE))
        self.is_present = True
        self.is_deaf = False
        self.deaf_after: int | None = None  # bytes that it still takes
        self.writes = 0
        self.transactions = 0
        self.on_write: Callable[[int, bytes], None] | None = None
        self._supply = supply
        self._pointer = 0

    def receive(self, data: bytes) -> int:
        self.transactions += 1
        self._pointer = (data[0] << 8 | data[1]) % self.SIZE
        body = data[2:]
        if not body:
            return len(data)
        self.writes += 1
        if self.on_write:
            self.on_write(self._pointer, bytes(body))
        taken = len(body)
        if self.deaf_after is not None:
            taken = min(taken, self.deaf_after)
            self.deaf_after -= taken
        stored = self._supply.take(taken)
        for byte in body[:stored]:
            self.memory[self._pointer] = byte
            self._pointer = (self._pointer + 1) % self.SIZE
        if not self._supply.is_on:
            raise PowerCut
        return 2 + taken

    def send(self, n: int) -> bytes:
        if not self._supply.is_on:
            raise PowerCut
        end = self._pointer + n
        data = self.memory[self._pointer : end]
        if end > self.SIZE:
            data += self.memory[: end - self.SIZE]
        self._pointer = end % self.SIZE
        return bytes(data)


class Ds3231:
    """Registers of the clock chip; its date runs with ``now_us`` whether or not
    the board has power.

    ``stopped``  the oscillator stood still (OSF): set until it is cleared
    ``ppm``      how much too fast its crystal runs
    """

    def __init__(self, now_us: Callable[[], int], day: int = 9800, second: int = 43_200):
        self.is_present = True
        self.is_deaf = False
        self.stopped = False
        self.ppm = 0
        self.control = 0x1C  # at power-on: no square wave
        self._now_us = now_us
        self._set_us = now_us()
        self._set_seconds = day * SECONDS_A_DAY + second
        self._register = 0

    @property
    def has_square_wave(self) -> bool:
        """The SQW pin shows 1 Hz: INTCN and the rate bits are 0."""
        return self.control & 0x1C == 0

    def seconds(self) -> int:
        """Seconds since 2000-01-01 by this clock; the 1 Hz pin falls with each."""
        passed = (self._now_us() - self._set_us) * (1_000_000 + self.ppm) // 1_000_000
        return self._set_seconds + passed // 1_000_000

    def lose_battery(self) -> None:
        """Both supplies were gone: the date is not valid any more."""
        self.stopped = True
        self._set_us = self._now_us()
        self._set_seconds = 0

    def receive(self, data: bytes) -> int:
        self._register = data[0]
        body = data[1:]
        if not body:
            return 1
        if self._register == 0 and len(body) == 7:
            self._set_time(body)
        elif self._register == 0x0E:
            self.control = body[0]
        elif self._register == 0x0F:
            # OSF can be cleared and not set.
            self.stopped = self.stopped and bool(body[0] & 0x80)
        return len(data)

    def send(self, n: int) -> bytes:
        registers = self._time() + bytes(7) + bytes([self.control, 0x80 if self.stopped else 0])
        return registers[self._register : self._register + n].ljust(n, b"\0")

    def _time(self) -> bytes:
        days, second = divmod(self.seconds(), SECONDS_A_DAY)
        year, month, day = _date(days)
        weekday = (days + 5) % 7 + 1
        values = (second % 60, second // 60 % 60, second // 3600, weekday, day, month, year % 100)
        return bytes(value // 10 << 4 | value % 10 for value in values)

    def _set_time(self, body: bytes) -> None:
        second, minute, hour, _, day, month, year = (
            (byte >> 4) * 10 + (byte & 0xF) for byte in body
        )
        self._set_us = self._now_us()
        self._set_seconds = _days(year, month, day) * SECONDS_A_DAY + (
            hour * 3600 + minute * 60 + second
        )


def _days(year: int, month: int, day: int) -> int:
    from datetime import date

    return (date(2000 + year, month, day) - date(2000, 1, 1)).days


def _date(days: int) -> tuple[int, int, int]:
    from datetime import date, timedelta

    day = date(2000, 1, 1) + timedelta(days=days)
    return day.year - 2000, day.month, day.day
