"""Answers to lines, on their way out: ``SEQ OK VERB,...`` or ``SEQ ERR CODE text``."""

from pump.app.line_in_parts import LineInParts
from pump.core import reasons
from pump.protocol import framing, session

# What an unframed line is answered with in the place of its SEQ.
_NO_SEQ = b"-"


class Replies(LineInParts):
    """One at a time is written; that to the line executed last is kept for a repeat.

    ``aside``  the writer of those that no repeat is answered with; free for other use
               while nothing is being written
    """

    def __init__(self, usb, crc, answers):
        self.aside = framing.LineWriter(crc)
        super().__init__(usb, self.aside)
        self._answers = answers  # what is said after the verb
        self._last = framing.LineWriter(crc)  # to the line executed last
        self._overtaken = framing.LineWriter(crc)  # to the one that a STOP overtook
        self._seq = session.NO_SEQ
        self._reason = reasons.OK
        self._verb = b""

    def say(self, seq: int, reason: int, verb) -> None:
        """Answer a line that was executed: ``verb`` and what ``answers`` has to say, or
        ``reason``.  What was typed by hand must not become what a repeat is answered."""
        self._say(self.aside if seq == session.NO_SEQ else self._last, seq, reason, verb)

    def say_aside(self, seq: int, reason: int, verb) -> None:
        """The same for a line that takes no place in the sequence."""
        self._say(self.aside, seq, reason, verb)

    def _say(self, writer, seq: int, reason: int, verb) -> None:
        self._seq = seq
        self._reason = reason
        self._verb = verb
        self.begin(writer)

    def repeat(self, overtaken: bool) -> None:
        """Send again what the line executed last was answered, or the one ``overtaken``."""
        self.send_again(self._overtaken if overtaken else self._last)

    def overtake(self) -> None:
        """The answer to come takes the place of that to the line that was overtaken."""
        said = self._last
        self._last = self._overtaken
        self._overtaken = said

    def write_part(self, line, part: int) -> bool:
        """Append a part of the reply to ``line``; whether more follow."""
        if part > 0:
            return self._answers.write_part(line, part - 1)
        if self._seq == session.NO_SEQ:
            line.text(_NO_SEQ)
        else:
            line.number(self._seq)
        if self._reason != reasons.OK:
            row = reasons.REASONS[self._reason]
            line.text(b" ERR ")
            line.text(row[0])
            line.text(b" ")
            line.text(row[1])
            return False
        line.text(b" OK ")
        line.text(self._verb)
        return self._answers.has_more()
