"""The host at the other end of the USB cable: a serial port that a program has open.

A host controller polls: it fetches what the device offers, and brings what the
program has written, 64 bytes in 50 us at most (full speed: 1.2 MB/s).  With no
program that reads it stops fetching once its own buffer is full; here at once.
"""

from __future__ import annotations

from collections.abc import Callable

from rp2040py.usb.cdc import USBCDC

PACKET_US = 50
_SIE_STATUS = 0x50
_SUSPENDED = 1 << 4  # in it
_SUSPEND_NS = 3_000_000  # without a frame for so long a device is suspended
_DTR_AND_RTS = 3
VBUS_SENSE = 24  # GPIO of a Pico: USB's supply is there
_FIRST_IN = 0x80  # buffer control registers in the dual-ported RAM
_AVAILABLE = 1 << 10


class UsbHost:
    """``write`` and ``on_data`` are the program's; ``connections`` are the times (s)
    at which the device could be used.

    ``reads``       the program takes what comes; if not, the device's buffer fills up
    ``is_plugged``  the cable is in
    ``delivered``   bytes that the device has taken
    ``on_data``     is told what the device has sent
    """

    def __init__(self, board):
        self._board = board
        self._usb = board.mcu.usb_ctrl
        self.cdc = USBCDC(self._usb)
        self.connections: list[float] = []
        self.is_plugged = True
        self.delivered = 0
        self.on_data: Callable[[bytes], None] = lambda data: None
        self._reads = True
        self._queue = bytearray()
        self._offers: list[tuple[int, int]] = []  # IN buffers that nobody has fetched
        self._requests: list[tuple[int, int]] = []  # OUT buffers that wait for data
        self._flood: bytes = b""
        self.cdc.on_serial_data = lambda data: self.on_data(bytes(data))
        self.cdc.on_device_connected = lambda: self.connections.append(board.now_s)
        self._stock_read = self._usb.on_endpoint_read
        self._stock_updated = self._usb.dpram_updated
        self._stock_enabled = self._usb.on_usb_enabled
        self._stock_reset = self._usb.on_reset
        self._usb.on_endpoint_read = self._endpoint_read
        self._usb.dpram_updated = self._dpram_updated
        self._usb.on_usb_enabled = self._enabled
        self._usb.on_reset = self._reset
        self._stock_write = self._usb.write_uint32
        self._usb.write_uint32 = self._write_register
        self._suspend_alarm = board.clock.create_alarm(self._suspend)

    # --- the program ----------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Bytes for the device, as fast as it takes them."""
        if self.is_plugged:
            self._queue += data
            self._serve()

    def waiting(self) -> int:
        """Bytes that the device has not taken."""
        return len(self._queue)

    @property
    def reads(self) -> bool:
        return self._reads

    @reads.setter
    def reads(self, on: bool) -> None:
        self._reads = on
        if on and self.is_plugged:
            offers, self._offers = self._offers, []
            for offset, value in offers:
                self._stock_updated(offset, value)

    def flood(self, data: bytes) -> None:
        """Write ``data`` over and over as fast as USB carries it; ``b""`` ends it."""
        self._flood = data
        self._serve()

    def open(self, is_open: bool) -> None:
        """A program opens or closes the port: DTR and RTS."""
        if self.is_plugged and self.connections:
            self.cdc._cdc_set_control_line_state(_DTR_AND_RTS if is_open else 0)

    # --- the cable --------------------------------------------------------------------

    def unplug(self) -> None:
        """The cable is pulled; the board goes on by its own supply."""
        self.is_plugged = False
        self._board.drive(VBUS_SENSE, 0)
        self._queue.clear()
        self._flood = b""
        self._suspend_alarm.schedule(_SUSPEND_NS)

    def plug(self) -> None:
        """The cable is put in: the host finds a device and sets it up anew."""
        self.is_plugged = True
        self._board.drive(VBUS_SENSE, 1)
        self._suspend_alarm.cancel()
        self._usb._sie_status &= ~_SUSPENDED
        self._offers.clear()
        self._requests.clear()
        self._stock_reset()
        self._usb.reset_device()

    def _suspend(self) -> None:
        self._usb._sie_status |= _SUSPENDED
        self._usb._sie_status_updated()

    # --- the controller's side ----------------------------------------------------------

    def _enabled(self) -> None:
        if self.is_plugged:
            self._stock_enabled()

    def _reset(self) -> None:
        self._queue.clear()
        self._offers.clear()
        self._requests.clear()
        self._flood = b""
        self._stock_reset()

    def _write_register(self, offset: int, value: int) -> None:
        """A suspension that the device has seen is cleared by writing a 1, which the
        stock controller does not know: its interrupt then never ends, and nothing else
        runs any more."""
        if offset == _SIE_STATUS:
            self._usb._sie_status &= ~(self._usb.raw_write_value & _SUSPENDED)
        self._stock_write(offset, value)

    def _dpram_updated(self, offset: int, value: int) -> None:
        out = offset & 4
        endpoint = (offset - _FIRST_IN) >> 3
        if (
            not out
            and offset >= _FIRST_IN
            and value & _AVAILABLE
            and (not self.is_plugged or (not self._reads and endpoint == self.cdc._in_endpoint))
        ):
            self._offers.append((offset, value))
            return
        self._stock_updated(offset, value)

    def _endpoint_read(self, endpoint: int, size: int) -> None:
        """The device has room for ``size`` bytes.  The host of rp2040py answers at once,
        with nothing if it has nothing, and so keeps the processor busy for ever."""
        if endpoint != self.cdc._out_endpoint or endpoint <= 0:
            self._stock_read(endpoint, size)
            return
        self._requests.append((endpoint, size))
        self._serve()

    def _serve(self) -> None:
        while self._requests:
            endpoint, size = self._requests[0]
            if self._flood:
                while len(self._queue) < size:
                    self._queue += self._flood
            if not self._queue:
                return
            del self._requests[0]
            packet = bytes(self._queue[:size])
            self.delivered += len(packet)
            del self._queue[:size]
            self._usb.endpoint_read_done(endpoint, packet, PACKET_US)
