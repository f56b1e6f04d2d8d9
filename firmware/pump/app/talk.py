"""What the device says, in the time that a tick has left.  (L24)

Telemetry and the conversation with the host take turns, a piece each: a flood of
questions does not keep an alarm's line from being sent, nor a flood of alarms an answer.
"""

from micropython import const

# One piece is always done, and more while the tick is younger than this: a piece takes up
# to 0.8 ms, and the bytes that are written after it 0.3 ms at least.
_UNTIL_US = const(2700)
# Neither a piece nor a byte in a tick that is older, if there was one in the tick before.
_LATE_US = const(3400)


class Talk:
    """``go_on`` at the end of each tick in which there is anything to write or to judge."""

    def __init__(self, usb, link, telemetry, clock):
        self._usb = usb
        self._link = link
        self._telemetry = telemetry
        self._spent_us = clock.spent_us
        self._is_telemetrys_turn = False
        self._has_skipped = False

    def go_on(self) -> None:
        """Say what there is time for."""
        link = self._link
        telemetry = self._telemetry
        spent_us = self._spent_us
        if spent_us() > _LATE_US and not self._has_skipped:
            self._has_skipped = True
            return
        self._has_skipped = False
        while telemetry.is_writing or link.is_busy:
            turn = not self._is_telemetrys_turn
            self._is_telemetrys_turn = turn
            if telemetry.is_writing and (turn or not link.is_busy):
                telemetry.write_on()
            elif not link.work_on():
                break
            if spent_us() > _UNTIL_US:
                break
        if self._usb.queued:
            self._usb.flush(spent_us)
