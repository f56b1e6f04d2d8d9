"""What passes at a tick's boundary, said by a module that lies beside the firmware.

The module wraps ``Application.tick`` and, for a record, ``Controller.step``, and
stores integers at addresses where the chip has nothing; the emulator notes them
with their times.  It also does what no input can make the firmware do: hang.
A stamp costs the board 8 us, a recorded field 6 us.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.board import Board
from pump.core import limits
from pump.core.controller import Controller
from pump.core.outputs import Outputs
from pump.core.prescription import Prescription
from pump.core.readings import Inputs

MODULE = "tick_probe"
# An address where the chip has nothing, below 2**30: a small integer there.
_PAGE = 0x30000
_BASE = _PAGE << 12
# Offsets: written
_BEGIN, _END, _VALUE, _ROW, _MARK = 0x00, 0x04, 0x08, 0x0C, 0x10
# and read
_COMMAND = 0x14
HURRIED_SLEW_UL_H_S = 100 * limits.SLEW_MAX_UL_H_S
HURRIED_DWELL_S = 5
# What stands in ``pump.core.limits`` of a hurried board, compiled in.
BOUNDS = {"SLEW_MAX_UL_H_S": HURRIED_SLEW_UL_H_S, "DWELL_MIN_MS": HURRIED_DWELL_S * 1000}
# What to do at the beginning of the next tick.
NOTHING = 0
HANG = 1
HANG_WITHOUT_INTERRUPTS = 2
HANDLER_RAISES = 3
HANDLER_DIES = 4
TICK_RAISES = 5
COUNT_HEAP = 6  # marks: bytes in use, bytes free
COLLECT = 7  # marks: before and after a collection
HARD_FAULT = 8
# Where the chip has nothing, and nobody here either; a small integer, too.
_HOLE = 0x3800_0000

INPUTS = tuple(vars(Inputs()))
OUTPUTS = tuple(vars(Outputs()))
_SCALARS = tuple(name for name, value in vars(Prescription()).items() if isinstance(value, int))
_LADDER = ("rate_ul_h", "dwell_s")
RX = _SCALARS + tuple(
    f"{name}[{i}]" for name in _LADDER for i in range(len(Prescription().dwell_s))
)
# Told to the controller by the application, beside the inputs.
TOLD = ("session", "board.has_sounder")


def _state() -> tuple[str, ...]:
    """Every integer of a controller and of its parts, by path."""
    controller = Controller()
    paths = []
    for name, value in vars(controller).items():
        if name.startswith("_") or name in ("staged", "rx"):
            continue
        if isinstance(value, int):
            paths.append(name)
        elif hasattr(value, "__dict__"):
            paths += [
                f"{name}.{part}"
                for part, inner in vars(value).items()
                if isinstance(inner, int) and not part.startswith("_") and not part.isupper()
            ]
    return tuple(sorted(paths))


STATE = _state()
ROW = TOLD + INPUTS + OUTPUTS + STATE

_SOURCE = """
import gc
import machine
from machine import mem32
from micropython import const

_BEGIN = const({begin})
_END = const({end})
_VALUE = const({value})
_ROW = const({row})
_MARK = const({mark})
_COMMAND = const({command})
_HOLE = const({hole})


def _obey(application, command):
    if command == {hang}:
        while True:
            pass
    elif command == {hang_off}:
        machine.disable_irq()
        while True:
            pass
    elif command == {handler_raises}:
        application.guard_timer._check = None
    elif command == {handler_dies}:
        application.guard_timer._timer.deinit()
    elif command == {tick_raises}:
        raise ValueError
    elif command == {count_heap}:
        mem32[_MARK] = gc.mem_alloc()
        mem32[_MARK] = gc.mem_free()
    elif command == {collect}:
        mem32[_MARK] = 0
        gc.collect()
        mem32[_MARK] = 1
    elif command == {hard_fault}:
        mem32[_HOLE]


class _Ticks:
    def __init__(self, application):
        self.application = application
        self.real = application.tick

    def tick(self):
        mem32[_BEGIN] = self.application.controller.state
        command = mem32[_COMMAND]
        if command:
            _obey(self.application, command)
        self.real()
        mem32[_END] = self.application.controller.state


class _Hurried:
    # A prescription as nobody may send it: for seconds instead of ten minutes.

    def __init__(self, staged):
        self.staged = staged
        self.real = staged.check

    def check(self):
        staged = self.staged
        if staged.slew_ul_h_s == {slew}:
            staged.slew_ul_h_s = {hurried_slew}
        for i in range(len(staged.dwell_s)):
            if staged.dwell_s[i] == {dwell}:
                staged.dwell_s[i] = {hurried_dwell}
        return self.real()

{recorder}

def install(application):
{hurry}
    application.tick = _Ticks(application).tick
{install}
"""

_HURRY = """\
    application.controller.staged.check = _Hurried(application.controller.staged).check
