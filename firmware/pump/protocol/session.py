"""One conversation: frames, sequence numbers, repeats, roles, and what was refused.

Sans-I/O: lines come in through ``begin`` and ``go_on``, which says what to do with
them, after as many calls as it takes: none lasts longer than 0.5 ms on the board.
"""

from array import array
from struct import pack_into

from micropython import const

from pump.core import reasons
from pump.protocol import messages
from pump.protocol.framing import LineReader
from pump.protocol.parsing import Parser

# What ``go_on`` says about a line.
IGNORE = const(0)  # an empty line, or a notice that was counted
EXECUTE = const(1)  # ``message``, ``arguments`` are set; answer with ``seq``
REPEAT = const(2)  # executed before: send the stored reply again
REFUSE = const(3)  # ``reason`` is set; answer ERR
HALT = const(4)  # the line ends in STOP
JUDGING = const(5)  # not known yet

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
# A line that is kept for its repeat: all of its bytes, and what the buffer holds
# behind them.
_WHOLE = "96s"
# Bytes whose checksum is taken in one call.
_CRC_BYTES = const(32)

# What the next call does with the line.
_READ_CRC = const(0)
_READ_SEQ = const(1)
_READ_VERB = const(2)
_READ_ARGUMENTS = const(3)


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
        self._parser = Parser()
        self.arguments = self._parser.arguments
        self.hex = self._parser.hex
        self.is_overtaken = False
        self.reason = reasons.OK
        self.counters = array("i", [0] * N_COUNTERS)
        # The line executed last and the reply it got, for a repeat.
        self._last_line = bytearray(messages.LINE_MAX)
        self._last_length = 0
        # The one before it, while that is the line that a STOP overtook.
        self._overtaken_line = bytearray(messages.LINE_MAX)
        self._overtaken_length = 0
        # The line that is being judged.
        self._line = LineReader()
        self._is_stop = False
        self._is_frame = False
        self._stage = _READ_VERB
        self._end = 0  # of what is to be parsed
        self._crc_value = 0
        self._crc_at = 0

    # --- counters ----------------------------------------------------------------

    def count(self, counter: int, more: int = 1) -> None:
        """Add ``more``, up to 99_999 (9_999 of clients turned away), where the counter
        stays."""
        most = TURNED_AWAY_MAX if counter == C_TURNED_AWAY else COUNT_MAX
        counters = self.counters
        counters[counter] = min(counters[counter] + more, most)

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
        """Judge the complete ``line`` of a ``LineReader`` in one go."""
        verdict = self.begin(line, line.is_stop())
        while verdict == JUDGING:
            verdict = self.go_on()
        return verdict

    def begin(self, line, is_stop: bool) -> int:
        """Take up a complete ``line``, which stays as it is until it is judged:
        ``JUDGING``, or at once what to do with it.  ``is_stop``: it ends in STOP,
        whatever stands before it; as a frame in good order it also takes its place in
        the sequence."""
        self.seq = NO_SEQ
        self.reason = reasons.OK
        self.is_overtaken = False
        if line.length == 0:
            return IGNORE
        self.count(C_LINES)
        self._line = line
        self._is_stop = is_stop
        self._is_frame = 48 <= line.data[0] <= 57
        parser = self._parser
        parser.at = 0
        if line.is_too_long():
            return HALT if is_stop else self._refuse(C_LONG, reasons.TOO_LONG)
        if self._is_frame:
            self._crc_value = 0xFFFF
            self._crc_at = 0
            self._end = line.length - 5
            if self._end < 3 or line.data[self._end] != _STAR:
                return self._judged(self._refuse(C_FRAME, reasons.BAD_FRAME))
            self._stage = _READ_CRC
        elif is_stop:
            return HALT
        else:
            self._end = line.length
            self._stage = _READ_VERB
        return JUDGING

    def go_on(self) -> int:
        """Judge the line further."""
        stage = self._stage
        if stage == _READ_CRC:
            at = self._crc_at
            end = min(at + _CRC_BYTES, self._end)
            self._crc_value = self._crc.after(self._crc_value, self._line.data, at, end)
            self._crc_at = end
            if end == self._end:
                self._stage = _READ_SEQ
            return JUDGING
        if stage == _READ_SEQ:
            verdict = self._read_seq(self._line.data, self._end)
        elif stage == _READ_VERB:
            verdict = self._frame() if self._is_frame else self._typed()
        else:
            verdict = self._match_arguments(self._line.data, self._end)
            if verdict == EXECUTE and self._is_frame and self._kind() == messages.LINK:
                verdict = self._hello()
        return verdict if verdict == JUDGING else self._judged(verdict)

    def _judged(self, verdict: int) -> int:
        if not self._is_stop:
            return verdict
        if verdict != EXECUTE and verdict != REPEAT:
            self.seq = NO_SEQ
        return HALT

    def _kind(self) -> int:
        return messages.MESSAGES[self.message][messages.COL_KIND]

    def _typed(self) -> int:
        """By hand: queries only, without SEQ and CRC."""
        parser = self._parser
        if not parser.verb(self._line.data, self._end):
            return self._refuse(C_VERB, reasons.UNKNOWN_VERB)
        self.message = parser.message
        kind = self._kind()
        if kind == messages.NOTICE:
            self.count(C_TURNED_AWAY)
            return IGNORE
        if kind != messages.QUERY:
            return self._refuse(C_FRAME, reasons.BAD_FRAME)
        if self.message == messages.M_HELP and parser.at == self._end:
            self.arguments[0] = messages.HELP_ALL
            return EXECUTE
        self._stage = _READ_ARGUMENTS
        return JUDGING

    def _read_seq(self, data, end: int) -> int:
        """``SEQ VERB ARG ARG*CRC``, once the CRC of what stands before the star is
        known."""
        parser = self._parser
        crc = parser.crc(data, end)
        if crc < 0:
            return self._refuse(C_FRAME, reasons.BAD_FRAME)
        if crc != self._crc_value:
            return self._refuse(C_CRC, reasons.BAD_CRC)
        seq = parser.number(data, end)
        if seq < 0 or seq > 65535 or parser.at >= end or data[parser.at] != _SPACE:
            return self._refuse(C_FRAME, reasons.BAD_FRAME)
        self.seq = seq
        parser.at += 1
        self._stage = _READ_VERB
        return JUDGING

    def _frame(self) -> int:
        parser = self._parser
        if not parser.verb(self._line.data, self._end):
            return self._refuse(C_VERB, reasons.UNKNOWN_VERB)
        self.message = parser.message
        kind = self._kind()
        if kind == messages.NOTICE:
            return self._refuse(C_VERB, reasons.UNKNOWN_VERB)
        if kind != messages.LINK:
            verdict = self._sequence(self._line, self.seq, kind)
            if verdict != EXECUTE:
                return verdict
        if self._access.role < messages.MESSAGES[self.message][messages.COL_ROLE]:
            return self._refuse(C_ROLE, reasons.NOT_ALLOWED)
        self._stage = _READ_ARGUMENTS
        return JUDGING

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
            pack_into(_WHOLE, self._overtaken_line, 0, self._last_line)
        self.last_seq = self.seq
        self._last_length = line.length
        pack_into(_WHOLE, self._last_line, 0, line.data)

    def _match_arguments(self, data, end: int) -> int:
        parser = self._parser
        arguments = messages.MESSAGES[self.message][messages.COL_ARGUMENTS]
        for i in range(len(arguments)):
            argument = arguments[i]
            if parser.at >= end or data[parser.at] != _SPACE:
                return self._refuse(C_ARGUMENT, reasons.BAD_ARGUMENT)
            parser.at += 1
            if argument[2] == messages.HEX:
                if not parser.hex_string(data, end, argument[1]):
                    return self._refuse(C_ARGUMENT, reasons.BAD_ARGUMENT)
                self.arguments[i] = argument[1] >> 1
                continue
            value = parser.number(data, end)
            if value < 0:
                return self._refuse(C_ARGUMENT, reasons.BAD_ARGUMENT)
            if not argument[1] <= value <= argument[2]:
                return self._refuse(C_ARGUMENT, reasons.OUT_OF_RANGE)
            self.arguments[i] = value
        if parser.at != end:
            return self._refuse(C_ARGUMENT, reasons.BAD_ARGUMENT)
        return EXECUTE


def _is_line(line, kept, length: int) -> bool:
    """Whether ``line`` is ``kept[0:length]``."""
    if line.length != length:
        return False
    for i in range(length):
        if line.data[i] != kept[i]:
            return False
    return True
