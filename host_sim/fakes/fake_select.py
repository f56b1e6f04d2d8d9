"""`select` of MicroPython: `ipoll` over the USB serial line."""

from host_sim.fakes import hub

POLLIN = 1
POLLOUT = 4


class _Poll:
    def __init__(self):
        self._usb = hub.board.usb
        self.ipoll = None

    def register(self, stream, flags: int) -> None:
        self.ipoll = self._usb.poll_in if flags == POLLIN else self._usb.poll_out


def poll() -> _Poll:
    return _Poll()
