"""Broken firmwares, each at one place, and the test that must turn red.

A mutant is a source patch for a copy of ``firmware``, or a layer that the simulated board
goes without (``left_out``): what a PIO program does cannot be patched there.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """``edits`` are (file in firmware/pump, old text, new text); each old text is there
    once.  ``red`` is a test, or the begin of its name with parameters."""

    name: str
    what: str
    red: str
    edits: tuple[tuple[str, str, str], ...] = ()
    left_out: str = ""


MUTANTS = (
    Mutant(
        "stop-key-late",
        "the STOP key is taken in 60 ms later",
        "test_stop.py::test_the_stop_key_stops_the_motor",
        (
            ("hal/keys.py", "            inputs.stop_key = True\n",
             "            self._down_ms = getattr(self, '_down_ms', 0) + inputs.dt_ms\n"
             "            inputs.stop_key = self._down_ms > 60\n"),
        ),
    ),
    Mutant(
        "stop-line-late",
        "STOP on the line is taken in six ticks later",
        "test_stop.py::test_stop_on_the_line_stops_the_motor",
        (
            ("app/application.py", "            inputs.event = event\n",
             "            if event == st.EV_STOP:\n"
             "                self._late = 7\n"
             "            self._late = getattr(self, '_late', 0) - 1\n"
             "            if event in (st.EV_STOP, st.NO_EVENT):\n"
             "                event = st.EV_STOP if self._late == 0 else st.NO_EVENT\n"
             "            inputs.event = event\n"),
        ),
    ),
    Mutant(
        "alarm-never-sounds",
        "an alarm has its lamp and no sound",
        "test_alarm_signals.py::test_a_high_alarm_sounds_in_bursts_of_ten_and_flashes_red",
        (
            ("core/alarm_signals.py", "outputs.sound = audible and not self._index & 1",
             "outputs.sound = False"),
        ),
    ),
    Mutant(
        "lamp-wrong",
        "a HIGH alarm lights the yellow lamp",
        "test_alarm_signals.py::test_a_high_alarm_sounds_in_bursts_of_ten_and_flashes_red",
        (("core/alarm_signals.py", "outputs.lamp_red = self._lamp_on",
          "outputs.lamp_yellow = self._lamp_on"),),
    ),
    Mutant(
        "sound-paused-for-ever",
        "an acknowledged alarm is never heard again",
        "test_alarm_signals.py::test_an_acknowledged_alarm_sounds_again_within_two_minutes",
        (
            ("core/alarm_system.py", "            self.audio_paused_ms -= dt_ms\n",
             "            pass\n"),
        ),
    ),
    Mutant(
        "enable-not-dropped",
        "the dead-man goes on being fed when the motor is to be off",
        "test_door.py::test_an_open_door_cuts_the_driver_off",
        (
            ("hal/dead_man.py",
             "            if self.is_armed:\n                self.drop()\n        elif",
             "            if self.is_armed:\n                self.feed()\n        elif"),
        ),
    ),
    Mutant(
        "door-ignored",
        "the door switch reads as closed",
        "test_door.py::test_an_open_door_cuts_the_driver_off",
        (("hal/line_sensors.py", "inputs.door_open = levels & _DOOR != 0",
          "inputs.door_open = False"),),
    ),
    Mutant(
        "occlusion-threshold-doubled",
        "the line is blocked only at twice the ordered pressure",
        "test_occlusion.py::test_an_occlusion_stops_the_motor_and_is_signalled",
        (("core/occlusion.py", "if inputs.down_pa >= occlusion_pa else",
          "if inputs.down_pa >= 2 * occlusion_pa else"),),
    ),
    Mutant(
        "sensor-fault-ignored",
        "a pressure out of range is taken for a good one",
        "test_stop_alarm.py::test_a_sensor_that_is_torn_off_stops_the_motor",
        (
            ("hal/line_sensors.py",
             "        inputs.down_ok = COUNT_MIN <= count <= COUNT_MAX\n        self.down_counts",
             "        if count < COUNT_MIN:\n"
             "            count = 1440 + (inputs.step_edges & 1) + (self.down_counts + 1 & 1)\n"
             "        inputs.down_ok = True\n        self.down_counts"),
        ),
    ),
    Mutant(
        "bubble-doubled",
        "only a bubble of 100 uL stops",
        "test_stop_alarm.py::test_a_bubble_of_50_microlitres_stops_the_motor",
        (("core/limits.py", "AIR_BUBBLE_UL = const(50)", "AIR_BUBBLE_UL = const(100)"),),
    ),
    Mutant(
        "dwell-a-tick-short",
        "a dwell ends one tick early",
        "test_ladder.py::test_a_rung_dwells_as_long_as_ordered_and_is_left_by_a_confirmation_alone",
        (("core/titration.py", "if self.dwell_ms >= rx.dwell_s[self.rung] * 1000:",
          "if self.dwell_ms >= rx.dwell_s[self.rung] * 1000 - 10:"),),
    ),
    Mutant(
        "climbs-alone",
        "a rung is left when its dwell has ended, unasked",
        "test_ladder.py::test_a_rung_dwells_as_long_as_ordered_and_is_left_by_a_confirmation_alone",
        (("core/titration.py", "                self._ask(QUESTION_STEP_UP)\n",
          "                self._ask(QUESTION_STEP_UP)\n                self.rung += 1\n"),),
    ),
    Mutant(
        "credit-repeated",
        "the step program repeats its last word when it runs dry",
        "test_dead_processor.py::test_a_dead_processor_stops_the_motor_and_is_reset",
        left_out="credit",
    ),
    Mutant(
        "watchdog-fed-by-interrupt",
        "the guard's timer feeds the watchdog",
        "test_dead_processor.py::test_a_dead_processor_stops_the_motor_and_is_reset[interrupts-on",
        (
            ("app/application.py", "        self.watchdog = Watchdog()\n",
             "        self.watchdog = Watchdog()\n"
             "        self.guard_timer.feed = self.watchdog.feed\n"),
            ("hal/guard_timer.py", "        try:\n            trip = self._check(",
             "        if hasattr(self, 'feed'):\n            self.feed()\n"
             "        try:\n            trip = self._check("),
        ),
    ),
    Mutant(
        "crc-not-checked",
        "a line is executed whatever its CRC says",
        "test_line.py::test_a_line_that_is_not_whole_or_not_next_changes_nothing",
        (("protocol/session.py", "if crc != self._crc_value:",
          "if crc != self._crc_value and crc == -1:"),),
    ),
    Mutant(
        "sequence-not-checked",
        "a repeated line is executed again",
        "test_line.py::test_a_repeated_line_is_answered_and_not_executed_again",
        (("protocol/session.py", "if seq != (self.last_seq + 1) & 0xFFFF:", "if seq < 0:"),),
    ),
    Mutant(
        "cap-not-applied",
        "a rung above its cap is accepted, and the interlock lets it through",
        "test_delivery.py::test_a_rung_above_its_cap_is_never_delivered",
        (
            ("core/prescription.py", "if rate > self.cap_ul_h:", "if rate > 1_200_000:"),
            ("core/interlocks.py", "        bit = 1 << state\n        cut = False\n",
             "        bit = 1 << state\n        cut = False\n        cap_ul_h *= 3\n"),
            ("guard/guard.py", "        self._next_cap = cap_ul_h\n",
             "        self._next_cap = 3 * cap_ul_h\n"),
        ),
    ),
    Mutant(
        "steps-of-a-faster-rate",
        "a hundredth more steps are granted than ordered",
        "test_delivery.py::test_steps_are_those_of_the_ordered_rate_and_of_no_higher_one",
        (("core/volume.py", "        owed = self.remainder + rate_ul_h * dt_ms\n",
          "        rate_ul_h += rate_ul_h // 100\n"
          "        owed = self.remainder + rate_ul_h * dt_ms\n"),),
    ),
    Mutant(
        "rise-twice-as-steep",
        "the rate rises by twice the ordered slew",
        "test_delivery.py::test_a_rise_is_no_steeper_than_ordered",
        (("core/rate_ramp.py", "total = slew_ul_h_s * dt_ms", "total = 2 * slew_ul_h_s * dt_ms"),),
    ),
    Mutant(
        "volume-overrun",
        "ten steps more than the volume to be infused are granted",
        "test_delivery.py::test_the_volume_to_be_infused_is_reached_and_never_passed",
        (
            ("core/volume.py", "        left = self.vtbi_steps - self.granted_steps\n",
             "        left = self.vtbi_steps + 10 - self.granted_steps\n"),
            ("core/controller.py", ">= volume.vtbi_steps > 0", ">= volume.vtbi_steps + 10 > 10"),
        ),
    ),
    Mutant(
        "stop-behind-noise-ignored",
        "a line that is too long is no STOP, whatever its end",
        "test_link.py::test_stop_behind_garbage_is_a_stop",
        (("protocol/framing.py", "        oldest = length - _KEEP\n",
          "        if length > LINE_MAX:\n            return False\n"
          "        oldest = length - _KEEP\n"),),
    ),
    Mutant(
        "silence-not-noticed",
        "a host that is needed may be silent for ever",
        "test_link.py::test_a_host_that_falls_silent_ends_in_a_safe_state",
        (("core/controller.py", "            if timeout_s and inputs.host_silent_ms",
          "            if timeout_s > 999 and inputs.host_silent_ms"),),
    ),
    Mutant(
        "telemetry-is-waited-for",
        "the loop waits until the host has taken what there is to tell",
        "test_link.py::test_the_stop_key_is_as_quick_while_the_host",
        (
            ("hal/usb_line.py",
             "            if left == before:\n                break\n        self.queued",
             "            if left == before:\n                time.sleep_ms(40)\n"
             "                break\n        self.queued"),
        ),
    ),
    Mutant(
        "self-test-skipped",
        "the self-test passes without being made",
        "test_reset.py::test_the_self_test_works_at_the_pins",
        (("app/self_test.py", "        self.elapsed_ms += inputs.dt_ms\n",
          "        self.result = PASSED\n        return\n"
          "        self.elapsed_ms += inputs.dt_ms\n"),),
    ),
    Mutant(
        "resumes-after-reset",
        "what a reset interrupted is taken up by itself",
        "test_reset.py::test_after_a_reset_in_an_infusion_nothing_goes_on_by_itself",
        (
            ("app/application.py", "            inputs.event = event\n",
             "            if event == st.NO_EVENT and controller.state == st.ALARM_STOPPED:\n"
             "                event = st.EV_RESET\n"
             "            elif event == st.NO_EVENT and controller.state == st.PAUSED:\n"
             "                event = st.EV_RESUME\n"
             "            inputs.event = event\n"),
        ),
    ),
    Mutant(
        "reset-forgotten",
        "after a reset nobody hears that a session was open",
        "test_reset.py::test_after_a_reset_in_an_infusion_nothing_goes_on_by_itself",
        (("app/application.py", "        if not journal.interrupted:\n            return\n",
          "        return\n"),),
    ),
)  # fmt: skip
