"""One conversation: frames, sequence numbers, repeats, and what was refused.

Sans-I/O: lines come in through ``accept``, which says what to do with them.
"""

from array import array

from micropython import const

from pump.core import reasons
from pump.protocol import messages

# What ``accept`` says about a line.
IGNORE = const(0)  # an empty line, or a notice that was counted
EXECUTE = const(1)  # ``message``, ``arguments`` are set; answer with ``seq``
REPEAT = const(2)  # executed before: send the stored reply again
REFUSE = const(3)  # ``reason`` is set; answer ERR
HALT = const(4)  # the line ends in STOP

# What is counted; the order of the fields of LINK?.
C_LINES = const(0)
C_REPEATED = const(1)
C_CRC = const(2)
C_FRAME = const(3)
C_VERB = const(4)
C_ARGUMENT = const(5)
C_SEQ = const(6)
C_LONG = const(7)
C_HELLO = const(8)
C_BUSY = const(9)
C_TURNED_AWAY = const(10)
C_DROPPED = const(11)
N_COUNTERS = const(12)
_COUNT_MAX = const(99_999)

# Counters that are lines, or clients, turned down.
_REFUSALS = (C_CRC, C_FRAME, C_VERB, C_ARGUMENT, C_SEQ, C_LONG, C_HELLO, C_BUSY, C_TURNED_AWAY)

NO_SEQ = const(-1)
_SPACE = const(32)
_STAR = const(42)


