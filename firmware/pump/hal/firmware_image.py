"""The firmware's own files against the manifest that came with them.  (F25)

The code that runs is in RAM; what has changed in flash would run after the next
reset, so it is found at the self-test and, while the motor is off, before it.
"""

import binascii
import hashlib
import io

from micropython import const

from pump.hal.manifest import MANIFEST

_CHUNK = const(512)

# What ``check_some`` says.
GOES_ON = const(0)
INTACT = const(1)
ALTERED = const(2)
UNKNOWN = const(3)  # there is no manifest


class FirmwareImage:
    """``altered`` is the path of the first file that is not as it was shipped.

    Opens files and so allocates: only for times when the motor is off.
    """

    def __init__(self):
        self.altered = ""
        self._buffer = bytearray(_CHUNK)
        self._entries = None
        self._at = 0
        self._file = None
        self._digest = hashlib.sha256()

    def check_some(self) -> int:
        """The next piece: the manifest, or up to 512 bytes of a file.  After the
        last file the round begins again."""
        try:
            return self._check_some()
        except (OSError, ValueError):
            return self._fail(self._entries[self._at][1] if self._entries else MANIFEST)

    def _check_some(self) -> int:
        if self._entries is None:
            return self._read_manifest()
        if self._file is None:
            # ``io`` is the seam to the simulator; the file stays open over many calls.
            self._file = io.open(self._entries[self._at][1], "rb")  # noqa: SIM115, UP020
            self._digest = hashlib.sha256()
        n = self._file.readinto(self._buffer)
        if n:
            self._digest.update(memoryview(self._buffer)[:n])
            return GOES_ON
        self._file.close()
        self._file = None
        expected, path = self._entries[self._at]
        if binascii.hexlify(self._digest.digest()) != expected:
            return self._fail(path)
        self._at += 1
        if self._at < len(self._entries):
            return GOES_ON
        self._entries = None
        return INTACT

    def _read_manifest(self) -> int:
        try:
            # Closed below; only a file that is not there is UNKNOWN.
            manifest = io.open(MANIFEST, "rb")  # noqa: SIM115, UP020
        except OSError:
            return UNKNOWN
        self._entries = []
        self._at = 0
        with manifest:
            for line in manifest.read().split(b"\n"):
                if line:
                    digest, path = line.split(b"  ")
                    self._entries.append((digest, path.decode()))
        return GOES_ON if self._entries else self._fail(MANIFEST)

    def _fail(self, path: str) -> int:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._entries = None
        self.altered = path
        return ALTERED
