"""Log-ins on MicroPython: the same answers as on the host, and what they allocate.

Prints; on the host nothing is measured and the bound stands for itself.
"""

import gc

from pump.core import reasons, roles
from pump.protocol import authentication, framing

ATTEMPT_MAX_BYTES = 1024  # L23


def random(n):
    return bytes([(7 * i + 3) & 255 for i in range(n)])


def main():
    crc = framing.Crc16()
    writer = framing.LineWriter(crc)
    access = authentication.Authentication("E661541A00000000", random(32), random)
    for n in (0, 1, 20, 32, 55, 56, 63, 64):
        hmac = authentication.HmacSha256(random(n))
        digest = hmac.digest(random(n + 1), b"Titra", bytearray(100))
        print("hmac", n, crc.of(digest, len(digest)))
    worst = 0
    response = bytearray(16)
    for role in range(roles.OPERATOR, roles.MAINTENANCE + 1):
        for _ in range(3):
            gc.collect()
            gc.disable()
            before = _allocated()
            code = access.challenge(role)
            answer = access.login(role, response)
            worst = max(worst, _allocated() - before)
            gc.enable()
            print("attempt", role, reasons.REASONS[code][0], reasons.REASONS[answer][0])
    print("an attempt is within its bound:", worst <= ATTEMPT_MAX_BYTES)
    _without_allocating(access, writer)


def _allocated():
    return gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0


def _without_allocating(access, writer):
    """What every tick does, and every text that is sent, with the heap locked."""
    import micropython

    texts = [text for row in reasons.REASONS for text in row]
    texts.append("{}|~^`\\\"'#@$%&[]<>_!;=jqzJQXZ0123456789")
    if hasattr(micropython, "heap_lock"):
        micropython.heap_lock()
    try:
        for i in range(1000):
            access.step(10, i & 1 == 0)
            access.used()
        for text in texts:
            writer.begin()
            writer.text(text)
            writer.field_hex(access.nonce)
    finally:
        if hasattr(micropython, "heap_unlock"):
            micropython.heap_unlock()
    print("no allocation", access.role, writer.length)


if __name__ == "__main__":
    main()
