"""Verbs, numbers and hex strings of one line, taken from left to right."""

from array import array

from micropython import const

from pump.protocol import messages

_SPACE = const(32)
# More digits than any argument has.
_DIGITS_MAX = const(9)


class Parser:
    """``at`` is where the next word begins; ``message`` the position in ``MESSAGES`` of
    the verb that was found, ``arguments`` its numbers, ``hex`` the bytes of the one that
    is a string of hex digits, whose number stands in ``arguments``."""

    def __init__(self):
        self.at = 0
        self.message = 0
        self.arguments = array("i", [0] * messages.ARGUMENTS_MAX)
        self.hex = bytearray(messages.HEX_BYTES_MAX)
        # Comparing every verb of the table takes 2 ms on the board, this 0.1.
        self._marks = bytearray(len(messages.MESSAGES))
        for index in range(len(messages.MESSAGES)):
            verb = messages.MESSAGES[index][messages.COL_VERB]
            self._marks[index] = _mark(verb, 0, len(verb))

    def number(self, data, end: int) -> int:
        """A whole number of at most 9 digits at ``at``; -1 if there is none."""
        value = 0
        start = self.at
        i = start
        while i < end:
            digit = data[i] - 48
            if not 0 <= digit <= 9:
                break
            if i - start >= _DIGITS_MAX:
                return -1
            value = value * 10 + digit
            i += 1
        if i == start:
            return -1
        self.at = i
        return value

    def verb(self, data, end: int) -> bool:
        """The verb at ``at`` into ``message``; false if there is none of that name."""
        start = self.at
        stop = start
        while stop < end and data[stop] != _SPACE:
            stop += 1
        if stop == start:
            return False
        mark = _mark(data, start, stop)
        marks = self._marks
        for index in range(len(marks)):
            if marks[index] == mark:
                verb = messages.MESSAGES[index][messages.COL_VERB]
                if len(verb) == stop - start and _same(verb, data, start):
                    self.message = index
                    self.at = stop
                    return True
        return False

    def hex_string(self, data, end: int, digits: int) -> bool:
        """``digits`` hex digits at ``at`` into ``hex``; false if there are not so many.
        Whether more follow is for the caller to see."""
        start = self.at
        if end - start < digits:
            return False
        value = 0
        for i in range(digits):
            byte = data[start + i]
            if 48 <= byte <= 57:
                value = value << 4 | byte - 48
            elif 65 <= byte <= 70:
                value = value << 4 | byte - 55
            else:
                return False
            if i & 1:
                self.hex[i >> 1] = value
                value = 0
        self.at = start + digits
        return True

    def crc(self, data, end: int) -> int:
        """Four upper-case hex digits behind the star at ``end``; -1 if they are not."""
        crc = 0
        for i in range(end + 1, end + 5):
            byte = data[i]
            if 48 <= byte <= 57:
                crc = crc << 4 | byte - 48
            elif 65 <= byte <= 70:
                crc = crc << 4 | byte - 55
            else:
                return -1
        return crc


def _mark(data, start: int, stop: int) -> int:
    return (stop - start) * 7 + data[start] * 3 + data[stop - 1] + data[start + stop >> 1] * 5 & 255


def _same(verb, data, start: int) -> bool:
    for i in range(len(verb)):
        if verb[i] != data[start + i]:
            return False
    return True
