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
