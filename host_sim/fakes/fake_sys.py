"""`sys` as far as the USB line uses it: the two standard streams of the board."""

from host_sim.fakes import hub


class _Stream:
    @property
    def buffer(self):
        return hub.board.usb


stdin = _Stream()
stdout = _Stream()
