"""A lab balance that speaks MT-SICS, over any line that pyserial can open.

MT-SICS is Mettler-Toledo's command set, which balances of other makers speak too; levels 0
and 1 suffice here.  Commands and answers are lines of ASCII that end with CR LF:

    @      reset            I4 A "SERIAL"
    I4     serial number    I4 A "SERIAL"
    SI     weight, now      S S   100.00 g   stable      S D   100.00 g   moving
    S      weight, stable   the same; S I if it does not settle in time
    SIR    SI again and again, until the next command
    Z, T   zero, tare       Z A; T S   100.00 g
    S I    cannot now       S +  overload      S -  underload
    ES     syntax error     ET  transmission error      EL  not executable here

(Reference manuals "MT-SICS Interface Commands" of Mettler-Toledo.)  Whatever is wrong is a
``BalanceError`` of one line that says what to do.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BAUD = 9600
UNIT = "g"
# A balance answers SI within two of its measuring cycles, 0.1 s or so each.
ANSWER_S = 2.0
# S and T wait until the weight has settled; balances give up after 40 s or so.
SETTLE_S = 45.0
# A line that was torn or garbled is asked for again so many times.
TRIES = 3
_LINE_MOST = 256
_WEIGHT = re.compile(r"[ST] ([SD]) +(-?[0-9]+(?:\.([0-9]+))?) +(\S+)")
_SERIAL = re.compile(r'I4 A "([^"]*)"')


class BalanceError(Exception):
    """No weight can be had; the message says why and what to do."""


@dataclass(frozen=True)
class Reading:
    """``t_s`` by the caller's clock, in the middle between question and answer.

    ``readability_g`` is one of the last digit that the balance sends.
    """

    t_s: float
    grams: float
    is_stable: bool
    readability_g: float


class _Garbled(Exception):
    """A line that makes no sense: half of one, or one that was hit by noise."""


class Balance:
    """Opens ``port``, resets the balance, and asks for its serial number.

    ``now`` is the clock of the readings.  Raises ``BalanceError``.
    """

    def __init__(
        self,
        port: str,
        baud: int = BAUD,
        now: Callable[[], float] = time.monotonic,
        answer_s: float = ANSWER_S,
        settle_s: float = SETTLE_S,
    ):
        import serial

        self.name = port
        self._now = now
        self._answer_s = answer_s
        self._settle_s = settle_s
        self._buffer = b""
        try:
            self._port = serial.serial_for_url(port, baudrate=baud, timeout=0)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BalanceError(f"{port}: {reason}; is the balance plugged in?") from None
        try:
            self.serial_number = self._reset()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._port.close()

    def __enter__(self) -> Balance:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- asking ------------------------------------------------------------------------

    def weight(self) -> Reading:
        """The weight as it is now, moving or not (SI)."""
        return self._weigh("SI", self._answer_s)

    def stable_weight(self) -> Reading:
        """The weight once it has settled (S)."""
        return self._weigh("S", self._settle_s)

    def zero(self) -> None:
        """Set zero, with nothing on the pan (Z)."""
        answer = self._ask("Z", self._settle_s, lambda line: line.startswith("Z "))
        if answer != "Z A":
            raise self._refusal("Z", answer)

    def tare(self) -> Reading:
        """What is on the pan counts as nothing from here on (T); its weight."""
        return self._weigh("T", self._settle_s)

    def stream(self) -> Iterator[Reading]:
        """Readings as the balance sends them (SIR), until the caller takes no more."""
        self._send("SIR")
        try:
            while True:
                line = self._line(self._answer_s)
                try:
                    yield self._reading("SIR", line, self._now())
                except _Garbled:
                    # The next one is a tenth of a second away.
                    continue
        finally:
            self._reset()

    def _weigh(self, command: str, timeout_s: float) -> Reading:
        for tries_left in reversed(range(TRIES)):
            began = self._now()
            answer = self._ask(command, timeout_s, lambda line: True)
            try:
                return self._reading(command, answer, (began + self._now()) / 2)
            except _Garbled:
                # What it garbled may go on: nothing of it belongs to the next answer.
                self._drop_input()
                if not tries_left:
                    raise BalanceError(
                        f"{self.name}: the balance answered {answer!r} to {command}, which is no "
                        f"weight; check baud rate, parity and the cable's shield"
                    ) from None
        raise AssertionError("unreachable")

    def _reading(self, command: str, line: str, t_s: float) -> Reading:
        match = _WEIGHT.fullmatch(line)
        if match is None:
            raise self._refusal(command, line)
        kind, number, decimals, unit = match.groups()
        if unit != UNIT:
            raise BalanceError(
                f"{self.name}: the balance weighs in {unit}, expected {UNIT}; set its unit"
            )
        return Reading(t_s, float(number), kind == "S", 10.0 ** -len(decimals or ""))

    def _refusal(self, command: str, line: str) -> Exception:
        """What an answer without a weight means."""
        said = {
            "+": "is overloaded; take something off the pan, or use a smaller vessel",
            "-": "is below its range; put the pan and the vessel back on",
            "I": "cannot weigh now; it does not settle, or somebody works at its keys",
        }
        if len(line) == 3 and line[:2] == f"{command[0]} " and line[2] in said:
            return BalanceError(f"{self.name}: the balance {said[line[2]]}")
        if line == "ES":
            return BalanceError(
                f"{self.name}: the balance does not know {command}; set its interface to MT-SICS"
            )
        if line == "EL":
            return BalanceError(
                f"{self.name}: the balance cannot carry out {command}; close its menu"
            )
        return _Garbled(line)

    # --- lines --------------------------------------------------------------------------

    def _reset(self) -> str:
        """Cancel what goes on, and read the serial number; what came before is dropped."""
        self._drop_input()
        answer = self._ask("@", self._answer_s, lambda line: _SERIAL.fullmatch(line) is not None)
        match = _SERIAL.fullmatch(answer)
        assert match is not None
        return match[1]

    def _ask(self, command: str, timeout_s: float, is_answer: Callable[[str], bool]) -> str:
        """The first line that is an answer; what is none, of an earlier command, is passed."""
        self._send(command)
        until = time.monotonic() + timeout_s
        heard = ""
        while (left_s := until - time.monotonic()) > 0:
            try:
                heard = self._line(left_s)
            except _Nothing:
                break
            if is_answer(heard) or heard in ("ES", "EL"):
                if not is_answer(heard):
                    raise self._refusal(command, heard)
                return heard
        said = f", only {heard!r}" if heard else ""
        raise BalanceError(
            f"{self.name}: no answer to {command} within {timeout_s:g} s{said}; is the balance on, "
            f"at this baud rate, and its interface set to MT-SICS?"
        )

    def _send(self, command: str) -> None:
        try:
            self._port.write(command.encode("ascii") + b"\r\n")
        except OSError as error:
            raise self._lost(error) from None

    def _line(self, timeout_s: float) -> str:
        """The next whole line, without its end.  Half a line waits for its other half."""
        until = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise _Nothing(f"{self.name}: the balance has stopped sending")
            try:
                self._port.timeout = left_s
                data = self._port.read(1)
                self._port.timeout = 0
                self._buffer += data + self._port.read(_LINE_MOST)
            except OSError as error:
                raise self._lost(error) from None
            if len(self._buffer) > 16 * _LINE_MOST:
                self._buffer = self._buffer[-_LINE_MOST:]
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("ascii", "replace").strip()

    def _drop_input(self) -> None:
        self._buffer = b""
        try:
            self._port.timeout = 0
            while self._port.read(65536):
                pass
        except OSError as error:
            raise self._lost(error) from None

    def _lost(self, error: OSError) -> BalanceError:
        reason = str(getattr(error, "strerror", None) or error).split("\n")[0]
        return BalanceError(f"{self.name}: the balance is gone ({reason}); check its cable")


class _Nothing(BalanceError):
    """No line came in time."""


def record(
    balance: Balance,
    minutes: float,
    sample_s: float,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
    progress: Callable[[int], None] = lambda done_s: None,
) -> list[Reading]:
    """A reading every ``sample_s`` for ``minutes``, the first at 0 s.

    ``now`` is the clock that the balance was opened with.  The times are those at which the
    readings were taken, not those at which they were due.
    """
    first = balance.weight()
    readings = [Reading(0.0, first.grams, first.is_stable, first.readability_g)]
    due_s = sample_s
    end_s = minutes * 60
    while readings[-1].t_s < end_s:
        wait_s = first.t_s + due_s - now()
        if wait_s > 0:
            sleep(wait_s)
        taken = balance.weight()
        t_s = taken.t_s - first.t_s
        readings.append(Reading(t_s, taken.grams, taken.is_stable, taken.readability_g))
        due_s += sample_s
        progress(int(t_s))
    return readings
