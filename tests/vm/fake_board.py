"""A board for the whole firmware on a MicroPython without hardware, and on CPython.

``install()`` puts ``machine``, ``rp2``, ``time``, ``select``, ``io``, ``os`` and
the serial line of ``sys`` in the place of the board's; the firmware's files
are imported as they are.  All of it is faked here: pins, converters, PWM, the
hard timer, the watchdog, FRAM and clock chip on I2C, flash files, and the
three PIO programs by what they do (not cycle by cycle: that is compared with
the programs in ``tests/sim`` and, on the emulated chip, is the programs).

Time passes only in ``sleep_us``.  Nothing here allocates while it does, so
that the heap can be locked around a tick.
"""

import sys

# The tick counter has 30 bits; no number on the way to one may have more, or the
# heap would be needed for it.
_LAST_US = (1 << 30) - 1
_HALF_US = 1 << 29
_STEP, _ENCODER_B, _ENABLE, _ENCODER, _FLUID, _DOOR = 2, 3, 4, 5, 6, 7
_DIRECTION, _SOUND_SENSE, _SECOND, _DROP, _PROBE = 8, 14, 18, 21, 22
_STOP_KEY, _OK_KEY, _SUPPLY_GOOD, _STRAP = 9, 15, 19, 20
_STEPS_A_DROP = 320
_KEY = bytes([(7 * i + 3) & 255 for i in range(32)])
# 2026-10-07 08:30:00 in a DS3231's registers; the oscillator has not stopped.
_DATE = b"\x00\x30\x08\x04\x07\x10\x26"


class World:
    """Everything that is not the processor.

    ``down_pa``  pressure at the downstream sensor, less its noise
    ``levels``   of each pin
    """

    def __init__(self):
        self.us = 900_000_000  # the counter wraps after three minutes
        self.levels = bytearray(30)
        for gpio in (_FLUID, _OK_KEY, _SUPPLY_GOOD, _STRAP):
            self.levels[gpio] = 1
        self.down_pa = 5000
        self.noise = 0
        self.timer = None
        self.timer_us = 0
        self.period_us = 0
        self.train = None
        self.dead_man = None
        self.second_us = 1_000_000
        self.drop_us = 0  # for which its light is still broken
        self.to_drop = 0
        self.to_turn = 0
        self.steps = 0
        self.turns = 0
        self.backward = 0
        self.seconds = 0
        self.feeds = 0
        self.files = {"key": bytearray(_KEY)}

    def pass_time(self, us):
        """``us`` microseconds, with everything that falls into them."""
        while us > 0:
            n = us if us < 500 else 500
            us -= n
            self.us = ticks_add(self.us, n)
            self.second_us -= n
            if self.second_us <= 0:
                self.second_us += 1_000_000
                self.seconds += 1
            if self.drop_us > 0:
                self.drop_us -= n
                self.levels[_DROP] = 1 if self.drop_us > 0 else 0
            if self.dead_man is not None:
                self.dead_man.pass_time(n)
            if self.train is not None:
                self.train.pass_time(n)
            if self.timer is not None:
                self.timer_us -= n
                if self.timer_us <= 0:
                    self.timer_us += self.period_us
                    self.timer(None)

    def step(self):
        """One STEP edge: the motor, its encoder, the drip chamber."""
        self.steps += 1
        if not self.levels[_ENABLE]:
            return
        self.to_turn += 1
        if self.to_turn == 4:
            self.to_turn = 0
            self.turns += 1
            if not self.levels[_DIRECTION]:
                self.backward += 1
        if self.levels[_DIRECTION]:
            self.to_drop += 1
            if self.to_drop == _STEPS_A_DROP:
                self.to_drop = 0
                self.drop_us = 25_000

    def probe(self):
        self.levels[_FLUID] = 0 if self.levels[_PROBE] else 1


world = World()


class Pin:
    IN = 0
    OUT = 1
    PULL_UP = 1
    PULL_DOWN = 2

    def __init__(self, gpio, mode=-1, pull=-1, value=None):
        self.gpio = gpio
        if value is not None:
            world.levels[gpio] = value

    def value(self, level=None):
        if level is None:
            return world.levels[self.gpio]
        world.levels[self.gpio] = level
        if self.gpio == _PROBE:
            world.probe()
        return None


