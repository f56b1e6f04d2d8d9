"""The loop: read, decide, act, say.  Owns every buffer; allocates nothing in it."""

from pump.app.host_link import HostLink
from pump.app.self_test import self_test
from pump.app.telemetry import Telemetry
from pump.core import infusion_state as st
from pump.core.controller import Controller
from pump.core.outputs import Outputs
from pump.core.readings import Inputs
from pump.hal import pinout
from pump.hal.board_id import serial_number
from pump.hal.clock import Clock
from pump.hal.edge_counter import EdgeCounter
from pump.hal.line_sensors import LineSensors
from pump.hal.signals import Signals
from pump.hal.stepper import Stepper
from pump.hal.usb_line import UsbLine
from pump.hal.watchdog import Watchdog
from pump.protocol.framing import Crc16


class Application:
    """Firmware of one board.  ``run_once`` for ever is the whole program."""

    def __init__(self):
        self.clock = Clock()
        self.stepper = Stepper()
        self.step_counter = EdgeCounter(pinout.SM_STEP_COUNTER, pinout.STEP, False)
        self.encoder = EdgeCounter(pinout.SM_ENCODER_COUNTER, pinout.ENCODER, True)
        self.sensors = LineSensors()
        self.signals = Signals()
        self.usb = UsbLine()
        self.controller = Controller()
        self.inputs = Inputs()
        self.outputs = Outputs()
        self.link = HostLink(self.usb, self.controller, serial_number())
        self.telemetry = Telemetry(self.usb, self.controller, self.clock, Crc16())
        self.watchdog = Watchdog()
        self.telemetry.announce(self.watchdog.cause_of_reset, self.link.session.table)
        self._self_test_due = True

    def run_once(self) -> None:
        """One tick and the wait for the next."""
        self.tick()
        self.clock.wait_for_tick()

    def tick(self) -> None:
        """One tick."""
        clock = self.clock
        inputs = self.inputs
        outputs = self.outputs
        inputs.dt_ms = clock.begin_tick()
        self.sensors.read(inputs)
        inputs.step_edges = self.step_counter.new_edges()
        inputs.encoder_edges = self.encoder.new_edges()
        inputs.queue_dropped = self.stepper.queue_dropped
        if self._self_test_due:
            # Nobody is listened to before it has passed.
            self._self_test_due = False
            inputs.event = st.EV_POST_PASSED if self_test(inputs) else st.EV_POST_FAILED
        else:
            self.link.poll(inputs)
        self.controller.step(inputs, outputs)
        self.stepper.apply(outputs, clock.passed_us)
        self.signals.apply(outputs)
        if self.link.answer_is_due:
            self.link.answer(outputs)
        self.telemetry.step(inputs, outputs)
        if self.usb.queued:
            self.usb.flush()
        self.watchdog.feed()
