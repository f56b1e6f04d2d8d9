"""Where rp2040py 0.3.6 and the chip differ, made right from outside.

Found by trying and by reading its sources; each class or function says what
is wrong without it.  PIO has a module of its own, and so has USB.
"""

from __future__ import annotations

from collections.abc import Callable

from rp2040py.gpio_pin import GPIOPinState

from emulator import image

_UART_TX_BIT = 1 << 5

# Ring oscillator of a chip at room temperature, in kHz: the data sheet says
# 1.8 to 12 MHz, the SDK measures about 6.5.
ROSC_KHZ = 6500
_FC0_FIRST = 0x80
_FC0_INTERVAL = 0x90
_FC0_SRC = 0x94
_FC0_STATUS = 0x98
_FC0_RESULT = 0x9C
_FC0_DONE = 1 << 4
_ROSC_SOURCE = 3

_ERASE_SECTOR = 0x20
_ERASE_BLOCK = 0xD8
_PROGRAM = 0x02
_READ_SERIAL = 0x4B  # the command and four dummy bytes, then the number
_SERIAL_AT = 5
SERIAL = bytes.fromhex("E661541A00000E01")
_PAGE_BYTES = 256
_SECTOR_BYTES = 4096
_BLOCK_BYTES = 65536
# The chip on a Pico, W25Q16JV: typical times of a page and of a sector.
PROGRAM_US = 400
ERASE_US = 45_000


_HARD_FAULT = 3  # number of the exception
# Regions of the memory map (RP2040 data sheet 2.2, upper four bits of an address) in
# which no bus has anything.
_EMPTY_REGIONS = frozenset((0x3, 0x6, 0x7, 0x8, 0x9, 0xA, 0xB, 0xC, 0xF))
_PAGE_BITS = 12  # of a key in rp2040py's table of what is on the buses


class HardFaults(dict):
    """What is on the buses, with a hard fault for whoever reaches beside it; rp2040py
    reads ones there and goes on.

    MicroPython's handler is one breakpoint.  Without a debugger that is a fault again,
    and the processor locks up (ARMv6-M, B1.5.15): it executes nothing and takes no
    interrupt until it is reset.  rp2040py goes on behind the breakpoint.
    """

    def __init__(self, mcu):
        super().__init__(mcu.peripherals)
        self._core = mcu.core
        mcu.peripherals = self
        mcu.on_break = lambda _code: self._fault()

    def get(self, page: int, default=None):
        found = super().get(page, default)
        if found is None and page >> 28 - _PAGE_BITS in _EMPTY_REGIONS:
            self._fault()
        return found

    def _fault(self) -> None:
        core = self._core
        if core.ipsr != _HARD_FAULT:
            core.exception_entry(_HARD_FAULT)
            return
        core.pm = True
        core.waiting = True


class FrequencyCounter:
    """The clocks block with its frequency counter, which rp2040py has not: the
    ring oscillator is then never there.  A count takes 0.98 us x 2**interval."""

    def __init__(self, mcu, address: int = 0x40008):
        self._stock = mcu.peripherals[address]
        self._clock = mcu.clock
        self.rosc_khz = ROSC_KHZ
        self._interval = 8
        self._source = 0
        self._done_ns = 0.0
        mcu.peripherals[address] = self

    def __getattr__(self, name):
        return getattr(self._stock, name)

    def read_uint32(self, offset: int) -> int:
        if offset == _FC0_STATUS:
            return _FC0_DONE if self._clock.nanos >= self._done_ns else 1 << 8
        if offset == _FC0_RESULT:
            return self.rosc_khz << 5 if self._source == _ROSC_SOURCE else 0
        if _FC0_FIRST <= offset <= _FC0_RESULT:
            return 0
        return self._stock.read_uint32(offset)

    def write_uint32(self, offset: int, value: int) -> None:
        if offset == _FC0_INTERVAL:
            self._interval = value & 0xF
        elif offset == _FC0_SRC:
            self._source = value & 0xFF
            self._done_ns = self._clock.nanos + 980.0 * (1 << self._interval)
        elif not _FC0_FIRST <= offset <= _FC0_RESULT:
            self._stock.write_uint32(offset, value)

    def write_uint32_atomic(self, offset: int, value: int, kind: int) -> None:
        if _FC0_FIRST <= offset <= _FC0_RESULT:
            self.write_uint32(offset, value)
        else:
            self._stock.write_uint32_atomic(offset, value, kind)


_ADC_FIRST = 26  # GPIO of channel 0
_ADC_MAX = 4095
# What a pin that nothing drives reads while a pull resistor holds it.
_AT_PULL = {GPIOPinState.INPUT_PULL_UP: 4060, GPIOPinState.INPUT_PULL_DOWN: 20}


