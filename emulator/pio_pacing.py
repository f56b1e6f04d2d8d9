"""PIO at its exact times, whether the processor works, sleeps or stands still.

rp2040py steps its PIO blocks along with the instructions of the processor: a
sleep is one step, and what is late is dropped.  Here a block is kept out of
that loop; an alarm of the emulated clock stands at the next instruction of any
of its state machines, so that every edge comes to within a cycle of its time.

Waiting loops of one instruction would be a million alarms a second.  Two
kinds are passed in one jump and taken back to what they would be by now as
soon as anybody looks at the block or writes to it:

- ``jmp(x_dec, self)``: a delay by counting
- ``pull(noblock)``, ``out(x, 14)``, ``jmp(x_dec, first)`` with an empty FIFO:
  a count that the next word sets anew (the dead-man of the firmware)
"""

from __future__ import annotations

_NEVER = 1 << 62
# The clock counts ns; PIO's time is in 1/256 of a cycle of 8 ns.
_PER_NS = 32
_JMP_X_DEC = 0x0040
_PULL_NOBLOCK = 0x8080
_OUT_X_14 = 0x602E
_OUT_BITS = 14
# Shorter waits are not worth the jump.
_LEAST_SKIP = 3
_ONE = 1
_THREE = 3


class PioPacer:
    """Stands on the bus in front of a PIO block of rp2040py, and runs it."""

    def __init__(self, mcu, number: int, address: int):
        self.pio = mcu.pio[number]
        self._clock = mcu.clock
        self._alarm = mcu.clock.create_alarm(self._run)
        self._alarm_fp = _NEVER
        self._machines = list(self.pio.machines)
        self._skipped = {}  # state machine -> instructions of the loop that is passed
        mcu.peripherals[address] = self

    # --- the bus ------------------------------------------------------------------

    def read_uint32(self, offset: int) -> int:
        self.settle()
        value = self.pio.read_uint32(offset)
        self.arm()
        return value

    def write_uint32(self, offset: int, value: int) -> None:
        self.settle()
        self.pio.write_uint32(offset, value)
        self._written()

    def write_uint32_atomic(self, offset: int, value: int, kind: int) -> None:
        self.settle()
        self.pio.write_uint32_atomic(offset, value, kind)
        self._written()

    def _written(self) -> None:
        # Out of the loop of rp2040py, which looks at this.
        self.pio.stopped = True
        # An instruction that the processor has executed may have set a pin.
        self.pio.check_changed_pins()
        self.arm()

    def reset(self) -> None:
        """The chip was reset."""
        self._skipped.clear()
        self._alarm.cancel()
        self._alarm_fp = _NEVER

    # --- time ---------------------------------------------------------------------

    def now(self) -> None:
        """Tell the block what time it is; before anything happens to it."""
        self.pio.cycle_fp = int(self._clock.nanos * _PER_NS)

    def settle(self) -> None:
        """Put every state machine where it would be by now."""
        pio = self.pio
        now_fp = int(self._clock.nanos * _PER_NS)
        pio.cycle_fp = now_fp
        if not self._skipped:
            return
        for machine, length in self._skipped.items():
            if machine.enabled and not machine.waiting:
                left = (machine.next_due_fp - now_fp) // machine.div_fp
                if left > 0:
                    machine.next_due_fp -= left * machine.div_fp
                    if length == _ONE:
                        machine.x += left
                    else:
                        _place(machine, left)
        self._skipped.clear()
        pio.recompute_due()

    def arm(self) -> None:
        """Pass waiting loops; then set the alarm to what comes next."""
        pio = self.pio
        moved = False
        for machine in self._machines:
            if machine.enabled and not machine.waiting and machine not in self._skipped:
                moved = self._skip(machine) or moved
        if moved:
            pio.recompute_due()
        due_fp = pio.next_due_fp
        if due_fp >= _NEVER:
            if self._alarm_fp != _NEVER:
                self._alarm.cancel()
                self._alarm_fp = _NEVER
        elif due_fp != self._alarm_fp:
            self._alarm_fp = due_fp
            wait_ns = due_fp / _PER_NS - self._clock.nanos
            self._alarm.schedule(wait_ns if wait_ns > 0.0 else 0.0)

    def _skip(self, machine) -> bool:
        pio = self.pio
        pc = machine.pc
        x = machine.x
        if x < _LEAST_SKIP or machine.exec_valid:
            return False
        code = pio.instructions[pc]
        if code == _JMP_X_DEC | pc:
            length = _ONE
        elif (
            code == _PULL_NOBLOCK
            and pc < 30
            and pio.instructions[pc + 1] == _OUT_X_14
            and pio.instructions[pc + 2] == _JMP_X_DEC | pc
            and x < 1 << _OUT_BITS
            and machine.tx_fifo.empty
        ):
            length = _THREE
        else:
            return False
        self._skipped[machine] = length
        machine.next_due_fp += x * length * machine.div_fp
        machine.x = 0
        return True

    def _run(self) -> None:
        pio = self.pio
        self._alarm_fp = _NEVER
        now_fp = int(self._clock.nanos * _PER_NS)
        pio.cycle_fp = now_fp
        if self._skipped:
            for machine in self._machines:
                if machine in self._skipped and machine.next_due_fp <= now_fp:
                    del self._skipped[machine]
        pio.advance(0)
        self.arm()


def _place(machine, left: int) -> None:
    """Into the loop of three, ``left`` instructions before its count is 0 again."""
    rounds, rest = divmod(left, _THREE)
    if rest == 0:
        machine.x = rounds
        return
    machine.x = rounds + 1
    if rest == 2:  # pulled
        machine.pc += 1
        machine.output_shift_reg = machine.x
        machine.output_shift_count = 0
    else:  # and shifted out
        machine.pc += 2
        machine.output_shift_reg = 0
        machine.output_shift_count = _OUT_BITS
