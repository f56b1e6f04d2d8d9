"""`micropython` on the host: what the firmware uses of it, nothing more."""


def const(value):
    return value


def kbd_intr(char):
    """The simulated serial line has no interrupt character to switch off."""


def heap_lock():
    """CPython's heap has no lock; that nothing is allocated, MicroPython's tests show."""


def heap_unlock():
    pass


def alloc_emergency_exception_buf(size):
    """CPython always has room to raise."""


class RingIO:
    """Bytes in the order in which they came, ``size`` of them at most."""

    def __init__(self, size):
        self._size = size
        self._bytes = bytearray()

    def readinto(self, into):
        n = min(len(into), len(self._bytes))
        into[:n] = self._bytes[:n]
        del self._bytes[:n]
        return n

    def write(self, data):
        taken = data[: self._size - len(self._bytes)]
        self._bytes += taken
        return len(taken)