class AnalogInputs:
    """The converter's inputs on GP26 to GP29.  For rp2040py an open one is at ground; on
    the chip it follows the pin's pull resistors, and without them stays where it was.

    ``counts``  raw 12-bit counts of channels 0 to 3; ``None``: nothing drives it
    ``noise``   is asked for counts to be added to one that is driven
    """

    def __init__(self, mcu):
        self.counts: list[int | None] = [None] * 4
        self.noise: Callable[[], int] = lambda: 0
        self._gpio = mcu.gpio
        self._adc = mcu.adc
        self._stock = mcu.adc.on_adc_read
        mcu.adc.on_adc_read = self._read

    def _read(self, channel: int) -> None:
        if channel < len(self.counts):
            values = self._adc.channel_values
            counts = self.counts[channel]
            if counts is None:
                state = self._gpio[_ADC_FIRST + channel].value
                values[channel] = _AT_PULL.get(state, values[channel])
            else:
                values[channel] = max(0, min(_ADC_MAX, counts + self.noise()))
        self._stock(channel)


class FlashChip:
    """Erasing and programming take time, in which the processor stands still with
    its interrupts off and everything else goes on; rp2040py takes none, and its
    chip has no serial number.

    ``serial``     8 bytes: the board's serial number
    ``erase_us``, ``program_us``  of a sector, of a page
    ``on_change``  is told (offset in flash, bytes) after each change
    ``erases``     times (s) at which a sector was erased
    """

    def __init__(self, mcu, advance: Callable[[float], None]):
        self.erase_us = ERASE_US
        self.program_us = PROGRAM_US
        self.on_change: Callable[[int, int], None] = lambda offset, length: None
        self.erases: list[float] = []
        self.serial = SERIAL
        self._mcu = mcu
        self._ssi = mcu.ssi
        self._advance = advance
        self._stock = mcu.ssi._apply_command
        self._stock_shift = mcu.ssi._shift_byte
        mcu.ssi._apply_command = self._apply
        mcu.ssi._shift_byte = self._shift

    def _shift(self, byte_out: int) -> int:
        answer = self._stock_shift(byte_out)
        sent = self._ssi._tx_buffer
        at = len(sent) - _SERIAL_AT
        if sent[0] == _READ_SERIAL and 0 < at <= len(self.serial):
            return self.serial[at - 1]
        return answer

    def _apply(self) -> None:
        ssi = self._ssi
        command = bytes(ssi._tx_buffer[:4])
        enabled = ssi._write_enabled
        self._stock()
        if not enabled or len(command) < 4:
            return
        code = command[0]
        offset = int.from_bytes(command[1:4], "big")
        if code == _PROGRAM:
            length, us = _PAGE_BYTES, self.program_us
        elif code == _ERASE_SECTOR:
            length, us = _SECTOR_BYTES, self.erase_us
        elif code == _ERASE_BLOCK:
            length, us = _BLOCK_BYTES, self.erase_us * 4
        else:
            return
        offset -= offset % length
        if code != _PROGRAM:
            self.erases.append(self._mcu.clock.nanos / 1e9)
        self.on_change(offset, min(length, image.FLASH_BYTES - offset))
        if us:
            self._advance(us * 1000.0)


def fix_uart(uart) -> None:
    """The stock UART raises its transmit interrupt again the moment it is cleared, and
    ``machine.UART()`` hangs in it; the chip raises it when the FIFO has drained."""
    stock = uart.write_uint32

    def check() -> None:
        uart.rp2040.set_interrupt(uart.irq, bool(uart._interrupt_status & uart._interrupt_mask))

    def write(offset: int, value: int) -> None:
        stock(offset, value)
        if offset == 0:
            uart._interrupt_status |= _UART_TX_BIT
            check()

    uart.check_interrupts, uart.write_uint32 = check, write


class I2cBus:
    """Parts on an I2C controller, with the time that a byte takes on the bus; the
    stock controller takes none.

    A part has ``start(is_read)``, ``write(byte) -> acknowledged``, ``read() -> byte``
    and ``stop()``.
    """

    def __init__(self, mcu, number: int, byte_ns: float = 22_500.0):
        # 9 bits at 400 kHz.
        self.byte_ns = byte_ns
        self.parts: dict[int, object] = {}
        self._part = None
        self._bus = mcu.i2c[number]
        self._clock = mcu.clock
        self._bus.on_connect = lambda address, mode: self._later(self._connect, address, mode)
        self._bus.on_write_byte = lambda value: self._later(self._write, value)
        self._bus.on_read_byte = lambda _ack: self._later(self._read)
        self._bus.on_stop = self._stop

    def _later(self, action: Callable, *arguments) -> None:
        alarm = self._clock.create_alarm(lambda: action(*arguments))
        alarm.schedule(self.byte_ns)

    def _connect(self, address: int, mode) -> None:
        self._part = self.parts.get(address)
        if self._part is not None:
            self._part.start(bool(mode))
        self._bus.complete_connect(self._part is not None)

    def _write(self, value: int) -> None:
        self._bus.complete_write(self._part is not None and self._part.write(value))

    def _read(self) -> None:
        self._bus.complete_read(self._part.read() if self._part is not None else 0xFF)

    def _stop(self) -> None:
        if self._part is not None:
            self._part.stop()
        self._part = None
        self._bus.complete_stop()
