"""Where a board is, and what to do when it is not: each in a line for whoever is at the bench.

Ports are looked up as the command `titra` does; nothing is shared with it, so that the suite
runs without the tools.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hil_tests.bench.errors import NoDevice

RASPBERRY_PI_VID = 0x2E8A
# The Pico's boot loader: a drive and no serial line.
BOOT_LOADER_PID = 0x0003


@dataclass(frozen=True)
class Place:
    """``url`` for pyserial; ``serial_number`` as USB says it, if it is on USB."""

    url: str
    serial_number: str | None = None


def _ports() -> list:
    from serial.tools import list_ports

    return list(list_ports.comports())


def locate(port: str, option: str = "--port", but_not: str | None = None) -> Place:
    """Where ``port`` is: auto, a path, sn:SERIAL, or a URL.  ``but_not`` is a URL that is
    taken, by the rig.  Raises ``NoDevice``."""
    if "://" in port:
        return Place(port)
    here = _ports()
    if port != "auto" and not port.startswith("sn:"):
        if os.name == "posix" and not os.path.exists(port):
            raise NoDevice(f"{option} {port}: there is no such port; there are {_list(here)}")
        path = os.path.realpath(port)
        for found in here:
            if os.path.realpath(found.device) == path:
                return Place(port, found.serial_number)
        return Place(port)
    boards = [p for p in here if p.vid == RASPBERRY_PI_VID and p.device != but_not]
    if port.startswith("sn:"):
        wanted = port[3:].upper()
        ours = [p for p in boards if (p.serial_number or "").upper() == wanted]
        if not ours:
            raise NoDevice(
                f"no board with serial number {port[3:]}; there are {_list(boards)}: look for "
                "another cable, or read the number off `titra monitor`"
            )
        boards = ours
    if not boards:
        raise NoDevice(
            "no board found: plug it in, by a cable that carries data; while BOOTSEL is held "
            f"it is a drive and no port; other ports: {_list(here)}"
        )
    if len(boards) > 1:
        raise NoDevice(
            f"more than one board: {_list(boards)}; say which by --port-serial-number, or "
            "unplug one"
        )
    return Place(boards[0].device, boards[0].serial_number)


def locate_again(place: Place) -> Place:
    """The same board, perhaps under another name.  Raises ``NoDevice``."""
    if place.serial_number:
        return locate(f"sn:{place.serial_number}")
    if "://" not in place.url and not os.path.exists(place.url):
        raise NoDevice(f"{place.url} is gone")
    return place


def _list(ports: list) -> str:
    if not ports:
        return "none"
    return ", ".join(
        f"{p.device} (sn:{p.serial_number})" if p.serial_number else str(p.device) for p in ports
    )


def cannot_open(url: str, reason: str) -> NoDevice:
    """What to do about a port that is there and cannot be had."""
    low = reason.lower()
    if "lock" in low or "busy" in low or "unavailable" in low:
        by = holder(url)
        return NoDevice(f"{url} is held by another program{by}: close it, then start again")
    if "denied" in low or "permission" in low:
        return NoDevice(
            f"{url}: permission denied: on Linux join the group that `ls -l {url}` names "
            "(dialout), then log in anew"
        )
    return NoDevice(f"{url}: {reason}")


def holder(url: str) -> str:
    """The program that has the port open, as far as this user may know: Linux only."""
    try:
        path = os.path.realpath(url)
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            try:
                opened = [os.path.realpath(entry) for entry in (folder / "fd").iterdir()]
                if path in opened:
                    name = (folder / "comm").read_text().strip()
                    return f" ({name}, process {folder.name})"
            except OSError:
                continue
    except OSError:
        pass
    return ""
