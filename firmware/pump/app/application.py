"""The loop: read, decide, act, say, remember.  Owns every buffer; allocates nothing in it."""

import gc

from micropython import const

from pump.app.host_link import HostLink
from pump.app.journal import Journal
from pump.app.record import Record
from pump.app.self_test import SelfTest
from pump.app.telemetry import Telemetry
from pump.core import infusion_state as st
from pump.core import reasons, units
from pump.core.controller import Controller
from pump.core.outputs import Outputs
from pump.core.readings import Inputs
from pump.core.self_test_items import PASSED, RUNNING
from pump.guard.guard import REFUSED
from pump.hal import pinout, reset_mark
from pump.hal.board_id import serial_number
from pump.hal.clock import Clock
from pump.hal.clock_chip import ClockChip
from pump.hal.dead_man import DeadMan
from pump.hal.device_key import DeviceKey, random_bytes
from pump.hal.edge_counter import EdgeCounter
from pump.hal.firmware_image import ALTERED, FirmwareImage
from pump.hal.flash_store import FlashStore
from pump.hal.fram import Fram
from pump.hal.guard_timer import GuardTimer
from pump.hal.i2c_bus import open_bus
from pump.hal.keys import Keys
from pump.hal.line_sensors import LineSensors
from pump.hal.ring_oscillator import RingOscillator
from pump.hal.signals import Signals
from pump.hal.stepper import Stepper
from pump.hal.supply import Supply
from pump.hal.usb_line import UsbLine
from pump.hal.watchdog import Watchdog
from pump.protocol.authentication import Authentication
from pump.protocol.framing import Crc16

# States that a session leaves for good by going to IDLE, or to COMPLETE.
_OPEN = st.SESSION_STATES | 1 << st.COMPLETE
# While the motor is off, the next piece of the firmware's files is looked at this often.
_IMAGE_MS = const(200)
# Ticks between two looks at the clock chip's seconds.
_SECONDS_TICKS = const(4)
# Without FRAM the log is put into flash this often, if there is anything new.
_ARCHIVE_MS = const(60_000)
# A reset that was asked for waits until its answer has been sent.
_RESTART_MS = const(200)


