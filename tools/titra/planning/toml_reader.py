"""Reads a TOML file that anybody may have written, and reports all of its faults.

Two things that the standard library leaves open matter here.  Numbers stay
exact: 70.1 becomes the fraction 701/10 and never a float.  And nothing in a file
can hang the reader or make it fail with a traceback: size, nesting and the
length of numbers are bounded before anything is computed from them.
"""

import json
import os
import re
import stat
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from titra.planning.wording import decimal_text, nearest, one_of

# An order is about 1 KiB and a library file about 6.
FILE_MAX_BYTES = 64 * 1024
# The time to parse a dotted key grows with the square of its length.
_LINE_MAX_CHARS = 4000
# No quantity here needs more digits; 1e999999999 would fill the memory.
_NUMBER_MAX_CHARS = 40
_EXPONENT_MAX = 30

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")
_PATH = re.compile(r"[A-Za-z0-9_.\[\]-]{1,80}")
_NUMBER = re.compile(r"([+-]?[0-9_]+(?:\.[0-9_]+)?)(?:[eE]([+-]?[0-9_]+))?")
_AT_LINE = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)


@dataclass(frozen=True)
class Problem:
    """One reason why a file cannot be used.

    ``field`` is dotted (``patient.weight_kg``, ``product.lots[0].grams``), or empty when
    the file as a whole is at fault.  ``code`` is a stable word for programs.
    """

    field: str
    message: str
    code: str

    def line(self, path: str) -> str:
        """The one line that a person sees."""
        return f"{path}: {self.field}: {self.message}" if self.field else f"{path}: {self.message}"


