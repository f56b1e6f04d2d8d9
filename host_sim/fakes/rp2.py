"""`rp2` of MicroPython: an assembler that records, state machines that behave.

A PIO program is assembled into instructions, which `tests/sim` interprets one
by one.  A state machine here runs the same program a word at a time; that the
two agree to the microsecond is what those tests check.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from host_sim.fakes import hub
from host_sim.fakes.pio_models import MODELS
from pump.hal import pinout


class PIO:
    OUT_LOW = 0
    OUT_HIGH = 1
    SHIFT_LEFT = 0
    SHIFT_RIGHT = 1


@dataclass
class Instruction:
    """One PIO instruction; ``delay`` are the cycles it waits after itself."""

    name: str
    arguments: tuple
    delay: int = 0

    def __getitem__(self, delay: int) -> Instruction:
        self.delay = delay
        return self


@dataclass
class Program:
    """An assembled program: instructions, labels by address, wrap."""

    name: str
    options: dict
    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    wrap_target: int = 0
    wrap: int = -1  # the last instruction, if the program does not say


_MNEMONICS = ("jmp", "wait", "in_", "out", "push", "pull", "mov", "irq", "set", "nop")
_OPERANDS = (
    "x", "y", "osr", "isr", "null", "pins", "pindirs", "pin", "gpio", "status", "block",
    "noblock", "x_dec", "y_dec", "not_x", "not_y", "x_not_y", "not_osre", "iffull", "ifempty",
)  # fmt: skip


def asm_pio(**options):
    """Assemble the decorated function by calling it with the mnemonics as names."""

    def assemble(function) -> Program:
        program = Program(function.__name__, options)

        def emitter(name):
            def emit(*arguments):
                instruction = Instruction(name, arguments)
                program.instructions.append(instruction)
                return instruction

            return emit

        names: dict = {name: emitter(name) for name in _MNEMONICS}
        names.update({name: name for name in _OPERANDS})
        names["invert"] = lambda operand: ("invert", operand)
        names["label"] = lambda text: program.labels.__setitem__(text, len(program.instructions))
        names["wrap_target"] = lambda: setattr(program, "wrap_target", len(program.instructions))
        names["wrap"] = lambda: setattr(program, "wrap", len(program.instructions) - 1)
        FunctionType(function.__code__, names)()
        if program.wrap < 0:
            program.wrap = len(program.instructions) - 1
        if len(program.instructions) > 32:
            raise ValueError(f"{program.name}: more than 32 instructions")
        return program

    return assemble


def StateMachine(  # noqa: N802 - the name is MicroPython's
    sm_id: int,
    program: Program,
    freq: int,
    set_base: Any = None,
    in_base: Any = None,
    jmp_pin: Any = None,
):
    """A state machine that behaves as ``program`` does.

    One that counts edges of ``in_base`` while ``jmp_pin`` is high counts what
    ``Board.edge_totals`` holds for the latter.
    """
    if set_base is not None:
        gpio = set_base.gpio
        hub.board.pio_pins.add(gpio)
    else:
        gpio = (in_base if jmp_pin is None else jmp_pin).gpio
    model = MODELS[program.name](hub.board, gpio, freq)
    if sm_id in (pinout.SM_GUARD_STEP_COUNTER, pinout.SM_GUARD_ENCODER_COUNTER):
        model.get = _for_the_guard(hub.board, model.get)
    hub.board.add_state_machine(sm_id, model)
    return model


def _for_the_guard(board, get):
    """Read in the timer's interrupt; the place where that can be made to raise."""

    def read() -> int:
        if board.timer_raises:
            raise OSError("by fault")
        return get()

    return read
