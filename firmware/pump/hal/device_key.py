"""The secret that log-ins are checked against, and bytes that nobody can foresee."""

import io
import os

from micropython import const

# In the root of the flash file system, put there when the board is flashed.
_FILE = "key"
_NEW = "key.new"
_LENGTH = const(32)


class DeviceKey:
    """``key``: the 32 bytes of the file ``key``, read once at boot; None if there
    is none or it is not whole."""

    def __init__(self):
        try:
            with io.open(_FILE, "rb") as file:  # noqa: UP020  (the module is the seam)
                key = file.read()
        except OSError:
            key = b""
        self.key = key if len(key) == _LENGTH else None

    @property
    def is_set(self) -> bool:
        """Whether anybody can log in at all."""
        return self.key is not None

    def set_key(self, key) -> bool:
        """Store another key for good, whole or not at all; motor off."""
        try:
            with io.open(_NEW, "wb") as file:  # noqa: UP020  (likewise)
                file.write(key)
            os.rename(_NEW, _FILE)
        except OSError:
            return False
        return True


def random_bytes(n: int):
    """``n`` bytes from the ring oscillator's noise.  Allocates them."""
    return os.urandom(n)