class InputError(Exception):
    """A file is malformed or wrong (exit code 2); holds every problem found."""

    def __init__(self, path: str, problems: Iterable[Problem]):
        self.path = path
        self.problems = list(problems)
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One line per problem."""
        return [problem.line(self.path) for problem in self.problems]


@dataclass(frozen=True)
class _Unusable:
    """A TOML float that is no exact number: nan, inf, or far too long."""

    text: str


def _exact(text: str) -> Fraction | _Unusable:
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > _NUMBER_MAX_CHARS:
        return _Unusable(text)
    exponent = int(match[2] or 0)
    if abs(exponent) > _EXPONENT_MAX:
        return _Unusable(text)
    return Fraction(match[1].replace("_", "")) * Fraction(10) ** exponent


def read_bytes(path: str) -> bytes:
    """The content of the regular file ``path``, at most `FILE_MAX_BYTES`.

    Raises `InputError`.  Looks before it opens, since opening a pipe would wait for ever.
    """

    def refuse(code: str, message: str) -> InputError:
        return InputError(path, [Problem("", message, code)])

    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise refuse("file-kind", "is a directory, expected a TOML file")
        if not stat.S_ISREG(status.st_mode):
            raise refuse("file-kind", "is not a regular file, expected a TOML file")
        if status.st_size > FILE_MAX_BYTES:
            raise refuse(
                "file-size", f"has {status.st_size} bytes, expected at most {FILE_MAX_BYTES}"
            )
        with open(path, "rb") as file:
            raw = file.read(FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        raise refuse("file-missing", "does not exist, expected a TOML file") from None
    except OSError as error:
        raise refuse("file-unreadable", f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise refuse("file-missing", "is no file name (it holds a NUL byte)") from None
    if len(raw) > FILE_MAX_BYTES:
        raise refuse("file-size", f"has grown beyond {FILE_MAX_BYTES} bytes while it was read")
    return raw


def parse(raw: bytes, path: str) -> tuple[dict[str, Any], str]:
    """Parse TOML and return its tables and its text.  Raises `InputError`.

    Floats come back as `Fraction`; the readers of `Table` refuse those that are not numbers.
    """

    def refuse(code: str, message: str) -> InputError:
        return InputError(path, [Problem("", message, code)])

    try:
        # Some editors put a byte order mark first; it means nothing in UTF-8.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise refuse("encoding", f"line {line}: byte {error.start + 1} is not UTF-8") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > _LINE_MAX_CHARS:
            message = f"line {number}: has {len(line)} characters, expected at most "
            raise refuse("line-length", f"{message}{_LINE_MAX_CHARS}")
    try:
        return tomllib.loads(text, parse_float=_exact), text
    except tomllib.TOMLDecodeError as error:
        raise refuse("toml", _locate(str(error), text)) from None
    except RecursionError:
        raise refuse("nesting", "is nested too deeply, expected two levels of tables") from None
    except ValueError:
        # Python bounds the digits of an integer, and lets that bound be lowered.
        raise refuse("number", "holds a number or a date that cannot be read") from None


def _locate(message: str, text: str) -> str:
    """Put the place first: ``line 3, column 5: ...``."""
    match = _AT_LINE.match(message)
    if match is None:
        return message
    what, line, column = match.groups()
    if line is None:
        line, column = text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1
    return f"line {line}, column {column}: {what}"


def show(value: Any) -> str:
    """A TOML value as one short line that is safe on any terminal."""
    match value:
        case bool():
            return "true" if value else "false"
        case _Unusable():
            return value.text if len(value.text) <= _NUMBER_MAX_CHARS else "a number too long"
        case int() if value.bit_length() > 128:
            return f"a number of {value.bit_length()} bits"
        case int():
            return str(value)
        case Fraction():
            return decimal_text(value)
        case str():
            return "the text " + json.dumps(value if len(value) <= 40 else value[:40] + "...")
        case datetime():
            return f"the date and time {value}"
        case date():
            return f"the date {value}"
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


_REQUIRED: Any = object()


class Table:
    """One TOML table on its way in.

    Each reader returns the checked value, or None after noting a problem, so that one pass
    finds everything.  The keys asked for are the keys that exist: `finish` reports the rest.
    """

    def __init__(self, data: dict[str, Any], where: str, problems: list[Problem]):
        self._data = data
        self.where = where
        self.problems = problems
        self._asked: list[str] = []

    def field(self, key: str) -> str:
        """The dotted name of ``key``, which may be a path such as ``lots[0].grams``."""
        shown = key if _PATH.fullmatch(key) else json.dumps(key[:40])
        return f"{self.where}.{shown}" if self.where else shown

    def problem(self, key: str, message: str, code: str) -> None:
        """Note that ``key`` is wrong."""
        self.problems.append(Problem(self.field(key), message, code))

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def _get(self, key: str, expected: str, default: Any) -> tuple[bool, Any]:
        """(True, the raw value), or (False, the default or None) when there is none."""
        self._asked.append(key)
        if key in self._data:
            return True, self._data[key]
        if default is _REQUIRED:
            self.problem(key, f"is missing, expected {expected}", "missing")
            return False, None
        return False, default

    def _wrong(self, key: str, value: Any, expected: str, code: str, hint: str = "") -> None:
        self.problem(key, f"is {show(value)}, expected {expected}{hint}", code)

    def number(
        self,
        key: str,
        unit: str,
        low: Fraction | int,
        high: Fraction | int,
        default: Any = _REQUIRED,
    ) -> Fraction | None:
        """An exact number from ``low`` to ``high``, both included."""
        expected = f"a number of {unit} from {decimal_text(low)} to {decimal_text(high)}"
        given, value = self._get(key, expected, default)
        if not given:
            return value
        if isinstance(value, bool) or not isinstance(value, int | Fraction):
            self._wrong(key, value, expected, "type")
            return None
        if not low <= value <= high:
            self._wrong(key, value, expected, "range")
            return None
        return Fraction(value)

    def whole(
        self, key: str, unit: str, low: int, high: int, default: Any = _REQUIRED
    ) -> int | None:
        """A whole number from ``low`` to ``high``; 2.0 counts as one."""
        value = self.number(key, unit, low, high, default)
        if isinstance(value, Fraction):
            if value.denominator != 1:
                self._wrong(key, value, f"a whole number of {unit}", "type")
                return None
            return int(value)
        return value

    def text(
        self, key: str, expected: str, pattern: str = r".{1,400}", default: Any = _REQUIRED
    ) -> str | None:
        """A text that matches ``pattern`` as a whole; ``expected`` puts that in words."""
        given, value = self._get(key, expected, default)
        if not given:
            return value
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            self._wrong(key, value, expected, "format" if isinstance(value, str) else "type")
            return None
        return value

    def choice(
        self, key: str, words: Iterable[str], default: Any = _REQUIRED, code: str = "choice"
    ) -> str | None:
        """One word of ``words``; a near miss is suggested."""
        words = list(words)
        expected = one_of(words)
        given, value = self._get(key, expected, default)
        if not given or (isinstance(value, str) and value in words):
            return value
        hint = nearest(value, words) if isinstance(value, str) else ""
        self._wrong(key, value, expected, code if isinstance(value, str) else "type", hint)
        return None

    def choices(self, key: str, words: Iterable[str]) -> tuple[str, ...] | None:
        """A list (it may be empty) of different words of ``words``."""
        words = list(words)
        expected = f"a list (it may be empty) of {one_of(words)}"
        given, value = self._get(key, expected, _REQUIRED)
        if not given:
            return None
        if not isinstance(value, list):
            self._wrong(key, value, expected, "type")
            return None
        before = len(self.problems)
        for index, word in enumerate(value):
            item = f"{self.field(key)}[{index}]"
            if not isinstance(word, str) or word not in words:
                hint = nearest(word, words) if isinstance(word, str) else ""
                message = f"is {show(word)}, expected {one_of(words)}{hint}"
                self.problems.append(Problem(item, message, "choice"))
            elif word in value[:index]:
                self.problems.append(Problem(item, f"is {word} a second time", "duplicate"))
        return tuple(value) if len(self.problems) == before else None

    def flag(self, key: str, default: Any = _REQUIRED) -> bool | None:
        """true or false."""
        given, value = self._get(key, "true or false", default)
        if not given or isinstance(value, bool):
            return value
        self._wrong(key, value, "true or false", "type")
        return None

    def day(self, key: str, default: Any = _REQUIRED) -> date | None:
        """A date without a time of day, not in quotes."""
        expected = "a date such as 2031-06-30, without quotes and without a time"
        given, value = self._get(key, expected, default)
        if not given:
            return value
        if not isinstance(value, date) or isinstance(value, datetime):
            self._wrong(key, value, expected, "type")
            return None
        return value

    def table(self, key: str, required: bool = True, plural_hint: str = "") -> "Table":
        """The table ``key``; an empty one when it is absent or no table.

        When a required table is absent its fields are reported as missing, one by one,
        which tells a person what to write.
        """
        self._asked.append(key)
        value = self._data.get(key, {})
        if not isinstance(value, dict):
            hint = plural_hint if isinstance(value, list) else ""
            self._wrong(key, value, f"a table [{self.field(key)}]", "type", hint)
            return Table({}, self.field(key), [])
        if not required and key not in self._data:
            return Table({}, self.field(key), [])
        return Table(value, self.field(key), self.problems)

    def tables(
        self, key: str, expected: str, default: Any = _REQUIRED, at_least: int = 0
    ) -> list["Table"]:
        """The tables of the list ``key``; items that are no tables are noted and left out."""
        return [
            Table(item, f"{self.field(key)}[{index}]", self.problems)
            for index, item in enumerate(self.items(key, expected, default, at_least))
            if self._is_table(f"{self.field(key)}[{index}]", item)
        ]

    def _is_table(self, where: str, item: Any) -> bool:
        if not isinstance(item, dict):
            self.problems.append(Problem(where, f"is {show(item)}, expected a table", "type"))
        return isinstance(item, dict)

    def items(
        self, key: str, expected: str, default: Any = _REQUIRED, at_least: int = 0
    ) -> list[Any]:
        """The raw items of the list ``key``, for the caller to check one by one."""
        given, value = self._get(key, expected, default)
        if not given:
            return value or []
        if not isinstance(value, list):
            self._wrong(key, value, expected, "type")
            return []
        if len(value) < at_least:
            self._wrong(key, value, expected, "missing", " (it is too short)")
        return value

    def value_or_null(self, key: str) -> Any:
        """The raw value of ``key``, None when it is null (which TOML has not, but JSON) or
        absent; counts it as asked for."""
        self._asked.append(key)
        return self._data.get(key)

    def names(self) -> list[str]:
        """The keys as written, for a table whose keys are names; counts them as asked for."""
        self._asked.extend(self._data)
        return list(self._data)

    def finish(self) -> None:
        """Note each key that no reader asked for, with the nearest that exists."""
        known = sorted(set(self._asked))
        for key in self._data:
            if key not in known:
                hint = nearest(key, known) or f"; known here: {', '.join(known)}"
                shown = key if _BARE_KEY.fullmatch(key) else json.dumps(key[:40])
                field = f"{self.where}.{shown}" if self.where else shown
                self.problems.append(Problem(field, f"is not a known key{hint}", "unknown-key"))
