"""A balance that is not there, behind a pseudo-terminal, for trying the real reader on.

What is on the pan is a function of time.  ``Pan`` adds what a real one does to it: noise,
drift, evaporation, rounding.  What can go wrong with a balance is an attribute to be set.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import threading
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass, field

# A weight that changes by less than a digit in this time is stable.
_SETTLED_S = 1.0
_STREAM_S = 0.02


@dataclass
class Pan:
    """``fluid_g`` tells what has flowed into the vessel by a time in s.

    ``noise_g`` is a standard deviation; drift and evaporation go on from 0 s.
    """

    fluid_g: Callable[[float], float]
    noise_g: float = 0.0
    drift_g_h: float = 0.0
    evaporation_g_h: float = 0.0
    vessel_g: float = 0.0
    seed: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self):
        self._random = random.Random(self.seed)

    def still(self, t_s: float) -> float:
        """Without noise."""
        change = self.drift_g_h - self.evaporation_g_h
        return self.vessel_g + self.fluid_g(t_s) + change * t_s / 3600

    def grams(self, t_s: float) -> float:
        noise = self._random.gauss(0.0, self.noise_g) if self.noise_g else 0.0
        return self.still(t_s) + noise


class SimulatedBalance:
    """Answers on ``port`` until it is closed; ``now`` is the clock of the pan.

    What somebody may set: ``unit``; ``is_silent`` (says nothing at all); ``is_busy`` (S I);
    ``knows_mt_sics`` (else ES); ``lines_in_halves`` (a pause inside of each line);
    ``garbled`` (so many of the next answers come with a line end in the middle); ``most_g``.
    """

    def __init__(
        self,
        pan: Pan,
        now: Callable[[], float] = time.monotonic,
        readability_g: float = 0.01,
        serial_number: str = "B123456789",
    ):
        self.pan = pan
        self.unit = "g"
        self.most_g = 2200.0
        self.is_silent = False
        self.is_busy = False
        self.knows_mt_sics = True
        self.lines_in_halves = False
        self.garbled = 0
        self._now = now
        self._readability_g = readability_g
        self._serial_number = serial_number
        self._tare_g = 0.0
        self._is_streaming = False
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._is_open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Unplug it."""
        if not self._is_open:
            return
        self._is_open = False
        self._thread.join(5.0)
        for handle in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(handle)

    def __enter__(self) -> SimulatedBalance:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        heard = b""
        while self._is_open:
            ready, _, _ = select.select([self._master], [], [], _STREAM_S)
            if ready:
                with contextlib.suppress(OSError):
                    heard += os.read(self._master, 4096)
            while b"\n" in heard:
                line, _, heard = heard.partition(b"\n")
                self._is_streaming = False
                self._answer(line.rstrip(b"\r").decode("ascii", "replace"))
            if self._is_streaming:
                self._say(self._weight("S"))

    def _answer(self, command: str) -> None:
        if command in ("@", "I4"):
            if command == "@":
                self._tare_g = 0.0
            self._say(f'I4 A "{self._serial_number}"' if self.knows_mt_sics else "ES")
        elif not self.knows_mt_sics:
            self._say("ES")
        elif command == "SI":
            self._say(self._weight("S"))
        elif command == "S":
            self._say(self._weight("S") if self._is_still() else "S I")
        elif command == "SIR":
            self._is_streaming = True
        elif command in ("Z", "T"):
            self._set_to_nothing(command)
        else:
            self._say("ES")

    def _set_to_nothing(self, command: str) -> None:
        if not self._is_still() or self.is_busy:
            self._say(f"{command} I")
            return
        self._tare_g = self.pan.still(self._now())
        self._say(
            "Z A" if command == "Z" else f"T S {self._tare_g:10.{self._digits()}f} {self.unit}"
        )

    def _is_still(self) -> bool:
        now = self._now()
        moved = self.pan.still(now) - self.pan.still(now - _SETTLED_S)
        return abs(moved) < self._readability_g

    def _weight(self, letter: str) -> str:
        gross = self.pan.grams(self._now())
        if self.is_busy:
            return f"{letter} I"
        if gross > self.most_g:
            return f"{letter} +"
        if gross < -self.most_g / 100:
            return f"{letter} -"
        digits = round((gross - self._tare_g) / self._readability_g)
        kind = "S" if self._is_still() else "D"
        return f"{letter} {kind} {digits * self._readability_g:10.{self._digits()}f} {self.unit}"

    def _digits(self) -> int:
        return max(0, len(f"{self._readability_g:.6f}".rstrip("0").partition(".")[2]))

    def _say(self, text: str) -> None:
        if self.is_silent:
            return
        if self.garbled and not text.startswith("I4"):
            self.garbled -= 1
            text = text[: len(text) // 2] + "\n" + text[len(text) // 2 + 2 :]
        data = text.encode("ascii", "replace") + b"\r\n"
        pieces = (data[:5], data[5:]) if self.lines_in_halves else (data,)
        for index, piece in enumerate(pieces):
            if index:
                time.sleep(0.01)
            with contextlib.suppress(OSError):
                os.write(self._master, piece)