class Application:
    """Firmware of one board.  ``run_once`` for ever is the whole program."""

    def __init__(self):
        # ENABLE first: its owner, then those who may cut it off.
        self.dead_man = DeadMan()
        self.stepper = Stepper()
        self.guard_timer = GuardTimer(self.dead_man, self.stepper)
        self.guard = self.guard_timer.guard
        self.clock = Clock()
        self.step_counter = EdgeCounter(pinout.SM_STEP_COUNTER, pinout.STEP, False)
        self.encoder = EdgeCounter(pinout.SM_ENCODER_COUNTER, pinout.ENCODER, True)
        self.reverse = EdgeCounter(
            pinout.SM_REVERSE_COUNTER, pinout.ENCODER, True, pinout.ENCODER_B
        )
        self.seconds = EdgeCounter(pinout.SM_SECOND_COUNTER, pinout.RTC_SECOND, True)
        self.sensors = LineSensors()
        self.supply = Supply()
        self.keys = Keys()
        self.signals = Signals()
        self.oscillator = RingOscillator()
        self.usb = UsbLine()
        bus = open_bus()
        self.clock_chip = ClockChip(bus)
        self.journal = Journal(Fram(bus), FlashStore(), self.clock_chip)
        self.image = FirmwareImage()
        self.controller = Controller()
        self.inputs = Inputs()
        self.outputs = Outputs()
        self.inputs.clock_fitted = self.clock_chip.fitted and self.clock_chip.start_square_wave()
        device_key = DeviceKey()
        serial = serial_number()
        self.self_test = SelfTest(
            self.dead_man,
            self.guard,
            self.image,
            self.journal,
            self.clock_chip,
            device_key.is_set,
            self.signals.is_fitted,
        )
        self.link = HostLink(
            self.usb,
            self.controller,
            serial,
            Authentication(serial, device_key.key, random_bytes),
            self.journal,
            self.self_test,
            device_key,
        )
        self.telemetry = Telemetry(self.usb, self.controller, self.clock, Crc16())
        self.record = Record(self.journal, self.controller)
        self._until_seconds = 0
        self._image_ms = 0
        self._archive_ms = 0
        self._restart_ms = 0
        self._guard_refused = False
        # Reads up to three seconds of log: before the watchdog runs.
        self.journal.boot()
        self._take_up_session()
        self.watchdog = Watchdog()
        planned = reset_mark.is_left(reset_mark.RESTART)
        reset_mark.clear()
        self.record.booted(self.watchdog.cause_of_reset, planned, self.link.session.table)
        self.telemetry.announce(self.watchdog.cause_of_reset, self.link.session.table)

    def run_once(self) -> None:
        """One tick and the wait for the next."""
        self.tick()
        self.clock.wait_for_tick()

    def tick(self) -> None:
        """One tick."""
        clock = self.clock
        inputs = self.inputs
        outputs = self.outputs
        controller = self.controller
        inputs.dt_ms = clock.begin_tick()
        self._read(inputs)
        if self.self_test.result == RUNNING:
            self.self_test.step(inputs)
            if self.self_test.result == RUNNING:
                self.link.poll(inputs)
            else:
                self._self_test_ended(inputs)
        else:
            self.link.poll(inputs)
        if inputs.event == st.EV_START and controller.may_start():
            # Collected now and not in the middle of a tick that delivers: 25 ms.
            # Stored before the motor may be enabled, in flash as well: up to 0.8 s.
            gc.collect()
            self.watchdog.feed()
            self.journal.open_session(
                self.journal.last_session + 1, controller.rx, controller.rx_steps()
            )
            controller.session = self.journal.last_session - 1
            inputs.lease_steps = self.journal.lease_steps
            inputs.storage_ok = self.journal.ok
        state_before = controller.state
        controller.step(inputs, outputs)
        if self.self_test.result == RUNNING:
            if controller.state == st.FAULT:
                self.self_test.abort()
                self.record.tested(self.self_test)
            else:
                self.self_test.drive(outputs)
        self._tell_guard(inputs.event, outputs)
        self.stepper.apply(outputs, clock.passed_us)
        if not self.self_test.moves:
            self.dead_man.follow(outputs.enable)
        self.signals.apply(outputs)
        self.sensors.probe(outputs)
        if self.link.answer_is_due:
            self.link.answer(outputs)
        self.record.step(inputs, outputs, state_before)
        self.telemetry.step(inputs, outputs)
        if self.usb.queued:
            self.usb.flush()
        volume = controller.volume
        self.journal.step(
            outputs.enable,
            volume.granted_steps,
            volume.delivered_steps(),
            controller.titration.rung,
            inputs.dt_ms,
        )
        if not outputs.enable:
            self._while_off(inputs, state_before)
        self.guard.beat()
        self.watchdog.feed_if(self._layers_agree(inputs, outputs))

    # --- parts of a tick -----------------------------------------------------------

    def _read(self, inputs) -> None:
        """Everything that pins say."""
        self.sensors.read(inputs)
        self.supply.read(inputs)
        self.keys.read(inputs)
        self.signals.read(inputs)
        inputs.step_edges = self.step_counter.new_edges()
        inputs.encoder_edges = self.encoder.new_edges()
        # They are some of those, so there are none without them.
        inputs.reverse_edges = self.reverse.new_edges() if inputs.encoder_edges else 0
        inputs.enable_level = self.dead_man.level()
        inputs.queue_dropped = self.stepper.queue_dropped
        inputs.guard_trip = self.guard_timer.trip
        if self._guard_refused:
            inputs.guard_trip = REFUSED
        inputs.guard_beats = self.guard_timer.new_beats()
        inputs.lease_steps = self.journal.lease_steps
        inputs.storage_ok = self.journal.ok
        if inputs.clock_fitted:
            # A second more or less late by 40 ms means nothing; the reading costs.
            self._until_seconds -= 1
            if self._until_seconds > 0:
                inputs.clock_seconds = 0
            else:
                self._until_seconds = _SECONDS_TICKS
                inputs.clock_seconds = self.seconds.new_edges()
        else:
            self.oscillator.poll()
            inputs.osc_percent = self.oscillator.percent

    def _self_test_ended(self, inputs) -> None:
        self.record.tested(self.self_test)
        if self.self_test.result == PASSED:
            inputs.event = st.EV_POST_PASSED
            self.controller.board.has_sounder = not self.self_test.lacks_sounder()
        else:
            inputs.event = st.EV_POST_FAILED

    def _tell_guard(self, event: int, outputs) -> None:
        """What is committed and begun, and whether the motor may have power."""
        guard = self.guard
        if outputs.event_result == reasons.OK:
            if event == st.EV_COMMIT:
                rx = self.controller.rx
                self._guard_refused |= not guard.load(rx.cap_ul_h, rx.vtbi_ul)
            elif event == st.EV_START:
                self._guard_refused |= not guard.begin(0)
        guard.permit(outputs.enable or self.self_test.moves)

    def _while_off(self, inputs, state_before: int) -> None:
        """What stalls the processor, only while the motor is off."""
        controller = self.controller
        journal = self.journal
        if 1 << state_before & st.ENABLED_STATES:
            gc.collect()  # what log-ins and a START have left
        state = controller.state
        if 1 << state_before & _OPEN and (
            state == st.IDLE or (state == st.COMPLETE and not journal.interrupted)
        ):
            self.watchdog.feed()
            journal.close_session(controller.volume.delivered_steps())
        elif state == st.READY and journal.session_open:
            journal.close_session(0)  # the START was refused after all
        if self.self_test.result != PASSED:
            return
        self._image_ms += inputs.dt_ms
        if self._image_ms >= _IMAGE_MS:
            self._image_ms = 0
            if self.image.check_some() == ALTERED:
                controller.report_altered_image()
        self._archive_ms += inputs.dt_ms
        if self._archive_ms >= _ARCHIVE_MS:
            self._archive_ms = 0
            if journal.archive_due:
                self.watchdog.feed()
                journal.archive()
        if self.link.repl_asked:
            self._restart_ms += inputs.dt_ms
            if self._restart_ms >= _RESTART_MS:
                reset_mark.restart(reset_mark.MAINTENANCE)

    def _layers_agree(self, inputs, outputs) -> bool:
        """Whether the watchdog may be fed: every layer that stops the motor says
        that all is well, or the motor is off, as its pins show."""
        if not outputs.enable and inputs.step_edges == 0:
            # A driver that cannot be disabled is an alarm that no reset would mend.
            if not inputs.enable_level or self.controller.state == st.FAULT:
                return True
        if self.self_test.result != PASSED:
            # What it finds was there before: a reset would find it again, and no
            # alarm would ever be heard.
            return True
        return (
            inputs.guard_trip == 0
            and self.controller.board.guard_is_alive()
            and self.controller.alarms.active & self.controller.alarms.fail_mask == 0
        )

    # --- after a reset ---------------------------------------------------------------

    def _take_up_session(self) -> None:
        """A session that the reset interrupted: latched, never resumed by itself."""
        journal = self.journal
        controller = self.controller
        if not journal.interrupted:
            return
        steps = journal.recovered_steps
        if journal.can_resume and journal.restore(controller.rx):
            rx = controller.rx
            self.guard.load(rx.cap_ul_h, rx.vtbi_ul)
            self.guard.begin(steps)
            # The time that it took is not stored: what the ladder takes at least.
            controller.recover(
                journal.recovered_session,
                controller.rx_steps(),
                steps,
                rx.seconds_for(units.volume_for_steps(steps)),
            )
        else:
            # Closed as delivered: COMPLETE as soon as it has been announced.
            controller.recover(journal.recovered_session, steps, steps, 0)
