"""Which serial port a person means: ``auto``, ``sn:SERIAL``, a path, or a URL; and
the device key of the board behind it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Place:
    """Where a board is: ``url`` for pyserial, and the serial number that its USB
    says, if it is on USB.  An emulated board takes ``slowness`` times as long for
    everything."""

    url: str
    serial_number: str | None = None
    slowness: float = 1.0


def locate(port: str) -> Place:
    """Where the board at ``port`` is now.  Raises ``PortError``."""
    from serial.tools.list_ports import comports

    if port != "auto" and not port.startswith("sn:"):
        if "://" in port:
            return Place(port)
        _must_be_there(port)
        path = os.path.realpath(port)
        for p in comports():
            if os.path.realpath(p.device) == path:
                return Place(port, p.serial_number)
        return Place(port)
    boards = [p for p in comports() if p.vid == RASPBERRY_PI_VID]
    if port.startswith("sn:"):
        wanted = port[3:].upper()
        boards = [p for p in boards if (p.serial_number or "").upper() == wanted]
    if len(boards) == 1:
        return Place(boards[0].device, boards[0].serial_number)
    if not boards:
        raise PortError(f"{port}: no board found; is it plugged in?")
    names = ", ".join(f"{p.device} (sn:{p.serial_number})" for p in boards)
    raise PortError(f"{port}: more than one board, say which: {names}")


def locate_again(place: Place) -> Place:
    """The same board after a reset: by its serial number, for the path may be
    another now; what is not on USB is where it was.  Raises ``PortError``."""
    if place.serial_number:
        return replace(locate(f"sn:{place.serial_number}"), slowness=place.slowness)
    if "://" not in place.url:
        _must_be_there(place.url)
    return place


def _must_be_there(path: str) -> None:
    # Elsewhere the name of a port is no path.
    if os.name == "posix" and not os.path.exists(path):
        raise PortError(f"{path}: No such file or directory")


def resolve(port: str) -> str:
    """A path or URL for pyserial.  Raises ``PortError``."""
    return locate(port).url