class ADC:
    def __init__(self, pin):
        self.gpio = pin.gpio

    def read_u16(self):
        if self.gpio == 29:
            return 2068 << 4  # 5 V on VSYS
        if self.gpio == 28:
            return 1825 << 4  # 30 degrees
        pa = 5500
        if self.gpio == 26:
            world.noise ^= 1
            pa = world.down_pa
        return (pa // 73 + 1370 + world.noise) << 4


class PWM:
    def __init__(self, pin, freq, duty_u16):
        self.duty_u16(duty_u16)

    def duty_u16(self, duty):
        world.levels[_SOUND_SENSE] = 1 if duty else 0


class WDT:
    def __init__(self, timeout):
        pass

    def feed(self):
        world.feeds += 1


class Timer:
    PERIODIC = 1

    def __init__(self, timer_id, mode, period, callback, hard):
        world.timer = callback
        world.period_us = world.timer_us = period * 1000


class I2C:
    """A FRAM, a clock chip and a display."""

    def __init__(self, bus_id, sda, scl, freq, timeout):
        self.memory = bytearray(32768)
        self.clock = bytearray(19)
        for i in range(len(_DATE)):
            self.clock[i] = _DATE[i]
        self.at = 0
        self.display_bytes = 0

    def writeto(self, address, data, stop=True):
        if address == 0x50:
            self.at = data[0] << 8 | data[1]
            self.put(self.memory, data, 2)
        elif address == 0x3C:
            self.display_bytes += len(data)
        else:
            self.at = data[0]
            self.put(self.clock, data, 1)

    def put(self, memory, data, begin):
        for i in range(begin, len(data)):
            memory[self.at] = data[i]
            self.at += 1

    def readfrom_into(self, address, into):
        memory = self.memory if address == 0x50 else self.clock
        for i in range(len(into)):
            into[i] = memory[self.at]
            self.at += 1


class Registers:
    """``mem32``: zero, but for the levels of all pins and the ring oscillator's
    counter, which is done."""

    def __getitem__(self, address):
        if address == 0xD0000004:
            levels = world.levels  # of those that anybody looks at there
            return (
                levels[4] << 4
                | levels[6] << 6
                | levels[7] << 7
                | levels[9] << 9
                | levels[14] << 14
                | levels[15] << 15
                | levels[19] << 19
                | levels[21] << 21
            )
        if address == 0x40008098:
            return 1 << 4
        return 208_000 if address == 0x4000809C else 0

    def __setitem__(self, address, value):
        pass


class Train:
    """``pump.hal.stepper.step_train``: a word is steps and the gap before each."""

    def __init__(self):
        world.train = self
        self.words = [0] * 8
        self.n = 0
        self.is_active = False
        self.left = 0
        self.gap = 0
        self.wait_us = 0
        self.put = self.add

    def add(self, word):
        self.words[self.n] = word
        self.n += 1

    def tx_fifo(self):
        return self.n

    def active(self, on):
        self.is_active = on

    def restart(self):
        self.left = 0
        self.wait_us = 0

    def exec(self, word):
        if word == 0x8080 and self.n:  # pull(noblock)
            self.take()
            self.left = 0

    def take(self):
        word = self.words[0]
        for i in range(self.n - 1):
            self.words[i] = self.words[i + 1]
        self.n -= 1
        self.left = word & 255
        self.gap = word >> 8
        self.wait_us += self.gap + 6

    def pass_time(self, us):
        if not self.is_active:
            return
        self.wait_us -= us
        while self.wait_us <= 0:
            if self.left:
                self.left -= 1
                world.step()
                self.wait_us += self.gap + 11 if self.left else 7
            elif self.n:
                self.take()
            else:
                self.wait_us = 0
                return


class DeadMan:
    """``pump.hal.dead_man.dead_man``: ENABLE until words stop arriving."""

    def __init__(self):
        world.dead_man = self
        self.left_us = -1
        self.waiting = 0
        self.is_active = False

    def put(self, loops):
        if self.left_us >= 0:
            self.left_us = loops * 3
        else:
            self.waiting += 1
            self.last = loops

    def tx_fifo(self):
        return self.waiting

    def active(self, on):
        self.is_active = on
        if not on:
            self.left_us = -1
        elif self.waiting:
            self.waiting -= 1
            self.left_us = self.last * 3
            world.levels[_ENABLE] = 1

    def exec(self, word):
        if word == 0xE000:
            world.levels[_ENABLE] = 0
        elif self.waiting:
            self.waiting -= 1

    def restart(self):
        pass

    def pass_time(self, us):
        if self.left_us >= 0:
            self.left_us -= us
            if self.left_us < 0:
                world.levels[_ENABLE] = 0


class Counter:
    """``pump.hal.edge_counter``."""

    def __init__(self, gpio, backward):
        self.gpio = gpio
        self.backward = backward

    def exec(self, word):
        pass

    def active(self, on):
        pass

    def get(self):
        if self.gpio == _STEP:
            return world.steps
        if self.gpio == _SECOND:
            return world.seconds
        return world.backward if self.backward else world.turns


class PIO:
    OUT_LOW = 0
    SHIFT_RIGHT = 1


def asm_pio(**options):
    return lambda program: program.__name__


def state_machine(sm_id, program, freq, set_base=None, in_base=None, jmp_pin=None):
    if program == "step_train":
        return Train()
    if program == "dead_man":
        return DeadMan()
    return Counter(in_base.gpio, jmp_pin is not None)


# --- time, files, serial line ----------------------------------------------------


def ticks_us():
    return world.us


def ticks_add(a, b):
    if b > _LAST_US - a:
        return a - (_LAST_US - b) - 1
    return a + b


def ticks_diff(a, b):
    left = a - b
    if left >= _HALF_US:
        return left - _HALF_US - _HALF_US
    if left < -_HALF_US:
        return left + _HALF_US + _HALF_US
    return left


def sleep_us(us):
    world.pass_time(us)


class File:
    def __init__(self, name, mode):
        self.data = world.files.get(name.lstrip("/"))
        self.at = 0
        if mode == "wb":
            self.data = world.files[name.lstrip("/")] = bytearray()
        elif self.data is None:
            raise OSError(2)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        pass

    def read(self):
        return bytes(self.data)

    def write(self, data):
        self.data.extend(data)

    def close(self):
        pass


def rename(old, new):
    world.files[new.lstrip("/")] = world.files.pop(old.lstrip("/"))


def urandom(n):
    return bytes([(11 * i + 5) & 255 for i in range(n)])


class Serial:
    """Both directions; what the firmware says goes to ``on_byte``."""

    def __init__(self):
        self.buffer = self
        self.waiting = bytearray(1024)
        self.head = 0
        self.n = 0
        self.on_byte = None
        self.second = None  # terminal

    def type(self, data):
        for byte in data:
            self.waiting[(self.head + self.n) % 1024] = byte
            self.n += 1

    def readinto(self, into):
        for i in range(len(into)):
            if self.n:
                into[i] = self.waiting[self.head]
                self.head = (self.head + 1) % 1024
                self.n -= 1
            elif not self.second.readinto(_one_byte):
                raise OSError("MicroPython would wait here until the host sends more")
            else:
                into[i] = _one_byte[0]

    def write(self, data):
        self.on_byte(data[0])
        self.second.write(data)


_one_byte = bytearray(1)
serial = Serial()
_READY = (0,)


class Poll:
    def register(self, stream, flags):
        pass

    def ipoll(self, timeout):
        return _READY


def dupterm(stream):
    serial.second = stream


class _Module:
    """What a ``sys.modules`` takes for a module."""


def _module(name, **names):
    module = _Module()
    for key in names:
        setattr(module, key, names[key])
    sys.modules[name] = module


class Reset(Exception):
    """``machine.reset()``."""


def reset():
    raise Reset


def install():
    """Everything above in the place of the board's modules; returns what undoes it."""
    faked = ("machine", "rp2", "time", "select", "io", "os")
    before = [(name, sys.modules.get(name)) for name in faked]
    _module(
        "machine", Pin=Pin, ADC=ADC, PWM=PWM, WDT=WDT, Timer=Timer, I2C=I2C,
        mem32=Registers(), reset=reset, reset_cause=lambda: 1,
        unique_id=lambda: b"\xe6\x61\x54\x1a\x00\x00\x00\x07",
    )  # fmt: skip
    _module("rp2", PIO=PIO, asm_pio=asm_pio, StateMachine=state_machine)
    _module(
        "time", ticks_us=ticks_us, ticks_add=ticks_add, ticks_diff=ticks_diff, sleep_us=sleep_us
    )
    _module("select", poll=Poll, POLLOUT=4)
    _module("io", open=File)
    _module("os", rename=rename, urandom=urandom, dupterm=dupterm)

    def undo():
        for name, module in before:
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module

    return undo


def wire(usb_line):
    """The serial line, which the firmware has by way of ``sys``."""
    streams = _Module()
    streams.stdin = serial
    streams.stdout = serial
    usb_line.sys = streams
