"""The rig's line, its verbs, and its check of itself."""

import select
import sys
from time import sleep_us

import micropython
from machine import PWM, Pin, unique_id
from rig_clock import RigClock
from rig_drives import Drives
from rig_lines import frame, words_of

# Made from the table of channels when it is deployed (hil_tests/rig/deploy.py).
from rig_pins import EDGES_A_LINE, GPIO, LOOP, REST, VERSION  # pyright: ignore[reportMissingImports]
from rig_sampler import Sampler

_LINE_MAX = 96
# The check's own edges: 2 kHz, on a pin that nothing is wired to.
_CHECK_HZ = 2000
_CHECK_MS = 20
_CHECK_GAP_US = 250
_CHECK_OFF_US = 2
# Two edges that Python makes: no further apart than its own clock says.
_PULSE_US = 500
_LOOPED = ("DOOR", "STOP_KEY", "OK_KEY", "SUPPLY_GOOD")


class Rig:
    def __init__(self):
        self.clock = RigClock()
        self.drives = Drives(self.clock)
        self.sampler = Sampler(self.clock)
        self._checked = "1"
        self._line = bytearray()
        self._verbs = {
            "RIG?": self._about,
            "SELFCHECK": self._self_check,
            "TIME?": lambda: str(self.clock.now_us()),
            "SET": self._set,
            "AT": self._at,
            "RAMP": self._ramp,
            "REST": self._rest,
            "ARM": self._arm,
            "EDGES?": self._edges,
            "LEVELS?": lambda: "%04X" % self._levels(),
            "RESET_DUT": self._reset,
        }

    def run(self):
        """For ever."""
        micropython.kbd_intr(-1)
        poll = select.poll()
        poll.register(sys.stdin, select.POLLIN)
        read = sys.stdin.buffer.read
        while True:
            self.drives.step()
            if self.sampler.edges is not None:
                self.sampler.drain()
            while poll.poll(0):
                self._byte(read(1))

    def _byte(self, byte):
        if byte != b"\n":
            if len(self._line) < _LINE_MAX:
                self._line += byte
            return
        line = bytes(self._line)
        self._line = bytearray()
        if line.strip():
            sys.stdout.buffer.write(self.answer(line))

    def answer(self, line):
        """What a line is answered with."""
        words = words_of(line)
        if words is None:
            return frame("ERR BAD_CRC say it again")
        verb = self._verbs.get(words[0])
        if verb is None:
            return frame("ERR UNKNOWN_VERB %s" % words[0])
        try:
            return frame("OK %s %s" % (words[0], verb(*words[1:])))
        except (KeyError, TypeError, ValueError) as error:
            return frame("ERR BAD_ARGUMENT %s" % error)

    # --- verbs -------------------------------------------------------------------------

    def _about(self):
        serial = "".join("%02X" % byte for byte in unique_id())
        return "titra-rig,%s,%s,%s" % (VERSION, serial, self._checked)

    def _set(self, name, value):
        self.drives.put(name, int(value))
        return str(self.clock.now_us())

    def _at(self, us, name, value):
        self.drives.at(int(us), name, int(value))
        return us

    def _ramp(self, us, name, first, last, length):
        self.drives.ramp(int(us), name, int(first), int(last), int(length))
        return us

    def _rest(self):
        self.drives.rest()
        return str(self.clock.now_us())

    def _arm(self, mask):
        us, word = self.sampler.arm(int(mask, 16))
        return "%d,%04X" % (us, word)

    def _edges(self, first):
        sampler = self.sampler
        sampler.drain()
        begin = int(first)
        total = sampler.words()
        edges = sampler.edges
        parts = ["%d,%d,%d" % (begin, total, sampler.lost)]
        for i in range(begin, min(total, begin + EDGES_A_LINE)):
            parts.append("%d:%04X" % (edges[2 * i], edges[2 * i + 1]))
        return ",".join(parts)

    def _levels(self):
        word = 0
        for name in GPIO:
            if GPIO[name] < 16:
                # Read through the pad; neither direction nor function changes.
                word |= Pin(GPIO[name]).value() << GPIO[name]
        return word

    def _reset(self, ms):
        us = self.clock.now_us()
        self.drives.put("RUN", 0)
        sleep_us(int(ms) * 1000)
        self.drives.put("RUN", 1)
        return str(us)

    # --- the check -----------------------------------------------------------------------

    def _self_check(self):
        """What it drives it must see, when it drives it; and a known tone to the
        microsecond, with no edge lost."""
        verdict = self._check_tone() or self._check_pads()
        self.drives.rest()
        self._checked = "0" if verdict else "1"
        return verdict or "PASS"

    def _check_tone(self):
        self.sampler.arm(1 << LOOP)
        tone = PWM(Pin(LOOP), freq=_CHECK_HZ, duty_u16=32768)
        begun = self.clock.now_us()
        while self.clock.now_us() - begun < _CHECK_MS * 1000:
            self.sampler.drain()
        tone.deinit()
        Pin(LOOP, Pin.IN)
        self.sampler.drain()
        edges = self.sampler.edges
        times = [edges[2 * i] for i in range(self.sampler.words())][1:-2]
        if self.sampler.lost or len(times) < 2 * _CHECK_HZ * _CHECK_MS // 1000 - 6:
            return "FAIL,TONE,%d edges" % len(times)
        for i in range(len(times) - 1):
            if abs(times[i + 1] - times[i] - _CHECK_GAP_US) > _CHECK_OFF_US:
                return "FAIL,TONE,%d us" % (times[i + 1] - times[i])
        return ""

    def _check_pads(self):
        for name in _LOOPED:
            self.sampler.arm(1 << GPIO[name])
            before_us = self.clock.now_us()
            self.drives.put(name, 1 - REST[name])
            sleep_us(_PULSE_US)
            self.drives.put(name, REST[name])
            after_us = self.clock.now_us()
            self.sampler.drain()
            edges = self.sampler.edges
            n = self.sampler.words()
            if n != 2:
                return "FAIL,%s,%d edges" % (name, n)
            if not before_us - _CHECK_OFF_US <= edges[0] <= edges[2] <= after_us + _CHECK_OFF_US:
                return "FAIL,%s,%d us" % (name, edges[0] - before_us)
            if edges[2] - edges[0] < _PULSE_US:
                return "FAIL,%s,%d us long" % (name, edges[2] - edges[0])
        return ""
