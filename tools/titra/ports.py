"""Which serial port a person means: ``auto``, ``sn:SERIAL``, a path, or a URL; and
the device key of the board behind it."""

from __future__ import annotations

import os
from pathlib import Path

from pump.protocol.authentication import KEY_LENGTH, is_key

RASPBERRY_PI_VID = 0x2E8A
KEY_VARIABLE = "TITRA_KEY"


class PortError(Exception):
    """No such port; the message says what is there instead."""


class DeviceKeyError(Exception):
    """Not a device key; the message says where, and never what stands there."""


def device_key(key_file: str | Path | None = None) -> bytes | None:
    """The key in ``key_file``, else that in the environment, else ``None``.

    Raises ``DeviceKeyError``.
    """
    where, text = f"environment variable {KEY_VARIABLE}", os.environ.get(KEY_VARIABLE)
    if key_file is not None:
        where = str(key_file)
        try:
            text = Path(key_file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise DeviceKeyError(f"{where}: {getattr(error, 'strerror', 'not text')}") from None
    if text is None:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if not is_key(key):
        raise DeviceKeyError(f"{where}: expected {2 * KEY_LENGTH} hex digits, not all of one byte")
    return key


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
