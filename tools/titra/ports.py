"""Which serial port a person means: ``auto``, ``sn:SERIAL``, a path, or a URL."""

from __future__ import annotations

RASPBERRY_PI_VID = 0x2E8A


class PortError(Exception):
    """No such port; the message says what is there instead."""


def resolve(port: str) -> str:
    """A path or URL for pyserial.  Raises ``PortError``."""
    if port != "auto" and not port.startswith("sn:"):
        return port
    from serial.tools.list_ports import comports

    boards = [p for p in comports() if p.vid == RASPBERRY_PI_VID]
    if port.startswith("sn:"):
        wanted = port[3:].upper()
        boards = [p for p in boards if (p.serial_number or "").upper() == wanted]
    if len(boards) == 1:
        return boards[0].device
    if not boards:
        raise PortError(f"{port}: no board found; is it plugged in?")
    names = ", ".join(f"{p.device} (sn:{p.serial_number})" for p in boards)
    raise PortError(f"{port}: more than one board, say which: {names}")
