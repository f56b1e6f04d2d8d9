"""Who this board is."""

from machine import unique_id


def serial_number() -> str:
    """The flash chip's number, 16 hex digits; the same as the USB serial number."""
    return "".join("%02X" % byte for byte in unique_id())