"""

_RECORDER = """
class _Steps:
    def __init__(self, controller):
        self.controller = controller
        self.real = controller.step

    def step(self, i, o):
        m = mem32
        a = _VALUE
        c = self.controller
{told}
{inputs}
        self.real(i, o)
{outputs}
        m[_ROW] = 0
        if i.event == {commit}:
            rx = c.staged
{rx}
            m[_ROW] = 1

    def state(self, m, a, c):
{state}
"""


def source(record: bool = False, hurried: bool = False) -> str:
    """The module for the board: it says each tick's begin and end, and with ``record``
    all that the controller gets and decides.  ``hurried`` makes the fastest rise that
    may be ordered a hundred times faster, and the shortest dwell 5 s, at COMMIT."""
    from pump.core import infusion_state as st

    def stores(names, prefix: str, indent: int = 8) -> str:
        return "\n".join(" " * indent + f"m[a] = {prefix}{name}" for name in names)

    recorder = ""
    if record:
        recorder = _RECORDER.format(
            commit=st.EV_COMMIT,
            rx=stores(RX, "rx.", 12),
            told=stores(TOLD, "c."),
            inputs=stores(INPUTS, "i."),
            outputs=stores(OUTPUTS, "o.") + "\n        self.state(m, a, c)",
            state=stores(STATE, "c."),
        )
    return _SOURCE.format(
        begin=_BASE + _BEGIN,
        end=_BASE + _END,
        value=_BASE + _VALUE,
        row=_BASE + _ROW,
        mark=_BASE + _MARK,
        command=_BASE + _COMMAND,
        hang=HANG,
        hang_off=HANG_WITHOUT_INTERRUPTS,
        handler_raises=HANDLER_RAISES,
        handler_dies=HANDLER_DIES,
        tick_raises=TICK_RAISES,
        count_heap=COUNT_HEAP,
        collect=COLLECT,
        hard_fault=HARD_FAULT,
        hole=_HOLE,
        recorder=recorder,
        slew=limits.SLEW_MAX_UL_H_S,
        dwell=limits.DWELL_MIN_MS // 1000,
        hurried_slew=HURRIED_SLEW_UL_H_S,
        hurried_dwell=HURRIED_DWELL_S,
        hurry=_HURRY if hurried else "",
        install="    application.controller.step = _Steps(application.controller).step"
        if record
        else "",
    )


def with_probe(main: str) -> str:
    """``main.py`` with the module put in once the application stands."""
    line = "        application = Application()\n"
    if line not in main:
        raise ValueError("main.py makes no Application where it did")
    return main.replace(
        line, f"{line}        import {MODULE}\n        {MODULE}.install(application)\n"
    )


class TickProbe:
    """The emulator's side: notes what the module stores.

    ``ticks``    (begin ns, end ns, state before, state after) of each tick
    ``rows``     integers of each step in the order of ``ROW``, for a recording module
    ``commits``  (number of the row of a COMMIT, integers in the order of ``RX``)
    ``marks``    (ns, value) of whatever else was said
    """

    def __init__(self, board: Board):
        self.ticks: list[tuple[float, float, int, int]] = []
        self.rows: list[list[int]] = []
        self.commits: list[tuple[int, list[int]]] = []
        self.marks: list[tuple[float, int]] = []
        self.on_begin: Callable[[], None] | None = None
        self._clock = board.clock
        self._began = (0.0, 0)
        self._values: list[int] = []
        self._command = NOTHING
        board.mcu.peripherals[_PAGE] = self
        board.on_reset.append(lambda _cause: self._values.clear())

    def command(self, what: int) -> None:
        """For the beginning of the next tick, once."""
        self._command = what

    def clear(self) -> None:
        """Forget the ticks so far."""
        self.ticks.clear()
        self.rows.clear()

    # --- the bus ----------------------------------------------------------------------

    def read_uint32(self, offset: int) -> int:
        command = NOTHING
        if offset == _COMMAND:
            command, self._command = self._command, NOTHING
        return command

    def write_uint32(self, offset: int, value: int) -> None:
        if offset == _VALUE:
            self._values.append(value - (1 << 32) if value >> 31 else value)
        elif offset == _BEGIN:
            self._began = (self._clock.nanos, value)
            if self.on_begin is not None:
                self.on_begin()
        elif offset == _END:
            began, before = self._began
            self.ticks.append((began, self._clock.nanos, before, value))
        elif offset == _ROW:
            if value:
                self.commits.append((len(self.rows) - 1, self._values))
            else:
                self.rows.append(self._values)
            self._values = []
        elif offset == _MARK:
            self.marks.append((self._clock.nanos, value))

    def write_uint32_atomic(self, offset: int, value: int, _kind: int) -> None:
        self.write_uint32(offset, value)

    def reset(self) -> None:
        """Outlives the chip's."""
