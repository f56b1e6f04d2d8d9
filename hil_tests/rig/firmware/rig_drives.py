"""What the rig drives: levels, voltages, and the parts of a pump that stand in."""

import rig_programs
from machine import PWM, Pin

# Made from the table of channels when it is deployed (hil_tests/rig/deploy.py).
from rig_pins import ANALOG, DRIVEN, FULL_SCALE_UV, GPIO, KINDS, REST, SENSED  # pyright: ignore[reportMissingImports]
from rp2 import StateMachine

_PWM_HZ = 30_000
_STEPS_PER_COUNT = 4
_STEPS_PER_DROP = 320
# 64 cycles behind the last edge of the tone are 3.2 ms.
_HEARD_HZ = 20_000
_SM_TURNS = 1
_SM_HEARD = 4
_SM_FLUID = 5
_SM_DROPS = 6
# A converter that never changes is a broken one: a step of the PWM up and down.
_LIVE_US = 4000
_LIVE = 16


class Drives:
    def __init__(self, clock):
        self._clock = clock
        self._due = []  # [us, name, value], the soonest first
        self._ramps = []  # [start us, name, first uV, last uV, us]
        self._duty = {}
        self._pwm = {}
        self._pins = {}
        self._machines = {}
        self._live_us = 0
        self._odd = 0
        for name in KINDS:
            if KINDS[name] == SENSED:
                Pin(GPIO[name], Pin.IN)
            elif KINDS[name] == ANALOG:
                self._pwm[name] = PWM(Pin(GPIO[name]), freq=_PWM_HZ, duty_u16=0)
        # Open drain: the pump's own pull-up makes RUN high.
        self._pins["RUN"] = Pin(GPIO["RUN"], Pin.OPEN_DRAIN, value=1)
        self.rest()

    def rest(self):
        """Nothing is wrong anywhere."""
        self._due.clear()
        self._ramps.clear()
        for name in KINDS:
            if KINDS[name] in (ANALOG, DRIVEN):
                self.put(name, REST[name])

    def put(self, name, value):
        """A level, or microvolts.  Raises ``ValueError``, ``KeyError``."""
        if KINDS[name] == ANALOG:
            self._duty[name] = max(0, min(65535, value * 65535 // FULL_SCALE_UV))
            self._pwm[name].duty_u16(self._duty[name])
            return
        if KINDS[name] != DRIVEN or value not in (0, 1):
            raise ValueError(name)
        if name in ("TURNS", "DROPS", "HEARD", "FLUID"):
            self._stand_in(name, value)
        elif name in self._pins:
            self._pins[name].value(value)
        else:
            self._pins[name] = Pin(GPIO[name], Pin.OUT, value=value)

    def _stand_in(self, name, value):
        old = self._machines.pop(name, None)
        if old is not None:
            old.active(0)
        pin = Pin(GPIO[name], Pin.OUT, value=0)
        if not value:
            return
        if name == "FLUID":
            sm = StateMachine(
                _SM_FLUID, rig_programs.fluid, set_base=pin, in_base=Pin(GPIO["AIR_PROBE"])
            )
            sm.exec("set(pins, 1)")
        elif name == "HEARD":
            sounder = Pin(GPIO["SOUNDER"])
            sm = StateMachine(
                _SM_HEARD, rig_programs.heard, freq=_HEARD_HZ, set_base=pin, in_base=sounder,
                jmp_pin=sounder,
            )  # fmt: skip
        else:
            number, steps = (
                (_SM_TURNS, _STEPS_PER_COUNT) if name == "TURNS" else (_SM_DROPS, _STEPS_PER_DROP)
            )
            sm = StateMachine(
                number, rig_programs.divider, out_base=pin, in_base=Pin(GPIO["STEP"]),
                jmp_pin=Pin(GPIO["ENABLE"]),
            )  # fmt: skip
            # High for a half and low for the other.
            sm.put(steps // 2 - 1)
        sm.active(1)
        self._machines[name] = sm

    def at(self, us, name, value):
        if us <= self._clock.now_us():
            raise ValueError("that time has passed")
        if KINDS[name] not in (ANALOG, DRIVEN):
            raise ValueError(name)
        self._due.append((us, name, value))
        self._due.sort()

    def ramp(self, us, name, first, last, length):
        if us <= self._clock.now_us() or KINDS[name] != ANALOG or not 0 < length <= 10_000_000:
            raise ValueError(name)
        self._ramps.append((us, name, first, last, length))

    def step(self):
        """What is due by now."""
        now = self._clock.now_us()
        while self._due and self._due[0][0] <= now:
            _, name, value = self._due.pop(0)
            self.put(name, value)
        for ramp in self._ramps:
            us, name, first, last, length = ramp
            if now >= us:
                passed = min(length, now - us)
                self.put(name, first + (last - first) * passed // length)
                if passed == length:
                    self._ramps.remove(ramp)
                    break
        if now - self._live_us >= _LIVE_US:
            self._live_us = now
            self._odd ^= 1
            for name, pwm in self._pwm.items():
                duty = self._duty[name]
                if duty:
                    pwm.duty_u16(min(65535, duty + _LIVE * self._odd))
