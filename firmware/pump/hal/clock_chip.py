"""The clock chip (DS3231): date and time from a crystal and a battery of its
own, and a square wave of 1 Hz.  Register numbers are those of its data sheet.
"""

from micropython import const

ADDRESS = const(0x68)
SECONDS_A_DAY = const(86_400)

_CONTROL = const(0x0E)
_STATUS = const(0x0F)
_OSF = const(0x80)  # status: the oscillator stood still, the date is not valid
_YEARS_MOST = const(99)
# Days before each month of a year without 29 February.
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)


def day_number(year: int, month: int, day: int) -> int:
    """Days since 2000-01-01; ``year`` 0 to 99, ``month`` and ``day`` from 1."""
    number = year * 365 + (year + 3) // 4 + _DAYS_BEFORE[month - 1] + day - 1
    if month > 2 and year % 4 == 0:
        number += 1
    return number


def days_in_month(year: int, month: int) -> int:
    """28 to 31."""
    if month == 2 and year % 4 == 0:
        return 29
    return _DAYS_BEFORE[month] - _DAYS_BEFORE[month - 1]


class ClockChip:
    """``fitted``  the part answered at boot
    ``valid``   the date read last can be trusted
    ``day``     days since 2000-01-01, at least 1 when it is valid
    ``second``  of that day

    Boot and programming only, never in a tick of an infusion.
    """

    def __init__(self, bus):
        self._bus = bus
        self._time = bytearray(7)
        self._one = bytearray(1)
        self.valid = False
        self.day = 0
        self.second = 0
        self.fitted = self._read(_STATUS, self._one)

    def read(self) -> bool:
        """Read date and time; true if they can be trusted."""
        self.valid = False
        if not self._read(_STATUS, self._one) or self._one[0] & _OSF:
            return False
        if not self._read(0, self._time):
            return False
        t = self._time
        hours = t[2]
        if hours & 0x40:
            return False  # a clock of twelve hours is none that we set
        second = _number(t[0])
        minute = _number(t[1])
        hour = _number(hours)
        day = _number(t[4])
        month = _number(t[5] & 0x1F)
        year = _number(t[6])
        if second > 59 or minute > 59 or hour > 23 or not 1 <= month <= 12 or year > _YEARS_MOST:
            return False
        if not 1 <= day <= days_in_month(year, month):
            return False
        self.day = day_number(year, month, day)
        self.second = (hour * 60 + minute) * 60 + second
        self.valid = self.day > 0
        return self.valid

    def set_date(self, day: int, second: int) -> bool:
        """Set the date: ``day`` 1 to 36_524 since 2000-01-01, ``second`` of that
        day 0 to 86_399.  Valid from the last byte on, and not before."""
        if not 1 <= day <= 36_524 or not 0 <= second < SECONDS_A_DAY:
            return False
        year = day * 4 // 1461
        left = day - day_number(year, 1, 1)
        month = 1
        while left >= days_in_month(year, month):
            left -= days_in_month(year, month)
            month += 1
        weekday = (day + 5) % 7 + 1  # 2000-01-01 was a Saturday, 6 of 1 to 7
        registers = (
            0,
            _bcd(second % 60),
            _bcd(second // 60 % 60),
            _bcd(second // 3600),
            weekday,
            _bcd(left + 1),
            _bcd(month),
            _bcd(year),
        )
        return (
            self._write(bytes((_STATUS, _OSF)))
            and self._write(bytes(registers))
            and self._write(bytes((_STATUS, 0)))
            and self.read()
        )

    def start_square_wave(self) -> bool:
        """1 Hz at the chip's SQW pin."""
        return self._write(bytes((_CONTROL, 0)))

    def _read(self, register: int, into) -> bool:
        try:
            self._bus.writeto(ADDRESS, bytes((register,)), False)
            self._bus.readfrom_into(ADDRESS, into)
        except OSError:
            return False
        return True

    def _write(self, data) -> bool:
        try:
            self._bus.writeto(ADDRESS, data)
        except OSError:
            return False
        return True


def _number(bcd: int) -> int:
    """Of two decimal digits; 100 if they are none."""
    if bcd & 0xF > 9 or bcd >> 4 > 9:
        return 100
    return (bcd >> 4) * 10 + (bcd & 0xF)


def _bcd(number: int) -> int:
    return number // 10 << 4 | number % 10
