"""The staged prescription: filled line by line, committed by the checksum of what was
read back."""

from pump.app.answers import write_rx_line
from pump.protocol import messages


class Staging:
    """``checksum`` is there once ``sum_up`` has said so."""

    def __init__(self, controller, crc, writer):
        self._controller = controller
        self._crc = crc
        self._writer = writer  # nobody else's while a sum is under way
        self._line = 0
        self.checksum = 0xFFFF

    def stage(self, message: int, a) -> None:
        """PROGRAM, SETTINGS or RUNG with its arguments ``a``."""
        rx = self._controller.staged
        if message == messages.M_PROGRAM:
            rx.set_program(a[0], a[1], a[2], a[3], a[4], a[5])
        elif message == messages.M_SETTINGS:
            rx.set_settings(a[0], a[1], a[2], a[3], a[4])
        else:
            rx.set_rung(a[0], a[1], a[2])

    def begin_sum(self) -> None:
        """CRC over the RX? lines of the staged prescription, each with a line feed: what
        the host must have read to know it."""
        self._line = 0
        self.checksum = 0xFFFF

    def sum_up(self) -> bool:
        """Add a line; true when all are in ``checksum``."""
        rx = self._controller.staged
        writer = self._writer
        writer.begin()
        write_rx_line(writer, rx, self._line)
        writer.text(b"\n")
        self.checksum = self._crc.after(self.checksum, writer.data, 0, writer.length)
        self._line += 1
        return self._line == rx.n_rungs + 2
