"""A line of the device that is written a part a call, so that no tick has to do it all.

Telemetry and answers to the host are both written so; 0.1 to 0.5 ms a call on the board.
"""

from micropython import const

# ``_part`` of a line whose parts are written.
_FINISH = const(-1)
_SEND = const(-2)


class LineInParts:
    """``is_writing``  a line is not sent yet: ``write_on`` goes on with it"""

    def __init__(self, usb, line):
        self._usb = usb
        self._line = line
        self._part = 0
        self.is_writing = False

    def begin(self, line) -> None:
        """Write ``line``, a ``LineWriter``."""
        line.begin()
        self._line = line
        self._part = 0
        self.is_writing = True

    def send_again(self, line) -> None:
        """Send ``line`` as it was finished before."""
        self._line = line
        self._part = _SEND
        self.is_writing = True

    def write_part(self, line, part: int) -> bool:
        """Append part 0, 1 and so on to ``line``; whether more follow."""
        return False

    def write_on(self) -> None:
        """While ``is_writing``: the next part of the line, or of its checksum, or send
        it."""
        part = self._part
        line = self._line
        if part >= 0:
            self._part = part + 1 if self.write_part(line, part) else _FINISH
        elif part == _SEND:
            self._usb.send(line.data, line.length)
            self.is_writing = False
        elif line.finish_some():
            self._part = _SEND

    def write_out(self) -> None:
        """All that is left of it."""
        while self.is_writing:
            self.write_on()
