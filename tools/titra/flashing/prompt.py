"""MicroPython's prompt of a board, in its raw mode, through mpremote.

What runs there is text that is compiled on the board; every step is small, so that
an interruption leaves either what was before it or what is after it.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from host_sim.links import LinkError

# Bytes of a file in one command: base64 of them is compiled in one piece of RAM.
_CHUNK = 768
# Between two bytes of an answer: a hash of the largest file, or an erase in between.
_ANSWER_S = 20

# Run once when the prompt is reached.  What an interrupted flashing left open is closed
# now, before another file of that name is made.
_BEGIN = """
import gc
for _n in ('f', 'w'):
    globals().pop(_n, None)
gc.collect()
import os
from binascii import a2b_base64 as _u, hexlify as _x
from hashlib import sha256 as _s
def _h(path):
    h = _s()
    b = bytearray(512)
    m = memoryview(b)
    with open(path, 'rb') as f:
        while True:
            n = f.readinto(b)
            if not n:
                return _x(h.digest()).decode()
            h.update(m[:n])
def _p(beside, path, sha):
    if _h(beside) != sha:
        return False
    os.rename(beside, path)
    return True
def _l(folder):
    for e in os.ilistdir(folder):
        p = folder + e[0]
        if e[1] == 0x4000:
            print(('D', p, ''))
            _l(p + '/')
        else:
            try:
                d = _h(p)
            except OSError:
                d = 'unreadable'
            print(('F', p, d))
"""

_WHO = """
import sys
from machine import unique_id
i = sys.implementation
print((sys.platform, i.name, tuple(i.version)[:3], getattr(i, '_machine', ''),
    getattr(i, '_mpy', 0), ''.join('%02X' % b for b in unique_id())))
"""

_RESTART = """
try:
    from pump.hal import reset_mark
    reset_mark.leave(reset_mark.RESTART)
except Exception:
    pass
import machine
machine.reset()
"""


class PromptError(Exception):
    """The board refused a command; the message is MicroPython's."""


@dataclass(frozen=True)
class Chip:
    """What answers at the prompt."""

    platform: str
    language: str
    version: tuple[int, ...]
    machine: str
    mpy: int
    serial_number: str


@dataclass
class Contents:
    """What is in the board's file system: SHA-256 by path, and folders."""

    files: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)


class Prompt:
    """The raw prompt at ``url``, until ``close``.

    Every method raises ``LinkError`` when the line is gone or nothing answers, and
    ``PromptError`` when the board says no.
    """

    def __init__(self, url: str):
        self._url = url
        with self._talking():
            self._transport = SerialTransport(url, exclusive="://" not in url, timeout=_ANSWER_S)
            # A read then waits for its byte; otherwise mpremote looks every 10 ms, four
            # times a command.
            self._transport.is_pty = True
            try:
                self._transport.enter_raw_repl(soft_reset=False)
            except BaseException:
                self._transport.serial.close()
                raise
        self._has_begun = False

    def close(self) -> None:
        """Leave the line; the board stays at its prompt."""
        with contextlib.suppress(OSError, serial.SerialException):
            self._transport.serial.write(b"\r\x02")
        self._transport.serial.close()

    @contextlib.contextmanager
    def _talking(self):
        try:
            # mpremote says on standard output what it did not expect.
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        except TransportExecError as error:
            lines = [line for line in error.error_output.strip().splitlines() if line]
            raise PromptError(lines[-1] if lines else "an exception without words") from None
        except TransportError as error:
            raise LinkError(f"{self._url}: {error}") from None
        except (OSError, serial.SerialException, struct.error, IndexError) as error:
            why = getattr(error, "strerror", None) or "no answer from the board"
            raise LinkError(f"{self._url}: {why}") from None

    def run(self, text: str) -> str:
        """Run ``text`` on the board; what it printed."""
        with self._talking():
            out, failed = self._transport.exec_raw(text, timeout=_ANSWER_S)
            if failed:
                raise TransportExecError(out, failed.decode("utf-8", "replace"))
        return out.decode("utf-8", "replace")

    def _tuples(self, text: str) -> list[tuple]:
        lines = self.run(text).splitlines()
        try:
            return [ast.literal_eval(line) for line in lines if line]
        except (SyntaxError, ValueError):
            raise PromptError(f"answers with {' '.join(lines)[:60]!r}") from None

    def _begin(self) -> None:
        if not self._has_begun:
            self.run(_BEGIN)
            self._has_begun = True

    # --- looking ---------------------------------------------------------------------

    def chip(self) -> Chip:
        """Which board and which MicroPython."""
        answers = self._tuples(_WHO)
        return Chip(*answers[-1])

    def contents(self) -> Contents:
        """Every file with its hash, computed on the board."""
        self._begin()
        found = Contents()
        for kind, path, sha in self._tuples("_l('/')"):
            if kind == "D":
                found.folders.append(path.lstrip("/"))
            else:
                found.files[path.lstrip("/")] = sha
        return found

    def level(self, gpio: int) -> int:
        """Level of an input with a pull-up."""
        text = f"from machine import Pin\nprint((Pin({gpio},Pin.IN,Pin.PULL_UP).value(),))"
        return self._tuples(text)[-1][0]

    # --- changing --------------------------------------------------------------------

    def drive_low(self, gpio: int) -> None:
        """Make ``gpio`` an output at 0."""
        self.run(f"from machine import Pin\nPin({gpio},Pin.OUT,value=0)")

    def make_folder(self, path: str) -> None:
        self._begin()
        self.run(f"os.mkdir({'/' + path!r})")

    def remove_file(self, path: str) -> None:
        self._begin()
        self.run(f"os.remove({'/' + path!r})")

    def remove_folder(self, path: str) -> None:
        """It must be empty."""
        self._begin()
        self.run(f"os.rmdir({'/' + path!r})")

    def put(
        self, path: str, beside: str, data: bytes, sha: str, progress: Callable[[int], None]
    ) -> bool:
        """Write ``data`` as file ``beside``, read it back, and if its hash, computed on
        the board, is ``sha``, let it take the place of ``path``, whole or not at all.
        ``progress`` is told each number of bytes that went.  False: it is not."""
        self._begin()
        opening = f"f=open({'/' + beside!r},'wb')\nw=f.write\n"
        for at in range(0, max(1, len(data)), _CHUNK):
            chunk = data[at : at + _CHUNK]
            self.run(f"{opening}w(_u({base64.b64encode(chunk)!r}))")
            opening = ""
            progress(len(chunk))
        return self._tuples(
            f"f.close()\ndel f,w\nprint((_p({'/' + beside!r},{'/' + path!r},{sha!r}),))"
        )[-1][0]

    def restart(self) -> None:
        """Reset as planned, as the firmware marks it.  The line goes with it; the
        prompt is closed."""
        with contextlib.suppress(LinkError), self._talking():
            self._transport.exec_raw_no_follow(_RESTART)
        with contextlib.suppress(OSError, serial.SerialException):
            self._transport.serial.close()


def compiled_for(chip: Chip, data: bytes) -> bool:
    """Whether ``data``, a compiled module, is of the format that ``chip`` loads."""
    return data[:2] == bytes((ord("M"), chip.mpy & 0xFF))


def as_version(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
