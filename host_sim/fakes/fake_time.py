"""`time` of MicroPython on RP2040: ticks that wrap, sleeps that let the world go on."""

from host_sim.fakes import hub

TICKS_PERIOD = 1 << 30
_MASK = TICKS_PERIOD - 1
_HALF = TICKS_PERIOD >> 1


def ticks_us() -> int:
    return hub.board.now_us + hub.board.ticks_offset_us & _MASK


def ticks_ms() -> int:
    return hub.board.now_us // 1000 & _MASK


def ticks_diff(a: int, b: int) -> int:
    return (a - b + _HALF & _MASK) - _HALF


def ticks_add(a: int, b: int) -> int:
    return a + b & _MASK


def sleep_us(us: int) -> None:
    hub.board.advance(us)


def sleep_ms(ms: int) -> None:
    hub.board.advance(ms * 1000)
