"""The loop: read, decide, act, say, remember.  Owns every buffer; allocates nothing in it.

The heap is locked for as long as a tick lasts.  That holds the promise that nothing is
allocated, and it is what makes ticks short: MicroPython puts the variables of a
function that has more than a few on the heap, if it can, and looks for room there for
up to 0.6 ms a call; with the heap locked it takes the stack.  What cannot do without
the heap opens it for itself: the self-test, START, a log-in, maintenance, and the
work that is left for when the motor is off.
"""

import gc

from micropython import const, heap_lock, heap_unlock

from pump.app.calibrator import Calibrator
from pump.app.host_link import HostLink
from pump.app.journal import Journal
from pump.app.pin_reader import pin_reader
from pump.app.record import Record
from pump.app.screen import Screen
from pump.app.self_test import SelfTest
from pump.app.talk import Talk
from pump.app.telemetry import Telemetry
from pump.core import infusion_state as st
from pump.core import limits, reasons, units
from pump.core.controller import Controller
from pump.core.outputs import Outputs
from pump.core.readings import Inputs
from pump.core.self_test_items import PASSED, RUNNING
from pump.hal import bench_parts, pinout, reset_mark
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
from pump.hal.oled import Oled
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
# What changes slowly is read in every fourth tick; what is said and stored without
# being urgent has another, one in eight.
_BOARD_MASK = const(3)
_BOARD_PHASE = const(0)
_QUIET_PHASE = const(2)
# The display has a third, and what it is behind with goes into any that has nothing else.
_SCREEN_PHASE = const(6)
# What the host sent is read while the tick is younger than this; the rest of it takes
# 2 ms, or 3 with talk or the display, or 4 with the journal.  (L24)
_READ_UNTIL_US = const(2500)
_TALKS_UNTIL_US = const(1800)
_JOURNALS_UNTIL_US = const(1000)
# In a flood these three have one tick in four, by turns: a STOP behind full buffers is read
# within four.  The journal that has nothing to write is asked in every fourth turn, and the
# display has another.
_WAITS = const(3)
_TURN_MASK = const(3)
_SCREENS_TURN = const(3)
# One tick in two if no more than this is left of the lease: enough at 1200 mL/h for what
# may be written before the next lease, a prescription of 28 pieces and a record, and for it.
_LEASE_NEAR_STEPS = const(1300)
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
        fram = Fram(bus)
        on_bench = bench_parts.find(
            fram.fitted
            or self.clock_chip.fitted
            or self.sensors.has_pressures
            or self.supply.has_thermistor
        )
        self.bench = None
        if on_bench == bench_parts.IN_USE:
            self.bench = bench_parts.BenchParts(self.stepper)
            self.guard_timer.take_turns_from(bench_parts.LoopBack)
        flash_store = FlashStore()
        self.journal = Journal(fram, flash_store, self.clock_chip, on_bench)
        self.calibrator = Calibrator(flash_store, self.journal, self.sensors)
        self.sensors.calibrate(self.calibrator.in_force)
        self.stepper.calibrate(self.calibrator.in_force.step_ulh_ms)
        self.image = FirmwareImage()
        self.controller = Controller()
        self.controller.calibrate(self.calibrator.in_force.step_ulh_ms)
        self.screen = Screen(Oled(bus), self.controller)
        self.screen.begin()
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
            self.calibrator.state,
        )
        self.link = HostLink(
            self.usb,
            self.controller,
            serial,
            Authentication(serial, device_key.key, random_bytes),
            self.journal,
            self.self_test,
            device_key,
            self.calibrator,
            self.clock,
            self.screen,
        )
        self.telemetry = Telemetry(self.usb, self.controller, self.clock, Crc16())
        self.talk = Talk(self.usb, self.link, self.telemetry, self.clock)
        self.record = Record(self.journal, self.controller)
        self._image_ms = 0
        self._archive_ms = 0
        self._restart_ms = 0
        # Reads up to three seconds of log: before the watchdog runs.
        self.journal.boot()
        self._take_up_session()
        self.watchdog = Watchdog()
        planned = reset_mark.is_left(reset_mark.RESTART)
        reset_mark.clear()
        self.record.booted(self.watchdog.cause_of_reset, planned, self.link.session.table)
        self.telemetry.announce(
            self.watchdog.cause_of_reset, self.link.session.table, self.journal.on_bench
        )
        self.bind_parts()

    def bind_parts(self) -> None:
        """Find once what every tick calls; anew when a part was changed."""
        self.tick = self._ticks().__next__

    def run_once(self) -> None:
        """One tick and the wait for the next."""
        self.tick()
        self.clock.wait_for_tick()

    def _ticks(self):
        """Take in what pins and host say, decide, and make pins, host and memory
        follow; over and over, one tick at a time.

        A generator, so that everything it needs is found once and kept in variables:
        an attribute of a large object costs the board 2 to 20 us each time, and a call
        by way of two of them 14.
        """
        inputs = self.inputs
        outputs = self.outputs
        controller = self.controller
        self_test = self.self_test
        telemetry = self.telemetry
        journal = self.journal
        clock = self.clock
        alarms = controller.alarms
        volume = controller.volume
        titration = controller.titration
        usb = self.usb
        link = self.link
        sensors = self.sensors
        begin_tick = clock.begin_tick
        read_pins = pin_reader(self).__next__
        read_board = self._read_board
        has_input = usb.has_input
        poll = link.poll
        may_start = controller.may_start
        decide = controller.step
        permit = self.guard.permit
        move = self.stepper.apply
        follow = self.dead_man.follow
        show = self.signals.apply
        note_step = self.record.step
        report = telemetry.step
        talk_on = self.talk.go_on
        screen = self.screen
        draw = screen.step
        remember = journal.step
        beat = self.guard.beat
        feed = self.watchdog.feed
        fail_mask = alarms.fail_mask
        now_us = clock.now_us
        decided_us = 0
        polled_ms = 0  # since the host was asked
        said_ms = 0  # since something was looked for that might be said, and stored
        stored_ms = 0  # since the journal was asked
        waited = 0  # ticks that journal and talk have been without time
        turn = 0  # of the two, when there is time for one
        read_pins()  # the first time takes memory, which a tick must not
        while True:
            heap_lock()
            dt_ms = begin_tick()
            inputs.dt_ms = dt_ms
            polled_ms += dt_ms
            said_ms += dt_ms
            stored_ms += dt_ms
            phase = controller.phase
            is_testing = self_test.result == RUNNING
            levels = read_pins()
            detected_us = now_us()
            if phase & _BOARD_MASK == _BOARD_PHASE or is_testing:
                read_board(levels)
            event = st.NO_EVENT
            until_us = _READ_UNTIL_US
            is_turn = is_journals = False
            if waited:
                is_near = (
                    journal.has_work
                    and journal.lease_steps - volume.granted_steps < _LEASE_NEAR_STEPS
                )
                if is_near or waited == _WAITS:
                    turn = turn + 1 & _TURN_MASK
                    is_turn = True
                    is_journals = is_near or turn == 0 or (journal.has_work and turn & 1 == 0)
                    until_us = _JOURNALS_UNTIL_US if is_journals else _TALKS_UNTIL_US
            has_read_much = False
            if is_testing and not self._test(inputs):
                event = self._self_test_ended()
            elif phase == _QUIET_PHASE or link.is_busy or usb.has_more or has_input():
                poll(inputs, polled_ms, until_us)
                polled_ms = 0
                has_read_much = link.has_read_much and not is_turn
                event = inputs.event
            inputs.event = event
            state_before = controller.state
            if event != st.NO_EVENT:
                if phase & _BOARD_MASK != _BOARD_PHASE:
                    read_board(levels)  # it is judged by what is so now
                if event == st.EV_START and may_start():
                    heap_unlock()
                    self._open_session(inputs)
                    heap_lock()
            was_moving = outputs.rate_ul_h != 0
            decide(inputs, outputs)
            enable = outputs.enable
            ends_motion = was_moving and outputs.rate_ul_h == 0
            if ends_motion:
                decided_us = now_us()
            moves = False
            if is_testing:
                self._drive_test(outputs)
                moves = self_test.moves
            if event != st.NO_EVENT and outputs.event_result == reasons.OK:
                self._tell_guard(event)
            permit(enable or moves)
            move(outputs, clock.passed_us)
            if not moves:
                follow(enable)
            if ends_motion:
                clock.stamp_end_of_motion(detected_us, decided_us)
            show(outputs)
            if outputs.air_probe != sensors.is_probing:
                sensors.probe(outputs)
            if link.answer_is_due:
                if event == st.EV_SEVERE and outputs.event_result == reasons.OK:
                    heap_unlock()
                    self._latch(outputs)
                    heap_lock()
                link.answer(outputs)
            is_quiet = phase == _QUIET_PHASE and not has_read_much
            if is_turn:
                is_quiet = not is_journals
            if (
                is_quiet
                or event != st.NO_EVENT
                or outputs.raised
                or outputs.cleared
                or controller.state != state_before
                or (titration.question and titration.asked_ms == 0)
            ):
                note_step(inputs, outputs, state_before)
                report(inputs, outputs, said_ms)
                said_ms = 0
            if has_read_much:
                waited += 1
            else:
                waited = 0
                is_talking = telemetry.is_writing or link.is_busy or usb.queued
                is_screens = phase == _SCREEN_PHASE or (screen.is_due and not is_talking)
                if is_turn:
                    is_screens = turn == _SCREENS_TURN and not is_journals
                    is_talking = is_talking and not is_screens
                if is_journals or (not is_turn and (is_quiet or journal.has_work)):
                    remember(
                        enable,
                        volume.granted_steps,
                        volume.counted_steps + volume.missing_steps,
                        titration.rung,
                        stored_ms,
                    )
                    stored_ms = 0
                elif is_screens:
                    draw()
                if is_talking and not is_journals:
                    talk_on()  # last, since it takes what time is left
            beat()
            if (
                enable
                and controller.guard_ms < limits.GUARD_MISSING_MS
                and alarms.active & fail_mask == 0
            ) or self._may_be_fed_without(inputs, enable):
                feed()
            heap_unlock()
            if not outputs.enable:
                self._while_off(inputs, state_before)
            yield

    # --- parts of a tick -----------------------------------------------------------

    def _test(self, inputs) -> bool:
        """The self-test goes on; false once it has ended."""
        heap_unlock()
        self.self_test.step(inputs)
        heap_lock()
        return self.self_test.result == RUNNING

    def _open_session(self, inputs) -> None:
        """Stored before the motor may be enabled, in flash as well: up to 0.8 s.  The
        heap is collected now and not in the middle of a tick that delivers: 25 ms."""
        controller = self.controller
        journal = self.journal
        gc.collect()
        self.watchdog.feed()
        journal.open_session(journal.last_session + 1, controller.rx, controller.rx_steps())
        controller.session = journal.last_session - 1
        inputs.lease_steps = journal.lease_steps
        inputs.storage_ok = journal.ok

    def _latch(self, outputs) -> None:
        """Stored before the answer says so: up to 0.8 s in which nothing else is done,
        with the motor off by its pins already and the alarm begun.  (M12)"""
        self.watchdog.feed()
        if not self.journal.store_latch():
            outputs.event_result = reasons.STORAGE

    def _drive_test(self, outputs) -> None:
        """The self-test moves what it tests, unless it has just been overruled."""
        if self.self_test.result != RUNNING:
            return
        if self.controller.state == st.FAULT:
            self.self_test.abort()
            self.record.tested(self.self_test)
        else:
            self.self_test.drive(outputs)

    def _read_board(self, levels: int) -> None:
        """What changes slowly, and is read in every fourth tick."""
        inputs = self.inputs
        self.supply.read(inputs, levels)
        if self.bench is not None:
            self.bench.read_board(inputs)
        inputs.storage_ok = self.journal.ok
        if inputs.clock_fitted:
            inputs.clock_seconds = self.seconds.new_edges()
        else:
            self.oscillator.poll()
            inputs.osc_percent = self.oscillator.percent

    def _self_test_ended(self) -> int:
        """The event that says how."""
        self.record.tested(self.self_test)
        if self.self_test.result != PASSED:
            return st.EV_POST_FAILED
        self.controller.board.has_sounder = not self.self_test.lacks_sounder()
        return st.EV_POST_PASSED

    def _tell_guard(self, event: int) -> None:
        """What is committed and begun."""
        if event == st.EV_COMMIT:
            self.guard_timer.refused |= not self._load_guard(self.controller.rx)
        elif event == st.EV_START:
            self.guard_timer.refused |= not self.guard.begin(0)

    def _load_guard(self, rx) -> bool:
        """The guard knows nothing of a calibration: it is told in nominal steps, and
        accepts no more than a tenth of difference."""
        step_ulh_ms = self.calibrator.in_force.step_ulh_ms
        return self.guard.load(
            units.nominal_for(rx.cap_ul_h, step_ulh_ms), units.nominal_for(rx.vtbi_ul, step_ulh_ms)
        )

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
        elif state == st.SEVERE and journal.session_open and journal.ok:
            self.watchdog.feed()
            journal.close_session(controller.volume.delivered_steps())
        wanted = self.link.maintenance
        if wanted.repl_asked or wanted.restart_asked:
            self._restart_ms += inputs.dt_ms
            if self._restart_ms >= _RESTART_MS and journal.pending() == 0:
                reset_mark.restart(
                    reset_mark.MAINTENANCE if wanted.repl_asked else reset_mark.RESTART
                )
        if self.self_test.result != PASSED:
            return
        self._image_ms += inputs.dt_ms
        if self._image_ms >= _IMAGE_MS:
            self._image_ms = 0
            if self.image.check_some() == ALTERED:
                controller.report_altered_image()
            if journal.is_latched and not journal.latch_is_stored:
                self.watchdog.feed()
                journal.store_latch()  # until flash takes it
        self._archive_ms += inputs.dt_ms
        if self._archive_ms >= _ARCHIVE_MS:
            self._archive_ms = 0
            if journal.archive_due:
                self.watchdog.feed()
                journal.archive()

    def _may_be_fed_without(self, inputs, enable: bool) -> bool:
        """Whether the watchdog may be fed although a layer that stops the motor says
        that something is wrong, or has not been asked."""
        if not enable and inputs.step_edges == 0:
            # Off, as its pins show.  A driver that cannot be disabled is an alarm that
            # no reset would mend.
            if not inputs.enable_level or self.controller.state == st.FAULT:
                return True
        # What the self-test finds was there before: a reset would find it again, and
        # no alarm would ever be heard.
        return self.self_test.result != PASSED or (
            not enable
            and self.controller.guard_ms < limits.GUARD_MISSING_MS
            and self.controller.alarms.active & self.controller.alarms.fail_mask == 0
        )

    # --- after a reset ---------------------------------------------------------------

    def _take_up_session(self) -> None:
        """A session that the reset interrupted: latched, never resumed by itself."""
        journal = self.journal
        controller = self.controller
        if journal.is_latched:
            controller.latch()
        if not journal.interrupted:
            return
        steps = journal.recovered_steps
        if journal.can_resume and journal.restore(controller.rx):
            rx = controller.rx
            self._load_guard(rx)
            self.guard.begin(steps)
            # The time that it took is not stored: what the ladder takes at least.
            controller.recover(
                journal.recovered_session,
                controller.rx_steps(),
                steps,
                rx.seconds_for(units.volume_for_steps(steps, controller.volume.step_ulh_ms)),
            )
        else:
            # Closed as delivered: COMPLETE as soon as it has been announced.
            controller.recover(journal.recovered_session, steps, steps, 0)
