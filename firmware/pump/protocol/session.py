"""One conversation: frames, sequence numbers, repeats, roles, and what was refused.

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
C_ROLE = const(11)
C_DROPPED = const(12)
N_COUNTERS = const(13)
COUNT_MAX = const(99_999)
# The fields of LINK? fill its line to the last byte.
TURNED_AWAY_MAX = const(9_999)

# Counters that are lines, or clients, turned down.
_REFUSALS = (
    C_CRC, C_FRAME, C_VERB, C_ARGUMENT, C_SEQ, C_LONG, C_HELLO, C_BUSY, C_TURNED_AWAY, C_ROLE,
)  # fmt: skip

NO_SEQ = const(-1)
_SPACE = const(32)
_STAR = const(42)


class Session:
    """The receiving end.

    ``access``        who says what the other end may do, an ``Authentication``
    ``last_seq``      SEQ of the line executed last, 0 to 65535
    ``seq``           of the line at hand, or ``NO_SEQ`` if it was typed by hand
    ``message``       its position in ``MESSAGES``
    ``arguments``     its numbers, as many as the table says
    ``hex``           the bytes of its argument that is a string of hex digits,
                      whose number stands in ``arguments``
    ``is_overtaken``  it repeats the line that a STOP overtook, not the one
                      executed last
    """

    def __init__(self, crc, access):
        self._crc = crc
        self._access = access
        self.table = messages.table_checksum(crc)
        self.last_seq = 0
        self.is_open = False
        self.seq = NO_SEQ
        self.message = 0
        self.arguments = array("i", [0] * messages.ARGUMENTS_MAX)
        self.hex = bytearray(messages.HEX_BYTES_MAX)
        self.is_overtaken = False
        self.reason = reasons.OK
        self.counters = array("i", [0] * N_COUNTERS)
        # The line executed last and the reply it got, for a repeat.
        self._last_line = bytearray(messages.LINE_MAX)
        self._last_length = 0
        # The one before it, while that is the line that a STOP overtook.
        self._overtaken_line = bytearray(messages.LINE_MAX)
        self._overtaken_length = 0
        self._at = 0

    # --- counters ----------------------------------------------------------------

    def count(self, counter: int) -> None:
        """Add one, up to 99_999 (9_999 of clients turned away), where the counter
        stays."""
        most = TURNED_AWAY_MAX if counter == C_TURNED_AWAY else COUNT_MAX
        if self.counters[counter] < most:
            self.counters[counter] += 1

    def refused(self) -> int:
        """Everything turned down so far, 0 to 909_990."""
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
        self.is_overtaken = False
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
        if self.message == messages.M_HELP and self._at == end:
            self.arguments[0] = messages.HELP_ALL
            return EXECUTE
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
        if self._access.role < messages.MESSAGES[self.message][messages.COL_ROLE]:
            return self._refuse(C_ROLE, reasons.NOT_ALLOWED)
        verdict = self._match_arguments(data, end)
        if verdict == EXECUTE and kind == messages.LINK:
            return self._hello()
        return verdict

    def _sequence(self, line, seq: int, kind: int) -> int:
        if seq == self.last_seq and self._last_length:
            if _is_line(line, self._last_line, self._last_length):
                self.count(C_REPEATED)
                return REPEAT
            return self._refuse(C_SEQ, reasons.SEQ_REUSED)
        if self._overtaken_length and seq == (self.last_seq - 1) & 0xFFFF:
            if _is_line(line, self._overtaken_line, self._overtaken_length):
                self.is_overtaken = True
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
        # Whoever says HELLO is not known yet.
        self._access.logout()
        self.is_open = arguments[0] == messages.PROTOCOL_VERSION and arguments[1] == self.table
        if not self.is_open:
            return self._refuse(C_HELLO, reasons.TABLE_MISMATCH)
        return EXECUTE

    def executed(self, line, overtakes: bool = False) -> None:
        """The line at hand was carried out, or refused by the controller: its
        SEQ is used up, and a repeat of it gets the same answer.  ``overtakes``:
        it is a STOP that came before the line executed last was decided, so
        that a repeat of that one has an answer too."""
        if self.seq == NO_SEQ:
            return
        if messages.MESSAGES[self.message][messages.COL_KIND] == messages.LINK:
            return
        self._access.used()
        if self.seq != self.last_seq:  # a STOP may be sent again, and stops again
            self._overtaken_length = 0
        if overtakes:
            self._overtaken_length = self._last_length
            for i in range(self._last_length):
                self._overtaken_line[i] = self._last_line[i]
        self.last_seq = self.seq
        self._last_length = line.length
        for i in range(line.length):
            self._last_line[i] = line.data[i]

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

    def _hex_string(self, data, end: int, digits: int) -> bool:
        """``digits`` hex digits at ``_at`` into ``hex``; false if there are not
        so many.  Whether more follow is for the caller to see."""
        start = self._at
        if end - start < digits:
            return False
        value = 0
        for i in range(digits):
            digit = _hex_digit(data[start + i])
            if digit < 0:
                return False
            value = value << 4 | digit
            if i & 1:
                self.hex[i >> 1] = value
                value = 0
        self._at = start + digits
        return True

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
            if arguments[i][2] == messages.HEX:
                if not self._hex_string(data, end, arguments[i][1]):
                    return self._refuse(C_ARGUMENT, reasons.BAD_ARGUMENT)
                self.arguments[i] = arguments[i][1] >> 1
                continue
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


def _is_line(line, kept, length: int) -> bool:
    """Whether ``line`` is ``kept[0:length]``."""
    if line.length != length:
        return False
    for i in range(length):
        if line.data[i] != kept[i]:
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
