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
        # Open for a whole round: its lines are read when their turn comes, since all
        # of them at once take 16 kB, and 20 more to read.
        self._manifest = None
        self._checked = 0
        self._file = None
        self._path = MANIFEST
        self._expected = b""
        self._digest = hashlib.sha256()

    def check_some(self) -> int:
        """The next piece: the manifest, or up to 512 bytes of a file.  After the
        last file the round begins again."""
        try:
            return self._check_some()
        except (OSError, ValueError):
            return self._fail()

    def _check_some(self) -> int:
        if self._manifest is None:
            try:
                # ``io`` is the seam to the simulator; files stay open over many calls.
                self._manifest = io.open(MANIFEST, "rb")  # noqa: SIM115, UP020
            except OSError:
                return UNKNOWN
            self._checked = 0
            return GOES_ON
        if self._file is None:
            self._path = MANIFEST
            line = self._manifest.readline()
            if not line:
                if not self._checked:
                    return self._fail()
                self._close()
                return INTACT
            self._expected, path = line.rstrip(b"\n").split(b"  ")
            self._path = path.decode()
            self._file = io.open(self._path, "rb")  # noqa: SIM115, UP020
            self._digest = hashlib.sha256()
        n = self._file.readinto(self._buffer)
        if n:
            self._digest.update(memoryview(self._buffer)[:n])
            return GOES_ON
        self._file.close()
        self._file = None
        if binascii.hexlify(self._digest.digest()) != self._expected:
            return self._fail()
        self._checked += 1
        return GOES_ON

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._manifest is not None:
            self._manifest.close()
            self._manifest = None

    def _fail(self) -> int:
        self.altered = self._path
        self._close()
        return ALTERED
