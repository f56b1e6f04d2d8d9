"""PIO programs run an instruction a cycle, as the RP2040 datasheet (chapter 3) says.

Only what the firmware's programs use; anything else raises, so that a changed
program cannot pass unseen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

FIFO_WORDS = 4
_WORD = 0xFFFFFFFF
# Encodings (3.4): MOV destinations and sources, by number.
_MOV_REGISTERS = {1: "x", 2: "y", 3: "null", 6: "isr", 7: "osr"}


class StateMachine:
    """One state machine at one cycle a microsecond.

    ``cycle``  time of the next cycle, while it is enabled
    ``edges``  times at which it drove its pin high
    """

    def __init__(
        self,
        program,
        read_pin: Callable[[int], int] = lambda us: 0,
        read_jmp_pin: Callable[[int], int] = lambda us: 0,
    ):
        self.program = program
        self.fifo: deque[int] = deque()
        self.received: deque[int] = deque()
        self.pin = 0
        self.edges: list[int] = []
        self.falls: list[int] = []
        self.cycle = 0
        self.is_enabled = False
        self._read_pin = read_pin
        self._read_jmp_pin = read_jmp_pin
        self._registers = {"x": 0, "y": 0, "isr": 0, "osr": 0}
        self._shifts_right = program.options.get("out_shiftdir", 1) == 1
        self._delay = 0
        # Addresses of instructions that only count X down and jump to themselves.
        self._waits = {
            address
            for label, address in program.labels.items()
            if program.instructions[address : address + 1]
            and program.instructions[address].arguments == ("x_dec", label)
            and not program.instructions[address].delay
        }
        self.pc = program.wrap_target

    # --- the processor's side --------------------------------------------------------

    def enable(self, now_us: int) -> None:
        """A machine that is off has no clock; this starts it."""
        if not self.is_enabled:
            self.is_enabled = True
            self.cycle = now_us

    def disable(self) -> None:
        self.is_enabled = False

    def restart(self) -> None:
        """`StateMachine.restart` of MicroPython: delay and stall are forgotten,
        the program begins anew; FIFO, registers and pin stay."""
        self._delay = 0
        self.pc = self.program.wrap_target

    def put(self, word: int) -> None:
        assert len(self.fifo) < FIFO_WORDS, "put would block"
        self.fifo.append(word)

    def execute(self, code: int) -> None:
        """An instruction by its encoding, at once, beside the program."""
        operation = code >> 13
        destination = code >> 5 & 7
        if operation == 0b100 and code & 0b1101111 == 0:  # no IfFull/IfEmpty, no block
            if code & 0x80:
                self._registers["osr"] = self.fifo.popleft() if self.fifo else self._value("x")
            elif len(self.received) < FIFO_WORDS:
                self.received.append(self._registers["isr"])
                self._registers["isr"] = 0
        elif operation == 0b101 and code >> 3 & 3 < 2:
            value = self._value(_MOV_REGISTERS[code & 7])
            self._registers[_MOV_REGISTERS[destination]] = value ^ _WORD if code & 8 else value
        elif operation == 0b111 and destination == 0:
            self._drive(code & 1)
        else:
            raise NotImplementedError(f"{code:#06x}")

    # --- cycles ------------------------------------------------------------------------

    def run_before(self, us: int) -> None:
        """Every cycle before ``us``."""
        while self.is_enabled and self.cycle < us:
            self._run_one(us)

    def _run_one(self, us: int) -> None:
        if self._delay:
            self._delay -= 1
            self.cycle += 1
            return
        assert self.pc < len(self.program.instructions), "jumped out of its program"
        instruction = self.program.instructions[self.pc]
        if self.pc in self._waits:
            # A loop of one instruction: many of its cycles at once.
            many = min(self._registers["x"], us - self.cycle)
            if many > 1:
                self._registers["x"] -= many
                self.cycle += many
                return
        elif instruction.name == "pull" and instruction.arguments == ("block",) and not self.fifo:
            self.cycle = us  # stalled until somebody puts a word
            return
        elif instruction.name == "jmp" and self._is_end(instruction):
            self.cycle = us  # jumps to itself for ever
            return
        moved_on = getattr(self, f"_{instruction.name}")(*instruction.arguments)
        if moved_on:
            self._delay = instruction.delay
        self.cycle += 1

    def _is_end(self, instruction) -> bool:
        return len(instruction.arguments) == 1 and (
            self.program.labels[instruction.arguments[0]] == self.pc
        )

    def _next(self) -> bool:
        self.pc = self.program.wrap_target if self.pc == self.program.wrap else self.pc + 1
        return True

    def _value(self, register: str) -> int:
        return 0 if register == "null" else self._registers[register]

    def _drive(self, level: int) -> None:
        if level != self.pin:
            (self.edges if level else self.falls).append(self.cycle)
        self.pin = level

    # --- instructions: each true once it has been carried out ---------------------------

    def _pull(self, mode: str) -> bool:
        """Without ``block``, an empty FIFO gives X (3.4.7)."""
        assert mode in ("block", "noblock"), mode
        if self.fifo:
            self._registers["osr"] = self.fifo.popleft()
        elif mode == "block":
            return False
        else:
            self._registers["osr"] = self._registers["x"]
        return self._next()

    def _out(self, destination: str, bits: int) -> bool:
        assert self._shifts_right
        osr = self._registers["osr"]
        self._registers[destination] = osr & (1 << bits) - 1
        self._registers["osr"] = osr >> bits
        return self._next()

    def _mov(self, destination: str, source: str) -> bool:
        self._registers[destination] = self._value(source)
        return self._next()

    def _set(self, destination: str, value: int) -> bool:
        assert destination == "pins", destination
        self._drive(value & 1)
        return self._next()

    def _wait(self, polarity: int, kind: str, index: int) -> bool:
        assert (kind, index) == ("pin", 0), (kind, index)
        return self._read_pin(self.cycle) == polarity and self._next()

    def _jmp(self, *arguments: str) -> bool:
        *condition, label = arguments
        if not condition:
            jumps = True
        elif condition[0] in ("x_dec", "y_dec"):
            register = condition[0][0]
            jumps = self._registers[register] != 0
            self._registers[register] = self._registers[register] - 1 & _WORD
        elif condition[0] in ("not_x", "not_y"):
            jumps = self._registers[condition[0][4]] == 0
        elif condition[0] == "pin":
            jumps = self._read_jmp_pin(self.cycle) == 1
        else:
            raise NotImplementedError(condition[0])
        if jumps:
            self.pc = self.program.labels[label]
            return True
        return self._next()
