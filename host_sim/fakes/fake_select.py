"""`select` of MicroPython: `ipoll` over the USB serial line's way out."""

from host_sim.fakes import hub

POLLOUT = 4


class _Poll:
    def __init__(self):
        self._usb = hub.board.usb

    def register(self, stream, flags: int) -> None:
        if flags != POLLOUT:
            raise NotImplementedError(f"poll for {flags}: the firmware polls its way out only")

    def ipoll(self, timeout_ms: int) -> tuple:
        return self._usb.poll_out(timeout_ms)


def poll() -> _Poll:
    return _Poll()
