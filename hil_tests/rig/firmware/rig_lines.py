"""Lines of the rig, framed as the pump's: CRC-16/CCITT-FALSE behind a star."""

from array import array


def _row(i):
    crc = i << 8
    for _ in range(8):
        crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


_TABLE = array("H", [_row(i) for i in range(256)])


def crc16(data):
    crc = 0xFFFF
    table = _TABLE
    for byte in data:
        crc = (crc << 8 & 0xFFFF) ^ table[crc >> 8 ^ byte]
    return crc


def frame(body):
    data = body.encode()
    return b"%s*%04X\n" % (data, crc16(data))


def words_of(line):
    """The words of a request, or ``None`` if it is not whole."""
    line = line.strip()
    at = line.rfind(b"*")
    if at < 1 or line[at + 1 :] != b"%04X" % crc16(line[:at]):
        return None
    return line[:at].decode().split()
