"""Integers into bytes and back, little end first, without allocating.

Four bytes hold -2**30 to 2**30 - 1, what MicroPython keeps off the heap.
"""


def put16(data, at: int, value: int) -> None:
    """Write ``value`` (0 to 65535) at ``data[at]``."""
    data[at] = value & 0xFF
    data[at + 1] = value >> 8 & 0xFF


def put32(data, at: int, value: int) -> None:
    """Write ``value`` at ``data[at]``."""
    data[at] = value & 0xFF
    data[at + 1] = value >> 8 & 0xFF
    data[at + 2] = value >> 16 & 0xFF
    data[at + 3] = value >> 24 & 0xFF


def get16(data, at: int) -> int:
    """The two bytes at ``data[at]``."""
    return data[at] | data[at + 1] << 8


def get32(data, at: int) -> int:
    """The four bytes at ``data[at]``; look at their checksum first, or a value
    beyond 2**30 may come out and land on the heap."""
    high = data[at + 3]
    if high >= 128:
        high -= 256
    return (high << 24) + (data[at] | data[at + 1] << 8 | data[at + 2] << 16)