class Session:
    """The receiving end.

    ``last_seq``   SEQ of the line executed last, 0 to 65535
    ``seq``        of the line at hand, or ``NO_SEQ`` if it was typed by hand
    ``message``    its position in ``MESSAGES``
    ``arguments``  its numbers, as many as the table says
    """

    def __init__(self, crc):
        self._crc = crc
        self.table = messages.table_checksum(crc)
        self.last_seq = 0
        self.is_open = False
        self.seq = NO_SEQ
        self.message = 0
        self.arguments = array("i", [0] * messages.ARGUMENTS_MAX)
        self.reason = reasons.OK
        self.counters = array("i", [0] * N_COUNTERS)
        # The line executed last and the reply it got, for a repeat.
        self._last_line = bytearray(messages.LINE_MAX)
        self._last_length = 0
        self._at = 0

    # --- counters ----------------------------------------------------------------

    def count(self, counter: int) -> None:
        """Add one, up to 99_999, where the counter stays."""
        if self.counters[counter] < _COUNT_MAX:
            self.counters[counter] += 1

    def refused(self) -> int:
        """Everything turned down so far, 0 to 899_991."""
        total = 0
        for counter in _REFUSALS:
            total += self.counters[counter]
        return total

    def _refuse(self, counter: int, reason: int) -> int:
        self.count(counter)
        self.reason = reason
        return REFUSE

    # --- lines -----------------------------------------------------------------------

    def accept(self, line) -> int:
        """Judge the complete ``line`` of a ``LineReader``."""
        self.seq = NO_SEQ
        self.reason = reasons.OK
        if line.length == 0:
            return IGNORE
        self.count(C_LINES)
        if line.is_stop():
            # Whatever stands before it.  As a frame in good order it also
            # takes its place in the sequence.
            if not line.is_too_long() and _is_digit(line.data[0]):
                verdict = self._frame(line)
                if verdict != EXECUTE and verdict != REPEAT:
                    self.seq = NO_SEQ
            return HALT
        if line.is_too_long():
            return self._refuse(C_LONG, reasons.TOO_LONG)
        if _is_digit(line.data[0]):
            return self._frame(line)
        return self._typed(line)

    def _typed(self, line) -> int:
        """By hand: queries only, without SEQ and CRC."""
        end = line.length
        self._at = 0
        if not self._match_verb(line.data, end):
            return self._refuse(C_VERB, reasons.UNKNOWN_VERB)
        kind = messages.MESSAGES[self.message][messages.COL_KIND]
        if kind == messages.NOTICE:
            self.count(C_TURNED_AWAY)
            return IGNORE
        if kind != messages.QUERY:
            return self._refuse(C_FRAME, reasons.BAD_FRAME)
        return self._match_arguments(line.data, end)

    def _frame(self, line) -> int:
        """``SEQ VERB ARG ARG*CRC``."""
        data = line.data
        end = line.length - 5
        if end < 3 or data[end] != _STAR:
            return self._refuse(C_FRAME, reasons.BAD_FRAME)
        crc = 0
        for i in range(end + 1, end + 5):
            digit = _hex_digit(data[i])
            if digit < 0:
                return self._refuse(C_FRAME, reasons.BAD_FRAME)
            crc = crc << 4 | digit
        if crc != self._crc.of(data, end):
            return self._refuse(C_CRC, reasons.BAD_CRC)
        self._at = 0
        seq = self._number(data, end)
        if seq < 0 or seq > 65535 or self._at >= end or data[self._at] != _SPACE:
            return self._refuse(C_FRAME, reasons.BAD_FRAME)
        self.seq = seq
        self._at += 1
        if not self._match_verb(data, end):
            return self._refuse(C_VERB, reasons.UNKNOWN_VERB)
        kind = messages.MESSAGES[self.message][messages.COL_KIND]
        if kind == messages.NOTICE:
            return self._refuse(C_VERB, reasons.UNKNOWN_VERB)
        if kind != messages.LINK:
            verdict = self._sequence(line, seq, kind)
            if verdict != EXECUTE:
                return verdict
        verdict = self._match_arguments(data, end)
        if verdict == EXECUTE and kind == messages.LINK:
            return self._hello()
        return verdict

    def _sequence(self, line, seq: int, kind: int) -> int:
        if seq == self.last_seq and self._last_length:
            if self._is_last_line(line):
                self.count(C_REPEATED)
                return REPEAT
            return self._refuse(C_SEQ, reasons.SEQ_REUSED)
        if not self.is_open and kind != messages.QUERY and kind != messages.STOP:
            return self._refuse(C_HELLO, reasons.HELLO_FIRST)
        if seq != (self.last_seq + 1) & 0xFFFF:
            return self._refuse(C_SEQ, reasons.SEQ_ORDER)
        return EXECUTE

    def _hello(self) -> int:
        arguments = self.arguments
        self.is_open = arguments[0] == messages.PROTOCOL_VERSION and arguments[1] == self.table
        if not self.is_open:
            return self._refuse(C_HELLO, reasons.TABLE_MISMATCH)
        return EXECUTE

    def executed(self, line) -> None:
        """The line at hand was carried out, or refused by the controller: its
        SEQ is used up, and a repeat of it gets the same answer."""
        if self.seq == NO_SEQ:
            return
        if messages.MESSAGES[self.message][messages.COL_KIND] == messages.LINK:
            return
        self.last_seq = self.seq
        self._last_length = line.length
        for i in range(line.length):
            self._last_line[i] = line.data[i]

    def _is_last_line(self, line) -> bool:
        if line.length != self._last_length:
            return False
        for i in range(line.length):
            if line.data[i] != self._last_line[i]:
                return False
        return True

    # --- parsing -----------------------------------------------------------------

    def _number(self, data, end: int) -> int:
        """A whole number of at most 9 digits at ``_at``; -1 if there is none."""
        value = 0
        start = self._at
        i = start
        while i < end and _is_digit(data[i]):
            if i - start >= 9:
                return -1
            value = value * 10 + data[i] - 48
            i += 1
        if i == start:
            return -1
        self._at = i
        return value

    def _match_verb(self, data, end: int) -> bool:
        start = self._at
        stop = start
        while stop < end and data[stop] != _SPACE:
            stop += 1
        for index in range(len(messages.MESSAGES)):
            verb = messages.MESSAGES[index][messages.COL_VERB]
            if len(verb) == stop - start and _same(verb, data, start):
                self.message = index
                self._at = stop
                return True
        return False

    def _match_arguments(self, data, end: int) -> int:
        arguments = messages.MESSAGES[self.message][messages.COL_ARGUMENTS]
        for i in range(len(arguments)):
            if self._at >= end or data[self._at] != _SPACE:
                return self._refuse(C_ARGUMENT, reasons.BAD_ARGUMENT)
            self._at += 1
            value = self._number(data, end)
            if value < 0:
                return self._refuse(C_ARGUMENT, reasons.BAD_ARGUMENT)
            if not arguments[i][1] <= value <= arguments[i][2]:
                return self._refuse(C_ARGUMENT, reasons.OUT_OF_RANGE)
            self.arguments[i] = value
        if self._at != end:
            return self._refuse(C_ARGUMENT, reasons.BAD_ARGUMENT)
        return EXECUTE


def _same(verb, data, start: int) -> bool:
    for i in range(len(verb)):
        if verb[i] != data[start + i]:
            return False
    return True


def _is_digit(byte: int) -> bool:
    return 48 <= byte <= 57


def _hex_digit(byte: int) -> int:
    """Value of an upper-case hex digit, or -1."""
    if 48 <= byte <= 57:
        return byte - 48
    if 65 <= byte <= 70:
        return byte - 55
    return -1
