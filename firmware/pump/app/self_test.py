"""Power-on self-test: what must be true before a prescription is accepted."""

from pump.protocol.framing import Crc16

# Published check value of CRC-16/CCITT-FALSE.
_CHECK_INPUT = b"123456789"
_CHECK_VALUE = 0x29B1


def self_test(inputs) -> bool:
    """Whether checksums compute and the motor is at rest.

    Absent sensors do not fail it: a bare board boots, says what is missing
    and refuses START.
    """
    if Crc16().of(_CHECK_INPUT, len(_CHECK_INPUT)) != _CHECK_VALUE:
        return False
    return inputs.step_edges == 0 and inputs.encoder_edges == 0
